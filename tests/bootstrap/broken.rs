//! What stays broken: everything else goes on, nothing starts twice, and nothing is told that is not true.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signalbox_local::{
    CallFault, ServiceFault,
    data_api::EventFault,
    step_functions::{ExecutionHandle, Outcome},
};
use signalbox_tasker::ids::{IdSource, RecordId};

use crate::support::stage::{Setting, Stage, batch, end, failures};

const SLOW: &str = "select f_slow('done', 600)";

/// A stage whose sweep looks after what is a second old, and whose next completion events are lost.
async fn without_events(lost: usize) -> Stage {
    let mut setting = Setting::default();
    let after = ("SIGNALBOX_SWEEP_AFTER_SECONDS", "1".to_owned());
    setting.variables.push(after);
    let stage = Stage::set(setting).await;
    for _ in 0..lost {
        stage.event_faults.next(EventFault::Drop);
    }
    stage
}

/// Starts tasks of short statements, one after another.
async fn tasks(stage: &Stage, count: u32) -> Vec<ExecutionHandle> {
    let mut tasks = Vec::new();
    for _ in 0..count {
        let before = stage.calls("ExecuteStatement");
        tasks.push(stage.task(json!({"sqlStatement": "select 1"})));
        stage.called("ExecuteStatement", before + 1).await;
    }
    tasks
}

