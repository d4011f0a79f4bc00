# Tasks are started with launch type FARGATE, so the cluster needs no capacity providers.
resource "aws_ecs_cluster" "sandboxes" {
  name = var.name

  # Insights cost per task and metric; a sandbox is watched through its guest.
  setting {
    name  = "containerInsights"
    value = "disabled"
  }
}
