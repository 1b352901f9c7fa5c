use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    testing::{Counting, Fake, Step},
    *,
};
use crate::{FaultKind, record::DecisionRecord, witness::Witnessed};

fn start(sql: &str) -> Step {
    Step::Start(sql.to_owned())
}

fn describe(id: &str) -> Step {
    Step::Describe(id.to_owned())
}

fn cancel(id: &str) -> Step {
    Step::Cancel(id.to_owned())
}

/// What a policy that takes these steps leaves behind.
async fn recorded(steps: &[Step]) -> DecisionRecord {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let witness = {
        let seen = Arc::clone(&seen);
        move |record| seen.lock().unwrap().push(record)
    };
    let policy = Witnessed::new(Arc::new(Fake::new(steps.to_vec())), Arc::new(witness));
    let context = CallContext {
        services: Arc::new(Counting::default()),
        now: 1_700_000_000_000,
        deadline: later(),
    };
    let _ = policy.invoke(context, Fake::invocation("r"), None).await;
    let record = seen.lock().unwrap().pop().unwrap();
    // As it is read from a file.
    serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap()
}

fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

async fn again(record: &DecisionRecord, steps: &[Step]) -> Replay {
    let policy = Fake::new(steps.to_vec());
    replay(&policy, record, later(), Arc::new(Plain)).await
}

/// The SQL of a change: what was run then and what would be now.
fn sql(change: &EffectChange) -> (Option<&str>, Option<&str>) {
    let of = |arguments: &'_ Option<Value>| {
        let at = arguments.as_ref()?.pointer("/request/sql");
        at?.as_str().map(str::to_owned)
    };
    let leak = |text: Option<String>| text.map(|text| &*text.leak());
    (leak(of(&change.recorded)), leak(of(&change.replayed)))
}

#[tokio::test]
async fn the_same_steps_are_no_change() {
    for steps in [
        vec![],
        vec![start("a"), describe("1"), start("a"), Step::Beat],
        vec![describe("1"), describe("1"), cancel("1")],
        vec![start("a"), Step::Refuse("no".to_owned())],
        vec![start("a"), Step::Trap],
    ] {
        let record = recorded(&steps).await;
        let replay = again(&record, &steps).await;
        assert!(replay.is_same(), "{steps:?}: {replay:?}");
    }
}

#[tokio::test]
async fn the_clock_is_the_recorded_one() {
    let record = recorded(&[]).await;
    let replay = again(&record, &[]).await;
    assert_eq!(
        replay.decision,
        Some(Decision::Invoked {
            reply: "1700000000000".into(),
            answer: None,
            bound: false
        })
    );
}

#[tokio::test]
async fn another_effect_is_the_difference_and_succeeds() {
    let record = recorded(&[start("a"), start("b")]).await;
    let replay = again(&record, &[start("a"), start("c"), cancel("1")]).await;
    assert_eq!(replay.outcome, Outcome::Changed);
    let sqls: Vec<_> = replay.effects.iter().map(sql).collect();
    assert_eq!(sqls, [(Some("b"), Some("c")), (None, None)]);
    assert_eq!(replay.effects[1].function, "redshift-data/cancel-statement");
    assert_eq!(replay.effects[1].recorded, None);
    let Some(Decision::Invoked { reply, .. }) = replay.decision else {
        panic!("{replay:?}");
    };
    assert!(
        reply
            .as_str()
            .unwrap()
            .contains("replayed-1\", target: \"default\"")
    );
}

#[tokio::test]
async fn an_effect_that_is_gone_is_a_difference_too() {
    let record = recorded(&[start("a"), start("b")]).await;
    let replay = again(&record, &[start("b")]).await;
    assert_eq!(replay.effects.len(), 1);
    assert_eq!(sql(&replay.effects[0]), (Some("a"), None));
    assert!(!replay.is_same());
}

#[tokio::test]
async fn effects_in_another_order_are_a_change() {
    let record = recorded(&[start("a"), start("b")]).await;
    assert!(!again(&record, &[start("b"), start("a")]).await.is_same());
}

