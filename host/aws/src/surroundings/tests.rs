use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::testing::{Service, Turn};

const DENIED: &str = r#"{"__type": "AccessDeniedException", "message": "not yours"}"#;

async fn with(turns: Vec<Turn>) -> (Surroundings, Service) {
    let service = Service::start(turns).await;
    (Surroundings::new(service.session().await), service)
}

fn reply(body: &str) -> Turn {
    Turn::Reply(200, body.to_owned())
}

fn first_lines(service: &Service) -> Vec<String> {
    let requests = service.requests();
    let line = |head: &str| head.lines().next().unwrap_or_default().to_owned();
    requests.iter().map(|request| line(&request.head)).collect()
}

#[tokio::test]
async fn rules_come_page_by_page_and_targets_with_what_they_are_sent() {
    let (around, service) = with(vec![
        reply(
            r#"{"NextToken": "2", "Rules": [{"Name": "ended", "Arn": "arn:r1", "State": "ENABLED", "EventPattern": "{}"}]}"#,
        ),
        reply(
            r#"{"Rules": [{"Name": "tick", "Arn": "arn:r2", "State": "DISABLED", "ScheduleExpression": "rate(1 minute)"}]}"#,
        ),
        reply(
            r#"{"Targets": [{"Id": "1", "Arn": "arn:q", "InputPath": "$"}, {"Id": "2", "Arn": "arn:f", "Input": "{}"},
                {"Id": "3", "Arn": "arn:g", "InputPath": "$.detail"}]}"#,
        ),
    ])
    .await;
    let ended = Rule {
        name: "ended".to_owned(),
        arn: "arn:r1".to_owned(),
        enabled: true,
        pattern: Some("{}".to_owned()),
        schedule: None,
    };
    let tick = Rule {
        name: "tick".to_owned(),
        arn: "arn:r2".to_owned(),
        enabled: false,
        pattern: None,
        schedule: Some("rate(1 minute)".to_owned()),
    };
    assert_eq!(around.rules().await, Ok(vec![ended, tick]));
    let target = |arn: &str, input: Option<&str>, reshaped| RuleTarget {
        arn: arn.to_owned(),
        input: input.map(str::to_owned),
        reshaped,
    };
    assert_eq!(
        around.targets_of("ended").await,
        Ok(vec![
            target("arn:q", None, false),
            target("arn:f", Some("{}"), false),
            target("arn:g", None, true),
        ])
    );
    let requests = service.requests();
    assert_eq!(requests[1].json()["NextToken"], "2");
    assert_eq!(requests[2].json()["Rule"], "ended");
}

#[tokio::test]
async fn what_is_denied_names_the_action() {
    for (turns, action) in [(
        vec![Turn::Reply(400, DENIED.to_owned())],
        "events:ListRules",
    )] {
        let (around, _) = with(turns).await;
        let error = around.rules().await.expect_err("denied");
        assert!(
            matches!(&error, LookError::Denied { action: said, .. } if *said == action),
            "{error}"
        );
        assert!(error.to_string().contains("not yours"), "{error}");
    }
    let denied = || {
        Turn::Typed(
            403,
            "AccessDeniedException",
            r#"{"Message": "no"}"#.to_owned(),
        )
    };
    let (around, _) = with(vec![denied(), denied(), denied(), denied(), denied()]).await;
    let name = ScheduleName::default();
    let said = [
        around.function("f").await.map(|_| ()),
        around.invoke_policy("f", None).await.map(|_| ()),
        around.readers("arn:q").await.map(|_| ()),
        around.schedule_names().await.map(|_| ()),
        around
            .schedule(&ScheduleName {
                group: "g".to_owned(),
                name: "n".to_owned(),
                ..name
            })
            .await
            .map(|_| ()),
    ]
    .map(|said| match said {
        Err(LookError::Denied { action, .. }) => action,
        other => panic!("{other:?}"),
    });
    assert_eq!(
        said,
        [
            "lambda:GetFunctionConfiguration",
            "lambda:GetPolicy",
            "lambda:ListEventSourceMappings",
            "scheduler:ListSchedules",
            "scheduler:GetSchedule",
        ]
    );
}

#[tokio::test]
async fn a_function_is_told_with_its_environment_and_what_ails_it() {
    let (around, service) = with(vec![
        reply(
            r#"{"FunctionName": "tasker", "FunctionArn": "arn:aws:lambda:eu-central-1:1:function:tasker", "Runtime": "provided.al2023",
                "Timeout": 29, "State": "Active", "LastUpdateStatus": "Successful",
                "Environment": {"Variables": {"DDB_TABLE_NAME": "tasks"}}}"#,
        ),
        reply(
            r#"{"FunctionArn": "arn:f", "Timeout": 3, "State": "Failed", "StateReason": "no role",
                "Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "no key"}}}"#,
        ),
        reply(
            r#"{"FunctionArn": "arn:f", "Timeout": 3, "State": "Inactive", "LastUpdateStatus": "Failed"}"#,
        ),
        Turn::Typed(404, "ResourceNotFoundException", "{}".to_owned()),
        reply(r#"{"ReservedConcurrentExecutions": 1}"#),
        reply("{}"),
    ])
    .await;
    assert_eq!(
        around.function("tasker").await,
        Ok(Some(Function {
            arn: "arn:aws:lambda:eu-central-1:1:function:tasker".to_owned(),
            runtime: Some("provided.al2023".to_owned()),
            timeout: 29,
            trouble: None,
            environment: Ok(BTreeMap::from([(
                "DDB_TABLE_NAME".to_owned(),
                "tasks".to_owned()
            )])),
        }))
    );
    let failed = around
        .function("tasker")
        .await
        .expect("found")
        .expect("there");
    assert_eq!(failed.trouble.as_deref(), Some("it is Failed (no role)"));
    assert_eq!(failed.environment, Err("no key".to_owned()));
    let stale = around
        .function("tasker")
        .await
        .expect("found")
        .expect("there");
    assert_eq!(stale.trouble.as_deref(), Some("its last update failed"));
    assert_eq!(around.function("tasker").await, Ok(None));
    assert_eq!(around.reserved_concurrency("tasker").await, Ok(Some(1)));
    assert_eq!(around.reserved_concurrency("tasker").await, Ok(None));
    assert_eq!(
        first_lines(&service)[0],
        "GET /2015-03-31/functions/tasker/configuration HTTP/1.1"
    );
}

