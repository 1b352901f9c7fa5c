//! Input and surroundings that are not as they should be: a clear error or a safe wait, never a loop and never a loss.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};
use signalbox_policy::{Answer, contract::StatementStatus};
use signalbox_tasker::{
    Settling,
    ids::statement_name,
    ports::ServiceErrorKind,
    record::{Ending, Phase},
};

use crate::support::{
    ARN, DEPLOYMENT, Script, ScriptedPolicy, Told, World, id, policies, standard, waiting,
};

const TOKEN: &str = "token-of-a-task-0123456789";

/// A task whose statement has finished, without an event so far; the statement's name and id.
async fn finished() -> (World, String, String) {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let name = statement_name(DEPLOYMENT, &id(TOKEN));
    world.warehouse.end(&name, StatementStatus::Finished);
    let statement = world.warehouse.id_of(&name).unwrap();
    (world, name, statement)
}

/// Completion events in the two forms that AWS has published, in the form that is to be expected of a serverless
/// workgroup, and with everything missing or retyped that the host can do without.
fn shapes(name: &str, id: &str) -> Vec<Value> {
    let around = |resource: &str, detail: Value| {
        json!({
            "version": "0", "id": "18e7079c-dd4b-dd64-caf9-e2a31640dab0", "account": "111122223333",
            "detail-type": "Redshift Data Statement Status Change", "source": "aws.redshift-data",
            "time": "2026-10-01T22:14:22Z", "region": "eu-west-1", "resources": [resource], "detail": detail
        })
    };
    let cluster = "arn:aws:redshift:eu-west-1:111122223333:cluster:analytics";
    let workgroup = "arn:aws:redshift-serverless:eu-west-1:111122223333:workgroup/5c0a7c45";
    vec![
        around(
            cluster,
            json!({
                "principal": "arn:aws:iam::111122223333:role/r", "statementName": name, "statementId": id,
                "redshiftQueryId": 12345, "state": "FINISHED", "rows": 5, "expireAt": 1_800_086_400
            }),
        ),
        around(
            cluster,
            json!({
                "principal": "arn:aws:iam::111122223333:role/r", "statementName": name, "statementId": id,
                "clusterId": "analytics", "queryId": "12345", "state": "FINISHED", "pages": 1,
                "expireAt": "2027-01-16T08:00:00Z"
            }),
        ),
        around(
            workgroup,
            json!({
                "principal": "arn:aws:iam::111122223333:role/r", "statementName": name, "statementId": id,
                "workgroupName": "analytics", "redshiftQueryId": -1, "state": "FINISHED", "rows": 5
            }),
        ),
        around(
            cluster,
            json!({"statementName": name, "statementId": id, "state": "SOMETHING_NEW"}),
        ),
        around(
            cluster,
            json!({"statementName": name, "statementId": [id], "state": 7, "rows": "five", "expireAt": null}),
        ),
        json!({"detail": {"statementName": name}}),
    ]
}

#[tokio::test(start_paused = true)]
async fn an_event_of_any_shape_settles_the_task() {
    let count = shapes("n", "i").len();
    for shape in 0..count {
        let (world, name, statement) = finished().await;
        let event = shapes(&name, &statement).swap_remove(shape);
        assert_eq!(
            world.tasker.settle(&world.call(), event.clone()).await,
            Settling::Done,
            "{event}"
        );
        assert!(
            matches!(&world.callbacks.told(TOKEN)[..], [Told::Succeeded(_)]),
            "{event}"
        );
    }
}

