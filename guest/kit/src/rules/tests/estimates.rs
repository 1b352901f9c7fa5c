//! Estimates: the plan comes first, and decides.

use crate::contract::Failure;
use crate::contract::{StatementResult, StatementStatus};
use crate::settings;
use crate::testing::{Call, FakeHost, description, evaluate_on, failure_detail};
use serde_json::{Value, json};

/// A host whose reply to EXPLAIN is this line.
fn host(line: &str) -> FakeHost {
    FakeHost {
        pages: vec![StatementResult {
            next_token: None,
            total_rows: 1,
            document: json!({ "Records": [[{ "stringValue": line }]] }).to_string(),
        }],
        ..FakeHost::default()
    }
}

const PLAN: &str = "XN Seq Scan on t  (cost=0.00..500.00 rows=1000 width=4)";

fn settings(estimate: &Value) -> String {
    json!({ "rules": [{ "name": "dear", "then": { "estimate": estimate } }] }).to_string()
}

fn payload(sql: &str) -> String {
    let mut payload = json!({ "sqlStatement": sql, "action": "executeStatement" });
    if sql.contains(":a") {
        payload["parameters"] = json!({ "a": "1" });
    }
    payload.to_string()
}

fn batch(sqls: &[&str]) -> String {
    json!({ "sqlStatements": sqls, "action": "batchExecuteStatement" }).to_string()
}

fn error_of(host: &FakeHost, sql: &str, estimate: &Value) -> Option<String> {
    let refused = evaluate_on(host, &payload(sql), &settings(estimate)).err();
    let starts = host.calls();
    let started = starts.iter().any(|call| matches!(call, Call::Execute(_)));
    assert_eq!(started, refused.is_none(), "{refused:?} {starts:?}");
    refused.map(|refused| refused.error)
}

const SQL: &str = "select * from s.t where a = :a";

#[test]
fn what_costs_more_than_a_rule_allows_is_refused_before_it_runs() {
    for (estimate, wanted) in [
        (json!({ "maxCost": 500 }), None),
        (json!({ "maxCost": 499.99 }), Some("EstimateExceeded")),
        (json!({ "maxRows": 1000 }), None),
        (
            json!({ "maxRows": 999, "otherwise": "deny" }),
            Some("EstimateExceeded"),
        ),
        (
            json!({ "maxCost": 1e15, "maxRows": 0 }),
            Some("EstimateExceeded"),
        ),
        (json!({ "maxCost": 1, "otherwise": "warn" }), None),
    ] {
        let host = host(PLAN);
        assert_eq!(
            error_of(&host, SQL, &estimate).as_deref(),
            wanted,
            "{estimate}"
        );
        let calls = host.calls();
        let Call::Explain(sqls, options) = &calls[0] else {
            panic!("{calls:?}")
        };
        assert_eq!(sqls, &[format!("EXPLAIN {SQL}")]);
        assert_eq!(
            (options.action.as_str(), options.parameters.len()),
            ("explain", 1)
        );
        let plan =
            "The plan of the statement statement=1 of 1 cost=500 rows=1000 top=XN Seq Scan on t";
        assert!(calls.contains(&Call::Log(plan.to_owned())), "{calls:?}");
    }
    let refused = evaluate_on(
        &host(PLAN),
        &payload(SQL),
        &settings(&json!({ "maxCost": 10, "maxRows": 20 })),
    );
    insta::assert_snapshot!(refused.unwrap_err().message, @"Rule `dear` refuses this: it is expected to cost 500, and 10 is the most; its rows are estimated at 1000, and 20 is the most. The first step of its plan is `XN Seq Scan on t`.");
}

#[test]
fn without_a_rule_that_holds_nothing_is_explained() {
    let settings = json!({
        "rules": [{ "name": "dear", "when": { "targets": "other" }, "then": { "estimate": { "maxCost": 1 } } }]
    });
    let host = host(PLAN);
    evaluate_on(&host, &payload(SQL), &settings.to_string()).unwrap();
    assert!(
        !host
            .calls()
            .iter()
            .any(|call| matches!(call, Call::Explain(..)))
    );
}

#[test]
fn what_is_dear_may_run_elsewhere() {
    let host = host(PLAN);
    let estimate = json!({ "maxCost": 1, "otherwise": { "target": "adhoc" } });
    evaluate_on(&host, &payload(SQL), &settings(&estimate)).unwrap();
    let calls = host.calls();
    let targets: Vec<_> = calls
        .iter()
        .filter_map(|call| match call {
            Call::Explain(_, options) => Some(("explain", options.target.as_deref())),
            Call::Execute(request) => Some(("run", request.options.target.as_deref())),
            _ => None,
        })
        .collect();
    assert_eq!(targets, [("explain", None), ("run", Some("adhoc"))]);
}

