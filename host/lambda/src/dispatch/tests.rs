use std::{collections::BTreeMap, sync::Mutex};

use async_trait::async_trait;
use serde_json::json;

use super::*;

/// Answers by what the payload or event asks for, and keeps the calls.
#[derive(Default)]
struct Fake {
    calls: Mutex<Vec<Call>>,
    /// How long each piece of work takes.
    takes: Duration,
}

impl Fake {
    async fn note(&self, call: &Call) {
        self.calls.lock().expect("lock").push(call.clone());
        tokio::time::sleep(self.takes).await;
    }

    fn calls(&self) -> BTreeMap<String, Call> {
        self.calls
            .lock()
            .expect("lock")
            .iter()
            .map(|call| (call.request_id.clone(), call.clone()))
            .collect()
    }
}

#[async_trait]
impl Work for Fake {
    async fn invoke(&self, call: &Call, payload: Value) -> Result<Value, Raised> {
        self.note(call).await;
        match payload["sqlStatement"].as_str() {
            Some("good") => Ok(json!({"Id": "1"})),
            _ => Err(Raised::new("PolicyDenied", "no")),
        }
    }

    async fn refuse(&self, call: &Call, caller: Value, raised: Raised) -> Result<Value, Raised> {
        self.note(call).await;
        match caller["taskToken"].as_str() {
            Some(_) => Ok(Value::Null),
            None => Err(raised),
        }
    }

    async fn settle(&self, call: &Call, event: Value) -> Settling {
        self.note(call).await;
        match event["detail"]["statementName"].as_str() {
            Some("mine") => Settling::Done,
            Some("running") => Settling::Again {
                reason: "the statement still runs".to_owned(),
            },
            _ => Settling::Ignored {
                reason: "foreign".to_owned(),
            },
        }
    }

    async fn stopped(&self, call: &Call, event: Value) -> Settling {
        self.note(call).await;
        match event["detail"]["executionArn"].as_str() {
            Some("mine") => Settling::Done,
            Some("lagging") => Settling::Again {
                reason: "the execution still runs".to_owned(),
            },
            _ => Settling::Ignored {
                reason: "it runs".to_owned(),
            },
        }
    }

    fn may_sweep(&self, function_arn: Option<&str>) -> bool {
        function_arn.is_some_and(|arn| !arn.ends_with(":nobody"))
    }

    async fn sweep(&self, call: &Call) -> Result<Value, Raised> {
        self.note(call).await;
        Ok(json!({"examined": 0}))
    }
}

fn context(milliseconds: u64) -> InvocationContext {
    InvocationContext {
        request_id: "request".to_owned(),
        deadline: Instant::now() + Duration::from_millis(milliseconds),
        function_arn: Some("arn:aws:lambda:eu-west-1:1:function:f:live".to_owned()),
    }
}

fn completion(name: &str) -> Value {
    json!({
        "source": "aws.redshift-data", "detail-type": "Redshift Data Statement Status Change",
        "detail": {"statementName": name, "state": "FINISHED"}
    })
}

fn stopped(arn: &str) -> Value {
    json!({
        "source": "aws.states", "detail-type": "Step Functions Execution Status Change",
        "detail": {"executionArn": arn, "status": "ABORTED", "stopDate": 1_800_000_000_000_i64}
    })
}

fn record(id: &str, body: &Value) -> Value {
    json!({"messageId": id, "eventSource": "aws:sqs", "body": body.to_string()})
}

fn nobody_asks() -> Result<Value, Raised> {
    panic!("nobody asks for the status")
}

async fn handle(work: &Fake, event: Value) -> Result<Value, Raised> {
    answer(
        work,
        nobody_asks,
        false,
        Event::read(&event.to_string())?,
        &context(30_000),
    )
    .await
}

#[tokio::test(start_paused = true)]
async fn a_payload_is_answered_or_raised() {
    let work = Fake::default();
    assert_eq!(
        handle(&work, json!({"sqlStatement": "good"})).await,
        Ok(json!({"Id": "1"}))
    );
    let raised = handle(&work, json!({"sqlStatement": "bad"}))
        .await
        .expect_err("denied");
    assert_eq!(raised.error_type, "PolicyDenied");
    let call = &work.calls()["request"];
    assert_eq!(call.source, Source::Invocation);
    assert_eq!(
        call.function_arn.as_deref(),
        Some("arn:aws:lambda:eu-west-1:1:function:f:live")
    );
}

#[tokio::test(start_paused = true)]
async fn a_direct_event_fails_the_invocation_only_if_it_is_worth_another_try() {
    let work = Fake::default();
    assert_eq!(handle(&work, completion("mine")).await, Ok(Value::Null));
    assert_eq!(handle(&work, completion("foreign")).await, Ok(Value::Null));
    let raised = handle(&work, completion("running"))
        .await
        .expect_err("again");
    assert_eq!(
        (raised.error_type.as_str(), raised.message.as_str()),
        (TRY_AGAIN, "the statement still runs")
    );
}

