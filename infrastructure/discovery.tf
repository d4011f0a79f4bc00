# By this parameter a host finds everything else: its configuration needs region alone.

locals {
  parameter = "/${var.ssm_project}/ecs-sandbox/config"
}

resource "aws_ssm_parameter" "discovery" {
  name        = local.parameter
  description = "Where Berth's sandboxes run; read by Berth, written by Terraform"
  type        = "String"
  value       = local.discovery
}

locals {
  discovery = templatefile("${path.module}/discovery.json", {
    cluster                = aws_ecs_cluster.sandboxes.name
    subnets                = local.subnets
    security_groups        = [aws_security_group.tasks.id]
    assign_public_ip       = local.assign_public_ip
    execution_role_arn     = aws_iam_role.execution.arn
    task_role_arn          = one(aws_iam_role.task[*].arn)
    log_group              = aws_cloudwatch_log_group.tasks.name
    s3_bucket              = one(aws_s3_bucket.staging[*].id)
    s3_prefix              = var.image_builds ? var.staging_prefix : null
    ecr_repository         = aws_ecr_repository.images.repository_url
    codebuild_project      = var.codebuild_project
    codebuild_service_role = one(aws_iam_role.codebuild[*].arn)
    dockerhub_secret_arn   = one(aws_secretsmanager_secret.dockerhub[*].arn)
    efs_filesystem_id      = var.efs_filesystem_id
    efs_access_point_id    = var.efs_access_point_id
    sidecar_image          = local.sidecar_image
    sshd_port              = var.sshd_port
    exec_server_port       = var.exec_server_port
    public_key_secret_arn  = aws_secretsmanager_secret.public_key.arn
    private_key_secret_arn = aws_secretsmanager_secret.private_key.arn
  })
}
