# What the containers say: the sidecar's sshd, the guest, an agent server.
resource "aws_cloudwatch_log_group" "tasks" {
  name              = "/ecs/${var.name}"
  retention_in_days = var.log_retention_days
}