#[tokio::test]
async fn a_read_that_was_not_recorded_ends_the_run() {
    let record = recorded(&[start("a"), describe("1")]).await;
    let replay = again(
        &record,
        &[start("a"), describe("1"), describe("2"), Step::Trap],
    )
    .await;
    let Outcome::Diverged { call, function, .. } = &replay.outcome else {
        panic!("{replay:?}");
    };
    assert_eq!(
        (*call, &**function),
        (3, "redshift-data/describe-statement")
    );
    assert_eq!(replay.decision, None);
}

#[tokio::test]
async fn reads_that_are_left_out_change_nothing_by_themselves() {
    // Its reply does not depend on them.
    let refuse = Step::Refuse("no".to_owned());
    let record = recorded(&[describe("1"), describe("2"), refuse.clone()]).await;
    assert!(again(&record, &[describe("2"), refuse]).await.is_same());
}

#[tokio::test]
async fn decisions_are_compared_and_faults_by_their_kind() {
    let record = recorded(&[Step::Refuse("no".to_owned())]).await;
    assert!(
        !again(&record, &[Step::Refuse("never".to_owned())])
            .await
            .is_same()
    );
    let record = recorded(&[Step::Trap]).await;
    assert!(again(&record, &[Step::Trap]).await.is_same());
    let mut slow = record.clone();
    slow.decision = Decision::Fault {
        kind: FaultKind::Timeout,
        message: String::new(),
    };
    assert!(!again(&slow, &[Step::Trap]).await.is_same());
}

#[tokio::test]
async fn a_run_that_was_cut_off_in_a_call_ends_there_again() {
    let mut record = recorded(&[start("a"), describe("1")]).await;
    record.calls[1].reply = Value::Null;
    record.decision = Decision::Fault {
        kind: FaultKind::Timeout,
        message: String::new(),
    };
    assert!(again(&record, &[start("a"), describe("1")]).await.is_same());
    assert!(!again(&record, &[start("b"), describe("1")]).await.is_same());
}

#[tokio::test]
async fn what_a_full_journal_left_out_is_not_made_up() {
    let mut record = recorded(&[describe("1"), describe("2")]).await;
    record.calls[0].omitted = true;
    record.calls[0].arguments = Value::Null;
    let replay = again(&record, &[describe("1"), describe("2")]).await;
    assert_eq!(
        replay.outcome,
        Outcome::Incomplete {
            reason: "call 1 is not in the record: its journal was full".to_owned()
        }
    );
}

#[tokio::test]
async fn a_reply_of_another_form_is_missing() {
    let mut record = recorded(&[describe("1")]).await;
    record.calls[0].reply = serde_json::json!({"ok": {"id": 1}});
    let replay = again(&record, &[describe("1")]).await;
    assert!(
        matches!(replay.outcome, Outcome::Incomplete { .. }),
        "{replay:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_does_not_return_is_given_up() {
    let record = recorded(&[]).await;
    let replay = again(&record, &[Step::Hang]).await;
    assert!(
        matches!(replay.outcome, Outcome::Incomplete { .. }),
        "{replay:?}"
    );
}

/// Hides what is in quotes.
struct Quotes;

impl Conceal for Quotes {
    fn arguments(&self, arguments: Value) -> Value {
        let text = arguments.to_string();
        let parts: Vec<_> = text
            .split('\'')
            .enumerate()
            .map(|(n, part)| if n % 2 == 1 { "*" } else { part })
            .collect();
        serde_json::from_str(&parts.join("'")).unwrap()
    }

    fn decision(&self, decision: Value, _: bool) -> Value {
        self.arguments(decision)
    }
}

#[tokio::test]
async fn what_a_record_hides_is_hidden_in_what_is_compared() {
    let mut record = recorded(&[start("select '1'"), Step::Refuse("of 'a'".to_owned())]).await;
    record.calls[0].arguments = Quotes.arguments(record.calls[0].arguments.clone());
    record.decision = Decision::Rejected(crate::contract::Rejection {
        error: "PolicyDenied".to_owned(),
        message: "of '*'".to_owned(),
    });
    let now = [start("select '1'"), Step::Refuse("of 'a'".to_owned())];
    let policy = Fake::new(now.to_vec());
    let concealed = replay(&policy, &record, later(), Arc::new(Quotes)).await;
    assert!(concealed.is_same(), "{concealed:?}");
    assert!(!again(&record, &now).await.is_same());
}
