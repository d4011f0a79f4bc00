# Where built and mirrored images are; and, where no build may push, the sidecar's.

resource "aws_ecr_repository" "images" {
  name = var.name

  # A forced build pushes the tag of its content's hash once more.
  image_tag_mutability = "MUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

# All sandboxes run what is here: whoever may have images built must not be able to replace it.
resource "aws_ecr_repository" "sidecar" {
  name = "${var.name}-sidecar"

  # One rebuilt with a newer sshd takes the place of the last.
  image_tag_mutability = "MUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

locals {
  sidecar_image   = coalesce(var.sidecar_image, "${aws_ecr_repository.sidecar.repository_url}:1")
  repository_arns = concat([aws_ecr_repository.images.arn, aws_ecr_repository.sidecar.arn], var.further_repository_arns)
}

resource "aws_ecr_lifecycle_policy" "images" {
  repository = aws_ecr_repository.images.name
  policy = templatefile("${path.module}/policies/image-lifecycle.json", {
    images_kept = var.images_kept
  })
}
