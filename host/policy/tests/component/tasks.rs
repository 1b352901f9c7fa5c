//! What a policy does with its task, through a real component.

use std::sync::Arc;

use crate::common::{Fake, Start, asks, closing, context, engine, hostile, settlement};
use signalbox_policy::{
    Answer, Invoked, Limits, Policy,
    contract::{OnStop, Waiter},
};

const TASK: Option<Waiter> = Some(Waiter::StepFunctions);

async fn invoke(deed: &str, services: &Arc<Fake>) -> Invoked {
    let engine = engine();
    let policy = hostile(&engine, "{}", Limits::default()).await;
    policy
        .invoke(context(services), asks(deed), TASK)
        .await
        .unwrap()
}

fn calls(invoked: &Invoked) -> Vec<String> {
    let reply: serde_json::Value = serde_json::from_str(invoked.reply.as_ref().unwrap()).unwrap();
    reply["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call.as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_start_binds_the_task() {
    let invoked = invoke("start", &Fake::new()).await;
    assert!(invoked.bound && invoked.answer.is_none());
    assert_eq!(calls(&invoked), ["ok"]);
}

#[tokio::test]
async fn an_uncertain_start_binds_it_too() {
    let services = Arc::new(Fake {
        start: Start::Uncertain,
        ..Fake::default()
    });
    let invoked = invoke("start", &services).await;
    assert!(invoked.bound);
    assert_eq!(calls(&invoked), ["uncertain: on request"]);
}

#[tokio::test]
async fn a_refused_start_leaves_it_free() {
    let services = Arc::new(Fake {
        start: Start::Refused,
        ..Fake::default()
    });
    let engine = engine();
    let policy = hostile(&engine, "{}", Limits::default()).await;
    let rejected = policy
        .invoke(context(&services), asks("start-then-reject"), TASK)
        .await
        .unwrap();
    assert_eq!(rejected.reply.unwrap_err().error, "PolicyDenied");
}

#[tokio::test]
async fn a_second_start_never_leaves_the_host() {
    let services = Fake::new();
    let invoked = invoke("start-twice", &services).await;
    assert_eq!(services.starts(), 1);
    let [first, second] = &calls(&invoked)[..] else {
        panic!()
    };
    assert_eq!(first, "ok");
    assert!(
        second.starts_with("invalid-request: a statement is bound to this task already"),
        "{second}"
    );
}

#[tokio::test]
async fn only_the_first_answer_counts() {
    let invoked = invoke("answer-twice", &Fake::new()).await;
    assert_eq!(
        calls(&invoked),
        ["ok", "invalid-request: this task has its answer already"]
    );
    assert_eq!(
        invoked.answer,
        Some(Answer::Succeed {
            output: "1".to_owned()
        })
    );
}

#[tokio::test]
async fn an_answered_task_is_not_bound() {
    let services = Fake::new();
    let invoked = invoke("answer-then-start", &services).await;
    assert!(!invoked.bound && services.starts() == 0);
}

#[tokio::test]
async fn a_bound_task_is_answered_only_when_its_statement_ended() {
    let invoked = invoke("start-then-answer", &Fake::new()).await;
    let calls = calls(&invoked);
    assert!(calls[1].contains("has not ended"), "{calls:?}");
    assert_eq!([&*calls[0], &calls[2], &calls[3]], ["ok", "ok", "ok"]);
    assert!(invoked.bound && invoked.answer.is_some());
}

#[tokio::test]
async fn answers_that_no_service_would_take_are_refused_one_by_one() {
    let invoked = invoke("answer-badly", &Fake::new()).await;
    insta::assert_snapshot!(calls(&invoked).join("\n"));
    assert_eq!(
        invoked.answer,
        Some(Answer::Fail {
            error: "Fine".to_owned(),
            cause: "a cause".to_owned()
        })
    );
}

#[tokio::test]
async fn a_memo_that_is_too_long_never_leaves_the_host() {
    let engine = engine();
    let policy = hostile(&engine, "{}", Limits::default()).await;
    let services = Fake::new();
    let invoked = policy
        .invoke(context(&services), asks("long-memo"), None)
        .await
        .unwrap();
    assert_eq!(
        calls(&invoked),
        ["invalid-request: `memo` is 8193 long; at most 8192 is allowed"]
    );
    assert_eq!(services.starts(), 0);
}

#[tokio::test]
async fn a_rejection_is_handed_on() {
    let engine = engine();
    let policy = hostile(&engine, "{}", Limits::default()).await;
    let invoked = policy
        .invoke(context(&Fake::new()), asks("reject"), TASK)
        .await
        .unwrap();
    let rejection = invoked.reply.unwrap_err();
    assert_eq!(
        (&*rejection.error, &*rejection.message),
        ("PolicyDenied", "because")
    );
}

#[tokio::test]
async fn a_heartbeat_reaches_the_services() {
    let services = Fake::new();
    let engine = engine();
    let policy = hostile(&engine, "{}", Limits::default()).await;
    // The task is left hanging, which is another test's concern.
    policy
        .invoke(context(&services), asks("heartbeat"), TASK)
        .await
        .unwrap_err();
    assert_eq!(services.others.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn settle_answers_and_starts_nothing() {
    let engine = engine();
    let services = Fake::new();
    let policy = hostile(&engine, "{}", Limits::default()).await;
    let settled = policy
        .settle(context(&services), settlement(), Waiter::StepFunctions)
        .await
        .unwrap();
    assert_eq!(
        settled.answer,
        Answer::Succeed {
            output: r#"{"Status":"FINISHED"}"#.to_owned()
        }
    );

    for deed in ["start", "cancel"] {
        let policy = hostile(
            &engine,
            &format!(r#"{{"settle":"{deed}"}}"#),
            Limits::default(),
        )
        .await;
        let settled = policy
            .settle(context(&services), settlement(), Waiter::StepFunctions)
            .await
            .unwrap();
        let Answer::Fail { cause, .. } = settled.answer else {
            panic!()
        };
        assert!(cause.contains("only reads are allowed"), "{cause}");
    }
    assert_eq!(services.starts(), 0);
    assert_eq!(services.others.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn closed_decides_and_does_nothing_itself() {
    let engine = engine();
    let services = Fake::new();
    for (deed, decision) in [
        ("", OnStop::Cancel),
        ("leave", OnStop::Leave),
        ("start", OnStop::Leave),
        ("cancel-itself", OnStop::Leave),
    ] {
        let policy = hostile(
            &engine,
            &format!(r#"{{"closed":"{deed}"}}"#),
            Limits::default(),
        )
        .await;
        let closed = policy.closed(context(&services), closing()).await.unwrap();
        assert_eq!(closed.decision, decision, "{deed}");
    }
    assert_eq!(services.starts(), 0);
    assert_eq!(services.others.load(std::sync::atomic::Ordering::SeqCst), 0);
}
