use super::*;
use crate::settings::{lint, lint_tables};
use crate::sql::TableName;
use crate::testing::{FakeHost, evaluate_on};
use proptest::prelude::*;

fn linted(rules: &Value) -> Vec<String> {
    let settings = json!({ "rules": rules, "unparsed": "allow", "unqualified": "allow", "unknownTables": "allow" });
    let (settings, _) = read(&settings.to_string()).unwrap();
    let findings = lint(&settings);
    findings
        .into_iter()
        .map(|finding| format!("{}: {}", finding.path, finding.message))
        .collect()
}

#[test]
fn rules_that_stand_in_the_way_of_others_are_found() {
    insta::assert_snapshot!(linted(&json!([
        { "name": "no finance", "when": { "tables": ["finance.*", "ledger.*"], "access": "write" }, "then": { "deny": "No." } },
        { "name": "close may", "when": { "tables": "finance.entries", "access": "write", "stateMachines": "close" }, "then": { "allow": true } },
        { "name": "reports", "when": { "stateMachines": "monthly-*" }, "then": { "target": "adhoc", "deadlineSeconds": 60 } },
        { "name": "one report", "when": { "stateMachines": "monthly-sales", "kinds": "select" }, "then": { "target": "big", "deadlineSeconds": 600 } },
        { "name": "selects", "when": { "kinds": "select", "stateMachines": "*-sales" }, "then": { "target": "small" } },
        { "name": "all reads", "when": { "tables": "finance.*" }, "then": { "allow": true } },
        { "name": "some reads", "when": { "tables": "finance.a" }, "then": { "allow": true } },
        { "name": "and this", "when": { "tables": "finance.b" }, "then": { "deny": "No." } },
        { "name": "elsewhere", "when": { "tables": "other.*" }, "then": { "deny": "No." } },
        { "name": "rest", "then": { "deny": "No." } },
        { "name": "too late", "when": { "kinds": "select" }, "then": { "warn": "Oh." } }
    ])).join("\n"));
}

#[test]
fn patterns_that_match_nothing_of_a_catalogue_are_found() {
    let settings = json!({ "rules": [
        { "name": "a", "when": { "tables": ["finance.*", "finanse.*"], "not": { "tables": "public.t" }, "any": [{ "drops": "dev.x.y" }, { "creates": "new.*" }] }, "then": { "deny": "No." } }
    ], "unparsed": "allow", "unqualified": "allow", "unknownTables": "allow" });
    let (settings, _) = read(&settings.to_string()).unwrap();
    let table = |name: &str| {
        TableName::from_parts(&name.split('.').map(str::to_owned).collect::<Vec<_>>()).unwrap()
    };
    let found = lint_tables(&settings, &[table("finance.entries"), table("public.u")]);
    let found: Vec<&str> = found.iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!(
        found,
        [
            "/rules/0/when/tables",
            "/rules/0/when/any/0/drops",
            "/rules/0/when/not/tables"
        ]
    );
}

fn when() -> impl Strategy<Value = Value> {
    let pick = |values: &'static [&'static str]| prop::option::of(prop::sample::select(values));
    let parts = (
        pick(&["select", "*", "drop-*", "insert"]),
        pick(&["x.*", "x.t", "*.t", "y.*"]),
        pick(&["m", "m*", "*"]),
        pick(&["read", "write"]),
        pick(&["p", "?", "q*"]),
        prop::option::of(any::<bool>()),
    );
    (parts, any::<bool>()).prop_map(
        |((kinds, tables, machines, access, label, unqualified), negates)| {
            let mut when = serde_json::Map::new();
            let mut set = |key: &str, value: Option<Value>| {
                if let Some(value) = value {
                    when.insert(key.to_owned(), value);
                }
            };
            set("kinds", kinds.map(Value::from));
            set("tables", tables.map(Value::from));
            set("stateMachines", machines.map(Value::from));
            set("access", access.map(Value::from));
            set("labels", label.map(|label| json!({ "l": label })));
            set("unqualified", unqualified.map(Value::from));
            if negates && !when.is_empty() {
                when = serde_json::Map::from_iter([("not".to_owned(), Value::Object(when))]);
            }
            Value::Object(when)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// A rule that never counts may be taken out, and nothing changes.
    #[test]
    fn what_never_counts_changes_nothing(
        list in prop::collection::vec((when(), 0..4_u8), 2..5),
        text in prop::sample::select(vec!["select a from x.t", "insert into x.t select b from y.u", "drop table y.t", "select a from t", "call p()", "frob", "drop schema x cascade"]),
        machine in prop::sample::select(vec!["m", "mn", "o"]),
        label in prop::sample::select(vec!["p", "qq"]),
    ) {
        let rule = |(number, (when, then)): (usize, &(Value, u8))| {
            let then = match then {
                0 => json!({ "deny": "No." }),
                1 => json!({ "allow": true }),
                2 => json!({ "target": format!("t{number}") }),
                _ => json!({ "deadlineSeconds": number + 1 }),
            };
            json!({ "name": format!("r{number}"), "when": when, "then": then })
        };
        let rules: Vec<Value> = list.iter().enumerate().map(rule).collect();
        let settings = |rules: &[Value]| json!({ "rules": rules, "unparsed": "allow", "unqualified": "allow", "unknownTables": "allow" });
        let read = read(&settings(&rules).to_string());
        prop_assume!(read.is_ok());
        let findings = lint(&read.unwrap().0);
        let outcome = |rules: &[Value]| {
            let host = FakeHost::default();
            let payload = json!({ "sqlStatement": text, "labels": { "l": label }, "executionArn": format!("arn:aws:states:r:1:execution:{machine}:1") });
            let reply = evaluate_on(&host, &payload.to_string(), &settings(rules).to_string());
            (reply, host.calls())
        };
        let whole = outcome(&rules);
        for (number, rule) in rules.iter().enumerate() {
            let marks = |finding: &&Finding| finding.path == format!("/rules/{number}") && finding.message.contains("never counts");
            if findings.iter().any(|finding| marks(&finding)) {
                let mut others = rules.clone();
                others.remove(number);
                prop_assert_eq!(&outcome(&others), &whole, "{} is said never to count in {}", rule, json!(rules));
            }
        }
    }
}
