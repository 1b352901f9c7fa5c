//! Requests of CloudFormation: the stack is always told, with the same bytes, and never waits for nothing.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use signalbox_policy::contract::{Source, StatementStatus};
use signalbox_tasker::{
    Call, Settling, Waiting,
    custom_resource::CustomResource,
    ids::{RecordId, statement_name},
    ports::{SendError, ServiceErrorKind},
    record::{Ending, Phase, Record},
};

use crate::support::{
    DEPLOYMENT, Script, ScriptedPolicy, StartFault, World, event, standard, waiting,
};

const URL: &str = "https://responses.example/key?Signature=SECRET0123456789";
const STACK: &str = "arn:aws:cloudformation:eu-west-1:111122223333:stack/etl/1";

fn request(kind: &str, request_id: &str) -> Value {
    let mut request = json!({
        "RequestType": kind, "ResponseURL": URL, "StackId": STACK, "RequestId": request_id,
        "ResourceType": "Custom::Sql", "LogicalResourceId": "Table", "ResourceProperties": {"a": "b"},
        "sqlStatement": format!("{kind} something")
    });
    if kind != "Create" {
        request["PhysicalResourceId"] = json!("Table:1633024800.123456");
    }
    request
}

fn id(request: &Value) -> RecordId {
    let resource = CustomResource::of(request).unwrap().unwrap();
    Waiting::Resource(resource).record_id(DEPLOYMENT)
}

impl World {
    async fn ask(&self, request: &Value) -> Result<Value, signalbox_tasker::Raised> {
        let call = Call {
            source: Source::CustomResource,
            ..self.call()
        };
        self.tasker.invoke(&call, request.clone()).await
    }

    async fn record_of(&self, request: &Value) -> Option<Record> {
        let stored = self.store.find(&id(request)).await.unwrap();
        stored.map(|stored| stored.record)
    }

    async fn end_of(&self, request: &Value, status: StatementStatus) -> Settling {
        let name = statement_name(DEPLOYMENT, &id(request));
        self.warehouse.end(&name, status);
        let statement = self.warehouse.id_of(&name).unwrap();
        self.tasker
            .settle(&self.call(), event(&name, &statement, "FINISHED"))
            .await
    }

