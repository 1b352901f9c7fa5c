# The log, the alarms and the dashboard. Each alarm has a section in docs/runbooks.md.

resource "aws_cloudwatch_log_group" "tasker" {
  #checkov:skip=CKV_AWS_158:The key is a variable (kms_key_arn); the log holds no secrets.
  #checkov:skip=CKV_AWS_338:How long is a variable (log_retention_days), a year by default.
  name              = "/aws/lambda/${var.function_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_cloudwatch_log_metric_filter" "tasker" {
  for_each = {
    AlarmLines = "{ $.alarm = * }"
    # What Lambda itself writes when it ends the process.
    Crashes = "?\"Task timed out\" ?\"Runtime exited\" ?\"Runtime.ExitError\""
  }
  name           = each.key
  log_group_name = aws_cloudwatch_log_group.tasker.name
  pattern        = each.value
  metric_transformation {
    namespace     = "Signalbox/${var.function_name}"
    name          = each.key
    value         = "1"
    default_value = "0"
    unit          = "Count"
  }
}

locals {
  function = { FunctionName = var.function_name }
  sweeps   = { FunctionName = var.function_name, Resource = "${var.function_name}:sweep" }

  # Alarms of one metric. Without more said: above 0, once, a sum.
  alarms = {
    dead-letters   = { what = "Events could not be worked off in 15 tries", namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = aws_sqs_queue.dead_letters.name }, statistic = "Maximum" }
    undelivered    = { what = "EventBridge could not put events into the queue", namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = aws_sqs_queue.undelivered.name }, statistic = "Maximum" }
    oldest-message = { what = "Events wait in the queue for longer than twice its visibility time-out", namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", dimensions = { QueueName = aws_sqs_queue.completions.name }, statistic = "Maximum", threshold = 360, of = 5, points = 3 }
    alarm-lines    = { what = "The log has lines with a field \"alarm\", which need a person", namespace = "Signalbox/${var.function_name}", metric = "AlarmLines", dimensions = {} }
    crashes        = { what = "Lambda ended the process of the function", namespace = "Signalbox/${var.function_name}", metric = "Crashes", dimensions = {} }
    throttles      = { what = "Lambda refuses invocations for want of concurrency", namespace = "AWS/Lambda", metric = "Throttles", dimensions = local.function, of = 3, points = 2 }
    duration       = { what = "Invocations take more than 80 % of the time-out", namespace = "AWS/Lambda", metric = "Duration", dimensions = local.function, extended = "p99", threshold = 23200, of = 3, points = 2 }
  }

  # Alarms of an expression over several metrics.
  expressions = {
    sweep-silent = {
      what       = "No sweep has succeeded for five minutes"
      expression = "FILL(started, 0) - FILL(failed, 0)"
      metrics = {
        started = { namespace = "AWS/Lambda", metric = "Invocations", dimensions = local.sweeps }
        failed  = { namespace = "AWS/Lambda", metric = "Errors", dimensions = local.sweeps }
      }
      comparison = "LessThanThreshold", threshold = 1, of = 5, points = 5, missing = "breaching"
    }
    errors = {
      what       = "Too large a share of the invocations fails"
      expression = "IF(invocations > 0, 100 * FILL(errors, 0) / invocations, 0)"
      metrics = {
        invocations = { namespace = "AWS/Lambda", metric = "Invocations", dimensions = local.function }
        errors      = { namespace = "AWS/Lambda", metric = "Errors", dimensions = local.function }
      }
      comparison = "GreaterThanThreshold", threshold = var.error_rate_percent, of = 3, points = 2, missing = "notBreaching"
    }
    failed-rules = {
      what       = "EventBridge could not invoke the target of a rule"
      expression = "FILL(ended, 0) + FILL(stopped, 0) + FILL(sweep, 0)"
      metrics = {
        ended   = { namespace = "AWS/Events", metric = "FailedInvocations", dimensions = { RuleName = aws_cloudwatch_event_rule.ended.name } }
        stopped = { namespace = "AWS/Events", metric = "FailedInvocations", dimensions = { RuleName = aws_cloudwatch_event_rule.stopped.name } }
        sweep   = { namespace = "AWS/Events", metric = "FailedInvocations", dimensions = { RuleName = aws_cloudwatch_event_rule.sweep.name } }
      }
      comparison = "GreaterThanThreshold", threshold = 0, of = 1, points = 1, missing = "notBreaching"
    }
    table-throttles = {
      what       = "DynamoDB throttles the table"
      expression = "FILL(reads, 0) + FILL(writes, 0)"
      metrics = {
        reads  = { namespace = "AWS/DynamoDB", metric = "ReadThrottleEvents", dimensions = { TableName = local.table_name } }
        writes = { namespace = "AWS/DynamoDB", metric = "WriteThrottleEvents", dimensions = { TableName = local.table_name } }
      }
      comparison = "GreaterThanThreshold", threshold = 0, of = 3, points = 2, missing = "notBreaching"
    }
  }
  actions = var.alarm_topic_arn == null ? [] : [var.alarm_topic_arn]
  page    = var.page_topic_arn == null ? [] : [var.page_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "metric" {
  for_each            = local.alarms
  alarm_name          = "${var.function_name}-${each.key}"
  alarm_description   = "${each.value.what}: docs/runbooks.md#${each.key}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = can(each.value.extended) ? null : try(each.value.statistic, "Sum")
  extended_statistic  = try(each.value.extended, null)
  period              = 60
  evaluation_periods  = try(each.value.of, 1)
  datapoints_to_alarm = try(each.value.points, 1)
  threshold           = try(each.value.threshold, 0)
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.actions
  ok_actions          = local.actions
}

resource "aws_cloudwatch_metric_alarm" "expression" {
  for_each            = local.expressions
  alarm_name          = "${var.function_name}-${each.key}"
  alarm_description   = "${each.value.what}: docs/runbooks.md#${each.key}"
  evaluation_periods  = each.value.of
  datapoints_to_alarm = each.value.points
  threshold           = each.value.threshold
  comparison_operator = each.value.comparison
  treat_missing_data  = each.value.missing
  alarm_actions       = local.actions
  ok_actions          = local.actions
  metric_query {
    id          = "result"
    expression  = each.value.expression
    label       = each.value.what
    return_data = true
  }
  dynamic "metric_query" {
    for_each = each.value.metrics
    content {
      id          = metric_query.key
      return_data = false
      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.metric
        dimensions  = metric_query.value.dimensions
        period      = 60
        stat        = "Sum"
      }
    }
  }
}

resource "aws_cloudwatch_composite_alarm" "tasks_not_answered" {
  alarm_name        = "${var.function_name}-tasks-not-answered"
  alarm_description = "Tasks of Step Functions wait longer than they have to, or for ever: docs/runbooks.md#tasks-not-answered"
  alarm_rule = join(" OR ", [
    "ALARM(\"${aws_cloudwatch_metric_alarm.metric["dead-letters"].alarm_name}\")",
    "ALARM(\"${aws_cloudwatch_metric_alarm.metric["oldest-message"].alarm_name}\")",
    "ALARM(\"${aws_cloudwatch_metric_alarm.expression["sweep-silent"].alarm_name}\")",
  ])
  alarm_actions = local.page
  ok_actions    = local.page
}

locals {
  all_alarms = concat(
    [aws_cloudwatch_composite_alarm.tasks_not_answered.arn],
    [for alarm in aws_cloudwatch_metric_alarm.metric : alarm.arn],
    [for alarm in aws_cloudwatch_metric_alarm.expression : alarm.arn],
  )
  # Title, statistic, metrics.
  graphs = [
    ["How late are answers?", "Maximum", [["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", aws_sqs_queue.completions.name]]],
    ["What waits?", "Maximum", [for queue in [aws_sqs_queue.completions.name, aws_sqs_queue.dead_letters.name, aws_sqs_queue.undelivered.name] : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue]]],
    ["Does the sweep run?", "Sum", [for metric in ["Invocations", "Errors"] : ["AWS/Lambda", metric, "FunctionName", var.function_name, "Resource", "${var.function_name}:sweep"]]],
    ["How much is done?", "Sum", [for metric in ["Invocations", "Errors", "Throttles"] : ["AWS/Lambda", metric, "FunctionName", var.function_name]]],
    ["How long does it take?", "p99", [["AWS/Lambda", "Duration", "FunctionName", var.function_name]]],
    ["What does it cost?", "Sum", [for metric in ["ConsumedWriteCapacityUnits", "ConsumedReadCapacityUnits"] : ["AWS/DynamoDB", metric, "TableName", local.table_name]]],
  ]
  questions = {
    "Why are payloads refused?" = "filter message = 'refused' | stats count(*) as times by error | sort times desc"
    "What needs a person?"      = "filter ispresent(alarm) | stats count(*) as times, latest(@timestamp) as last by alarm | sort last desc"
  }
}

resource "aws_cloudwatch_dashboard" "tasker" {
  dashboard_name = var.function_name
  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type       = "alarm", x = 0, y = 0, width = 24, height = 3
        properties = { title = "Are tasks answered?", alarms = local.all_alarms }
      }],
      [for at, graph in local.graphs : {
        type       = "metric", x = (at % 3) * 8, y = 3 + floor(at / 3) * 6, width = 8, height = 6
        properties = { title = graph[0], stat = graph[1], metrics = graph[2], region = local.region, view = "timeSeries", period = 60 }
      }],
      [for at, title in keys(local.questions) : {
        type = "log", x = at * 12, y = 15, width = 12, height = 6
        properties = {
          title = title, region = local.region, view = "table"
          query = "SOURCE '${aws_cloudwatch_log_group.tasker.name}' | ${local.questions[title]}"
        }
      }],
    )
  })
}
