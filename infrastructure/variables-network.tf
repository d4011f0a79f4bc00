variable "network" {
  description = "public: tasks have public addresses, and no NAT is paid for. private: they have none, and go out by a NAT gateway. existing: the subnets of existing_subnet_ids."
  type        = string
  default     = "public"

  validation {
    condition     = contains(["public", "private", "existing"], var.network)
    error_message = "network must be public, private or existing."
  }
}

variable "vpc_cidr" {
  description = "The addresses of the VPC that is made."
  type        = string
  default     = "10.64.0.0/16"

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 24, false)
    error_message = "vpc_cidr must be an IPv4 block from /16 to /24, as in 10.64.0.0/16."
  }
}

variable "zones" {
  description = "Over how many availability zones the subnets are spread: more zones, more room for Spot and for large tasks."
  type        = number
  default     = 2

  validation {
    condition     = var.zones >= 1 && var.zones <= 4 && floor(var.zones) == var.zones
    error_message = "zones must be 1 to 4."
  }
}

variable "existing_vpc_id" {
  description = "With network = existing: the VPC of the subnets."
  type        = string
  default     = null
}

variable "existing_subnet_ids" {
  description = "With network = existing: where tasks are put. They need a way to ECR, Secrets Manager, CloudWatch Logs and S3."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.existing_subnet_ids) <= 16
    error_message = "ECS takes at most 16 subnets."
  }
}

variable "existing_assign_public_ip" {
  description = "With network = existing: whether tasks get public addresses, by which they are then reached."
  type        = bool
  default     = false
}

variable "host_cidrs" {
  description = "From where hosts reach the sidecars' sshd: their public addresses with network = public, else their addresses in or behind the VPC."
  type        = list(string)

  validation {
    condition     = length(var.host_cidrs) > 0 && alltrue([for block in var.host_cidrs : can(cidrhost(block, 0))])
    error_message = "host_cidrs must name at least one block of addresses, as in 198.51.100.7/32."
  }

  validation {
    condition     = !contains(var.host_cidrs, "0.0.0.0/0") && !contains(var.host_cidrs, "::/0")
    error_message = "host_cidrs must not be the whole Internet: only a key keeps others out then. Name the hosts' addresses."
  }
}

variable "egress_cidrs" {
  description = "Where sandboxes may go. What a task needs to start (ECR, Secrets Manager, CloudWatch Logs, S3) must be among it."
  type        = list(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = alltrue([for block in var.egress_cidrs : can(cidrhost(block, 0))])
    error_message = "egress_cidrs must be blocks of addresses, as in 10.0.0.0/8."
  }
}
