output "function_arn" {
  description = "What state machines invoke, if they have no alias of their own."
  value       = aws_lambda_alias.live.arn
}

output "team_arns" {
  description = "What the state machines of each team invoke."
  value       = { for team, alias in aws_lambda_alias.team : team => alias.arn }
}

output "team_invoke_policy_arns" {
  description = "The managed policy for the roles of each team's state machines."
  value       = { for team, policy in aws_iam_policy.invoke : team => policy.arn }
}

output "function_version" {
  description = "The version that the aliases point to."
  value       = aws_lambda_function.tasker.version
}

output "role_arn" {
  description = "The role of the function."
  value       = aws_iam_role.tasker.arn
}

output "table_name" {
  description = "The table that holds the record."
  value       = local.table_name
}

output "policy_bucket_name" {
  description = "The bucket of policy sets."
  value       = aws_s3_bucket.policies.bucket
}

output "queue_urls" {
  description = "The queues: events, dead letters, what EventBridge could not deliver."
  value = {
    completions  = aws_sqs_queue.completions.id
    dead_letters = aws_sqs_queue.dead_letters.id
    undelivered  = aws_sqs_queue.undelivered.id
  }
}
