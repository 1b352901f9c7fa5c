//! `signalbox doctor` on deployments that are as they should be, and on some that are not.

use serde_json::{Value, json};
use signalbox_local::{CallFault, ServiceFault};

use crate::support::{
    bucket::Bucket,
    mood::Mood,
    runtime_api::FUNCTION_ARN,
    stage::{Said, Setting, Stage},
    surroundings::{Around, Surroundings},
};

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:completions";
const RULES: &str = "arn:aws:events:us-east-1:000000000000:rule";

/// A function with all that docs/deploy.md puts around it.
async fn deployment() -> (Stage, Surroundings) {
    deployment_of(Setting::default()).await
}

async fn deployment_of(setting: Setting) -> (Stage, Surroundings) {
    let around = Surroundings::start().await;
    let mut stage = Stage::set(setting).await;
    stage.variables.extend(around.variables());
    *around.around() = as_it_should_be(&stage);
    (stage, around)
}

fn as_it_should_be(stage: &Stage) -> Around {
    let rule = |name: &str, pattern: Value, arn: &str| {
        json!({
            "Name": name, "Arn": format!("{RULES}/{name}"), "State": "ENABLED", "EventPattern": pattern.to_string(),
            "Targets": [{ "Id": "1", "Arn": arn }]
        })
    };
    let ended = json!({
        "source": ["aws.redshift-data"], "detail-type": ["Redshift Data Statement Status Change"],
        "detail": { "statementName": [{ "prefix": "sbx-tasker:" }] }
    });
    let stopped = json!({
        "source": ["aws.states"], "detail-type": ["Step Functions Execution Status Change"],
        "detail": { "status": ["ABORTED", "TIMED_OUT", "FAILED"] }
    });
    let sweep = json!({
        "Name": "sweep", "Arn": format!("{RULES}/sweep"), "State": "ENABLED", "ScheduleExpression": "rate(1 minute)",
        "Targets": [{ "Id": "1", "Arn": FUNCTION_ARN, "Input": "{\"action\": \"sweep\"}" }]
    });
    let allow = |action: &str, rules: &str| {
        json!({ "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": action, "Resource": "*",
            "Condition": { "ArnLike": { "AWS:SourceArn": format!("{RULES}/{rules}") } }
        }]})
    };
    let queue = json!({
        "VisibilityTimeout": "180", "Policy": allow("sqs:SendMessage", "*ed").to_string(),
        "RedrivePolicy": "{\"deadLetterTargetArn\": \"arn:aws:sqs:us-east-1:000000000000:dead\", \"maxReceiveCount\": 15}"
    });
    Around {
        rules: vec![
            // Somebody else's, and nothing to do with it.
            rule(
                "deploys",
                json!({ "source": ["aws.codedeploy"] }),
                "arn:aws:sns:us-east-1:000000000000:deploys",
            ),
            rule("ended", ended, QUEUE),
            rule("stopped", stopped, QUEUE),
            sweep,
        ],
        function: Some(json!({
            "FunctionName": "tasker", "FunctionArn": FUNCTION_ARN, "Runtime": "provided.al2023", "Timeout": 29,
            "State": "Active", "LastUpdateStatus": "Successful", "Environment": { "Variables": stage.variables }
        })),
        invoke_policy: Some(allow("lambda:InvokeFunction", "sweep")),
        mappings: vec![json!({
            "UUID": "m-1", "EventSourceArn": QUEUE, "FunctionArn": FUNCTION_ARN, "State": "Enabled",
            "FunctionResponseTypes": ["ReportBatchItemFailures"]
        })],
        queues: [("completions".to_owned(), queue)].into_iter().collect(),
        ..Around::default()
    }
}

/// What it says to people, with the table's name, which is another one in each run, replaced.
async fn text(stage: &Stage) -> Said {
    let mut said = stage.signalbox(&["doctor"]).await;
    said.out = said
        .out
        .replace(&stage.variables["DDB_TABLE_NAME"], "the-table");
    said
}

/// What is said of one check: its state and all texts.
async fn of(stage: &Stage, check: &str) -> (String, String) {
    let said = stage.signalbox(&["doctor", "--json"]).await;
    let document = said.json();
    let findings = document["findings"].as_array().expect("a list");
    let finding = findings
        .iter()
        .find(|finding| finding["check"] == check)
        .unwrap_or_else(|| panic!("nothing is said of {check}: {said:?}"));
    let state = finding["state"].as_str().expect("a state").to_owned();
    let to_mend = document["toMend"].as_u64().expect("a count");
    assert_eq!(said.code, Some(i32::from(to_mend > 0)), "{said:?}");
    assert!(state != "mend" || to_mend > 0, "{said:?}");
    let texts = format!("{} {}", finding["found"], finding["mend"]);
    (state, texts)
}

