use super::*;
mod calendar;
mod conditions;
mod lint;
mod malformed;

use crate::contract::Finding;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn full() -> Value {
    json!({
        "rules": [{
            "name": "everything",
            "when": {
                "kinds": ["drop-*", "truncate"], "tables": ["s.t", "*.u"], "schemas": "s", "functions": ["f_*", "s.g"], "access": "write",
                "targets": "default", "executionArns": "*", "longerThan": 10, "unparsed": false,
                "unqualified": false,
                "time": { "zone": "Europe/Berlin", "from": "22:00", "to": "06:00", "days": ["sat", "sun"], "outside": true }
            },
            "then": {
                "target": "t", "singleton": { "key": "k" }, "deadlineSeconds": 1,
                "session": { "keepAliveSeconds": 0 }, "requireParameters": true
            }
        }, {
            "name": "deny", "when": { "kinds": ["call", "set"] }, "then": { "deny": "No." }
        }, {
            "name": "allow", "then": { "allow": true, "singleton": true, "session": "refuse" }
        }],
        "unparsed": "deny",
        "unqualified": { "schema": "public" },
        "unknownTables": "deny",
        "knownFunctions": ["f_*"],
        "callbacks": [{
            "name": "serialisation",
            "when": { "states": "FAILED", "codes": ["1023"], "texts": "*isolation*", "kinds": "insert", "targets": "*", "steps": "*" },
            "then": { "error": "SerialisationFailure", "cause": "Try again." }
        }, { "name": "aborted is fine", "when": { "states": ["ABORTED"] }, "then": { "succeed": true } }],
        "abortedError": "ABORTED",
        "onStop": { "aborted": "cancel", "timedOut": "cancel", "failed": "leave", "taskClosed": "leave" }
    })
}

fn faults(settings: &Value) -> Vec<Finding> {
    read(&settings.to_string())
        .err()
        .map(|(faults, _)| faults)
        .unwrap_or_default()
}

fn lines(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(|finding| {
            let help = finding.help.as_deref().unwrap_or("");
            format!("{}: {} {help}\n", finding.path, finding.message)
        })
        .collect()
}

#[test]
fn settings_with_everything_are_read() {
    let (settings, warnings) = read(&full().to_string()).unwrap();
    assert_eq!(lines(&warnings), "");
    assert_eq!(settings.rules.len(), 3);
    assert_eq!(
        settings.unqualified,
        Some(Unqualified::Schema("public".into()))
    );
    assert_eq!(
        settings.rules[0].then.singleton,
        Some(Singleton::Key("k".into()))
    );
    assert_eq!(settings.callbacks[1].effect, CallbackEffect::Succeed);
    assert_eq!(settings.on_stop.failed, Some(OnStop::Leave));
    assert_eq!(read("{}").unwrap().0, Settings::default());
}

