# Where built and mirrored images are, and the sidecar's.

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

resource "aws_ecr_lifecycle_policy" "images" {
  repository = aws_ecr_repository.images.name
  policy = templatefile("${path.module}/policies/image-lifecycle.json", {
    images_kept = var.images_kept
  })
}
