# The same parts as deploy/template.yaml, which has the reasons.

# ---- The table: the durable record. Who can read it can answer open tasks. ----

resource "aws_dynamodb_table" "record" {
  #checkov:skip=CKV_AWS_119:The key is a variable (kms_key_arn); without it DynamoDB encrypts with its own key.
  count                       = var.existing_table_name == null ? 1 : 0
  name                        = "${var.function_name}-record"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  range_key                   = "invocationId"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "id"
    type = "S"
  }
  attribute {
    name = "invocationId"
    type = "S"
  }
  ttl {
    attribute_name = "TTL"
    enabled        = true
  }
  point_in_time_recovery {
    enabled = true
  }
  dynamic "server_side_encryption" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]
    content {
      enabled     = true
      kms_key_arn = server_side_encryption.value
    }
  }
  lifecycle {
    prevent_destroy = true
  }
}

locals {
  table_name = var.existing_table_name != null ? var.existing_table_name : aws_dynamodb_table.record[0].name
  table_arn  = var.existing_table_name != null ? "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${var.existing_table_name}" : aws_dynamodb_table.record[0].arn
}

# ---- The queues. ----

resource "aws_sqs_queue" "completions" {
  #checkov:skip=CKV_AWS_27:The queue is encrypted, by a key of the owner (kms_key_arn) or by SQS.
  name                       = "${var.function_name}-completions"
  visibility_timeout_seconds = 180
  message_retention_seconds  = 345600
  kms_master_key_id          = var.kms_key_arn
  sqs_managed_sse_enabled    = var.kms_key_arn == null ? true : null
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 15
  })
}

resource "aws_sqs_queue" "dead_letters" {
  #checkov:skip=CKV_AWS_27:The queue is encrypted, by a key of the owner (kms_key_arn) or by SQS.
  name                      = "${var.function_name}-dead-letters"
  message_retention_seconds = 1209600
  kms_master_key_id         = var.kms_key_arn
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.completions.arn]
  })
}

resource "aws_sqs_queue" "undelivered" {
  #checkov:skip=CKV_AWS_27:Encrypted by SQS, since a key that refuses EventBridge is one of the reasons for what lies here.
  name                      = "${var.function_name}-undelivered"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

data "aws_iam_policy_document" "queue" {
  for_each = {
    completions = aws_sqs_queue.completions.arn
    undelivered = aws_sqs_queue.undelivered.arn
  }
  statement {
    sid       = "EventsOfTheRules"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.ended.arn, aws_cloudwatch_event_rule.stopped.arn]
    }
  }
  statement {
    sid       = "OnlyByTls"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "completions" {
  queue_url = aws_sqs_queue.completions.id
  policy    = data.aws_iam_policy_document.queue["completions"].json
}

resource "aws_sqs_queue_policy" "undelivered" {
  queue_url = aws_sqs_queue.undelivered.id
  policy    = data.aws_iam_policy_document.queue["undelivered"].json
}

# ---- The rules, and the schedule of the sweep. ----

resource "aws_cloudwatch_event_rule" "ended" {
  name        = "${var.function_name}-ended"
  description = "Statements of this deployment that have ended."
  event_pattern = jsonencode({
    source      = ["aws.redshift-data"]
    detail-type = ["Redshift Data Statement Status Change"]
    detail      = { statementName = [{ prefix = "sbx-${var.function_name}:" }] }
  })
}

resource "aws_cloudwatch_event_rule" "stopped" {
  name        = "${var.function_name}-stopped"
  description = "Executions that stop while their SQL may run."
  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = merge(
      { status = ["ABORTED", "TIMED_OUT", "FAILED"] },
      length(var.state_machine_arns) == 0 ? {} : { stateMachineArn = var.state_machine_arns },
    )
  })
}

resource "aws_cloudwatch_event_target" "completions" {
  for_each = {
    ended   = aws_cloudwatch_event_rule.ended.name
    stopped = aws_cloudwatch_event_rule.stopped.name
  }
  rule      = each.value
  target_id = "completions"
  arn       = aws_sqs_queue.completions.arn
  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

resource "aws_cloudwatch_event_rule" "sweep" {
  name                = "${var.function_name}-sweep"
  description         = "Has the function sweep every minute."
  schedule_expression = "rate(1 minute)"
}

resource "aws_cloudwatch_event_target" "sweep" {
  rule      = aws_cloudwatch_event_rule.sweep.name
  target_id = "sweep"
  arn       = aws_lambda_alias.sweep.arn
  # A tick that comes late is worth nothing.
  retry_policy {
    maximum_retry_attempts       = 0
    maximum_event_age_in_seconds = 60
  }
}

resource "aws_lambda_permission" "sweep" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.tasker.function_name
  qualifier     = aws_lambda_alias.sweep.name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.sweep.arn
}

# ---- The function: every change publishes a version, and the aliases follow. ----

