variable "region" {
  description = "Where everything is made; the same as region in Berth's configuration."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region's name, as in us-west-2."
  }
}

variable "name" {
  description = "Begins the names of all that is made."
  type        = string
  default     = "ecs-sandbox"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 32 lower-case letters, digits and hyphens, and begin with a letter: bucket and repository are named by it."
  }
}

variable "ssm_project" {
  description = "Names the parameter /SSM_PROJECT/ecs-sandbox/config; the same as ssm_project in Berth's configuration."
  type        = string
  default     = "harbor"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+$", var.ssm_project)) && !can(regex("^(?i:aws|ssm)", var.ssm_project))
    error_message = "ssm_project must be letters, digits, '.', '_' and '-', and must not begin with aws or ssm, which AWS keeps for itself."
  }
}

variable "task_definition_family_prefix" {
  description = "The same as in Berth's configuration: hosts may register and run definitions of such families alone."
  type        = string
  default     = "ecs-sandbox"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,190}$", var.task_definition_family_prefix))
    error_message = "task_definition_family_prefix must be 1 to 190 letters, digits, '_' and '-'."
  }
}

variable "log_retention_days" {
  description = "How long the words of tasks and of image builds are kept."
  type        = number
  default     = 14

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of CloudWatch's: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827 or 3653."
  }
}

variable "host_role_names" {
  description = "IAM roles of the machines that run Berth, to which its policies are attached. Empty: attach them yourself (output host_policy_arns)."
  type        = list(string)
  default     = []
}

variable "doctor" {
  description = "Whether hosts may also read what only `berth doctor` looks at. Without it some of its findings are warnings; nothing else needs it."
  type        = bool
  default     = true
}

variable "task_role_policy_arns" {
  description = "Policies for what runs in sandboxes. Empty: there is no task role, and so no credentials in a sandbox."
  type        = list(string)
  default     = []
}

variable "efs_filesystem_id" {
  description = "An EFS file system that is mounted at /efs in every sandbox; it is not made here."
  type        = string
  default     = null
}

variable "efs_access_point_id" {
  description = "Its access point."
  type        = string
  default     = null
}

variable "tags" {
  description = "Further tags for all that is made."
  type        = map(string)
  default     = {}
}
