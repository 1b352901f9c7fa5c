//! Faults of what rules look for.

use super::*;

fn rule(when: Value) -> Value {
    json!({
        "rules": [{ "name": "x", "when": when, "then": { "deny": "x" } }],
        "unparsed": "deny", "unqualified": "allow", "unknownTables": "deny"
    })
}

fn with(mut settings: Value, key: &str, value: Value) -> Value {
    settings[key] = value;
    settings
}

fn window(more: Value) -> Value {
    let mut window = more;
    window["zone"] = json!("UTC");
    rule(json!({ "time": window }))
}

fn all_lines(all: Vec<Value>) -> String {
    let mut text = String::new();
    for settings in all {
        let found = faults(&settings);
        assert!(!found.is_empty(), "{settings}");
        text.push_str(&format!("{}\n", lines(&found)));
    }
    text
}

#[test]
fn structure_is_checked() {
    let text = all_lines(vec![
        rule(json!({ "withoutwhere": true, "selectstar": true, "crossJoins": true, "limit": 1 })),
        rule(
            json!({ "withoutWhere": "yes", "selectStar": 1, "withoutLimit": null, "crossJoin": [] }),
        ),
        rule(
            json!({ "locations": ["lake/secret", ""], "iamRoles": [], "options": ["allowoverwrit", "parallel-of", "frobnicate", "on"] }),
        ),
        rule(json!({ "creates": "a.b.c.d", "drops": 1, "grants": [2] })),
        json!({ "rules": [{ "name": "rows", "when": { "not": { "withoutWhere": true } }, "then": { "deny": "x" } }] }),
        json!({ "rules": [{ "name": "makes", "when": { "any": [{ "creates": "s.*" }] }, "then": { "deny": "x" } }] }),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn calendars_are_checked() {
    let text = all_lines(vec![
        rule(json!({ "time": [] })),
        rule(
            json!({ "time": [{ "zone": "UTC" }, 5, { "zone": "UTC", "from": "10:00", "daysOfMonth": 1 }] }),
        ),
        window(
            json!({ "dayOfMonth": 1, "weekday": "mon", "businessDay": 1, "date": "2026-01-01" }),
        ),
        window(json!({ "daysOfMonth": [0, 32, -32, 1.5, "1", true] })),
        window(json!({ "daysOfMonth": [] })),
        window(json!({ "weekdays": "mon", "days": "tue" })),
        window(json!({ "weekdays": ["Mon"] })),
        window(
            json!({ "dates": ["2026-02-30", "26-01-01", "2026-1-1", "2026-01-01T00:00:00", 5, ""] }),
        ),
        window(
            json!({ "dates": [{ "from": "2026-01-02", "to": "2026-01-01" }, { "from": "2026-01-01" }, { "until": "x" }] }),
        ),
        window(json!({ "daysOfMonth": 31, "dates": { "from": "2027-02-01", "to": "2027-02-28" } })),
        window(json!({ "daysOfMonth": [29, 30, 31], "dates": "2027-02-28" })),
        window(json!({ "weekdays": "sun", "dates": "2026-11-23" })),
        window(json!({ "businessDays": -1 })),
        with(
            window(json!({ "businessDays": -1, "weekdays": ["sat", "sun"] })),
            "holidays",
            json!([]),
        ),
        with(
            window(json!({ "businessDays": 1, "daysOfMonth": -1 })),
            "holidays",
            json!([]),
        ),
        with(
            window(json!({ "businessDays": true, "dates": "2026-12-25" })),
            "holidays",
            json!("2026-12-25"),
        ),
        with(
            window(json!({ "businessDays": [0, 24, "x"] })),
            "holidays",
            json!([]),
        ),
        with(
            window(json!({ "businessDays": false })),
            "holidays",
            json!([]),
        ),
        json!({ "holidays": ["2026-12-32", 5], "holiday": [] }),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn not_any_and_sets_are_checked() {
    let mut deep = json!({ "targets": "x" });
    for _ in 0..9 {
        deep = json!({ "not": deep });
    }
    let text = all_lines(vec![
        rule(json!({ "not": {} })),
        rule(json!({ "not": [] })),
        rule(json!({ "not": { "kind": "copy" } })),
        rule(json!({ "kinds": "copy", "targets": "t", "not": { "kinds": "copy" } })),
        rule(json!({ "any": [] })),
        rule(json!({ "any": [{}, { "kindz": "copy" }, 5] })),
        rule(json!({ "any": { "kinds": "copy" } })),
        rule(deep),
        rule(json!({ "tables": "@finance" })),
        with(
            rule(json!({ "tables": ["@finence", "@"] })),
            "sets",
            json!({ "finance": "finance.*" }),
        ),
        with(
            rule(json!({ "tables": "@a" })),
            "sets",
            json!({ "a": ["a.*", "@b"], "b": "@c", "c": ["@a", "@d"] }),
        ),
        with(
            rule(json!({ "tables": "@a" })),
            "sets",
            json!({ "a": ["a.b.c.d"] }),
        ),
        with(
            rule(json!({ "kinds": "@a" })),
            "sets",
            json!({ "a": ["updat"] }),
        ),
        json!({ "sets": { "a b": [], "c": [1], "": "x" } }),
        json!({ "sets": ["a"] }),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn callers_and_what_is_done_are_checked() {
    let then = |then: Value| json!({ "rules": [{ "name": "x", "then": then }] });
    let text = all_lines(vec![
        rule(json!({ "stateMachine": "x", "label": {} })),
        rule(json!({ "stateMachines": [], "labels": {} })),
        rule(json!({ "labels": ["team"] })),
        rule(json!({ "labels": { "": "x", "team": [], "stage": 5 } })),
        then(json!({ "warn": "" })),
        then(json!({ "warn": true })),
        then(json!({ "warm": "x", "deny": "x", "helps": "x" })),
        then(json!({ "help": "https://example.com" })),
        then(json!({ "deny": "x", "help": "example.com" })),
        then(json!({ "deny": "x", "help": "javascript:alert(1)" })),
        then(json!({ "deny": "x", "help": "https://example.com/a b" })),
    ]);
    insta::assert_snapshot!(text);
}

#[test]
fn what_is_odd_in_conditions_is_warned_of() {
    let settings = json!({
        "rules": [
            { "name": "a", "when": { "unparsed": true, "selectStar": true }, "then": { "deny": "x", "warn": "y" } },
            { "name": "b", "when": { "targets": "@used", "stateMachines": "@@odd" }, "then": { "warn": "y" } }
        ],
        "sets": { "used": ["a", "@inner"], "inner": "b", "unused": "c" },
        "unparsed": "allow", "unknownTables": "allow"
    });
    insta::assert_snapshot!(lines(&read(&settings.to_string()).unwrap().1), @r"
    /rules/0/then: This rule denies, so that what else it says has no effect. Remove the rest.
    /rules/0/when: This never holds: SQL that does not parse has neither a kind nor tables. Make two rules of it.
    /sets/unused: No rule uses this set. Remove it, or refer to it in a list of a rule, as `@name`.
    ");
}

#[test]
fn a_set_stands_for_what_is_in_it() {
    let settings = with(
        with(
            rule(
                json!({ "tables": ["@books", "x.*"], "targets": "@@name", "functions": "@books" }),
            ),
            "sets",
            json!({ "books": ["b.*", "@more", "a.*"], "more": ["c.*", "@books2"], "books2": "a.*" }),
        ),
        "knownFunctions",
        json!("@more"),
    );
    let (settings, _) = read(&settings.to_string()).unwrap();
    let when = &settings.rules[0].when;
    let patterns = ["a.*", "b.*", "c.*", "x.*"].map(|text| TablePattern::new(text).unwrap());
    assert_eq!(when.tables, patterns);
    assert_eq!(when.targets, [Glob::new("@name")]);
    assert_eq!(when.functions.len(), 3);
    assert_eq!(settings.known_functions.len(), 2);
}

#[test]
fn sets_of_sets_take_no_time() {
    // Each has the next one many times: as a list it would be without end.
    let mut sets = serde_json::Map::new();
    for number in 0..90 {
        let next = format!("@s{}", number + 1);
        sets.insert(
            format!("s{number}"),
            json!([next, next, next, format!("t{number}.*")]),
        );
    }
    sets.insert("s90".to_owned(), json!("z.*"));
    let settings = with(
        rule(json!({ "tables": "@s0" })),
        "sets",
        Value::Object(sets),
    );
    let (settings, _) = read(&settings.to_string()).unwrap();
    assert_eq!(settings.rules[0].when.tables.len(), 91);
}
