//! What a policy of a set was granted, and what it cannot reach.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    sets::{ALL, ROUTE, from_file, set},
    support::stage::Stage,
};

/// Two policies of one code: `reader` may run, look and cancel; `other` too, on its own; `bare` was granted nothing.
fn two_policies() -> String {
    let policy = |name: &str, grants: &str| {
        format!("[policies.{name}]\nbuiltin = \"standard\"\n{grants}\n\n")
    };
    let all = format!("grants = {{ targets = [\"default\"], actions = {ALL} }}");
    let narrow = "grants = { targets = [\"default\"], actions = [\"execute-statement\"], sql_bytes = 20, \
                  statements_per_minute = 2 }";
    format!(
        "schema = 1\nrevision = 1\n\n{}{}{}{}{}[[routes]]\nname = \"all\"\nfunction = \"*:function:tasker\"\n\
         policies = [\"reader\", \"other\", \"bare\", \"narrow\"]\n\n[[routes]]\nname = \"none\"\nfunction = \"*:nobody\"\n\
         policies = [\"hidden\"]\n",
        policy("reader", &all),
        policy("other", &all),
        policy("bare", ""),
        policy("narrow", narrow),
        policy("hidden", &all),
    )
}

#[tokio::test]
async fn a_policy_reaches_what_it_was_granted_and_its_own_statements() {
    let stage = Stage::set(from_file(&two_policies())).await;
    let of = |policy: &str, mut payload: Value| {
        payload["policy"] = json!(policy);
        let stage = &stage;
        async move {
            stage
                .invoke(payload)
                .await
                .map_err(|failed| (failed.error_type, failed.message))
        }
    };
    let run = json!({"sqlStatement": "select 1"});
    assert_eq!(
        of("bare", run.clone()).await.expect_err("nothing").0,
        "NotGranted"
    );
    assert_eq!(
        of("hidden", run.clone()).await.expect_err("no route").0,
        "NotGranted"
    );
    assert_eq!(stage.calls("ExecuteStatement"), 0);

    let long = json!({"sqlStatement": "select 1 as a_long_name"});
    assert_eq!(
        of("narrow", long).await.expect_err("too long").0,
        "NotGranted"
    );
    assert!(of("narrow", run.clone()).await.is_ok());
    assert!(of("narrow", run.clone()).await.is_ok());
    assert_eq!(
        of("narrow", run.clone()).await.expect_err("too often").0,
        "ThrottlingException"
    );

    let arn = "arn:aws:states:us-east-1:000000000000:execution:machine:one";
    let own = of(
        "reader",
        json!({"sqlStatement": "select 2", "executionArn": arn}),
    )
    .await
    .expect("started");
    let id = own["Id"].as_str().expect("an id");
    let unknown = "12345678-1234-1234-1234-123456789012";
    for action in ["describeStatement", "getStatementResult", "cancelStatement"] {
        let about = |id: &str| json!({"action": action, "statementId": id});
        if action != "cancelStatement" {
            let mut told = of("reader", about(id)).await;
            // A result is there when the statement has ended.
            for _ in 0..200 {
                if told.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
                told = of("reader", about(id)).await;
            }
            assert!(told.is_ok(), "{action}: {told:?}");
        }
        let (name, message) = of("other", about(id)).await.expect_err("another's");
        assert_eq!(name, "NotGranted", "{action}: {message}");
        let (_, of_unknown) = of("other", about(unknown)).await.expect_err("nobody's");
        assert_eq!(
            message.replace(id, unknown),
            of_unknown,
            "{action}: not told apart"
        );
    }
    let latest =
        json!({"action": "describeStatement", "statementId": "LATEST", "executionArn": arn});
    assert!(of("reader", latest.clone()).await.is_ok());
    assert_eq!(
        of("other", latest).await.expect_err("none of its own").0,
        "PreviousExecutionNotFound"
    );

    stage.check(&[]);
}

/// The aliases `one` and `two` have a route each, both to the same policy.
fn two_teams() -> String {
    let route = |name: &str| {
        format!(
            "[[routes]]\nname = \"{name}\"\nfunction = \"*:function:tasker:{name}\"\npolicies = [\"standard\"]\n"
        )
    };
    set(1, None).replace(ROUTE, &[route("one"), route("two")].concat())
}

#[tokio::test]
async fn two_teams_on_one_policy_do_not_see_each_other() {
    let mut setting = from_file(&two_teams());
    setting.config = setting
        .config
        .map(|config| config.replace("[\"*\"]", "[\"*:operators\"]"));
    let stage = Stage::set(setting).await;
    let by = async |team: &str, payload: Value| {
        let told = stage.lambda.api.invoke_by(team, &payload).await;
        told.map_err(|failed| failed.error_type)
    };
    let arn = "arn:aws:states:us-east-1:000000000000:execution:machine:one";
    let slow = json!({
        "action": "executeSingletonStatement", "sqlStatement": "select f_slow('x', 60)", "executionArn": arn
    });
    let own = by("one", slow.clone()).await.expect("started");
    assert_eq!(
        by("one", slow.clone()).await,
        Err("ConcurrentExecution".to_owned())
    );
    let latest =
        || json!({"action": "describeStatement", "statementId": "LATEST", "executionArn": arn});
    assert_eq!(
        by("two", latest()).await,
        Err("PreviousExecutionNotFound".to_owned())
    );
    assert_eq!(by("one", latest()).await.expect("its own")["Id"], own["Id"]);
    for action in ["describeStatement", "cancelStatement", "getStatementResult"] {
        let about = json!({"action": action, "statementId": own["Id"]});
        assert_eq!(
            by("two", about).await,
            Err("NotGranted".to_owned()),
            "{action}"
        );
    }
    let beside = by("two", slow).await.expect("a singleton of its own");
    assert_ne!(beside["Id"], own["Id"]);
    assert_eq!(
        by("two", latest()).await.expect("its own")["Id"],
        beside["Id"]
    );
    for (team, started) in [("one", own), ("two", beside)] {
        let cancel = json!({"action": "cancelStatement", "statementId": started["Id"]});
        assert!(by(team, cancel).await.is_ok(), "{team}");
    }

    // A sweep is for callers who have a route, and for a schedule.
    let sweep = || json!({"action": "sweep"});
    assert_eq!(
        by("three", sweep()).await,
        Err("NotGranted".to_owned()),
        "an alias without a route"
    );
    assert!(by("one", sweep()).await.is_ok());
    assert!(by("operators", sweep()).await.is_ok());
    let schedule = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
    assert!(by("three", schedule).await.is_ok());
    stage.check(&[]);
}