#[test]
fn faults_are_explained_each_at_its_place() {
    let mut text = String::new();
    for settings in [
        json!([]),
        json!({ "rule": [] }),
        json!({ "rules": {} }),
        json!({ "rules": [1, {}, { "name": "", "then": {} }, { "name": "x", "when": [], "then": { "deny": 1 } }] }),
        json!({ "rules": [{ "name": "x", "When": {}, "then": { "denny": "x" } }] }),
        json!({ "rules": [{ "name": "x", "when": { "kinds": ["drop_table", "unparsed", "frobnicate"] }, "then": { "deny": "x" } }], "unparsed": "deny", "unqualified": "allow" }),
        json!({ "rules": [{ "name": "x", "when": { "tables": ["a.b.c.d", "a..b", ""], "schemas": [] }, "then": { "deny": "x" } }], "unparsed": "deny", "unqualified": "no", "unknownTables": "deny" }),
        json!({ "rules": [{ "name": "drops", "when": { "kinds": "drop-*" }, "then": { "deny": "x" } }] }),
        json!({ "rules": [{ "name": "tables", "when": { "tables": "s.*" }, "then": { "deny": "x" } }], "unparsed": "deny", "unqualified": "deny" }),
        json!({ "rules": [{ "name": "calls", "when": { "functions": "f_*" }, "then": { "deny": "x" } }], "knownFunctions": 1 }),
        json!({ "rules": [{ "name": "qualified", "when": { "unqualified": false }, "then": { "allow": true } }] }),
        json!({ "rules": [{ "name": "x", "when": { "time": { "zone": "Europe/Berlim", "from": "25:00", "to": "6:00", "days": "monday" } }, "then": { "deny": "x" } }] }),
        json!({ "rules": [{ "name": "x", "when": { "time": { "from": "06:00", "to": "06:00" } }, "then": { "allow": false } }] }),
        json!({ "rules": [{ "name": "x", "then": { "deadlineSeconds": 0, "singleton": false, "session": "close" } }] }),
        json!({ "callbacks": [{ "name": "x", "then": { "error": "States.Timeout" } }, { "name": "y", "then": { "succeed": true, "error": "E" } }, { "name": "z" }] }),
        json!({ "callbacks": [{ "name": "x", "when": { "state": "FAILED" }, "then": { "succeed": true } }, { "name": "y", "when": { "states": "failed" }, "then": { "succeed": true } }] }),
        json!({ "onStop": { "timedout": "cancel" }, "abortedError": "Lambda.Unknown", "unparsed": true }),
    ] {
        let found = faults(&settings);
        assert!(!found.is_empty(), "{settings}");
        text.push_str(&format!("{}\n", lines(&found)));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn odd_settings_are_warned_of() {
    let rules = json!({
        "rules": [
            { "name": "a", "then": { "allow": true, "deny": "x" } },
            { "name": "a", "when": { "unparsed": true, "kinds": "call" }, "then": { "deny": "x", "target": "t" } }
        ],
        "unparsed": "allow", "unqualified": "allow",
        "callbacks": [
            { "name": "c", "when": { "states": ["FAILED", "ABORTED"] }, "then": { "error": "E" } },
            { "name": "d", "when": { "states": "FAILED", "codes": "1" }, "then": { "succeed": true } }
        ]
    });
    let allow_only = json!({ "rules": [{ "name": "a", "when": { "targets": "t" }, "then": { "allow": true } }] });
    let text: String = [rules, allow_only]
        .iter()
        .map(|settings| lines(&read(&settings.to_string()).unwrap().1))
        .collect();
    insta::assert_snapshot!(text);
}

#[test]
fn a_search_path_that_can_change_is_warned_of() {
    let warned = |rules: &Value, unknown_tables: &str| {
        let mut rules = rules.as_array().unwrap().clone();
        rules.push(
            json!({ "name": "y", "when": { "tables": "public.t" }, "then": { "deny": "No." } }),
        );
        let settings = json!({
            "rules": rules, "unparsed": "deny", "unqualified": { "schema": "public" },
            "unknownTables": unknown_tables
        });
        lines(&read(&settings.to_string()).unwrap().1).contains("search_path")
    };
    let rule = |when: Value, then: Value| json!([{ "name": "x", "when": when, "then": then }]);
    let deny = json!({ "deny": "No." });
    assert!(warned(&json!([]), "allow"));
    assert!(!warned(&json!([]), "deny"));
    assert!(!warned(
        &rule(json!({ "kinds": "set" }), deny.clone()),
        "allow"
    ));
    assert!(!warned(
        &rule(json!({ "kinds": ["s*"] }), deny.clone()),
        "allow"
    ));
    assert!(!warned(&rule(json!({}), deny.clone()), "allow"));
    // What denies something else, or only sometimes, is no help.
    assert!(warned(
        &rule(json!({ "kinds": "drop-*" }), deny.clone()),
        "allow"
    ));
    assert!(warned(
        &rule(json!({ "kinds": "set", "targets": "t" }), deny.clone()),
        "allow"
    ));
    assert!(warned(
        &rule(json!({ "kinds": "set" }), json!({ "allow": true })),
        "deny"
    ));
    assert!(!warned(
        &rule(json!({ "schemas": "s" }), json!({ "allow": true })),
        "deny"
    ));
    // Where no rule looks at tables their schema does not matter.
    let settings = json!({ "unqualified": { "schema": "public" } });
    assert!(read(&settings.to_string()).unwrap().1.is_empty());
}

/// The members that the schema names, by the names of the members that lead there.
fn schema_keys(schema: &Value, place: &str, found: &mut BTreeSet<(String, String)>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, inner) in properties {
            found.insert((place.to_owned(), name.clone()));
            schema_keys(inner, &format!("{place}/{name}"), found);
        }
    }
    for inner in schema
        .get("anyOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        schema_keys(inner, place, found);
    }
    if let Some(items) = schema.get("items") {
        schema_keys(items, place, found);
    }
}

#[test]
fn the_schema_has_the_keys_that_are_read() {
    let schema: Value = serde_json::from_str(crate::SETTINGS_SCHEMA).unwrap();
    let mut in_schema = BTreeSet::new();
    schema_keys(&schema, "", &mut in_schema);
    let read: BTreeSet<(String, String)> = [
        ("", keys::TOP),
        ("/rules", keys::RULE),
        ("/rules/when", keys::WHEN),
        ("/rules/when/time", keys::TIME),
        ("/rules/when/time/dates", keys::DATES),
        ("/holidays", keys::DATES),
        ("/rules/then", keys::THEN),
        ("/rules/then/singleton", keys::SINGLETON),
        ("/rules/then/session", keys::SESSION),
        ("/rules/then/expect", crate::expect::EXPECTATION),
        ("/rules/then/expect/rows", crate::expect::ROWS),
        ("/unqualified", keys::UNQUALIFIED),
        ("/callbacks", keys::RULE),
        ("/callbacks/when", keys::CALLBACK_WHEN),
        ("/rules/then/estimate", keys::ESTIMATE),
        ("/rules/then/estimate/otherwise", keys::ESTIMATE_OTHERWISE),
        ("/callbacks/then", keys::CALLBACK_THEN),
        ("/onStop", keys::ON_STOP),
    ]
    .iter()
    .flat_map(|(place, keys)| {
        keys.iter()
            .map(move |key| ((*place).to_owned(), (*key).to_owned()))
    })
    .collect();
    assert_eq!(in_schema, read);
    // Every kind is named where people look for it.
    let kinds =
        schema.pointer("/properties/rules/items/properties/when/properties/kinds/description");
    let kinds = kinds.and_then(Value::as_str).unwrap();
    for kind in Kind::ALL {
        assert!(
            kinds.contains(&format!(" {},", kind.name()))
                || kinds.contains(&format!(" {}.", kind.name())),
            "{kind:?}"
        );
        assert_eq!(Kind::by_name(kind.name()), Some(*kind));
    }
}