/// Whoever may invoke the function can write an event. What it says is not what the task is told.
#[tokio::test(start_paused = true)]
async fn nothing_that_an_event_says_is_in_an_output() {
    const FORGED: &str = "forged-by-a-caller";
    let forged = |name: &str, statement: &str| {
        json!({
            "version": FORGED, "id": FORGED, "account": FORGED, "time": FORGED, "region": FORGED, "resources": [FORGED],
            "detail-type": "Redshift Data Statement Status Change", "source": "aws.redshift-data", "added": FORGED,
            "detail": {
                "statementName": name, "statementId": statement, "state": "FINISHED", "principal": FORGED, "rows": FORGED,
                "redshiftQueryId": FORGED, "expireAt": FORGED, "error": FORGED, "subStatements": [FORGED], "added": FORGED
            }
        })
    };
    for (is_in_force, status) in [
        (true, StatementStatus::Finished),
        (false, StatementStatus::Finished),
        (false, StatementStatus::Failed),
    ] {
        let world = World::new(ScriptedPolicy::new(Script {
            tells_event: true,
            ..Script::default()
        }));
        world.invoke_waiting(TOKEN, "select 1").await.unwrap();
        let name = statement_name(DEPLOYMENT, &id(TOKEN));
        world.warehouse.end(&name, status);
        let statement = world.warehouse.id_of(&name).unwrap();
        if !is_in_force {
            // Without its policy a task is answered as the original would.
            world.tasker.swap(policies(&["another"]));
        }
        let settled = world
            .tasker
            .settle(&world.call(), forged(&name, &statement))
            .await;
        assert_eq!(settled, Settling::Done);
        let told = world.callbacks.told(TOKEN);
        let told = match &told[..] {
            [Told::Succeeded(output)] => output.clone(),
            [Told::Failed(_, Some(cause))] => cause.clone(),
            other => panic!("{other:?}"),
        };
        assert!(!told.contains(FORGED), "{told}");
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["account"], "111122223333", "the execution's");
        assert_eq!(told["region"], "eu-west-1");
        assert_eq!(told["detail"]["statementId"], statement.as_str());
        assert_eq!(told["detail"]["statementName"], name.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_may_have_2_048_characters_and_no_more() {
    let world = World::new(standard());
    let longest = "T".repeat(2_048);
    world.invoke_waiting(&longest, "select 1").await.unwrap();
    world.finish(&longest, StatementStatus::Finished).await;
    assert_eq!(world.callbacks.told(&longest).len(), 1);

    let refused = world.invoke_waiting(&"T".repeat(2_049), "select 1").await;
    assert_eq!(refused.unwrap_err().error_type, "InvalidRequest");
    assert_eq!(world.warehouse.started().len(), 1);
}

/// The longest of everything at once fits in an item, and the task is told: a record that cannot be written on would
/// wait for ever.
#[tokio::test(start_paused = true)]
async fn the_longest_of_everything_fits_in_a_record() {
    let longest = Answer::Succeed {
        output: format!("\"{}\"", "é".repeat((262_144 - 2) / 2)),
    };
    for reply in [30 * 1_024, 300 * 1_024, 3 * 1_024 * 1_024] {
        let reply = json!({"rows": "x".repeat(reply)}).to_string();
        let world = World::new(ScriptedPolicy::new(Script {
            settle_answer: Some(longest.clone()),
            reply: Some(reply.clone()),
            memo: "m".repeat(8 * 1_024),
            step: Some("s".repeat(256)),
            ..Script::default()
        }));
        let sql = "select 'é' ".repeat(9_000);
        let attempt = |number: usize| {
            let token = format!("{number:04}{}", "T".repeat(2_044));
            world.callbacks.open(&token);
            let arn = format!("{ARN}-{number:04}-{}", "a".repeat(900));
            let mut payload = waiting(&token, &sql);
            payload["executionArn"] = json!(arn);
            payload["idempotencyKey"] = json!("work");
            (token, payload)
        };
        let (first, payload) = attempt(0);
        let told = world.tasker.invoke(&world.call(), payload).await.unwrap();
        assert_eq!(told.to_string(), reply, "the caller gets the whole reply");
        let mut tokens = vec![first.clone()];
        for number in 1.. {
            let (token, payload) = attempt(number);
            match world.tasker.invoke(&world.call(), payload).await {
                Ok(_) => tokens.push(token),
                Err(full) => {
                    assert_eq!(full.error_type, "ConcurrentExecution");
                    break;
                }
            }
        }
        assert!(tokens.len() > 10, "{}", tokens.len());
        assert_eq!(
            world.finish(&first, StatementStatus::Finished).await,
            Settling::Done
        );
        for token in &tokens {
            assert_eq!(world.callbacks.told(token).len(), 1);
        }
        assert_eq!(world.record(&first).await.unwrap().phase(), Phase::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_statement_is_told_however_long_the_reply_is() {
    let world = World::new(ScriptedPolicy::new(Script {
        answer: Some(Answer::Succeed {
            output: format!("\"{}\"", "x".repeat(262_142)),
        }),
        reply: Some(json!({"rows": "x".repeat(3 * 1_024 * 1_024)}).to_string()),
        ..Script::default()
    }));
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert_eq!(world.callbacks.told(TOKEN).len(), 1);
    // A repeat is told something, and runs nothing.
    let call = world.call();
    let again = world.tasker.invoke(&call, waiting(TOKEN, "select 1"));
    assert!(again.await.unwrap()["Message"].is_string());
    assert_eq!(world.callbacks.sent(TOKEN).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_loses_nothing_and_starts_nothing_twice() {
    const DAY: i64 = 24 * 60 * 60;
    for (before_start, before_sweep) in [(DAY, -DAY), (-DAY, DAY), (-30 * DAY, 0), (0, 3 * DAY)] {
        let world = World::new(standard());
        world.clock.jump(Duration::from_secs(1), before_start);
        world.invoke_waiting(TOKEN, "select 1").await.unwrap();
        world.clock.jump(Duration::from_secs(200), before_sweep);
        let swept = world.sweep().await;
        assert_eq!(swept.settled, 0, "it runs: {swept:?}");
        assert!(world.callbacks.sent(TOKEN).is_empty());
        // The same invocation once more.
        let call = world.call();
        let again = world.tasker.invoke(&call, waiting(TOKEN, "select 1"));
        again.await.unwrap();
        world.clock.jump(Duration::from_secs(1), -before_sweep);
        assert_eq!(
            world.finish(TOKEN, StatementStatus::Finished).await,
            Settling::Done
        );
        assert_eq!(world.callbacks.sent(TOKEN).len(), 1);
        assert_eq!(world.warehouse.count("start"), 1);
        let record = world.record(TOKEN).await;
        assert!(record.is_none_or(|record| record.life.ending() == Some(Ending::Answered)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_missing_or_denied_starts_nothing_and_loses_nothing() {
    let world = World::new(standard());
    let refuses = |refuses| world.ledger.refuses.store(refuses, Ordering::Relaxed);
    refuses(true);
    let raised = world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "LedgerUnavailable");
    assert!(
        raised.message.contains("there is no such table"),
        "{raised}"
    );
    assert!(raised.message.contains("Nothing was started"), "{raised}");
    assert_eq!(world.warehouse.count("start"), 0);

    refuses(false);
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.end(TOKEN, StatementStatus::Finished);
    let event = world.event(TOKEN, "FINISHED").await;
    refuses(true);
    assert!(matches!(
        world.tasker.settle(&world.call(), event.clone()).await,
        Settling::Again { .. }
    ));
    world.push(300);
    assert!(world.tasker.sweep(&world.call()).await.is_err());
    assert!(world.callbacks.sent(TOKEN).is_empty());

    refuses(false);
    world.sweep().await;
    assert_eq!(world.callbacks.told(TOKEN).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_everything_is_throttled_a_start_is_refused_and_a_task_waits() {
    let world = World::new(standard());
    let throttled = Some((ServiceErrorKind::Throttled, "ThrottlingException"));
    *world.warehouse.start_fault.lock().unwrap() = throttled;
    let raised = world.invoke_waiting(TOKEN, "select 1").await.unwrap_err();
    assert_eq!(raised.error_type, "ThrottlingException");
    assert!(world.warehouse.started().is_empty());

    let other = "token-of-another-9876543210";
    *world.warehouse.start_fault.lock().unwrap() = None;
    world.invoke_waiting(other, "select 1").await.unwrap();
    world.end(other, StatementStatus::Finished);
    *world.warehouse.describe_fault.lock().unwrap() = throttled;
    let event = world.event(other, "FINISHED").await;
    for _ in 0..20 {
        let settling = world.tasker.settle(&world.call(), event.clone()).await;
        assert!(matches!(settling, Settling::Again { .. }));
        world.push(20 * 60);
        let asked = world.warehouse.count("describe");
        world.sweep().await;
        assert_eq!(world.warehouse.count("describe"), asked + 1, "once a sweep");
    }
    assert!(world.callbacks.sent(other).is_empty());
    *world.warehouse.describe_fault.lock().unwrap() = None;
    world.push(20 * 60);
    world.sweep().await;
    assert_eq!(world.callbacks.told(other).len(), 1);
}
