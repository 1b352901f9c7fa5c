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
            Some("defect") => panic!("a defect"),
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
            Some(name) if name.starts_with("mine") => Settling::Done,
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

fn read(event: Value) -> Event {
    Event::read(&event.to_string()).expect("an event")
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

/// Completions of as many statements: those of one are worked on one after another.
fn batch_of(count: u32) -> Value {
    let records: Vec<_> = (0..count)
        .map(|id| record(&id.to_string(), &completion(&format!("mine-{id}"))))
        .collect();
    json!({"Records": records})
}

fn failures(answer: &Value) -> usize {
    answer["batchItemFailures"]
        .as_array()
        .expect("a list")
        .len()
}

#[tokio::test(start_paused = true)]
async fn messages_are_worked_on_side_by_side_with_all_the_time_there_is() {
    // Sixty completions of half a second each, and ten of a function with a short time-out.
    for (count, milliseconds, takes) in [(60, 29_000, 500), (10, 9_000, 2_000), (10, 3_000, 500)] {
        let work = Fake {
            takes: Duration::from_millis(takes),
            ..Fake::default()
        };
        let begun = Instant::now();
        let context = context(milliseconds);
        let deadline = context.call(Source::Queue).deadline;
        let answer = answer(&work, nobody_asks, false, read(batch_of(count)), &context).await;
        assert_eq!(failures(&answer.expect("a batch")), 0, "{count}");
        assert!(
            begun.elapsed() <= Duration::from_secs(4),
            "{:?}",
            begun.elapsed()
        );
        assert!(work.calls().values().all(|call| call.deadline == deadline));
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_begun_in_time_comes_again_and_nothing_else() {
    let work = Fake {
        takes: Duration::from_secs(10),
        ..Fake::default()
    };
    // Each gives its place away after three seconds: 32 places in the first second, and again every three seconds.
    let answer = answer(
        &work,
        nobody_asks,
        false,
        read(batch_of(400)),
        &context(31_500),
    )
    .await
    .expect("a batch");
    let begun = work.calls().len();
    assert_eq!(failures(&answer), 400 - begun);
    assert!((280..400).contains(&begun), "{begun}");
    let answer = super::answer(
        &work,
        nobody_asks,
        false,
        read(batch_of(3)),
        &context(1_000),
    )
    .await;
    assert_eq!(
        failures(&answer.expect("a batch")),
        3,
        "there is no time to begin"
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_that_hangs_keeps_no_other_from_being_worked_on() {
    struct Hangs(Fake);

    #[async_trait]
    impl Work for Hangs {
        async fn invoke(&self, _: &Call, _: Value) -> Result<Value, Raised> {
            panic!("only completions")
        }
        async fn refuse(&self, _: &Call, _: Value, _: Raised) -> Result<Value, Raised> {
            panic!("only completions")
        }
        async fn settle(&self, call: &Call, event: Value) -> Settling {
            self.0.note(call).await;
            if call.request_id.starts_with('h') {
                tokio::time::sleep_until(call.deadline).await;
                return Settling::Again {
                    reason: "it hung".to_owned(),
                };
            }
            assert!(!call.request_id.starts_with('p'), "a defect");
            self.0.settle(call, event).await
        }
        async fn stopped(&self, _: &Call, _: Value) -> Settling {
            panic!("only completions")
        }
        fn may_sweep(&self, _: Option<&str>) -> bool {
            panic!("only completions")
        }
        async fn sweep(&self, _: &Call) -> Result<Value, Raised> {
            panic!("only completions")
        }
    }

    let ids = (0..60).map(|id| match id % 3 {
        0 => format!("hangs-{id}"),
        _ if id == 7 => format!("panics-{id}"),
        _ => format!("works-{id}"),
    });
    let records: Vec<_> = ids
        .map(|id| record(&id, &completion(&format!("mine-{id}"))))
        .collect();
    let work = Hangs(Fake::default());
    let answer = answer(
        &work,
        nobody_asks,
        false,
        read(json!({"Records": records})),
        &context(29_000),
    )
    .await
    .expect("a batch");
    let failed: Vec<_> = answer["batchItemFailures"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().expect("an id"))
        .collect();
    assert_eq!(failed.len(), 21, "{failed:?}");
    assert!(
        failed.iter().all(|id| !id.starts_with("works")),
        "{failed:?}"
    );
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
        let answer = answer(&work, nobody_asks, operates, read(event), &context).await;
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

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_error_of_its_event_and_of_no_other() {
    let work = Fake {
        takes: Duration::from_secs(1),
        ..Fake::default()
    };
    let work = &work;
    let of = async |sql: &str| guarded(handle(work, json!({"sqlStatement": sql}))).await;
    let (defect, good, refused) = tokio::join!(of("defect"), of("good"), of("bad"));
    assert_eq!(defect.expect_err("an error").error_type, HOST_FAULT);
    assert_eq!(good, Ok(json!({"Id": "1"})));
    assert_eq!(refused.expect_err("an error").error_type, "PolicyDenied");
}
