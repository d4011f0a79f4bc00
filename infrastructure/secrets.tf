# The secrets have no values here: what Terraform writes is in its state, where a private key must not be. keys.sh puts them in.

resource "aws_secretsmanager_secret" "public_key" {
  name        = "${var.name}-public"
  description = "Who may log in to the sidecars, and their host key; ECS gives it to the sidecar"
}

resource "aws_secretsmanager_secret" "private_key" {
  name        = "${var.name}-private"
  description = "The key by which Berth's hosts log in; no task may read it"
}

# Whatever else is attached to the roles of tasks: this key is not theirs.
resource "aws_secretsmanager_secret_policy" "private_key" {
  secret_arn = aws_secretsmanager_secret.private_key.arn
  policy = templatefile("${path.module}/policies/private-key-secret.json", {
    task_principals = concat([aws_iam_role.execution.arn], aws_iam_role.task[*].arn)
  })
}

resource "aws_secretsmanager_secret" "dockerhub" {
  count = var.dockerhub_secret ? 1 : 0

  name        = "${var.name}-dockerhub"
  description = "Credentials for Docker Hub, for image builds"
}
