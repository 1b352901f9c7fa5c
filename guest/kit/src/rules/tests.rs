use crate::contract::Exclusivity;
use crate::handle::{Decision, memo_kinds};
use crate::payload::{self, Request};
use crate::policy::Event;
use crate::settings::{self, Settings};
use crate::sql::Kind;
use crate::testing::{Call, FakeHost, invocation};
use serde_json::{Value, json};

mod caller;
mod contracts;
mod effects;
mod estimates;
mod explain;
mod finance;
mod kinds;
mod prepared;
mod reference;
mod stamps;
mod structure;
mod tables;

/// What the rules make of a payload, in the execution `nightly`, on a Monday at 12:00 UTC.
fn decide(settings: &Value, payload: &Value) -> Result<Decision, String> {
    let execution = "arn:aws:states:eu-west-1:1:execution:nightly:1";
    decide_for(settings, payload, Some(execution), &FakeHost::default())
}

fn decide_for(
    settings: &Value,
    payload: &Value,
    execution_arn: Option<&str>,
    host: &FakeHost,
) -> Result<Decision, String> {
    let text = settings.to_string();
    let (settings, _) = settings::read(&text).map_err(|(faults, _)| format!("{faults:?}"))?;
    let decision = decide_by(&settings, payload, execution_arn, host);
    if let Some(prepared) = settings::prepare(&text) {
        let prepared = settings::read_approved(prepared).unwrap();
        let calls = host.recorded.borrow().len();
        let again = decide_by(&prepared, payload, execution_arn, host);
        assert_eq!(again, decision, "prepared: {text} {payload}");
        let mut recorded = host.recorded.borrow_mut();
        let repeated = recorded.split_off(calls);
        assert!(recorded.ends_with(&repeated));
    }
    decision
}

fn decide_by(
    settings: &Settings,
    payload: &Value,
    execution_arn: Option<&str>,
    host: &FakeHost,
) -> Result<Decision, String> {
    let mut invocation = invocation(&payload.to_string());
    invocation.execution_arn = execution_arn.map(str::to_owned);
    let Request::Start(start) = payload::read(&invocation)
        .map_err(|error| error.to_string())?
        .request
    else {
        return Err("no start".to_owned());
    };
    let event = Event {
        host,
        settings,
        invocation: &invocation,
    };
    super::decide(&start, &event).map_err(|rejection| {
        assert_eq!(rejection.error, "PolicyDenied");
        rejection.message
    })
}

fn sql(sql: &str) -> Value {
    json!({ "sqlStatement": sql })
}

/// Settings with these rules, where what is not understood is allowed.
fn rules(rules: &Value) -> Value {
    json!({ "rules": rules, "unparsed": "allow", "unqualified": "allow", "unknownTables": "allow" })
}

/// Settings in which a rule denies what is so, and everything that is not understood is allowed.
fn deny(when: &Value) -> Value {
    rules(&json!([{ "name": "x", "when": when, "then": { "deny": "No." } }]))
}

/// Settings in which only what is so is allowed.
fn allow(when: &Value) -> Value {
    rules(&json!([
        { "name": "x", "when": when, "then": { "allow": true } },
        { "name": "rest", "then": { "deny": "No." } }
    ]))
}

fn runs(settings: &Value, text: &str) -> bool {
    decide(settings, &sql(text)).is_ok()
}

#[track_caller]
fn all_run(settings: &Value, texts: &[&str]) {
    for text in texts {
        assert!(runs(settings, text), "{text} under {settings}");
    }
}

#[track_caller]
fn none_runs(settings: &Value, texts: &[&str]) {
    for text in texts {
        assert!(!runs(settings, text), "{text} under {settings}");
    }
}

#[test]
fn a_denial_names_the_rule_and_its_reason() {
    let settings = rules(&json!([
        { "name": "no drops", "when": { "kinds": "drop-*" }, "then": { "deny": "Ask the platform team." } }
    ]));
    let message = decide(&settings, &sql("drop table s.t")).unwrap_err();
    assert_eq!(
        message,
        "Rule `no drops` denies this: Ask the platform team."
    );
    let batch = json!({ "sqlStatements": ["select 1", "drop view s.v"] });
    let message = decide(&settings, &batch).unwrap_err();
    assert_eq!(
        message,
        "Statement 2 of 2: Rule `no drops` denies this: Ask the platform team."
    );
    assert!(runs(&settings, "select 'drop table s.t'"));
}