#[tokio::test(start_paused = true)]
async fn a_batch_reports_exactly_what_stays_in_the_queue() {
    let work = Fake::default();
    let batch = json!({"Records": [
        record("done", &completion("mine")),
        record("again", &completion("running")),
        record("foreign", &completion("other")),
        {"messageId": "broken", "eventSource": "aws:sqs", "body": "{"},
        record("payload", &json!({"sqlStatement": "good"})),
        record("nobody-told", &json!({"sqlStatement": "bad"})),
    ]});
    let answer = handle(&work, batch).await.expect("a batch");
    assert_eq!(
        answer,
        json!({"batchItemFailures": [
            {"itemIdentifier": "again"}, {"itemIdentifier": "broken"}, {"itemIdentifier": "nobody-told"}
        ]})
    );
    assert!(
        work.calls()
            .values()
            .all(|call| call.source == Source::Queue)
    );
    assert_eq!(
        handle(&work, json!({"Records": []})).await,
        Ok(json!({"batchItemFailures": []}))
    );
}

#[tokio::test(start_paused = true)]
async fn a_stopped_execution_comes_directly_or_by_the_queue() {
    let work = Fake::default();
    assert_eq!(handle(&work, stopped("mine")).await, Ok(Value::Null));
    assert_eq!(handle(&work, stopped("running")).await, Ok(Value::Null));
    let raised = handle(&work, stopped("lagging")).await.expect_err("again");
    assert_eq!(raised.error_type, TRY_AGAIN);
    let batch = json!({"Records": [
        record("1", &stopped("mine")), record("2", &stopped("lagging")), record("3", &stopped("running")),
    ]});
    assert_eq!(
        handle(&work, batch).await,
        Ok(json!({"batchItemFailures": [{"itemIdentifier": "2"}]}))
    );
}

#[tokio::test(start_paused = true)]
async fn each_record_has_its_share_and_what_is_not_begun_stays() {
    let work = Fake {
        takes: Duration::from_secs(10),
        ..Fake::default()
    };
    let begun = Instant::now();
    let records = ["1", "2", "3", "4"].map(|id| record(id, &completion("mine")));
    let batch = json!({"Records": records});
    let answer = answer(
        &work,
        nobody_asks,
        false,
        Event::read(&batch.to_string()).expect("a batch"),
        &context(31_500),
    )
    .await
    .expect("a batch");
    assert_eq!(
        answer,
        json!({"batchItemFailures": [{"itemIdentifier": "4"}]}),
        "30 s are three times 10 s"
    );
    let calls = work.calls();
    let after = |id: &str| calls[id].deadline - begun;
    assert_eq!(after("1"), Duration::from_millis(7_500));
    assert_eq!(
        after("2"),
        Duration::from_secs(10) + Duration::from_secs(20) / 3
    );
    assert_eq!(
        after("3"),
        Duration::from_secs(20) + Duration::from_secs(10) / 2
    );
    assert!(!calls.contains_key("4"));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_leaves_time_to_answer() {
    for (lambda, call) in [
        (30_000, 28_500),
        (6_000, 4_500),
        (4_000, 3_000),
        (400, 300),
        (0, 0),
    ] {
        let now = Instant::now();
        let deadline = context(lambda).call(Source::Invocation).deadline;
        assert_eq!(deadline - now, Duration::from_millis(call), "{lambda} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_of_cloudformation_is_worked_on_as_one_by_whichever_way_it_came() {
    let work = Fake::default();
    let request =
        json!({"RequestType": "Create", "ResponseURL": "https://SECRET", "sqlStatement": "good"});
    assert_eq!(handle(&work, request.clone()).await, Ok(json!({"Id": "1"})));
    let batch = json!({"Records": [
        {"messageId": "m", "eventSource": "aws:sqs", "body": request.to_string()}
    ]});
    assert_eq!(
        handle(&work, batch).await,
        Ok(json!({"batchItemFailures": []}))
    );
    let calls = work.calls.lock().expect("lock");
    assert_eq!(calls.len(), 2);
    assert!(
        calls
            .iter()
            .all(|call| call.source == Source::CustomResource)
    );
}

#[tokio::test(start_paused = true)]
async fn a_sweep_is_asked_for_and_what_is_unknown_is_refused() {
    let work = Fake::default();
    assert_eq!(
        handle(&work, json!({"action": "sweep"})).await,
        Ok(json!({"examined": 0}))
    );
    let raised = handle(&work, json!({"hello": "SECRET"}))
        .await
        .expect_err("refused");
    assert_eq!(raised.error_type, "InvalidRequest");
    assert!(!raised.message.contains("SECRET"));
}

#[tokio::test(start_paused = true)]
async fn who_has_no_route_asks_for_no_sweep() {
    let asked = async |event: Value, function: &str, operates: bool| {
        let work = Fake::default();
        let context = InvocationContext {
            function_arn: Some(format!("arn:aws:lambda:eu-west-1:1:function:f:{function}")),
            ..context(30_000)
        };
        let event = Event::read(&event.to_string()).expect("an event");
        let answer = answer(&work, nobody_asks, operates, event, &context).await;
        assert_eq!(answer.is_ok(), work.calls().len() == 1);
        answer.map_err(|raised| raised.error_type)
    };
    let request = || json!({"action": "sweep"});
    assert_eq!(
        asked(request(), "nobody", false).await,
        Err(names::NOT_GRANTED.to_owned())
    );
    assert!(asked(request(), "nobody", true).await.is_ok());
    assert!(asked(request(), "live", false).await.is_ok());
    let schedule =
        json!({"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {}});
    assert!(asked(schedule, "nobody", false).await.is_ok());
}