#[tokio::test]
async fn mappings_tell_whether_they_are_on_and_report_failures() {
    let (around, service) = with(vec![
        reply(
            r#"{"NextMarker": "m", "EventSourceMappings": [{"UUID": "u1", "EventSourceArn": "arn:q", "FunctionArn": "arn:f:live",
                "State": "Enabled", "FunctionResponseTypes": ["ReportBatchItemFailures"]}]}"#,
        ),
        reply(
            r#"{"EventSourceMappings": [{"UUID": "u2", "EventSourceArn": "arn:q", "FunctionArn": "arn:g", "State": "Disabled",
                "FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}]}"#,
        ),
        Turn::Typed(404, "ResourceNotFoundException", "{}".to_owned()),
    ])
    .await;
    let mappings = around.readers("arn:q").await.expect("listed");
    let told: Vec<_> = mappings
        .iter()
        .map(|m| (m.uuid.as_str(), m.is_on(), m.reports_failures, m.filtered))
        .collect();
    assert_eq!(
        told,
        [("u1", true, true, false), ("u2", false, false, true)]
    );
    assert!(first_lines(&service)[1].contains("Marker=m"));
    assert_eq!(around.sources("gone").await, Ok(vec![]));
}

#[tokio::test]
async fn a_queue_is_told_with_its_policy_and_times() {
    let url = r#"{"QueueUrl": "http://q"}"#;
    let (around, service) = with(vec![
        reply(url),
        reply(
            r#"{"Attributes": {"Policy": "{}", "VisibilityTimeout": "180", "KmsMasterKeyId": "",
                "RedrivePolicy": "{\"deadLetterTargetArn\": \"arn:d\", \"maxReceiveCount\": \"15\"}"}}"#,
        ),
        reply(url),
        reply(r#"{"Attributes": {"VisibilityTimeout": "30", "KmsMasterKeyId": "alias/aws/sqs", "RedrivePolicy": "{\"maxReceiveCount\": 5}"}}"#),
        Turn::Typed(400, "AWS.SimpleQueueService.NonExistentQueue", "{}".to_owned()),
        Turn::Reply(400, r#"{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"}"#.to_owned()),
    ])
    .await;
    assert_eq!(
        around.queue("1", "completions").await,
        Ok(Some(Queue {
            policy: Some("{}".to_owned()),
            visibility: Duration::from_secs(180),
            receives: Some(15),
            key: None,
        }))
    );
    let other = around
        .queue("1", "completions")
        .await
        .expect("found")
        .expect("there");
    assert_eq!(
        (other.receives, other.key.as_deref()),
        (Some(5), Some("alias/aws/sqs"))
    );
    assert_eq!(around.queue("1", "gone").await, Ok(None));
    assert_eq!(around.queue("1", "gone").await, Ok(None));
    let asked = service.requests()[0].json();
    assert_eq!(
        (&asked["QueueName"], &asked["QueueOwnerAWSAccountId"]),
        (&"completions".into(), &"1".into())
    );
}

#[tokio::test]
async fn schedules_are_told_with_what_they_send() {
    let (around, service) = with(vec![
        reply(
            r#"{"NextToken": "2", "Schedules": [{"Name": "sweep", "GroupName": "ops", "State": "ENABLED", "Target": {"Arn": "arn:f"}}]}"#,
        ),
        reply(r#"{"Schedules": []}"#),
        reply(
            r#"{"Name": "sweep", "ScheduleExpression": "rate(1 minute)", "State": "ENABLED",
                "Target": {"Arn": "arn:f", "RoleArn": "arn:role", "Input": "{\"action\": \"sweep\"}"}}"#,
        ),
        Turn::Typed(404, "ResourceNotFoundException", "{}".to_owned()),
    ])
    .await;
    let names = around.schedule_names().await.expect("listed");
    assert_eq!(
        names,
        [ScheduleName {
            group: "ops".to_owned(),
            name: "sweep".to_owned(),
            target_arn: "arn:f".to_owned()
        }]
    );
    assert_eq!(
        around.schedule(&names[0]).await,
        Ok(Some(Schedule {
            expression: "rate(1 minute)".to_owned(),
            enabled: true,
            input: Some(r#"{"action": "sweep"}"#.to_owned()),
            ends: false,
        }))
    );
    assert_eq!(around.schedule(&names[0]).await, Ok(None));
    assert!(first_lines(&service)[2].starts_with("GET /schedules/sweep?groupName=ops"));
}