    /// The one response that was taken.
    fn response(&self) -> Value {
        let taken = self.custom_resources.taken(URL);
        assert_eq!(taken.len(), 1, "{taken:?}");
        assert!(taken[0].len() <= 4_096);
        serde_json::from_str(&taken[0]).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn create_update_and_delete_as_the_original() {
    for kind in ["Create", "Update", "Delete"] {
        let world = World::new(standard());
        let request = request(kind, "r-1");
        world.ask(&request).await.unwrap();
        assert!(world.custom_resources.sent(URL).is_empty());
        assert_eq!(
            world.end_of(&request, StatementStatus::Finished).await,
            Settling::Done
        );
        let response = world.response();
        let name = statement_name(DEPLOYMENT, &id(&request));
        let physical = if kind == "Create" {
            name.as_str()
        } else {
            "Table:1633024800.123456"
        };
        assert_eq!(response["Status"], "SUCCESS");
        assert_eq!(response["PhysicalResourceId"], physical, "{kind}");
        assert_eq!(response["StackId"], STACK);
        assert_eq!(response["RequestId"], "r-1");
        assert_eq!(response["LogicalResourceId"], "Table");
        assert_eq!(response["NoEcho"], false);
        let record = world.record_of(&request).await.unwrap();
        assert_eq!(record.life.ending(), Some(Ending::Answered));
        assert!(
            !world.ledger.dump().contains("SECRET"),
            "the address goes with the answer"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_and_repeated_events_are_one_statement_and_one_response() {
    let world = World::new(standard());
    let request = request("Create", "r-1");
    let reply = world.ask(&request).await.unwrap();
    assert_eq!(world.ask(&request).await.unwrap(), reply);
    assert_eq!(world.warehouse.started().len(), 1);
    for _ in 0..3 {
        assert_eq!(
            world.end_of(&request, StatementStatus::Finished).await,
            Settling::Done
        );
    }
    world.ask(&request).await.unwrap();
    world.response();
    assert_eq!(world.custom_resources.sent(URL).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_name_in_two_stacks_or_requests_is_two_resources() {
    let world = World::new(standard());
    let first = request("Create", "r-1");
    let mut other_stack = first.clone();
    other_stack["StackId"] = json!("arn:aws:cloudformation:eu-west-1:111122223333:stack/other/2");
    let later = request("Create", "r-2");
    for request in [&first, &other_stack, &later] {
        world.ask(request).await.unwrap();
    }
    assert_eq!(world.warehouse.started().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_was_not_acknowledged_is_sent_again_with_the_same_bytes() {
    let world = World::new(standard());
    let request = request("Create", "r-1");
    world.ask(&request).await.unwrap();
    let passing = SendError::Passing {
        code: "SlowDown".to_owned(),
        message: "HTTP 503".to_owned(),
    };
    *world.custom_resources.faults.lock().unwrap() = vec![
        (passing.clone(), true),
        (passing.clone(), false),
        (passing.clone(), false),
        (passing, false),
    ];
    assert!(matches!(
        world.end_of(&request, StatementStatus::Finished).await,
        Settling::Again { .. }
    ));
    assert_eq!(
        world.record_of(&request).await.unwrap().phase(),
        Phase::Decided
    );
    world.clock.push(std::time::Duration::from_secs(1_000));
    assert_eq!(world.sweep().await.settled, 1);
    let mut sent = world.custom_resources.sent(URL);
    assert_eq!(sent.len(), 5);
    sent.dedup();
    assert_eq!(sent.len(), 1, "decided once");
    assert_eq!(
        world.record_of(&request).await.unwrap().life.ending(),
        Some(Ending::Answered)
    );
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_refused_for_good_closes_the_record() {
    let world = World::new(standard());
    let request = request("Create", "r-1");
    world.ask(&request).await.unwrap();
    let expired = SendError::Closed {
        code: "AccessDenied".to_owned(),
    };
    world
        .custom_resources
        .faults
        .lock()
        .unwrap()
        .push((expired, false));
    assert_eq!(
        world.end_of(&request, StatementStatus::Finished).await,
        Settling::Done
    );
    let record = world.record_of(&request).await.unwrap();
    assert_eq!(record.life.ending(), Some(Ending::FoundClosed));
    assert_eq!(world.custom_resources.sent(URL).len(), 1, "it never loops");
}

/// Whatever a request is refused for, the stack is told.
#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_served_is_answered_failed() {
    let bad = |field: &str, value: Value| {
        let mut request = request("Create", "r-1");
        request[field] = value;
        request
    };
    let rejecting = || {
        ScriptedPolicy::new(Script {
            reject: Some("PolicyDenied"),
            ..Script::default()
        })
    };
    let faulting = || {
        ScriptedPolicy::new(Script {
            reject_after: true,
            ..Script::default()
        })
    };
    for (policy, request, error) in [
        (rejecting(), request("Create", "r-1"), "PolicyDenied"),
        (
            standard(),
            bad("idempotencyKey", json!(7)),
            "InvalidRequest",
        ),
        (standard(), bad("policy", json!("none")), "NotGranted"),
        (
            standard(),
            bad("RequestType", json!("Replace")),
            "InvalidRequest",
        ),
        (
            standard(),
            bad("RequestType", json!("Update")),
            "InvalidRequest",
        ),
        (faulting(), request("Create", "r-1"), "PolicyFault"),
    ] {
        let world = World::new(policy);
        world.ask(&request).await.unwrap();
        // What was started is cancelled, and told when it has ended.
        if !world.warehouse.started().is_empty() {
            assert_eq!(
                world.end_of(&request, StatementStatus::Aborted).await,
                Settling::Done
            );
        }
        let response = world.response();
        assert_eq!(response["Status"], "FAILED");
        let reason = response["Reason"].as_str().unwrap();
        assert!(reason.starts_with(error), "{reason}");
        world.ask(&request).await.unwrap();
        assert_eq!(world.custom_resources.sent(URL).len(), 1, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_statement_that_redshift_refuses_is_answered_failed() {
    let world = World::new(standard());
    world
        .warehouse
        .start_faults
        .lock()
        .unwrap()
        .push(StartFault::Before(
            ServiceErrorKind::Invalid,
            "ValidationException",
        ));
    world.ask(&request("Create", "r-1")).await.unwrap();
    let response = world.response();
    assert_eq!(response["Status"], "FAILED");
    let physical = response["PhysicalResourceId"].as_str().unwrap();

    // CloudFormation rolls back.
    let mut delete = request("Delete", "r-2");
    delete["PhysicalResourceId"] = json!(physical);
    world.ask(&delete).await.unwrap();
    assert!(world.warehouse.started().is_empty());
    let told = world.custom_resources.taken(URL);
    let told: Value = serde_json::from_str(told.last().unwrap()).unwrap();
    assert_eq!(told["Status"], "SUCCESS");
    assert_eq!(told["PhysicalResourceId"], physical);
}

#[tokio::test(start_paused = true)]
async fn the_removal_of_what_was_never_made_runs_nothing() {
    for status in [StatementStatus::Failed, StatementStatus::Aborted] {
        let world = World::new(standard());
        let create = request("Create", "r-1");
        world.ask(&create).await.unwrap();
        world.end_of(&create, status).await;
        let physical = world.response()["PhysicalResourceId"].clone();
        for (number, id) in [(2, physical), (3, json!("n/a"))] {
            let mut delete = request("Delete", &format!("r-{number}"));
            delete["PhysicalResourceId"] = id;
            // The function before ours may have no SQL to give.
            delete.as_object_mut().unwrap().remove("sqlStatement");
            world.ask(&delete).await.unwrap();
        }
        assert_eq!(world.warehouse.started().len(), 1);
        let told = world.custom_resources.taken(URL);
        assert_eq!(told.len(), 3);
        assert!(told[1..].iter().all(|told| told.contains("\"SUCCESS\"")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_event_and_a_lost_start_are_found_by_the_sweep() {
    let world = World::new(standard());
    let request = request("Create", "r-1");
    world.ask(&request).await.unwrap();
    let name = statement_name(DEPLOYMENT, &id(&request));
    world.warehouse.end(&name, StatementStatus::Failed);
    world.clock.push(std::time::Duration::from_secs(1_000));
    world.sweep().await;
    let response = world.response();
    assert_eq!(response["Status"], "FAILED");
    assert!(response["Reason"].as_str().unwrap().starts_with("FAILED"));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_comes_back_in_time_is_waited_for() {
    let world = World::new(standard());
    world.ledger.lose_writes.store(2, Ordering::Relaxed);
    world.ask(&request("Create", "r-1")).await.unwrap();
    assert!(world.custom_resources.sent(URL).is_empty());
    assert_eq!(world.warehouse.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_ledger_the_stack_is_told_and_nothing_runs() {
    let world = World::new(standard());
    world.ledger.down.store(true, Ordering::Relaxed);
    let request = request("Create", "r-1");
    for _ in 0..2 {
        world.ask(&request).await.unwrap();
    }
    assert!(world.warehouse.started().is_empty());
    let mut taken = world.custom_resources.taken(URL);
    assert_eq!(taken.len(), 2);
    taken.dedup();
    assert_eq!(taken.len(), 1, "the same bytes");
    assert!(taken[0].contains("LedgerUnavailable"), "{}", taken[0]);

    // Nor can it be told: the caller, or Lambda, tries again.
    let closed = SendError::Closed {
        code: "AccessDenied".to_owned(),
    };
    world
        .custom_resources
        .faults
        .lock()
        .unwrap()
        .push((closed, false));
    let raised = world.ask(&request).await.unwrap_err();
    assert_eq!(raised.error_type, "LedgerUnavailable");
    assert!(!raised.message.contains("SECRET"));
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_answered_starts_nothing() {
    let mut foreign = request("Create", "r-1");
    foreign["ResponseURL"] = json!("https://evil.example/SECRET");
    let mut half = request("Create", "r-1");
    half.as_object_mut().unwrap().remove("StackId");
    for request in [foreign, half] {
        let world = World::new(standard());
        let raised = world.ask(&request).await.unwrap_err();
        assert_eq!(raised.error_type, "InvalidRequest");
        assert!(!raised.message.contains("SECRET"), "{raised}");
        assert!(world.warehouse.started().is_empty());
        assert!(world.ledger.keys().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_and_a_stack_cannot_wait_for_the_same_statement() {
    let world = World::new(standard());
    let mut both = request("Create", "r-1");
    for (name, value) in waiting("token-of-a-task-0123456789", "x")
        .as_object()
        .unwrap()
    {
        both[name] = value.clone();
    }
    let raised = world.ask(&both).await.unwrap_err();
    assert_eq!(
        raised.error_type, "InvalidRequest",
        "the task is told by it"
    );
    assert_eq!(world.response()["Status"], "FAILED", "and the stack too");
    assert!(world.warehouse.started().is_empty());
}
