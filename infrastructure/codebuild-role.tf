# Whom image builds act as. The project itself is made by Berth, or is yours (codebuild_project).

locals {
  codebuild_name      = var.codebuild_project == null ? "${var.codebuild_project_prefix}*" : var.codebuild_project
  codebuild_arns      = "arn:${data.aws_partition.current.partition}:codebuild:${var.region}:${data.aws_caller_identity.current.account_id}:project"
  codebuild_projects  = "${local.codebuild_arns}/${local.codebuild_name}"
  codebuild_log_group = "arn:${data.aws_partition.current.partition}:logs:${var.region}:${data.aws_caller_identity.current.account_id}:log-group:/aws/codebuild/${local.codebuild_name}"
}

resource "aws_iam_role" "codebuild" {
  count = var.image_builds ? 1 : 0

  name        = "${var.name}-codebuild"
  description = "Image builds: reads the context, pushes the image, writes the log"
  assume_role_policy = templatefile("${path.module}/policies/trust-codebuild.json", {
    account = data.aws_caller_identity.current.account_id
  })
}

resource "aws_iam_role_policy" "codebuild" {
  count = length(aws_iam_role.codebuild)

  name = "build-images"
  role = aws_iam_role.codebuild[0].id
  policy = templatefile("${path.module}/policies/codebuild-role.json", {
    bucket_arn      = aws_s3_bucket.staging[0].arn
    staging_prefix  = var.staging_prefix
    repository_arn  = aws_ecr_repository.images.arn
    codebuild_group = local.codebuild_log_group
  })
}

resource "aws_iam_role_policy" "codebuild_dockerhub" {
  count = var.image_builds && var.dockerhub_secret ? 1 : 0

  name = "docker-hub"
  role = aws_iam_role.codebuild[0].id
  policy = templatefile("${path.module}/policies/codebuild-dockerhub.json", {
    dockerhub_secret_arn = aws_secretsmanager_secret.dockerhub[0].arn
  })
}
