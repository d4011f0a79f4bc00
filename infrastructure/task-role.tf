# Whom the containers of a task act as: made only where something in the sandboxes needs AWS.

resource "aws_iam_role" "task" {
  count = length(var.task_role_policy_arns) > 0 ? 1 : 0

  name               = "${var.name}-task"
  description        = "What runs in a sandbox; whatever it may, every command there may"
  assume_role_policy = local.trust_ecs_tasks
}

resource "aws_iam_role_policy_attachment" "task" {
  count = length(var.task_role_policy_arns)

  role       = aws_iam_role.task[0].name
  policy_arn = var.task_role_policy_arns[count.index]
}

# A policy above may allow too much; of the keys it then still gives none.
resource "aws_iam_role_policy" "task" {
  count = length(aws_iam_role.task)

  name = "no-keys"
  role = aws_iam_role.task[0].id
  policy = templatefile("${path.module}/policies/task-role.json", {
    secret_arns = local.secret_arns
  })
}

locals {
  secret_arns = concat(
    [aws_secretsmanager_secret.public_key.arn, aws_secretsmanager_secret.private_key.arn],
    aws_secretsmanager_secret.dockerhub[*].arn,
  )
}
