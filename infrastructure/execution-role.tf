# Whom ECS acts as while it starts a task. No container ever has this role.

resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  description        = "ECS, while it starts a sandbox: pulls images, reads the sidecar's secret, writes logs"
  assume_role_policy = local.trust_ecs_tasks
}

resource "aws_iam_role_policy" "execution" {
  name = "start-tasks"
  role = aws_iam_role.execution.id
  policy = templatefile("${path.module}/policies/execution-role.json", {
    public_key_secret_arn = aws_secretsmanager_secret.public_key.arn
    repository_arns       = local.repository_arns
    log_group_arn         = aws_cloudwatch_log_group.tasks.arn
  })
}

locals {
  trust_ecs_tasks = templatefile("${path.module}/policies/trust-ecs-tasks.json", {
    partition = data.aws_partition.current.partition
    region    = var.region
    account   = data.aws_caller_identity.current.account_id
  })
}
