# What the machine that runs Berth may do: each policy for one thing.

locals {
  host_policies = merge(
    {
      run = templatefile("${path.module}/policies/host-run.json", {
        partition              = data.aws_partition.current.partition
        region                 = var.region
        account                = data.aws_caller_identity.current.account_id
        cluster                = aws_ecs_cluster.sandboxes.name
        family_prefix          = var.task_definition_family_prefix
        task_roles             = concat([aws_iam_role.execution.arn], aws_iam_role.task[*].arn)
        private_key_secret_arn = aws_secretsmanager_secret.private_key.arn
        log_group_arn          = aws_cloudwatch_log_group.tasks.arn
        parameter              = local.parameter
      })
    },
    var.image_builds ? {
      images = templatefile("${path.module}/policies/host-images.json", {
        bucket_arn      = aws_s3_bucket.staging[0].arn
        staging_prefix  = var.staging_prefix
        repository_arn  = aws_ecr_repository.images.arn
        projects        = local.codebuild_projects
        codebuild_role  = aws_iam_role.codebuild[0].arn
        codebuild_group = local.codebuild_log_group
      })
    } : {},
    var.doctor ? {
      doctor = templatefile("${path.module}/policies/host-doctor.json", {
        cluster_arn           = aws_ecs_cluster.sandboxes.arn
        roles                 = concat([aws_iam_role.execution.arn], aws_iam_role.task[*].arn, aws_iam_role.codebuild[*].arn)
        simulated             = concat([aws_iam_role.execution.arn], aws_iam_role.task[*].arn, [for role in data.aws_iam_role.host : role.arn])
        public_key_secret_arn = aws_secretsmanager_secret.public_key.arn
        repository_arns       = local.repository_arns
      })
    } : {},
  )
}

data "aws_iam_role" "host" {
  for_each = toset(var.host_role_names)

  name = each.key
}

resource "aws_iam_policy" "host" {
  for_each = toset(concat(["run"], var.image_builds ? ["images"] : [], var.doctor ? ["doctor"] : []))

  name        = "${var.name}-host-${each.key}"
  description = "For machines that run Berth: ${each.key}"
  policy      = local.host_policies[each.key]
}

resource "aws_iam_role_policy_attachment" "host" {
  for_each = {
    for pair in setproduct(var.host_role_names, keys(aws_iam_policy.host)) : "${pair[0]}/${pair[1]}" => pair
  }

  role       = each.value[0]
  policy_arn = aws_iam_policy.host[each.value[1]].arn
}
