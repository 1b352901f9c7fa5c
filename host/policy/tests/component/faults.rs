//! A policy that misbehaves: each way has its name, takes a bounded time, and harms nothing that comes after.

use std::time::{Duration, Instant};

use crate::common::{Fake, asks, context, engine, hostile, settlement, within};
use signalbox_policy::{Fault, FaultKind, Limits, Policy, contract::Waiter};

const TASK: Option<Waiter> = Some(Waiter::StepFunctions);

/// The fault of a deed, after which the same engine still serves.
async fn fault(deed: &str, limits: Limits, waiter: Option<Waiter>) -> Fault {
    let engine = engine();
    let policy = hostile(&engine, "{}", limits).await;
    let services = Fake::new();
    let begun = Instant::now();
    let fault = policy
        .invoke(context(&services), asks(deed), waiter)
        .await
        .unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "`{deed}` took {:?}",
        begun.elapsed()
    );
    assert_eq!(fault.policy, "team");
    let next = policy
        .invoke(context(&services), asks("nothing"), None)
        .await
        .unwrap();
    assert_eq!(next.reply.unwrap(), r#"{"calls":[]}"#, "after `{deed}`");
    fault
}

#[tokio::test]
async fn a_trap() {
    let fault = fault("trap", Limits::default(), None).await;
    assert_eq!(
        (fault.kind, fault.error_name()),
        (FaultKind::Trap, "PolicyFault")
    );
    assert!(
        fault
            .message
            .starts_with("`invoke`: it gave up (`unreachable`)"),
        "{}",
        fault.message
    );
    assert!(fault.message.contains("; in `"), "{}", fault.message);
}

#[tokio::test]
async fn a_panic() {
    let fault = fault("panic", Limits::default(), None).await;
    assert_eq!(fault.kind, FaultKind::Trap);
    // Named is what of the guest panicked, not what Rust does about it.
    let (_, places) = fault.message.split_once("; in ").expect("a place");
    let first = places.split(" < ").next().unwrap();
    assert!(first.contains("signalbox_hostile::policy"), "{places}");
}

#[tokio::test]
async fn a_loop_without_an_end() {
    let limits = Limits {
        guest_time_ms: 100,
        ..Limits::default()
    };
    let fault = fault("loop", limits, None).await;
    assert_eq!(
        (fault.kind, fault.error_name()),
        (FaultKind::Timeout, "PolicyTimeout")
    );
    assert_eq!(
        fault.message,
        "`invoke`: it ran for more than the 100 ms of guest time that it may have"
    );
    assert!(
        fault.usage.guest_time >= Duration::from_millis(100),
        "{:?}",
        fault.usage
    );
}

#[tokio::test]
async fn a_loop_ends_with_the_events_time() {
    let engine = engine();
    let policy = hostile(
        &engine,
        "{}",
        Limits {
            guest_time_ms: 60_000,
            ..Limits::default()
        },
    )
    .await;
    let fault = policy
        .invoke(
            within(&Fake::new(), Duration::from_millis(200)),
            asks("loop"),
            None,
        )
        .await
        .unwrap_err();
    assert_eq!(
        (fault.kind, &*fault.message),
        (FaultKind::Timeout, "`invoke`: the event's time was up")
    );
}

#[tokio::test]
async fn a_loop_of_cheap_calls_is_the_guests_own_time() {
    let limits = Limits {
        guest_time_ms: 100,
        ..Limits::default()
    };
    assert_eq!(fault("clock", limits, None).await.kind, FaultKind::Timeout);
}

#[tokio::test]
async fn while_a_policy_loops_others_run() {
    let engine = engine();
    let policy = hostile(
        &engine,
        "{}",
        Limits {
            guest_time_ms: 300,
            ..Limits::default()
        },
    )
    .await;
    let services = Fake::new();
    let looping = policy.invoke(context(&services), asks("loop"), None);
    // On one thread: the second call comes to its end while the first still loops.
    let other = async {
        let other = policy
            .invoke(context(&services), asks("nothing"), None)
            .await;
        (other, Instant::now())
    };
    let looping = async { (looping.await, Instant::now()) };
    let ((looped, end), (other, earlier)) = tokio::join!(looping, other);
    assert_eq!(looped.unwrap_err().kind, FaultKind::Timeout);
    assert!(other.is_ok() && earlier < end);
}

