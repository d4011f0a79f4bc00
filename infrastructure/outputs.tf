output "discovery_parameter" {
  description = "The SSM parameter that hosts read."
  value       = aws_ssm_parameter.discovery.name
}

output "discovery" {
  description = "What stands in it; as YAML it is the block ecs_fargate of a host without discovery."
  value       = local.discovery
}

output "host_policy_arns" {
  description = "To be attached to whoever runs Berth, unless host_role_names has done it."
  value       = { for name, policy in aws_iam_policy.host : name => policy.arn }
}

output "repository_url" {
  description = "Where built and mirrored images are."
  value       = aws_ecr_repository.images.repository_url
}

output "sidecar_repository_url" {
  description = "Where the sidecar's image is pushed."
  value       = aws_ecr_repository.sidecar.repository_url
}

output "sidecar_image" {
  description = "Under which name."
  value       = local.sidecar_image
}

output "keys_command" {
  description = "Puts the keys into the secrets; to be run once, in this folder."
  value       = "sh keys.sh ${var.region} ${aws_secretsmanager_secret.public_key.arn} ${aws_secretsmanager_secret.private_key.arn}"
}
