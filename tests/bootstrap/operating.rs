//! `signalbox tasks` on the ledger of a function that runs.

use serde_json::json;
use signalbox_local::{data_api::EventFault, step_functions::Outcome};

use crate::support::stage::{Said, Stage, end, failure};

/// The one open task, when its statement has an id.
async fn started(stage: &Stage) -> serde_json::Value {
    loop {
        let listed = stage.signalbox(&["tasks", "list", "--json"]).await;
        assert_eq!(listed.code, Some(0), "{listed:?}");
        let mut listed = listed.json();
        if listed["tasks"][0]["phase"] == "started" {
            assert_eq!(
                (&listed["open"], &listed["matching"]),
                (&json!(1), &json!(1))
            );
            return listed["tasks"][0].take();
        }
    }
}

#[tokio::test]
async fn an_operator_finds_a_running_task_and_has_it_cancelled() {
    let stage = Stage::original().await;
    let execution = stage.task(json!({
        "sqlStatement": "select f_slow('done', 600) as x -- password 'SECRET-IN-SQL'"
    }));
    let task = started(&stage).await;
    let id = task["statement"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(task["executionArn"], execution.arn());
    assert_eq!(task["policy"]["name"], "standard");

    let table = stage.signalbox(&["tasks", "list"]).await.out;
    assert!(
        table.contains(&id) && table.contains("1 open of deployment `tasker`"),
        "{table}"
    );
    for (filter, matching) in [
        (["--execution", execution.arn()], 1),
        (["--execution", "arn:aws:states:::execution:other:1"], 0),
        (["--phase", "reserved,decided"], 0),
        (["--policy", "standard"], 1),
        (["--older-than", "1d"], 0),
    ] {
        let arguments = [&["tasks", "list", "--json"][..], &filter[..]].concat();
        let listed = stage.signalbox(&arguments).await.json();
        assert_eq!(listed["matching"], matching, "{filter:?}");
    }
    for name in [
        id.as_str(),
        execution.arn(),
        task["recordId"].as_str().expect("an id"),
        &task["recordId"].as_str().expect("an id")[..12],
        task["statementName"].as_str().expect("a name"),
    ] {
        let shown = stage.signalbox(&["tasks", "show", name]).await;
        assert_eq!(shown.code, Some(0), "{shown:?}");
        assert!(
            shown.out.contains("Redshift now STARTED")
                || shown.out.contains("Redshift now PICKED")
                || shown.out.contains("Redshift now SUBMITTED"),
            "{shown:?}"
        );
        assert!(!shown.out.contains("SECRET-IN-SQL"), "{shown:?}");
    }

    let left = stage.signalbox(&["tasks", "settle", &id]).await;
    assert_eq!(left.code, Some(1), "{left:?}");
    assert!(left.out.contains("the statement still runs"), "{left:?}");
    assert!(execution.outcome().is_none());

    stage.event_faults.next(EventFault::Drop);
    let cancelled = stage.signalbox(&["tasks", "cancel", &id, "--json"]).await;
    assert_eq!(
        (cancelled.code, &cancelled.json()["outcome"]),
        (Some(0), &json!("ended")),
        "{cancelled:?}"
    );
    assert!(
        execution.outcome().is_none(),
        "the task is told by who settles it"
    );
    let again = stage.signalbox(&["tasks", "cancel", &id, "--json"]).await;
    assert_eq!(
        (again.code, &again.json()["outcome"]),
        (Some(0), &json!("wasOver")),
        "{again:?}"
    );

    let settled = stage.signalbox(&["tasks", "settle", &id, "--json"]).await;
    assert_eq!(
        (
            settled.code,
            &settled.json()["outcome"],
            &settled.json()["ending"]
        ),
        (Some(0), &json!("done"), &json!("answered")),
        "{settled:?}"
    );
    assert_eq!(failure(&execution).await.0, "FAILED");
    let settled = stage.signalbox(&["tasks", "settle", &id, "--json"]).await;
    assert_eq!(
        (settled.code, &settled.json()["outcome"]),
        (Some(0), &json!("wasOver")),
        "{settled:?}"
    );
    assert_eq!(stage.calls("SendTaskFailure"), 1);
    assert_eq!(
        stage.signalbox(&["tasks", "list", "--json"]).await.json()["open"],
        0
    );
    stage.check(&["SECRET-IN-SQL"]);
}

#[tokio::test]
async fn a_task_whose_event_was_lost_is_settled_by_hand() {
    let stage = Stage::original().await;
    stage.event_faults.next(EventFault::Drop);
    let execution = stage.task(json!({"sqlStatement": "select 1"}));
    let id = started(&stage).await["statement"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let settled = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        while stage.signalbox(&["tasks", "settle", &id]).await.code != Some(0) {}
    });
    settled.await.expect("settled");
    let Outcome::Succeeded { output } = end(&execution).await else {
        panic!("it succeeded")
    };
    assert_eq!(output["detail"]["state"], "FINISHED");
    stage.check(&[]);
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let stage = Stage::original().await;
    let execution = stage.task(json!({"sqlStatement": "select f_slow('done', 600)"}));
    let id = started(&stage).await["statement"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let refused = |said: &Said, text: &str| {
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains(text), "{said:?}");
    };
    for command in ["show", "cancel", "settle"] {
        let foreign = stage
            .signalbox(&["tasks", command, &id, "--deployment", "other"])
            .await;
        refused(
            &foreign,
            "belongs to the deployment `tasker`, not to `other`",
        );
        let unknown = stage
            .signalbox(&["tasks", command, "00000000-0000-0000-0000-000000000000"])
            .await;
        refused(&unknown, "there is no task");
        refused(
            &stage.signalbox(&["tasks", command, "LATEST"]).await,
            "names no task",
        );
    }
    refused(
        &stage
            .signalbox(&["tasks", "list", "--config", "gone.toml"])
            .await,
        "cannot read gone.toml",
    );
    assert_eq!(
        stage
            .signalbox(&["tasks", "list", "--json", "--deployment", "other"])
            .await
            .json()["open"],
        0
    );
    assert!(execution.outcome().is_none());
    assert_eq!(stage.calls("CancelStatement"), 0);
    stage.signalbox(&["tasks", "cancel", &id]).await;
    stage.check(&[]);
}
