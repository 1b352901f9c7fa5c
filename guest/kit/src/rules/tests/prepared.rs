//! Prepared settings against the same settings as they were written: `decide_for` compares both.

use super::*;
use proptest::prelude::*;

const STATEMENTS: &[&str] = &[
    "select a from x.t",
    "select a from X.T join dev.y.t on x.t.id = dev.y.t.id",
    "select a from \"X\".\"T\"",
    "select a from t",
    "select a from dev.x.t.items",
    "select x.f(a), lower(b) from y.u",
    "select dev.x.g()",
    "insert into y.t select a from x.u",
    "delete from y.u",
    "drop schema x cascade",
    "drop table x.t, y.t",
    "grant select on all tables in schema y to public",
    "create schema z",
    "call x.f(1)",
    "call load()",
    "set search_path to x",
    "this is no sql",
    "select a from x.t; drop table y.t",
    "prepare p as select a from x.t",
    "execute p",
    "copy x.t from 's3://b/k' iam_role default",
    "select 'y' from \u{212a}.\u{e4}",
];

fn one(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::collection::vec(prop::sample::select(values), 1..3).prop_map(|values| json!(values))
}

fn condition() -> impl Strategy<Value = Value> {
    const TABLES: &[&str] = &[
        "x.*", "*.t", "t", "x.t", "?.t", "dev.x.t", "*.x.*", "X.*", "y.u*", "u", "z.*", "k.\u{c4}",
        "@named",
    ];
    const WORDS: &[&str] = &[
        "x", "X", "y*", "*", "?", "dev", "z", "p*", "*ly", "f", "x.f", "g", "load",
    ];
    const ARNS: &[&str] = &[
        "arn:aws:states:*:execution:nightly:1",
        "arn:*",
        "*nightly*",
        "no",
    ];
    let leaf = prop_oneof![
        one(TABLES).prop_map(|list| json!({ "tables": list })),
        (one(TABLES), prop::sample::select(vec!["read", "write"]))
            .prop_map(|(list, access)| json!({ "tables": list, "access": access })),
        one(WORDS).prop_map(|list| json!({ "schemas": list })),
        one(WORDS).prop_map(|list| json!({ "functions": list })),
        one(WORDS).prop_map(|list| json!({ "targets": list })),
        one(&["nightly", "night*", "day*", "*"]).prop_map(|list| json!({ "stateMachines": list })),
        one(ARNS).prop_map(|list| json!({ "executionArns": list })),
        one(WORDS).prop_map(|list| json!({ "labels": { "l": list } })),
        (one(WORDS), one(WORDS)).prop_map(|(l, m)| json!({ "labels": { "l": l, "m": m } })),
        one(&["select", "drop-*", "*e", "insert", "call", "set"])
            .prop_map(|list| json!({ "kinds": list })),
        one(TABLES).prop_map(|list| json!({ "drops": list })),
        one(TABLES).prop_map(|list| json!({ "grants": list })),
        any::<bool>().prop_map(|wanted| json!({ "unqualified": wanted })),
        any::<bool>().prop_map(|wanted| json!({ "unparsed": wanted })),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| json!({ "not": one })),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|all| json!({ "any": all })),
            (inner.clone(), inner).prop_map(|(one, other)| {
                let mut both = one.as_object().unwrap().clone();
                for (key, value) in other.as_object().unwrap() {
                    both.entry(key.clone()).or_insert(value.clone());
                }
                Value::Object(both)
            }),
        ]
    })
}

fn effect() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({ "deny": "No." })),
        Just(json!({ "allow": true })),
        Just(json!({ "warn": "Oh." })),
        (0..3).prop_map(|number| json!({ "target": format!("t{number}") })),
        (1..3).prop_map(|number| json!({ "deadlineSeconds": number })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn decisions_are_the_same(
        list in prop::collection::vec((condition(), effect()), 1..8),
        statements in prop::collection::vec(prop::sample::select(STATEMENTS), 1..3),
        target in prop::option::of(prop::sample::select(vec!["x", "dev", "Yy"])),
        label in prop::sample::select(vec!["x", "p", "lly", "dev.x"]),
        deny in any::<bool>(),
        schema in any::<bool>(),
    ) {
        let list: Vec<Value> = list
            .iter()
            .enumerate()
            .map(|(number, (when, then))| json!({ "name": number.to_string(), "when": when, "then": then }))
            .collect();
        let mut settings = rules(&json!(list));
        settings["sets"] = json!({ "named": ["x.*", "@more"], "more": "y.*" });
        settings["unknownTables"] = json!(if deny { "deny" } else { "allow" });
        if schema {
            settings["unqualified"] = json!({ "schema": "X" });
        }
        prop_assume!(settings::read(&settings.to_string()).is_ok());
        prop_assert!(settings::prepare(&settings.to_string()).is_some());
        let mut payload = json!({ "sqlStatements": statements, "labels": { "l": label, "m": "z" } });
        if let Some(target) = target {
            payload["target"] = json!(target);
        }
        let arn = "arn:aws:states:eu-west-1:1:execution:nightly:1";
        let _ = decide_for(&settings, &payload, Some(arn), &FakeHost::default());
    }
}