#[test]
fn what_is_not_understood_goes_by_the_settings() {
    let looks = json!([{ "name": "x", "when": { "tables": "s.t" }, "then": { "deny": "No." } }]);
    let strict = json!({ "rules": looks, "unparsed": "deny", "unqualified": "deny", "unknownTables": "deny" });
    let mut text = String::new();
    for sql_text in [
        "frobnicate s.t",
        "select a b c from s.t",
        "select 1 from\u{a0}s.t",
        "select * from s.u x #y",
        "execute p",
        "select * from t",
        "call p()",
        "create user u password 'x' createuser in group admins",
        "select f_tax(a), other.g(b) from s.u",
        "select * from s.t",
    ] {
        let message = decide(&strict, &sql(sql_text)).unwrap_err();
        text.push_str(&format!("{message}\n"));
    }
    insta::assert_snapshot!(text, @r"
    The SQL was not understood (its syntax is not known; it begins with `frobnicate`), and the settings deny such SQL (`unparsed`).
    The SQL was not understood (its syntax is not known near `c`; it begins with `select`), and the settings deny such SQL (`unparsed`).
    The SQL was not understood (the text `from\u{a0}s` has two readings: it contains a character that cannot be seen or is easily taken for another), and the settings deny such SQL (`unparsed`).
    The SQL was not understood (the text `#y` has two readings: `#` can be an operator or a part of a name), and the settings deny such SQL (`unparsed`).
    The SQL was not understood (it runs a prepared statement, whose text is not here), and the settings deny such SQL (`unparsed`).
    The SQL names `t` without a schema, and the settings deny such SQL (`unqualified`). Write the schema before it.
    Not all tables that this SQL (`call`) touches can be told from it, and the settings deny such SQL (`unknownTables`).
    Not all tables that this SQL (`create-user`) touches can be told from it: what `createuser`, `in`, `group`, `admins` does in it is not known, and the settings deny such SQL (`unknownTables`).
    Not all tables that this SQL (`select`) touches can be told from it: what `f_tax`, `other.g` does is not known (`knownFunctions` is for functions that touch no table), and the settings deny such SQL (`unknownTables`).
    Rule `x` denies this: No.
    ");
    assert!(runs(
        &strict,
        &format!("select {}1 from s.u", "1+".repeat(30_000))
    ));
    // A rule that allows comes before.
    let mut with_allow = strict.clone();
    with_allow["rules"] =
        json!([{ "name": "calls", "when": { "kinds": "call" }, "then": { "allow": true } }]);
    assert!(runs(&with_allow, "call p()"));
}

#[test]
fn conditions_beside_the_sql() {
    for (when, holds) in [
        (json!({ "targets": "default" }), true),
        (json!({ "targets": "analytics" }), false),
        (json!({ "executionArns": "*:execution:nightly:*" }), true),
        (json!({ "executionArns": "*:execution:daily:*" }), false),
        (
            json!({ "time": { "zone": "UTC", "from": "11:00", "to": "13:00", "days": "mon" } }),
            true,
        ),
        (
            json!({ "time": { "zone": "UTC", "from": "11:00", "to": "13:00", "days": ["tue"] } }),
            false,
        ),
        (
            json!({ "time": { "zone": "Asia/Tokyo", "from": "21:00", "to": "22:00" } }),
            true,
        ),
        (
            json!({ "time": { "zone": "UTC", "from": "11:00", "to": "13:00", "outside": true } }),
            false,
        ),
        (json!({ "longerThan": 7 }), true),
        (json!({ "longerThan": 8 }), false),
        (json!({ "unparsed": false }), true),
        (json!({ "unparsed": true }), false),
        (json!({ "unqualified": true }), false),
        (json!({ "kinds": ["insert", "sel*"] }), true),
        (json!({ "targets": "default", "kinds": "insert" }), false),
    ] {
        let settings = deny(&when);
        assert_eq!(!runs(&settings, "select 1"), holds, "{when}");
    }
}
