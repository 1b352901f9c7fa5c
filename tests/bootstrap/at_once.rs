//! Several events at once in one process, as Lambda Managed Instances give them.

use std::pin::pin;

use futures_util::future::join_all;
use serde_json::json;
use signalbox_local::{CallFault, step_functions::Outcome};

use super::sets::{drop_table, from_file, publish, set};
use crate::support::stage::{Setting, Stage, batch, end, failures};

const AT_ONCE: usize = 8;

fn concurrent(setting: Setting) -> Setting {
    let limit = ("AWS_LAMBDA_MAX_CONCURRENCY", AT_ONCE.to_string());
    Setting {
        variables: vec![limit],
        ..setting
    }
}

#[tokio::test]
async fn events_are_worked_on_side_by_side() {
    let stage = Stage::set(concurrent(Setting::default())).await;
    // Nothing answers the calls of one event: the others do not wait for it.
    stage.break_calls(|_, request| {
        (request.get("Sql") == Some(&json!("select 0"))).then_some(CallFault::HangBefore)
    });
    let invoke = |number: usize| stage.invoke(json!({"sqlStatement": format!("select {number}")}));
    let mut slow = pin!(invoke(0));
    let others = async {
        stage.called("ExecuteStatement", 1).await;
        join_all((1..30).map(invoke)).await
    };
    tokio::select! {
        biased;
        answer = &mut slow => panic!("the one that hangs came first: {answer:?}"),
        answers = others => assert!(answers.iter().all(Result::is_ok), "{answers:?}"),
    }
}

#[tokio::test]
async fn tasks_events_sweeps_and_a_swap_at_once_do_not_see_each_other() {
    let mut stage = Stage::set(concurrent(from_file(&set(1, None)))).await;
    let tasks: Vec<_> = (0..40)
        .map(|number| stage.task(json!({"sqlStatement": format!("select {number}")})))
        .collect();
    publish(&stage, &set(2, Some("we keep them")));
    let mut events = Vec::new();
    for _ in 0..tasks.len() {
        events.push(stage.completion().await);
    }
    let sweep = json!({"action": "sweep"});
    // Every event twice, in batches, beside sweeps and what is refused.
    let batches: Vec<_> = events
        .chunks(5)
        .chain(events.chunks(7))
        .map(|some| batch(&some.iter().collect::<Vec<_>>()))
        .collect();
    let (done, swept, refused) = tokio::join!(
        join_all(batches.into_iter().map(|batch| stage.invoke(batch))),
        join_all((0..4).map(|_| stage.invoke(sweep.clone()))),
        join_all((0..4).map(|_| drop_table(&stage))),
    );
    for answer in done {
        assert_eq!(answer.expect("an answer"), failures(&[]));
    }
    assert!(swept.iter().all(Result::is_ok), "{swept:?}");
    for refused in refused {
        assert!(refused.expect_err("denied").contains("we keep them"));
    }
    for task in &tasks {
        let outcome = end(task).await;
        assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    }
    assert_eq!(stage.calls("ExecuteStatement"), 40);
    stage.check(&[]);
}