#[test]
fn what_refers_to_settings_beside_the_rules_is_found() {
    let mut settings = rules(&json!([
        { "name": "closed", "when": { "time": { "zone": "UTC", "businessDays": true } }, "then": { "deny": "No." } },
        { "name": "at", "when": { "tables": "@@at.*", "functions": "@@f" }, "then": { "warn": "Oh." } },
    ]));
    settings["knownFunctions"] = json!(["@own", "@@at", "F*"]);
    settings["sets"] = json!({ "own": ["one", "@@two"] });
    settings["holidays"] = json!(["2026-11-23"]);
    let prepared = settings::prepare(&settings.to_string()).unwrap();
    let prepared = settings::read_approved(prepared).unwrap();
    let (written, _) = settings::read(&settings.to_string()).unwrap();
    assert_eq!(prepared.known_functions, written.known_functions);
    assert_eq!(prepared.all_rules(), written.rules);
    assert_eq!(written.all_rules(), written.rules);
    // A Monday, and a holiday.
    assert!(runs(&settings, "select a from x.t"));
}

#[test]
fn settings_that_need_no_preparation_stay_as_they_are() {
    for text in [
        "{}",
        r#"{"abortedError": "A"}"#,
        r#"{"rules": []}"#,
        r#"{"rule": []}"#,
        "no JSON",
    ] {
        assert_eq!(settings::prepare(text), None, "{text}");
    }
    let damaged = settings::prepare(&deny(&json!({ "kinds": "select" })).to_string()).unwrap();
    let cut: String = damaged.chars().take(damaged.len() / 2).collect();
    for text in [
        cut.as_str(),
        "\u{1}rules1\n",
        "\u{1}",
        "\u{1}rules1\n\u{7f}\u{7f}\u{7f}\u{7f}",
    ] {
        let read = settings::read_approved(text.to_owned());
        let rules = read.ok().and_then(|settings| settings.prepared?.all());
        assert_eq!(rules, None, "{text:?}");
    }
}

#[test]
fn a_statement_looks_only_at_rules_that_may_hold() {
    let list: Vec<Value> = (0..1_000)
        .map(|n| match n % 5 {
            0 => json!({ "name": n.to_string(), "when": { "tables": [format!("team_{n}.*"), format!("mart.t_{n}_*")] }, "then": { "deny": "No." } }),
            1 => json!({ "name": n.to_string(), "when": { "stateMachines": format!("report-{n}-*"), "kinds": "select" }, "then": { "target": "a" } }),
            2 => json!({ "name": n.to_string(), "when": { "labels": { "team": format!("t-{n}") } }, "then": { "target": "a" } }),
            3 => json!({ "name": n.to_string(), "when": { "any": [{ "tables": format!("a_{n}.*") }, { "schemas": format!("b_{n}*") }] }, "then": { "deny": "No." } }),
            _ => json!({ "name": n.to_string(), "when": { "kinds": "select", "functions": format!("own.f_{n}") }, "then": { "deny": "No." } }),
        })
        .collect();
    let settings = settings::prepare(&rules(&json!(list)).to_string()).unwrap();
    let prepared = settings::read_approved(settings).unwrap().prepared.unwrap();
    let words = [
        (settings::Place::Table, "team_100", vec![100]),
        (settings::Place::Table, "T_105_x", vec![105]),
        (settings::Place::StateMachine, "report-6-daily", vec![6]),
        (settings::Place::Table, "b_8", vec![8]),
        (settings::Place::Table, "b_80", vec![8]),
        (settings::Place::Function, "own.f_4", vec![4]),
        (settings::Place::Function, "own.f_5", vec![]),
    ];
    for (place, word, expected) in words {
        let found = prepared
            .rules_for(&[settings::Lookup::new(place, word)])
            .unwrap();
        let found: Vec<usize> = found.into_iter().map(|(number, _)| number).collect();
        assert_eq!(found, expected, "{word}");
    }
}
