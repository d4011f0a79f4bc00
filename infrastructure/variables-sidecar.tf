variable "sidecar_image" {
  description = "The image of berth-fargate/sidecar/Dockerfile. Null: tag 1 of the repository that is made for it here, where no build may push; push it there before the first task."
  type        = string
  default     = null
}

variable "sshd_port" {
  description = "The same as ssh_sidecar.sshd_port in Berth's configuration."
  type        = number
  default     = 2222

  validation {
    condition     = var.sshd_port >= 1 && var.sshd_port <= 65535 && floor(var.sshd_port) == var.sshd_port
    error_message = "sshd_port must be 1 to 65535."
  }
}

variable "exec_server_port" {
  description = "Where the guest listens on a task's loopback; exec-server mode. Null: agent-server mode."
  type        = number
  default     = 19542

  validation {
    condition     = var.exec_server_port == null ? true : var.exec_server_port >= 1024 && var.exec_server_port <= 65535
    error_message = "exec_server_port must be 1024 to 65535, or null."
  }
}
