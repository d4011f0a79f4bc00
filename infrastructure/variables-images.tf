variable "image_builds" {
  description = "Whether hosts may have images built by CodeBuild, and public ones mirrored. Without it there is no bucket and no role for that."
  type        = bool
  default     = true
}

variable "codebuild_project" {
  description = "A CodeBuild project of yours that builds. Null: Berth makes one, whose name begins with codebuild_project_prefix."
  type        = string
  default     = null
}

variable "codebuild_project_prefix" {
  description = "How the names of the projects begin that hosts may make and use."
  type        = string
  default     = "berth-"
}

variable "staging_prefix" {
  description = "Begins the names of build contexts in the bucket."
  type        = string
  default     = "berth"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9/_.-]*[A-Za-z0-9]$", var.staging_prefix))
    error_message = "staging_prefix must begin and end with a letter or digit."
  }
}

variable "staging_expiry_days" {
  description = "After how many days a build context is deleted that nobody has deleted."
  type        = number
  default     = 3

  validation {
    condition     = var.staging_expiry_days >= 1
    error_message = "staging_expiry_days must be at least 1."
  }
}

variable "images_kept" {
  description = "How many built and mirrored images the repository keeps; the oldest go first."
  type        = number
  default     = 500

  validation {
    condition     = var.images_kept >= 1
    error_message = "images_kept must be at least 1."
  }
}

variable "further_repository_arns" {
  description = "Repositories of ECR, beside those that are made here, from which tasks may be started: the ARNs of your images', and of the sidecar's if it is elsewhere."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.further_repository_arns : can(regex("^arn:[a-z-]+:ecr:[a-z0-9-]+:[0-9]{12}:repository/.+$", arn))])
    error_message = "further_repository_arns must be ARNs of ECR repositories, as in arn:aws:ecr:us-west-2:123456789012:repository/name."
  }
}

variable "dockerhub_secret" {
  description = "Whether a secret is made for credentials of Docker Hub, which builds then use. Its value is put in by hand."
  type        = bool
  default     = false
}
