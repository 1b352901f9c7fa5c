//! One answer: decided once, stored, sent, marked.

use crate::support::{Script, ScriptedPolicy, StartFault, Told, World, standard, waiting};
use serde_json::json;
use signalbox_policy::{
    Answer, FaultKind,
    contract::{Exclusivity, Source, StatementStatus},
};
use signalbox_tasker::{
    Call, Settling,
    ports::{SendError, ServiceErrorKind},
    record::{Ending, Phase},
};

const TOKEN: &str = "token-of-a-task-0123456789";
const OTHER: &str = "token-of-another-9876543210";

#[tokio::test(start_paused = true)]
async fn a_duplicated_event_answers_once() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    for _ in 0..3 {
        assert_eq!(
            world.finish(TOKEN, StatementStatus::Finished).await,
            Settling::Done
        );
    }
    assert_eq!(world.callbacks.sent(TOKEN).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_policy_started_only_what_is_not_its_own_is_told_all_the_same() {
    for fault_after in [None, Some(FaultKind::Trap)] {
        let world = World::new(ScriptedPolicy::new(Script {
            unbound: true,
            fault_after,
            ..Script::default()
        }));
        let unclear = StartFault::After(ServiceErrorKind::Unclear, "RequestTimeout");
        *world.warehouse.start_faults.lock().unwrap() = vec![unclear; 100];
        let reply = world.invoke_waiting(TOKEN, "select 1").await;
        assert!(reply.is_ok(), "a statement may run: {reply:?}");
        assert_eq!(
            world.callbacks.told(TOKEN).len(),
            1,
            "no event and no sweep would tell it"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_not_acknowledged_is_sent_again_with_the_same_bytes() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let passing = SendError::Passing {
        code: "RequestTimeout".to_owned(),
        message: "no reply".to_owned(),
    };
    // Taken, but the reply is lost; and the whole invocation fails to hear of it.
    *world.callbacks.faults.lock().unwrap() = vec![
        (passing.clone(), true),
        (passing.clone(), false),
        (passing.clone(), false),
        (passing, false),
    ];
    assert!(matches!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Again { .. }
    ));
    assert_eq!(world.record(TOKEN).await.unwrap().phase(), Phase::Decided);
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
    let mut sent = world.callbacks.sent(TOKEN);
    assert_eq!(sent.len(), 5);
    sent.dedup();
    assert_eq!(sent.len(), 1, "decided once");
    assert_eq!(world.callbacks.told(TOKEN).len(), 1);
    assert_eq!(
        world.record(TOKEN).await.unwrap().life.ending(),
        Some(Ending::FoundClosed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_closed_already_is_marked() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.callbacks.close(TOKEN);
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Aborted).await,
        Settling::Done
    );
    assert_eq!(
        world.record(TOKEN).await.unwrap().life.ending(),
        Some(Ending::FoundClosed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_output_becomes_a_named_failure() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let refused = SendError::Refused {
        code: "InvalidOutput".to_owned(),
        message: "not JSON".to_owned(),
    };
    world
        .callbacks
        .faults
        .lock()
        .unwrap()
        .push((refused, false));
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("InvalidOutput")
    );
}

#[tokio::test(start_paused = true)]
async fn where_the_key_is_denied_the_task_fails_without_words() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let denied = SendError::KeyDenied {
        code: "KmsAccessDeniedException".to_owned(),
        message: "no".to_owned(),
    };
    world.callbacks.faults.lock().unwrap().push((denied, false));
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
    assert_eq!(world.callbacks.told(TOKEN), [Told::Failed(None, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_never_ends_does_not_loop() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let refused = SendError::Refused {
        code: "ValidationException".to_owned(),
        message: "no".to_owned(),
    };
    *world.callbacks.faults.lock().unwrap() = vec![(refused, false); 100];
    assert!(matches!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Again { .. }
    ));
    assert!(
        world.callbacks.sent(TOKEN).len() <= 4,
        "{:?}",
        world.callbacks.sent(TOKEN)
    );
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_refuses_is_raised_and_leaves_nothing() {
    let world = World::new(ScriptedPolicy::new(Script {
        reject: Some("PolicyDenied"),
        ..Script::default()
    }));
    let raised = world
        .invoke_waiting(TOKEN, "drop table t")
        .await
        .unwrap_err();
    assert_eq!(raised.error_type, "PolicyDenied");
    assert_eq!(world.warehouse.count("start"), 0);
    assert!(world.ledger.keys().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_faults_after_the_start_is_cancelled_and_told_when_the_statement_ended() {
    for script in [
        Script {
            fault_after: Some(FaultKind::Trap),
            ..Script::default()
        },
        Script {
            fault_after: Some(FaultKind::Timeout),
            ..Script::default()
        },
        Script {
            reject_after: true,
            ..Script::default()
        },
    ] {
        let error = if script.fault_after == Some(FaultKind::Timeout) {
            "PolicyTimeout"
        } else {
            "PolicyFault"
        };
        let exclusive = Some(Exclusivity::Statement);
        let world = World::new(ScriptedPolicy::new(Script {
            exclusive,
            ..script
        }));
        let reply = world.invoke_waiting(TOKEN, "select 1").await.unwrap();
        assert_eq!(reply["Status"], "UNKNOWN", "it runs, so nothing is raised");
        assert_eq!(world.warehouse.started()[0].cancels, 1);
        assert!(world.callbacks.sent(TOKEN).is_empty());
        assert!(
            world
                .ledger
                .keys()
                .iter()
                .any(|key| key.starts_with("lock#")),
            "the lock is kept until the end"
        );

        assert_eq!(
            world.finish(TOKEN, StatementStatus::Aborted).await,
            Settling::Done
        );
        assert_eq!(world.callbacks.error_of(TOKEN).as_deref(), Some(error));
        let Some(Told::Failed(_, Some(cause))) = world.callbacks.told(TOKEN).pop() else {
            panic!("it has a cause")
        };
        assert!(cause.contains("ABORTED"), "{cause}");
        assert!(
            !world
                .ledger
                .keys()
                .iter()
                .any(|key| key.starts_with("lock#"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_faults_while_it_settles_is_asked_once_more() {
    let world = World::new(ScriptedPolicy::new(Script {
        settle_faults: 1,
        ..Script::default()
    }));
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    world.succeed(TOKEN).await;

    let world = World::new(ScriptedPolicy::new(Script {
        settle_faults: 2,
        ..Script::default()
    }));
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("PolicyFault")
    );
    let Some(Told::Failed(_, Some(cause))) = world.callbacks.told(TOKEN).pop() else {
        panic!("it has a cause")
    };
    assert!(
        cause.contains("FINISHED"),
        "the outcome is in the cause: {cause}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_policy_may_answer_the_task_itself() {
    let answer = Answer::Succeed {
        output: "{\"rows\":[]}".to_owned(),
    };
    let world = World::new(ScriptedPolicy::new(Script {
        answer: Some(answer),
        ..Script::default()
    }));
    let reply = world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert_eq!(reply, json!({"done": true}));
    assert_eq!(
        world.callbacks.told(TOKEN),
        [Told::Succeeded("{\"rows\":[]}".to_owned())]
    );
    assert_eq!(
        world.invoke_waiting(TOKEN, "select 1").await.unwrap(),
        reply
    );
    assert_eq!(world.callbacks.sent(TOKEN).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn from_a_queue_errors_go_to_the_token() {
    let world = World::new(ScriptedPolicy::new(Script {
        reject: Some("PolicyDenied"),
        ..Script::default()
    }));
    world.callbacks.open(TOKEN);
    let call = Call {
        source: Source::Queue,
        ..world.call()
    };
    world
        .tasker
        .invoke(&call, waiting(TOKEN, "select 1"))
        .await
        .unwrap();
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("PolicyDenied")
    );

    // Also where the payload itself is wrong.
    world.callbacks.open(OTHER);
    world
        .tasker
        .invoke(
            &call,
            json!({"taskToken": OTHER, "sqlStatement": "select 1"}),
        )
        .await
        .unwrap();
    assert_eq!(
        world.callbacks.error_of(OTHER).as_deref(),
        Some("InvalidRequest")
    );
}

#[tokio::test(start_paused = true)]
async fn short_sql_is_answered_in_the_first_call() {
    let world = World::new(standard());
    *world.warehouse.status_at_start.lock().unwrap() = Some(StatementStatus::Finished);
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    assert!(matches!(
        &world.callbacks.told(TOKEN)[..],
        [Told::Succeeded(_)]
    ));
    // The event comes all the same.
    assert_eq!(
        world.finish(TOKEN, StatementStatus::Finished).await,
        Settling::Done
    );
    assert_eq!(world.callbacks.sent(TOKEN).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn engine_messages_are_masked_before_anybody_sees_them() {
    let world = World::new(standard());
    world
        .invoke_waiting(TOKEN, "create user u password 'hunter2'")
        .await
        .unwrap();
    world.finish(TOKEN, StatementStatus::Failed).await;
    let Some(Told::Failed(_, Some(cause))) = world.callbacks.told(TOKEN).pop() else {
        panic!("it failed")
    };
    assert!(
        cause.contains("'***'") && !cause.contains("hunter2"),
        "{cause}"
    );
    assert!(!world.ledger.dump().contains("hunter2"));
}
