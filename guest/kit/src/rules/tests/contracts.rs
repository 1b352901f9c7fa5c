//! Contracts of a payload and of rules.

use super::*;
use crate::contract::ExecutionMode;
use crate::memo::noted;

fn duplicates() -> Value {
    json!({ "name": "no duplicates", "noRows": "select id from s.t group by id having count(*) > 1" })
}

fn waiting() -> FakeHost {
    FakeHost::with_task()
}

fn decide_waiting(settings: &Value, payload: &Value) -> Result<Decision, String> {
    decide_for(
        settings,
        payload,
        Some("arn:aws:states:eu-west-1:1:execution:nightly:1"),
        &waiting(),
    )
}

#[test]
fn the_queries_of_contracts_run_last_in_the_transaction() {
    let payload = json!({ "sqlStatement": "insert into s.t select 1", "expect": [duplicates(), { "name": "some", "rows": { "min": 1 } }] });
    let decision = decide_waiting(&json!({}), &payload).unwrap();
    assert!(decision.batch && decision.execution_mode == ExecutionMode::Transaction);
    assert_eq!(decision.sqls.len(), 2);
    assert_eq!(decision.sqls[0], "insert into s.t select 1");
    assert!(decision.sqls[1].contains("!signalbox contract 1: "));
    assert_eq!(decision.options.action, "executeStatement");
    let noted = noted(&decision.options.memo, "expect").unwrap();
    assert_eq!(
        (&noted["own"], &noted["load"]),
        (&json!(1), &json!("rolledBack"))
    );
    assert_eq!(
        noted["list"][1],
        json!({ "name": "some", "expected": "at least 1 row", "min": 1, "max": null })
    );

    for (payload, mode, load) in [
        (
            json!({ "sqlStatements": ["truncate s.t", "select 1"] }),
            ExecutionMode::Transaction,
            "mayStand",
        ),
        (
            json!({ "sqlStatement": "call load()" }),
            ExecutionMode::Transaction,
            "mayStand",
        ),
        (
            json!({ "sqlStatements": ["select 1"], "executionMode": "AUTO_COMMIT" }),
            ExecutionMode::AutoCommit,
            "stands",
        ),
    ] {
        let mut payload = payload;
        payload["expect"] = duplicates();
        let decision = decide_waiting(&json!({}), &payload).unwrap();
        assert_eq!(decision.execution_mode, mode);
        assert_eq!(
            self::noted(&decision.options.memo, "expect").unwrap()["load"],
            load,
            "{payload}"
        );
    }
    // A count alone changes nothing of how the statement runs.
    let counts = json!({ "sqlStatement": "select 1", "expect": { "name": "one", "rows": { "min": 1, "max": 1 } } });
    let decision = decide_waiting(&json!({}), &counts).unwrap();
    assert_eq!((decision.batch, decision.sqls.len()), (false, 1));
}

#[test]
fn rules_expect_too_and_see_what_callers_expect() {
    let settings = rules(&json!([
        { "name": "keys", "when": { "tables": "s.*", "access": "write" }, "then": { "expect": duplicates() } },
        { "name": "secret", "when": { "tables": "secret.*" }, "then": { "deny": "No." } },
        { "name": "reads", "when": { "kinds": "select" }, "then": { "target": "adhoc" } }
    ]));
    let own = json!({ "name": "own", "isTrue": "select count(*) > 0 from s.t" });
    let payload =
        json!({ "sqlStatements": ["insert into s.t select 1", "delete from s.u"], "expect": own });
    let decision = decide_waiting(&settings, &payload).unwrap();
    assert_eq!(decision.sqls.len(), 4);
    assert!(decision.sqls[2].contains("contract 1: ") && decision.sqls[3].contains("contract 2: "));
    assert_eq!(
        decision.options.target, None,
        "a query of a contract moves nothing"
    );
    let spies = json!({ "sqlStatement": "select 1", "expect": { "name": "spy", "noRows": "select * from secret.t" } });
    let message = decide_waiting(&settings, &spies).unwrap_err();
    assert_eq!(
        message,
        "A query of `expect`: Rule `secret` denies this: No."
    );
}

#[test]
fn what_cannot_be_checked_is_refused() {
    let evaluate = |payload: &Value, host: &FakeHost| {
        let mut payload = payload.clone();
        payload["executionArn"] = json!("arn:x");
        crate::testing::evaluate_on(host, &payload.to_string(), "{}").map_err(|refused| {
            assert_eq!(refused.error, "InvalidRequest");
            refused.message
        })
    };
    let counts =
        json!({ "sqlStatement": "select 1", "expect": { "name": "x", "rows": { "min": 1 } } });
    assert!(
        evaluate(&counts, &FakeHost::default())
            .unwrap_err()
            .contains("Nobody waits")
    );
    assert!(evaluate(&counts, &waiting()).is_ok());
    let many = json!({ "sqlStatements": vec!["select 1"; 40], "expect": duplicates() });
    assert!(
        evaluate(&many, &waiting())
            .unwrap_err()
            .contains("41 statements")
    );
    let long = json!({ "sqlStatement": format!("select '{}'", "x".repeat(102_300)), "expect": duplicates() });
    assert!(
        evaluate(&long, &waiting())
            .unwrap_err()
            .contains("bytes of SQL")
    );
    let names = |count: usize| -> Vec<Value> {
        (0..count)
            .map(|n| json!({ "name": format!("{n:02}{}", "\u{1F600}".repeat(98)), "isTrue": "select true" }))
            .collect()
    };
    let wide = json!({ "sqlStatement": "select 1", "expect": names(20) });
    assert!(
        evaluate(&wide, &waiting())
            .unwrap_err()
            .contains("too long together")
    );
    let odd =
        json!({ "sqlStatement": "select 1", "expect": { "name": "x", "isTrue": "drop table t" } });
    let message = evaluate(&odd, &waiting()).unwrap_err();
    assert_eq!(
        message,
        "`expect.isTrue`: This is no query: it does `drop-table`. Write one SELECT that changes nothing."
    );
    let parameters = json!({ "sqlStatement": "select 1", "parameters": { "day": "x" }, "expect": { "name": "x", "noRows": "select 1 from s.t where day = :day" } });
    assert!(evaluate(&parameters, &waiting()).is_ok());
}