#[tokio::test]
async fn a_deployment_as_it_should_be() {
    let (stage, _around) = deployment().await;
    let said = text(&stage).await;
    insta::assert_snapshot!("good", said.out);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let said = stage.signalbox(&["doctor", "--json"]).await;
    assert_eq!(
        (&said.json()["toMend"], &said.json()["unknown"]),
        (&json!(0), &json!(0))
    );
    for effect in ["ExecuteStatement", "BatchExecuteStatement"] {
        assert_eq!(stage.calls(effect), 0, "it runs no SQL");
    }
    if let Some(dynamodb) = &stage.dynamodb {
        assert_eq!(dynamodb.odd_requests(), [""; 0]);
    }
}

#[tokio::test]
async fn a_deployment_of_which_much_is_missing() {
    let (stage, around) = deployment().await;
    {
        let mut around = around.around();
        // The original's rule and mapping are there, and little else.
        let pattern = json!({
            "source": ["aws.redshift-data"], "detail-type": ["Redshift Data Statement Status Change"],
            "detail": { "state": ["FINISHED", "FAILED"] }
        });
        around.rules = vec![json!({
            "Name": "ended", "Arn": format!("{RULES}/ended"), "State": "DISABLED",
            "EventPattern": pattern.to_string(), "Targets": [{ "Id": "1", "Arn": QUEUE }]
        })];
        around.queues["completions"] =
            json!({ "VisibilityTimeout": "10", "KmsMasterKeyId": "alias/aws/sqs" });
        around.mappings[0] = json!({
            "UUID": "m-1", "EventSourceArn": QUEUE, "FunctionArn": FUNCTION_ARN, "State": "Disabled"
        });
        around.reserved = Some(1);
        let function = around.function.as_mut().expect("a function");
        function["Runtime"] = json!("python3.8");
        function["Timeout"] = json!(15);
        function["Environment"]["Variables"]["DDB_TABLE_NAME"] = json!("another");
    }
    let denied = || ServiceFault {
        code: "AccessDeniedException".to_owned(),
        message: "not yours".to_owned(),
        status: 400,
    };
    for operation in ["DescribeStatement", "CancelStatement"] {
        stage
            .redshift_faults
            .next_call(operation, CallFault::FailBefore(denied()));
    }
    let said = text(&stage).await;
    insta::assert_snapshot!("bad", said.out);
    assert_eq!(said.code, Some(1));
}

#[tokio::test]
async fn what_may_not_be_looked_at_is_not_called_good() {
    let (stage, around) = deployment().await;
    around.around().denied = [
        "ListRules",
        "ListEventSourceMappings",
        "GetFunctionConfiguration",
        "ListSchedules",
    ]
    .into();
    for (check, action) in [
        ("completion rule", "events:ListRules"),
        ("stopped executions rule", "events:ListRules"),
        ("mappings", "lambda:ListEventSourceMappings"),
        ("schedule", "events:ListRules"),
        ("function", "lambda:GetFunctionConfiguration"),
    ] {
        let (state, texts) = of(&stage, check).await;
        assert_eq!(state, "unknown", "{check}: {texts}");
        assert!(
            texts.contains(&format!("allow {action} to")),
            "{check}: {texts}"
        );
    }
    // With the rules alone the ways are known, and not what is at their ends.
    around.around().denied = [
        "ListEventSourceMappings",
        "GetQueueUrl",
        "GetPolicy",
        "GetFunctionConcurrency",
    ]
    .into();
    for (check, state) in [
        ("function", "unknown"),
        ("completion rule", "good"),
        ("mapping of completions", "unknown"),
        ("queue completions", "unknown"),
        ("schedule", "unknown"),
    ] {
        assert_eq!(of(&stage, check).await.0, state, "{check}");
    }
}

