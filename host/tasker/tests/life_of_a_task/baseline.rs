//! Policies that may be stood in for: a baseline acts after a fault, and only if nothing was started.

use std::sync::Arc;

use serde_json::{Value, json};
use signalbox_policy::{FaultKind, contract::StatementStatus};
use signalbox_tasker::{Granted, PolicySet, Raised, Settling, ports::ServiceErrorKind};

use crate::support::{Script, ScriptedPolicy, StartFault, World, standard, waiting};

const TOKEN: &str = "the-token-of-the-task";

/// A world in which the policy `new` does this, and `standard` stands in for it.
fn world(script: Script) -> World {
    let world = World::new(standard());
    let granted = |name: &str, script, baseline| Granted {
        baseline,
        ..Granted::new(
            Arc::new(ScriptedPolicy::named(name, script)),
            Vec::new(),
            None,
        )
    };
    let baseline = granted("standard", Script::default(), None);
    let new = granted("new", script, Some(Arc::new(baseline.clone())));
    world
        .tasker
        .swap(PolicySet::new("new", vec![new, baseline]).unwrap());
    world
}

async fn invoke(world: &World, payload: Value) -> Result<Value, Raised> {
    world.callbacks.open(TOKEN);
    world.tasker.invoke(&world.call(), payload).await
}

fn faulting(kind: FaultKind) -> Script {
    Script {
        fault_before: Some(kind),
        ..Script::default()
    }
}

#[tokio::test(start_paused = true)]
async fn the_baseline_acts_after_a_fault_and_settles_what_it_started() {
    for kind in [FaultKind::Trap, FaultKind::Memory, FaultKind::Timeout] {
        let world = world(faulting(kind));
        invoke(&world, waiting(TOKEN, "select 1")).await.unwrap();
        assert_eq!(world.warehouse.started().len(), 1);
        let record = world.record(TOKEN).await.unwrap();
        assert_eq!(record.policy.unwrap().name, "standard", "who started it");
        assert_eq!(
            world.finish(TOKEN, StatementStatus::Finished).await,
            Settling::Done
        );
        assert_eq!(world.callbacks.told(TOKEN).len(), 1);
        assert_eq!(world.callbacks.error_of(TOKEN), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_comes_of_the_payload_leads_to_no_baseline() {
    for kind in [
        FaultKind::Trap,
        FaultKind::Memory,
        FaultKind::Timeout,
        FaultKind::Output,
    ] {
        let world = world(Script {
            fault_on: Some("needle"),
            ..faulting(kind)
        });
        let mut payload = waiting(TOKEN, "select 1");
        payload["comment"] = json!("a needle in the payload");
        let raised = invoke(&world, payload).await.unwrap_err();
        assert!(
            ["PolicyFault", "PolicyTimeout"].contains(&raised.error_type.as_str()),
            "{raised}"
        );
        assert!(world.warehouse.started().is_empty(), "{kind:?}");
        let sql = waiting(TOKEN, "select 1 as no_such_thing");
        invoke(&world, sql).await.unwrap();
        let record = world.record(TOKEN).await.unwrap();
        assert_eq!(record.policy.unwrap().name, "new");
    }
}

/// One that was not given its time has not shown that it faults without the payload.
#[tokio::test(start_paused = true)]
async fn without_time_to_find_out_there_is_no_baseline() {
    let world = world(faulting(FaultKind::Timeout));
    world.callbacks.open(TOKEN);
    let mut call = world.call();
    call.deadline = tokio::time::Instant::now() + std::time::Duration::from_millis(2_000);
    let raised = world
        .tasker
        .invoke(&call, waiting(TOKEN, "select 1"))
        .await
        .unwrap_err();
    assert_eq!(raised.error_type, "PolicyTimeout");
    assert!(world.warehouse.started().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_no_fault() {
    let world = world(Script {
        reject: Some("PolicyDenied"),
        ..Script::default()
    });
    let raised = invoke(&world, waiting(TOKEN, "select 1"))
        .await
        .unwrap_err();
    assert_eq!(raised.error_type, "PolicyDenied");
    assert!(world.warehouse.started().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_refused_and_misbehaved_as_well_has_decided() {
    let world = world(Script {
        fault_decided: true,
        ..faulting(FaultKind::Trap)
    });
    let raised = invoke(&world, waiting(TOKEN, "select 1"))
        .await
        .unwrap_err();
    assert_eq!(raised.error_type, "PolicyFault");
    assert!(world.warehouse.started().is_empty());
}

#[tokio::test(start_paused = true)]
async fn after_a_start_the_fault_stays_a_fault() {
    let world = world(Script {
        fault_after: Some(FaultKind::Trap),
        ..Script::default()
    });
    let _ = invoke(&world, waiting(TOKEN, "select 1")).await;
    assert_eq!(world.warehouse.started().len(), 1, "nothing is run twice");
    assert_eq!(world.warehouse.count("cancel"), 1);
    world.finish(TOKEN, StatementStatus::Aborted).await;
    assert_eq!(
        world.callbacks.error_of(TOKEN).as_deref(),
        Some("PolicyFault")
    );
}

/// What became of a start that was refused or lost is for the record to say, not for another policy.
#[tokio::test(start_paused = true)]
async fn a_start_that_went_wrong_counts_as_one() {
    for fault in [
        StartFault::Before(ServiceErrorKind::Limit, "ActiveStatementsExceededException"),
        StartFault::Before(ServiceErrorKind::Unclear, "RequestTimeout"),
        StartFault::After(ServiceErrorKind::Unclear, "RequestTimeout"),
    ] {
        let world = world(Script {
            fault_after: Some(FaultKind::Trap),
            ..Script::default()
        });
        world.warehouse.start_faults.lock().unwrap().push(fault);
        let _ = invoke(&world, waiting(TOKEN, "select 1")).await;
        let statements = world.warehouse.started();
        assert!(statements.len() <= 1, "{statements:?}");
        let record = world.record(TOKEN).await.unwrap();
        assert_eq!(record.policy.unwrap().name, "new");
    }
}

#[tokio::test(start_paused = true)]
async fn work_with_a_key_is_not_done_under_another_name() {
    let world = world(faulting(FaultKind::Trap));
    let mut payload = waiting(TOKEN, "select 1");
    payload["idempotencyKey"] = json!("day-1");
    let raised = invoke(&world, payload).await.unwrap_err();
    assert_eq!(raised.error_type, "PolicyFault");
    assert!(world.warehouse.started().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_baseline_that_faults_too_is_a_fault() {
    let world = World::new(standard());
    let granted = |name: &str, baseline| Granted {
        baseline,
        ..Granted::new(
            Arc::new(ScriptedPolicy::named(name, faulting(FaultKind::Trap))),
            Vec::new(),
            None,
        )
    };
    let new = granted("new", Some(Arc::new(granted("standard", None))));
    world.tasker.swap(PolicySet::new("new", vec![new]).unwrap());
    let raised = invoke(&world, waiting(TOKEN, "select 1"))
        .await
        .unwrap_err();
    assert_eq!(raised.error_type, "PolicyFault");
    assert!(world.warehouse.started().is_empty());
}
