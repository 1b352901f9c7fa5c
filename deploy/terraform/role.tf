# What the function calls. deploy/template.yaml gives the reason for each statement; the names are the same.

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "tasker" {
  name_prefix          = substr("${var.function_name}-", 0, 38)
  description          = "The role of the function ${var.function_name}."
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn
}

locals {
  run      = ["redshift-data:ExecuteStatement", "redshift-data:BatchExecuteStatement"]
  redshift = "arn:${local.partition}:redshift:${local.region}:${local.account}"

  # Statements, each with its actions and resources; those without resources are left out.
  allowed = {
    RunOnTheCluster = {
      actions   = local.run
      resources = var.target == null ? [] : ["${local.redshift}:cluster:${var.target.cluster_identifier}"]
    }
    ConnectToTheCluster = {
      actions = ["redshift:GetClusterCredentials"]
      resources = var.target == null ? [] : [
        "${local.redshift}:dbuser:${var.target.cluster_identifier}/${var.target.db_user}",
        "${local.redshift}:dbname:${var.target.cluster_identifier}/${var.target.database}",
      ]
    }
    RunOnClusters = {
      actions   = local.run
      resources = var.cluster_arns
    }
    ConnectToClusters = {
      actions   = ["redshift:GetClusterCredentials", "redshift:GetClusterCredentialsWithIAM"]
      resources = var.database_login_arns
    }
    RunOnWorkgroups = {
      actions   = concat(local.run, ["redshift-serverless:GetCredentials"])
      resources = var.workgroup_arns
    }
    ReadSecretsOfTargets = {
      actions   = ["secretsmanager:GetSecretValue"]
      resources = var.secret_arns
    }
    BecomeTheRoleOfATarget = {
      actions   = ["sts:AssumeRole"]
      resources = var.target_role_arns
    }
    # IAM knows no resources for these; Redshift shows a statement only to the role that started it.
    LookAfterStatements = {
      actions = [
        "redshift-data:DescribeStatement",
        "redshift-data:CancelStatement",
        "redshift-data:GetStatementResult",
        "redshift-data:ListStatements",
      ]
      resources = ["*"]
    }
    # Nor for these: a task token is the right to answer.
    AnswerTasks = {
      actions   = ["states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"]
      resources = ["*"]
    }
    ConfirmStops = {
      actions = ["states:DescribeExecution"]
      resources = length(var.state_machine_arns) == 0 ? [
        "arn:${local.partition}:states:${local.region}:${local.account}:execution:*"
      ] : [for machine in var.state_machine_arns : "${replace(machine, ":stateMachine:", ":execution:")}:*"]
    }
    KeepTheRecord = {
      actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:Query"]
      resources = [local.table_arn]
    }
    ReceiveEvents = {
      actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      resources = [aws_sqs_queue.completions.arn]
    }
    ReadThePolicySet = {
      actions   = ["s3:GetObject"]
      resources = var.policy_set_key == null ? [] : ["${aws_s3_bucket.policies.arn}/${dirname(var.policy_set_key)}/*"]
    }
    WriteDecisionRecords = {
      actions   = ["s3:PutObject"]
      resources = var.records_location == null ? [] : ["arn:${local.partition}:s3:::${var.records_location}/*"]
    }
    UseTheKey = {
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = var.kms_key_arn == null ? [] : [var.kms_key_arn]
    }
    UseOtherKeys = {
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = var.other_key_arns
    }
    WriteTheLog = {
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["${aws_cloudwatch_log_group.tasker.arn}:*"]
    }
    WriteTraces = {
      actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      resources = ["*"]
    }
    UseTheNetwork = {
      actions = [
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
      ]
      resources = length(var.subnet_ids) == 0 ? [] : ["*"]
    }
  }
}

data "aws_iam_policy_document" "tasker" {
  dynamic "statement" {
    for_each = { for sid, statement in local.allowed : sid => statement if length(statement.resources) > 0 }
    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}

resource "aws_iam_role_policy" "tasker" {
  name   = "signalbox"
  role   = aws_iam_role.tasker.id
  policy = data.aws_iam_policy_document.tasker.json
}

# For the roles of a team's state machines: its alias and no other.
resource "aws_iam_policy" "invoke" {
  for_each    = aws_lambda_alias.team
  name_prefix = "${var.function_name}-invoke-${each.key}-"
  description = "Invokes ${var.function_name} as ${each.key}."
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "lambda:InvokeFunction", Resource = each.value.arn }]
  })
}