#[tokio::test]
async fn memory_without_an_end() {
    let limits = Limits {
        memory: 16 << 20,
        ..Limits::default()
    };
    let fault = fault("allocate", limits, None).await;
    assert_eq!(fault.kind, FaultKind::Memory);
    assert!(
        fault
            .message
            .ends_with("bytes of memory and may have 16777216"),
        "{}",
        fault.message
    );
    assert!(
        (8 << 20..=16 << 20).contains(&fault.usage.memory),
        "{:?}",
        fault.usage
    );
}

#[tokio::test]
async fn a_guest_that_copes_with_less_memory_is_no_fault() {
    let engine = engine();
    let policy = hostile(
        &engine,
        "{}",
        Limits {
            memory: 16 << 20,
            ..Limits::default()
        },
    )
    .await;
    let done = policy
        .invoke(context(&Fake::new()), asks("allocate-and-carry-on"), None)
        .await
        .unwrap();
    assert!(done.usage.memory <= 16 << 20, "{:?}", done.usage);
}

#[tokio::test]
async fn a_recursion_without_an_end() {
    let fault = fault("recurse", Limits::default(), None).await;
    assert_eq!(fault.kind, FaultKind::Trap);
    assert!(fault.message.contains("stack"), "{}", fault.message);
}

#[tokio::test]
async fn junk_for_a_reply() {
    let fault = fault("junk", Limits::default(), None).await;
    assert_eq!(fault.kind, FaultKind::Output);
    assert!(
        fault
            .message
            .starts_with("`invoke`: its reply is not JSON: "),
        "{}",
        fault.message
    );
}

#[tokio::test]
async fn ten_megabytes_for_a_reply() {
    let fault = fault("big", Limits::default(), None).await;
    assert_eq!(fault.kind, FaultKind::Output);
    assert_eq!(
        fault.message,
        "`invoke`: its reply is 10485762 bytes long; at most 6291456 are allowed"
    );
}

#[tokio::test]
async fn a_reply_that_the_host_does_not_even_copy() {
    let limits = Limits {
        memory: 256 << 20,
        ..Limits::default()
    };
    let fault = fault("huge", limits, None).await;
    assert_eq!(
        (fault.kind, &*fault.message),
        (
            FaultKind::Output,
            "`invoke`: it returned more than 16777216 bytes"
        )
    );
}

#[tokio::test]
async fn an_argument_that_the_host_does_not_even_copy() {
    let limits = Limits {
        memory: 256 << 20,
        ..Limits::default()
    };
    let fault = fault("wide-call", limits, None).await;
    assert_eq!(fault.kind, FaultKind::HostCalls);
    assert_eq!(
        fault.message,
        "`invoke`: it handed more than 16777216 bytes to one host call"
    );
}

#[tokio::test]
async fn a_flood_of_host_calls() {
    let engine = engine();
    let policy = hostile(
        &engine,
        "{}",
        Limits {
            host_calls: 20,
            ..Limits::default()
        },
    )
    .await;
    let services = Fake::new();
    let fault = policy
        .invoke(context(&services), asks("calls"), None)
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::HostCalls);
    assert_eq!(
        fault.message,
        "`invoke`: it made more than the 20 host calls that it may make"
    );
    assert_eq!(services.describes(), 20);
}