use crate::sql::Kind;

#[test]
fn what_the_schema_refers_to_is_there() {
    fn check(root: &Value, inner: &Value, count: &mut usize) {
        match inner {
            Value::Object(object) => {
                if let Some(Value::String(pointer)) = object.get("$ref") {
                    let pointer = pointer.strip_prefix('#').unwrap();
                    assert!(
                        root.pointer(pointer).is_some_and(Value::is_object),
                        "{pointer}"
                    );
                    *count += 1;
                }
                object.values().for_each(|inner| check(root, inner, count));
            }
            Value::Array(list) => list.iter().for_each(|inner| check(root, inner, count)),
            _ => {}
        }
    }
    let schema: Value = serde_json::from_str(crate::SETTINGS_SCHEMA).unwrap();
    let mut count = 0;
    check(&schema, &schema, &mut count);
    assert_eq!(count, 4);
}

#[test]
fn callback_rules_take_the_first_that_holds() {
    let (settings, _) = read(&full().to_string()).unwrap();
    let subject = CallbackSubject {
        state: "FAILED",
        error: Some("ERROR: 1023 DETAIL: Serializable isolation violation on table"),
        kinds: &[Kind::Insert],
        target: "default",
        step: Some("load"),
        transient: false,
    };
    let effect = settings.callback(&subject);
    assert!(
        matches!(effect, Some(CallbackEffect::Fail { error, .. }) if error == "SerialisationFailure")
    );
    for other in [
        CallbackSubject {
            error: Some("ERROR: syntax error"),
            ..subject
        },
        CallbackSubject {
            kinds: &[Kind::Copy],
            ..subject
        },
        CallbackSubject {
            step: None,
            ..subject
        },
        CallbackSubject {
            state: "FINISHED",
            ..subject
        },
    ] {
        assert_eq!(settings.callback(&other), None, "{other:?}");
    }
    let aborted = CallbackSubject {
        state: "ABORTED",
        error: None,
        ..subject
    };
    assert_eq!(settings.callback(&aborted), Some(&CallbackEffect::Succeed));
}

proptest::proptest! {
    #[test]
    fn no_settings_break_the_reader(text in "[\\[\\]{}:,\"a-z0-9 ]{0,60}") {
        let _ = read(&text);
    }
}

#[test]
fn the_newer_keys_are_checked_too() {
    let rule = |when: Value, then: Value| json!({ "rules": [{ "name": "x", "when": when, "then": then }], "unparsed": "deny", "unqualified": "deny", "unknownTables": "deny" });
    let then = |then: Value| rule(json!({}), then);
    let list = [
        json!({ "transientErorr": "T" }),
        json!({ "transientError": true }),
        json!({ "transientError": "" }),
        json!({ "transientError": "States.Timeout" }),
        json!({ "stamps": true }),
        json!({ "stamp": "yes" }),
        json!({ "stamp": { "x y": "z" } }),
        json!({ "explain": "yes" }),
        json!({ "callbacks": [{ "name": "x", "when": { "transients": true }, "then": { "error": "E" } }] }),
        json!({ "callbacks": [{ "name": "x", "when": { "transient": "yes" }, "then": { "error": "E" } }] }),
        rule(
            json!({ "functionsWithEffect": true }),
            json!({ "deny": "No." }),
        ),
        rule(
            json!({ "functionsWithEffects": "pg_*" }),
            json!({ "deny": "No." }),
        ),
        then(json!({ "expects": [] })),
        then(json!({ "expect": [] })),
        then(json!({ "expect": { "name": "x", "noRows": "delete from t" } })),
        then(json!({ "expect": { "name": "x", "noRows": "select 1 where a = :day" } })),
        then(json!({ "maxResultRow": 1 })),
        then(json!({ "maxResultRows": -1 })),
        then(json!({ "maxResultBytes": 0 })),
        then(json!({ "maxResultRows": 1, "largeResult": "cut" })),
        then(json!({ "largeResult": "truncate" })),
        then(json!({ "deny": "No.", "maxResultRows": 1 })),
    ];
    let shown: Vec<String> = list
        .iter()
        .map(|settings| {
            let (findings, word) = match read(&settings.to_string()) {
                Ok((_, warnings)) => (warnings, "odd"),
                Err((faults, _)) => (faults, "wrong"),
            };
            assert!(!findings.is_empty(), "{settings}");
            let lines = findings.iter().map(|finding| {
                assert!(finding.help.is_some());
                format!(
                    "{word} {}: {} {}\n",
                    finding.path,
                    finding.message,
                    finding.help.as_deref().unwrap()
                )
            });
            lines.collect()
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}