/// The statement of an execution, as the function describes it.
async fn described(stage: &Stage, execution: &ExecutionHandle) -> Value {
    let latest = json!({"action": "describeStatement", "statementId": "LATEST", "executionArn": execution.arn()});
    for _ in 0..600 {
        if let Ok(described) = stage.invoke(latest.clone()).await {
            return described;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the statement is not described")
}

async fn sweep(stage: &Stage) -> Value {
    let swept = stage.invoke(json!({"action": "sweep"})).await;
    swept.expect("a summary")
}

/// Sweeps until this holds.
async fn swept_until(stage: &Stage, holds: impl Fn() -> bool) {
    for _ in 0..40 {
        if holds() {
            return;
        }
        sweep(stage).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("twenty seconds of sweeps changed nothing")
}

fn throttled() -> CallFault {
    CallFault::FailBefore(ServiceFault::throttling())
}

fn has_succeeded(execution: &ExecutionHandle) -> bool {
    matches!(execution.outcome(), Some(Outcome::Succeeded { .. }))
}

#[tokio::test]
async fn calls_that_hang_for_some_keep_no_other_waiting() {
    let stage = without_events(7).await;
    let stuck = tasks(&stage, 4).await;
    let mut silent = Vec::new();
    for execution in &stuck[..2] {
        let described = described(&stage, execution).await;
        silent.push(described["Id"].clone());
    }
    let deaf: Vec<Value> = (stage.secret_tokens()[2..].iter())
        .map(|token| Value::from(token.as_str()))
        .collect();
    stage.break_calls(move |operation, input| {
        let is_stuck = match operation {
            "DescribeStatement" => silent.contains(&input["Id"]),
            "SendTaskSuccess" => deaf.contains(&input["taskToken"]),
            _ => false,
        };
        is_stuck.then_some(CallFault::HangBefore)
    });
    let others = tasks(&stage, 3).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let swept = sweep(&stage).await;
    assert!(others.iter().all(has_succeeded), "{swept}");
    assert!(stuck.iter().all(|task| task.outcome().is_none()), "{swept}");
    stage.check(&[]);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_keeps_the_others_going() {
    let stage = without_events(12).await;
    let Some(dynamodb) = &stage.dynamodb else {
        return;
    };
    let started = tasks(&stage, 12).await;
    let lists: Vec<u8> = (stage.secret_tokens().iter())
        .map(|token| {
            let id = RecordId::new("tasker", IdSource::Token(token));
            id.as_str().bytes().next_back().expect("a digit") % 8
        })
        .collect();
    let broken = lists[0];
    dynamodb.throttle(Some(&format!("due#tasker#{broken}")));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let swept = sweep(&stage).await;
    for (execution, list) in started.iter().zip(&lists) {
        assert_eq!(has_succeeded(execution), *list != broken, "{list} {swept}");
    }
    dynamodb.throttle(None);
    swept_until(&stage, || started.iter().all(has_succeeded)).await;
    assert_eq!(stage.calls("SendTaskSuccess"), 12);
    stage.check(&[]);
}

#[tokio::test]
async fn deadlines_and_stops_do_not_wait_for_a_look() {
    let mut stage = without_events(0).await;
    let late = stage.task(json!({"sqlStatement": SLOW, "deadlineSeconds": 1}));
    stage.called("ExecuteStatement", 1).await;
    let stopped = stage.task(json!({"sqlStatement": SLOW}));
    stage.called("ExecuteStatement", 2).await;
    described(&stage, &stopped).await;
    stage.break_calls(|operation, _| (operation == "DescribeStatement").then(throttled));
    stopped.stop(Some("Enough"), None);
    let event = stage.execution_ended().await;
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    let cancelled = stage.calls("CancelStatement");
    assert_eq!(cancelled, 1, "the stopped one");
    tokio::time::sleep(Duration::from_secs(2)).await;
    sweep(&stage).await;
    assert!(stage.calls("CancelStatement") > cancelled, "the late one");
    assert!(late.outcome().is_none(), "how it ended is not known yet");
    stage.mend();
    swept_until(&stage, || late.outcome().is_some()).await;
    let Outcome::Failed { error } = end(&late).await else {
        panic!("it was cancelled")
    };
    assert_eq!(error.error, "DeadlineExceeded");
    stage.check(&[]);
}

#[tokio::test]
async fn a_wait_ends_before_the_function_does() {
    let stage = Stage::original().await;
    let payload = json!({"sqlStatement": SLOW, "waitSeconds": 30, "idempotencyKey": "k"});
    let began = Instant::now();
    let reply = stage.invoke_within(5, &payload).await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let reply = reply.expect("a reply");
    assert!(reply["Id"].is_string(), "{reply}");
    let again = stage.invoke(payload).await.expect("a reply");
    assert_eq!(again["Id"], reply["Id"]);
    assert_eq!(stage.calls("ExecuteStatement"), 1);
    stage.check(&[]);
}

#[tokio::test]
async fn a_batch_of_slow_calls_is_worked_off_side_by_side() {
    let mut stage = Stage::original().await;
    let started = tasks(&stage, 40).await;
    let mut events = Vec::new();
    for _ in &started {
        events.push(stage.completion().await);
    }
    stage.break_calls(|_, _| Some(CallFault::DelayBefore(Duration::from_millis(80))));
    let events: Vec<&Value> = events.iter().collect();
    let answered = stage.invoke_within(9, &batch(&events)).await;
    assert_eq!(answered, Ok(failures(&[])));
    assert!(started.iter().all(has_succeeded));
    stage.check(&[]);
}

#[tokio::test]
async fn an_event_finds_the_statement_whose_id_was_never_heard() {
    let mut stage = Stage::original().await;
    stage.break_calls(|operation, _| match operation {
        "ExecuteStatement" => Some(CallFault::DisconnectAfter),
        _ => None,
    });
    let token = "AQCEAAAAKgAAAAMAAAAAAAAAATokenOfNobody";
    let payload = json!({"sqlStatement": "select 1", "taskToken": token, "executionArn": "arn:aws:states:us-east-1:000000000000:execution:m:e"});
    let replied = stage.invoke_within(5, &payload).await;
    replied.expect("the task waits");
    stage.mend();
    let event = stage.completion().await;
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    let starts = stage.calls("ExecuteStatement");
    assert!(starts > 1, "it was repeated under the same client token");
    assert_eq!(
        stage.calls("SendTaskSuccess"),
        1,
        "the task is told, whoever waits"
    );
    stage.check(&[token]);
}

#[tokio::test]
async fn rows_that_cannot_be_read_yet_are_not_left_out() {
    let mut stage = Stage::original().await;
    let execution = stage.task(json!({"sqlStatement": "select 7 as n", "output": "rows"}));
    let event = stage.completion().await;
    let is_of_rows = |operation: &str| operation.starts_with("GetStatementResult");
    stage.break_calls(move |operation, _| is_of_rows(operation).then(throttled));
    let first = stage.invoke_within(6, &batch(&[&event])).await;
    assert_eq!(first, Ok(failures(&["1"])), "it is tried again");
    assert!(execution.outcome().is_none());
    stage.mend();
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    let Outcome::Succeeded { output } = end(&execution).await else {
        panic!("it succeeded")
    };
    assert!(output.to_string().contains('7'), "{output}");
    stage.check(&[]);
}

#[tokio::test]
async fn a_queued_payload_for_which_nobody_waits_runs_once_whatever_becomes_of_its_start() {
    for fault in [
        CallFault::HangBefore,
        CallFault::HangAfter,
        CallFault::DisconnectBefore,
        CallFault::DisconnectAfter,
    ] {
        let stage = Stage::original().await;
        let run = async |sql: &str| {
            let ended = stage
                .invoke(json!({"sqlStatement": sql, "waitSeconds": 20}))
                .await;
            let ended = ended.expect("it runs");
            assert_eq!(ended["Status"], "FINISHED", "{ended}");
            ended["Id"].clone()
        };
        run("create table made (n int)").await;
        let payload = json!({"sqlStatement": "insert into made values (1)"});
        let is_broken = fault.clone();
        stage.break_calls(move |operation, _| {
            (operation == "ExecuteStatement").then(|| is_broken.clone())
        });
        let first = stage.invoke_within(4, &batch(&[&payload])).await;
        assert_eq!(first, Ok(failures(&["1"])), "the queue keeps it");
        stage.mend();
        assert_eq!(stage.invoke(batch(&[&payload])).await, Ok(failures(&[])));
        assert_eq!(stage.invoke(batch(&[&payload])).await, Ok(failures(&[])));
        let mut counted = Some(0);
        for _ in 0..400 {
            let id = run("select count(*) from made").await;
            let read = json!({"action": "getStatementResult", "statementId": id});
            let rows = stage.invoke(read).await.expect("rows");
            counted = rows["Records"][0][0]["longValue"].as_i64();
            if counted != Some(0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(counted, Some(1), "{fault:?}");
    }
}

#[tokio::test]
async fn a_throttle_that_is_wrapped_is_no_mistake_of_the_caller() {
    let stage = Stage::original().await;
    let message =
        "ThrottlingException: Rate exceeded (Service: RedshiftServerless, Status Code: 400)";
    stage.break_calls(move |operation, _| {
        (operation == "ExecuteStatement").then(|| {
            CallFault::FailBefore(ServiceFault {
                code: "ValidationException".to_owned(),
                message: message.to_owned(),
                status: 400,
            })
        })
    });
    let payload = json!({"sqlStatement": "select 1"});
    let failed = stage.invoke_within(6, &payload).await;
    assert_eq!(
        failed.expect_err("a throttle").error_type,
        "ThrottlingException"
    );
    stage.check(&[]);
}

#[tokio::test]
async fn nothing_that_stays_broken_for_a_while_starts_anything_twice() {
    let stage = without_events(6).await;
    let started = tasks(&stage, 6).await;
    for operation in ["DescribeStatement", "SendTaskSuccess", "ListStatements"] {
        for fault in [
            throttled(),
            CallFault::FailBefore(ServiceFault::internal()),
            CallFault::DisconnectBefore,
            CallFault::DisconnectAfter,
        ] {
            stage.break_calls(move |called, _| (called == operation).then(|| fault.clone()));
            sweep(&stage).await;
        }
    }
    stage.mend();
    for _ in 0..90 {
        if started.iter().all(|task| task.outcome().is_some()) {
            break;
        }
        sweep(&stage).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(started.iter().all(has_succeeded));
    assert_eq!(stage.calls("ExecuteStatement"), 6);
    stage.check(&[]);
}

/// The lean host compiles no component.
mod own_component {
    use signalbox_test_guests::HOSTILE;

    use super::*;

    #[tokio::test]
    async fn a_policy_that_loops_is_answered_for_within_three_seconds() {
        let config = r#"
        default_policy = "looper"

        [policies.looper]
        component = "hostile.wasm"
        limits = { guest_time_ms = 9000 }
    "#;
        let stage = Stage::set(Setting {
            config: Some(config.to_owned()),
            files: vec![("hostile.wasm", HOSTILE.to_vec())],
            ..Setting::default()
        })
        .await;
        let payload = json!({"action": "executeStatement", "do": "loop"});
        for seconds in [3, 4] {
            let began = Instant::now();
            let failed = stage.invoke_within(seconds, &payload).await;
            let time = Duration::from_secs(seconds);
            assert_eq!(failed.expect_err("a fault").error_type, "PolicyTimeout");
            assert!(began.elapsed() < time, "{:?}", began.elapsed());
        }
        stage.check(&[]);
    }
}