resource "aws_lambda_function" "tasker" {
  #checkov:skip=CKV_AWS_115:Concurrency is reserved by a variable (reserved_concurrency).
  #checkov:skip=CKV_AWS_116:Only the schedule invokes it asynchronously, and the next sweep does what a lost one left.
  #checkov:skip=CKV_AWS_117:The VPC is a variable (subnet_ids).
  #checkov:skip=CKV_AWS_173:The environment holds names, no secrets; the key is a variable (kms_key_arn).
  #checkov:skip=CKV_AWS_272:Code signing is a variable (code_signing_config_arn).
  function_name                  = var.function_name
  description                    = "Signalbox runs Redshift SQL for Step Functions."
  runtime                        = "provided.al2023"
  architectures                  = [var.architecture]
  handler                        = "bootstrap"
  filename                       = var.package
  source_code_hash               = filebase64sha256(var.package)
  publish                        = true
  code_signing_config_arn        = var.code_signing_config_arn
  memory_size                    = var.memory_size
  timeout                        = 29
  role                           = aws_iam_role.tasker.arn
  kms_key_arn                    = var.kms_key_arn
  reserved_concurrent_executions = var.reserved_concurrency

  tracing_config {
    mode = "Active"
  }
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.tasker.name
  }
  dynamic "vpc_config" {
    for_each = length(var.subnet_ids) == 0 ? [] : [var.subnet_ids]
    content {
      subnet_ids         = vpc_config.value
      security_group_ids = var.security_group_ids
    }
  }
  environment {
    variables = merge(
      {
        DDB_TABLE_NAME = local.table_name
        TTL            = tostring(var.retention_days)
        LOG_LEVEL      = var.log_level
        SIGNALBOX_ROLE = aws_iam_role.tasker.unique_id
      },
      var.target == null ? {} : {
        CLUSTER_IDENTIFIER = var.target.cluster_identifier
        DATABASE           = var.target.database
        DB_USER            = var.target.db_user
      },
      var.config_file == null ? {} : { SIGNALBOX_CONFIG = var.config_file },
      var.policy_set_key == null ? {} : { SIGNALBOX_POLICY_SET = "s3://${aws_s3_bucket.policies.bucket}/${var.policy_set_key}" },
    )
  }
  lifecycle {
    precondition {
      condition     = var.target != null || var.config_file != null
      error_message = "Give a target, or a config_file that holds targets."
    }
    precondition {
      condition     = var.policy_set_key == null || var.config_file != null
      error_message = "A policy set has to be signed; name the keys that may sign it in config_file, [policy_set] trusted_keys."
    }
  }
  depends_on = [aws_iam_role_policy.tasker]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "For callers without an alias of their own, and for the queue."
  function_name    = aws_lambda_function.tasker.function_name
  function_version = aws_lambda_function.tasker.version
}

# Lambda counts the sweeps of this alias by themselves: the alarm for a silent sweep is made of that.
resource "aws_lambda_alias" "sweep" {
  name             = "sweep"
  description      = "For the schedule."
  function_name    = aws_lambda_function.tasker.function_name
  function_version = aws_lambda_function.tasker.version
}

resource "aws_lambda_alias" "team" {
  for_each         = var.teams
  name             = each.value
  description      = "For callers of the team ${each.value}."
  function_name    = aws_lambda_function.tasker.function_name
  function_version = aws_lambda_function.tasker.version
}

resource "aws_lambda_function_event_invoke_config" "sweep" {
  function_name                = aws_lambda_function.tasker.function_name
  qualifier                    = aws_lambda_alias.sweep.name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60
}

resource "aws_lambda_event_source_mapping" "completions" {
  event_source_arn        = aws_sqs_queue.completions.arn
  function_name           = aws_lambda_alias.live.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  scaling_config {
    maximum_concurrency = var.queue_concurrency
  }
}

# ---- The bucket of policy sets. ----

resource "aws_s3_bucket" "policies" {
  #checkov:skip=CKV_AWS_18:Who read or wrote is told by data events of CloudTrail.
  #checkov:skip=CKV_AWS_144:A set is published to each region; nothing else lies here.
  #checkov:skip=CKV_AWS_145:The key is a variable (kms_key_arn).
  #checkov:skip=CKV2_AWS_62:Nobody waits for events of the bucket: the function looks by itself.
  bucket_prefix = "${substr(replace(lower(var.function_name), "_", "-"), 0, 28)}-policies-"
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "policies" {
  bucket = aws_s3_bucket.policies.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_ownership_controls" "policies" {
  bucket = aws_s3_bucket.policies.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "policies" {
  bucket                  = aws_s3_bucket.policies.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "policies" {
  bucket = aws_s3_bucket.policies.id
  rule {
    bucket_key_enabled = var.kms_key_arn != null
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "policies" {
  bucket = aws_s3_bucket.policies.id
  rule {
    id     = "former-sets"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 400
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

data "aws_iam_policy_document" "policies" {
  statement {
    sid       = "OnlyByTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.policies.arn, "${aws_s3_bucket.policies.arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "policies" {
  bucket = aws_s3_bucket.policies.id
  policy = data.aws_iam_policy_document.policies.json
}