#[test]
fn sql_without_a_plan_is_refused_unless_the_rule_says_otherwise() {
    for sql in [
        "copy s.t from 's3://b/k' iam_role default",
        "call p()",
        "drop table s.t",
        "create table s.t (a int)",
        "merge into s.t using s.u on s.t.a = s.u.a when matched then delete",
        "explain select 1",
        "what is this",
    ] {
        let host = host(PLAN);
        let refused = error_of(&host, sql, &json!({ "maxCost": 1e9 }));
        assert_eq!(refused.as_deref(), Some("EstimateUnavailable"), "{sql}");
        assert_eq!(
            error_of(
                &host,
                sql,
                &json!({ "maxCost": 1e9, "unexplained": "allow" })
            ),
            None,
            "{sql}"
        );
        assert!(
            !host
                .calls()
                .iter()
                .any(|call| matches!(call, Call::Explain(..))),
            "{sql}"
        );
    }
    for sql in [
        "insert into s.t select 1",
        "update s.t set a = 1",
        "delete from s.t",
        "create table s.u as select * from s.t",
    ] {
        assert_eq!(
            error_of(&host(PLAN), sql, &json!({ "maxCost": 1e9 })),
            None,
            "{sql}"
        );
    }
    let no_costs = host("SCAN t");
    assert_eq!(
        error_of(&no_costs, SQL, &json!({ "maxCost": 1 })).as_deref(),
        Some("EstimateUnavailable")
    );
}

#[test]
fn a_plan_that_fails_or_does_not_come_is_as_the_rule_says() {
    let with = |status: StatementStatus| FakeHost {
        description: description(status),
        ..host(PLAN)
    };
    for status in [
        StatementStatus::Failed,
        StatementStatus::Started,
        StatementStatus::Unknown,
    ] {
        let refused = error_of(&with(status), SQL, &json!({ "maxCost": 1 }));
        assert_eq!(refused.as_deref(), Some("EstimateUnavailable"));
        let allowed = json!({ "maxCost": 1, "unexplained": "allow" });
        assert_eq!(error_of(&with(status), SQL, &allowed), None);
    }
    // Only what passes has the name of what passes.
    let retried = json!({
        "rules": [{ "name": "dear", "then": { "estimate": { "maxCost": 1 } } }], "transientError": "TransientFailure"
    });
    let mut throttled = failure_detail("ThrottlingException", "Rate exceeded");
    throttled.retryable = true;
    let throttled = FakeHost {
        failure: Some(Failure::Throttled(throttled)),
        ..host(PLAN)
    };
    for (host, wanted) in [
        (throttled, "TransientFailure"),
        (with(StatementStatus::Started), "TransientFailure"),
        (with(StatementStatus::Failed), "EstimateUnavailable"),
    ] {
        let refused = evaluate_on(&host, &payload(SQL), &retried.to_string()).unwrap_err();
        assert_eq!(refused.error, wanted, "{}", refused.message);
    }
}

#[test]
fn each_statement_of_a_batch_has_its_plan() {
    let settings = settings(&json!({ "maxCost": 1e9, "unexplained": "allow" }));
    let host = host(PLAN);
    evaluate_on(
        &host,
        &batch(&["select 1 from s.t", "drop table s.u", "delete from s.t"]),
        &settings,
    )
    .unwrap();
    let calls = host.calls();
    let Call::Explain(sqls, _) = &calls[0] else {
        panic!("{calls:?}")
    };
    assert_eq!(
        sqls,
        &["EXPLAIN select 1 from s.t", "EXPLAIN delete from s.t"]
    );
    // What the rules of all statements want is known before anything is explained.
    let denied = json!({ "rules": [
        { "name": "dear", "then": { "estimate": { "maxCost": 1 } } },
        { "name": "no", "when": { "longerThan": 30 }, "then": { "deny": "No." } }
    ] });
    let host = self::host(PLAN);
    let refused = evaluate_on(
        &host,
        &batch(&["select 1", "select 'a text of some length here'"]),
        &denied.to_string(),
    );
    assert_eq!(refused.unwrap_err().error, "PolicyDenied");
    assert_eq!(host.calls(), []);
}

#[test]
fn check_says_what_becomes_of_sql_without_a_plan() {
    let warnings = |settings: &Value| settings::read(&settings.to_string()).unwrap().1;
    let unsaid = json!({ "rules": [{ "name": "r", "then": { "estimate": { "maxCost": 1 } } }] });
    let found = warnings(&unsaid);
    assert_eq!(found[0].path, "/rules/0/then/estimate");
    let page = include_str!("../../../../../docs/reference/settings.md");
    let example = page.split("```json estimates.json\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    assert_eq!(warnings(&serde_json::from_str(example).unwrap()), []);
}