#[tokio::test]
async fn ways_that_lead_to_the_function_and_ways_that_do_not() {
    let (stage, around) = deployment().await;
    let straight = |around: &Surroundings| {
        let mut around = around.around();
        around.rules[1]["Targets"][0]["Arn"] = json!(format!("{FUNCTION_ARN}:live"));
    };
    // Without a queue, at an alias. The function has to let the rule in.
    straight(&around);
    let (state, texts) = of(&stage, "completion rule").await;
    assert_eq!(state, "mend", "{texts}");
    assert!(
        texts.contains("--function-name tasker --qualifier live"),
        "{texts}"
    );
    around.around().invoke_policy = Some(json!({ "Statement": {
        "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "lambda:InvokeFunction"
    }}));
    assert_eq!(of(&stage, "completion rule").await.0, "good");

    // The events are made into something else on the way.
    around.around().rules[1]["Targets"][0]["InputPath"] = json!("$.detail");
    assert_eq!(of(&stage, "completion rule").await.0, "mend");

    // Another function reads the queue.
    *around.around() = as_it_should_be(&stage);
    around.around().mappings[0]["FunctionArn"] =
        json!("arn:aws:lambda:us-east-1:000000000000:function:tasker-2");
    let (state, texts) = of(&stage, "completion rule").await;
    assert_eq!(state, "mend", "{texts}");
    assert!(
        texts.contains("create-event-source-mapping --function-name tasker"),
        "{texts}"
    );

    // Another deployment's rule.
    *around.around() = as_it_should_be(&stage);
    let pattern = around.around().rules[1]["EventPattern"]
        .as_str()
        .expect("a text")
        .replace("sbx-tasker:", "sbx-task:");
    around.around().rules[1]["EventPattern"] = json!(pattern);
    let (state, texts) = of(&stage, "completion rule").await;
    assert_eq!(state, "mend", "{texts}");
    assert!(texts.contains("put-rule"), "{texts}");

    // The original's rule beside ours takes our events too.
    *around.around() = as_it_should_be(&stage);
    around.around().rules.push(json!({
        "Name": "original", "Arn": format!("{RULES}/original"), "State": "ENABLED",
        "EventPattern": "{\"source\": [\"aws.redshift-data\"]}",
        "Targets": [{ "Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:originals" }]
    }));
    let (state, texts) = of(&stage, "other rule original").await;
    assert_eq!(state, "unknown", "{texts}");
    assert!(texts.contains("docs/migrate.md"), "{texts}");
    assert_eq!(of(&stage, "completion rule").await.0, "good");
}

#[tokio::test]
async fn a_schedule_of_eventbridge_scheduler_will_do() {
    let (stage, around) = deployment().await;
    around.around().rules.pop();
    let (state, texts) = of(&stage, "schedule").await;
    assert_eq!(state, "mend", "{texts}");
    around.around().schedules = vec![json!({
        "Name": "sweep", "GroupName": "default", "State": "ENABLED", "ScheduleExpression": "rate(1 minute)",
        "Target": { "Arn": FUNCTION_ARN, "RoleArn": "arn:aws:iam::000000000000:role/scheduler" }
    })];
    assert_eq!(of(&stage, "schedule").await.0, "good");
    around.around().schedules[0]["ScheduleExpression"] = json!("rate(10 minutes)");
    assert_eq!(of(&stage, "schedule").await.0, "mend");
    around.around().denied = ["ListSchedules"].into();
    assert_eq!(of(&stage, "schedule").await.0, "unknown");
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_the_first_thing_to_mend() {
    let (stage, _around) = deployment().await;
    let said = stage.signalbox(&["doctor", "--config", "gone.toml"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("cannot read gone.toml"), "{said:?}");
    let said = stage
        .signalbox(&["doctor", "--function", "elsewhere"])
        .await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.out.contains("there is no function `elsewhere`"),
        "{said:?}"
    );
}

#[tokio::test]
async fn what_is_read_and_written_in_s3_is_tried_and_nothing_is_written() {
    let bucket = Bucket::start().await;
    let set = "schema = 1\nrevision = 1\n[policies.standard]\nbuiltin = \"standard\"\n\
               grants = { targets = [\"default\"], actions = [\"execute-statement\"] }\n\
               [[routes]]\nname = \"all\"\nfunction = \"*\"\npolicies = [\"standard\"]\n";
    bucket.put("sets/team/set.toml", set);
    let (stage, _around) = deployment_of(Setting {
        config: Some(
            "[policy_set]\nsource = \"s3://sets/team/set.toml\"\nallow_unsigned = true\n\
             [records]\ndirectory = \"s3://kept/etl\"\n"
                .to_owned(),
        ),
        variables: vec![("AWS_ENDPOINT_URL_S3", bucket.url())],
        ..Setting::default()
    })
    .await;
    for check in ["policy set", "decision records", "policies"] {
        let (state, texts) = of(&stage, check).await;
        assert_eq!(state, "good", "{check}: {texts}");
    }
    let objects: Vec<_> = bucket.objects().into_keys().collect();
    assert_eq!(objects, ["sets/team/set.toml"]);

    bucket.is(Mood::Denied);
    for (check, allow) in [
        (
            "policy set",
            "allow s3:GetObject to the function's role, on arn:aws:s3:::sets/team/*",
        ),
        (
            "decision records",
            "allow s3:PutObject to the function's role, on arn:aws:s3:::kept/etl/*",
        ),
        ("policies", "signalbox policy check SET --config FILE"),
    ] {
        let (state, texts) = of(&stage, check).await;
        assert_eq!(state, "mend", "{check}: {texts}");
        assert!(texts.contains(allow), "{check}: {texts}");
    }
    stage.check(&[]);
}