#[tokio::test]
async fn a_flood_of_log_lines_is_no_fault() {
    let engine = engine();
    let policy = hostile(&engine, "{}", Limits::default()).await;
    policy
        .invoke(context(&Fake::new()), asks("log"), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_host_call_that_takes_too_long() {
    let engine = engine();
    let policy = hostile(&engine, "{}", Limits::default()).await;
    let services = std::sync::Arc::new(Fake {
        delay: Duration::from_secs(60),
        ..Fake::default()
    });
    let fault = policy
        .invoke(
            within(&services, Duration::from_millis(200)),
            asks("wait"),
            None,
        )
        .await
        .unwrap_err();
    assert_eq!(
        (fault.kind, &*fault.message),
        (FaultKind::Timeout, "`invoke`: the event's time was up")
    );
    assert!(
        fault.usage.host_time >= Duration::from_millis(150),
        "{:?}",
        fault.usage
    );
}

#[tokio::test]
async fn host_calls_are_not_guest_time() {
    let engine = engine();
    let policy = hostile(
        &engine,
        "{}",
        Limits {
            guest_time_ms: 100,
            ..Limits::default()
        },
    )
    .await;
    let services = std::sync::Arc::new(Fake {
        delay: Duration::from_millis(400),
        ..Fake::default()
    });
    let done = policy
        .invoke(context(&services), asks("wait"), None)
        .await
        .unwrap();
    assert!(
        done.usage.host_time >= Duration::from_millis(390),
        "{:?}",
        done.usage
    );
    assert!(
        done.usage.guest_time < Duration::from_millis(100),
        "{:?}",
        done.usage
    );

    // What remains after the call is what there was before it, not a fresh allowance and not none.
    let fault = policy
        .invoke(context(&services), asks("wait-then-loop"), None)
        .await
        .unwrap_err();
    assert!(
        fault.message.contains("100 ms of guest time"),
        "{}",
        fault.message
    );
}

#[tokio::test]
async fn a_task_that_is_left_hanging() {
    let fault = fault("nothing", Limits::default(), TASK).await;
    assert_eq!(fault.kind, FaultKind::Protocol);
    assert_eq!(
        fault.message,
        "`invoke`: it returned with the task neither bound to a statement nor answered"
    );
}

#[tokio::test]
async fn rejections_that_contradict_what_was_done() {
    let first = fault("answer-then-reject", Limits::default(), TASK).await;
    assert_eq!(first.kind, FaultKind::Protocol);
    for deed in ["start-then-reject", "start-without-task-then-reject"] {
        let fault = fault(deed, Limits::default(), TASK).await;
        assert_eq!(fault.kind, FaultKind::Protocol, "{deed}");
        assert!(
            fault.message.contains("after it had started a statement"),
            "{}",
            fault.message
        );
    }
}

#[tokio::test]
async fn rejections_with_a_name_that_cannot_be() {
    let reserved = fault("reject-reserved", Limits::default(), TASK).await;
    assert_eq!(reserved.kind, FaultKind::Output);
    assert!(
        reserved.message.contains("`States.Timeout`"),
        "{}",
        reserved.message
    );
    let nameless = fault("reject-nameless", Limits::default(), TASK).await;
    assert_eq!(nameless.kind, FaultKind::Output);
}

#[tokio::test]
async fn a_trap_after_a_start_is_known_to_the_services() {
    let engine = engine();
    let policy = hostile(&engine, "{}", Limits::default()).await;
    let services = Fake::new();
    let fault = policy
        .invoke(context(&services), asks("start-then-trap"), TASK)
        .await
        .unwrap_err();
    assert_eq!((fault.kind, services.starts()), (FaultKind::Trap, 1));
}

#[tokio::test]
async fn settle_that_traps_loops_or_says_nothing() {
    let engine = engine();
    let limits = Limits {
        guest_time_ms: 100,
        ..Limits::default()
    };
    for (deed, kind) in [
        ("trap", FaultKind::Trap),
        ("loop", FaultKind::Timeout),
        ("none", FaultKind::Protocol),
    ] {
        let policy = hostile(&engine, &format!(r#"{{"settle":"{deed}"}}"#), limits).await;
        let fault = policy
            .settle(context(&Fake::new()), settlement(), Waiter::StepFunctions)
            .await
            .unwrap_err();
        assert_eq!(fault.kind, kind, "{deed}: {fault}");
        assert!(fault.message.starts_with("`settle`: "), "{fault}");
    }
}

#[tokio::test]
async fn an_event_whose_time_is_up_runs_nothing_for_long() {
    let engine = engine();
    let policy = hostile(&engine, "{}", Limits::default()).await;
    let fault = policy
        .invoke(within(&Fake::new(), Duration::ZERO), asks("loop"), None)
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout);
}
