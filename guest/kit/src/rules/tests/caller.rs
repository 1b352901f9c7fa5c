use super::*;
use crate::testing::Call;

const EXECUTION: &str = "arn:aws:states:eu-west-1:1:execution";

fn request(text: &str, more: &Value) -> Value {
    let mut payload = json!({ "sqlStatement": text });
    for (name, value) in more.as_object().unwrap() {
        payload[name] = value.clone();
    }
    payload
}

/// Whether a rule with this `when` holds for a caller.
fn holds_for(when: &Value, execution_arn: Option<&str>, labels: &Value) -> bool {
    let settings = deny(when);
    let payload = request("select 1", &json!({ "labels": labels }));
    decide_for(&settings, &payload, execution_arn, &FakeHost::default()).is_err()
}

#[test]
fn the_state_machine_is_the_one_of_the_execution() {
    let when = json!({ "stateMachines": "monthly-*" });
    for (arn, holds) in [
        (
            Some("arn:aws:states:eu-west-1:1:execution:monthly-close:run-1"),
            true,
        ),
        (
            Some("arn:aws-cn:states:cn-north-1:1:execution:monthly-close:run-1"),
            true,
        ),
        (
            Some("arn:aws:states:eu-west-1:1:express:monthly-close:run-1:id"),
            true,
        ),
        (
            Some("arn:aws:states:eu-west-1:1:execution:monthly-close/Each:run-1"),
            true,
        ),
        (
            Some("arn:aws:states:eu-west-1:1:execution:nightly:monthly-close"),
            false,
        ),
        (
            Some("arn:aws:states:eu-west-1:1:execution:nightly/monthly-x:1"),
            false,
        ),
        (
            Some("arn:aws:states:eu-west-1:monthly-close:execution:nightly:1"),
            false,
        ),
        (
            Some("arn:aws:states:eu-west-1:1:execution:nightly:1:monthly-close"),
            false,
        ),
        (
            Some("arn:aws:lambda:eu-west-1:1:execution:monthly-close:1"),
            false,
        ),
        (Some("monthly-close"), false),
        (None, false),
    ] {
        assert_eq!(holds_for(&when, arn, &json!({})), holds, "{arn:?}");
        let not = json!({ "not": when });
        assert_eq!(holds_for(&not, arn, &json!({})), !holds, "{arn:?}");
    }
}

#[test]
fn labels_are_the_payloads_own() {
    let when = json!({ "labels": { "team": ["fin*", "tax"], "stage": "prod" } });
    for (labels, holds) in [
        (json!({ "team": "finance", "stage": "prod" }), true),
        (
            json!({ "team": "Tax", "stage": "PROD", "other": "x" }),
            true,
        ),
        (json!({ "team": "sales", "stage": "prod" }), false),
        (json!({ "team": "finance" }), false),
        (json!({}), false),
        (Value::Null, false),
    ] {
        assert_eq!(
            holds_for(&when, Some(EXECUTION), &labels),
            holds,
            "{labels}"
        );
    }
}

#[test]
fn a_rule_that_warns_lets_it_run_and_says_so_once() {
    let settings = rules(&json!([
        { "name": "stars", "when": { "selectStar": true }, "then": { "warn": "Name the columns." } },
        { "name": "all", "then": { "warn": "Hello.", "allow": true } }
    ]));
    let host = FakeHost::default();
    let batch = json!({ "sqlStatements": ["select 1", "select * from s.t", "select * from s.u"] });
    decide_for(&settings, &batch, None, &host).unwrap();
    let lines = [
        "Rule `all` warns: Hello. rule=all statement=1 of 3",
        "Rule `stars` warns: Name the columns. rule=stars statement=2 of 3",
    ];
    assert_eq!(host.calls(), lines.map(|line| Call::Log(line.to_owned())));
    // What is refused does not run, so that nothing is warned of.
    let denied = rules(&json!([
        { "name": "a", "then": { "warn": "Hello." } }, { "name": "b", "then": { "deny": "No." } }
    ]));
    let host = FakeHost::default();
    decide_for(&denied, &sql("select 1"), None, &host).unwrap_err();
    assert_eq!(host.calls(), []);
}

#[test]
fn a_refusal_has_its_link() {
    let settings = rules(&json!([
        { "name": "x", "then": { "deny": "Not now.", "help": "https://wiki.example.com/x" } }
    ]));
    assert_eq!(
        decide(&settings, &sql("select 1")).unwrap_err(),
        "Rule `x` denies this: Not now. See https://wiki.example.com/x"
    );
}
