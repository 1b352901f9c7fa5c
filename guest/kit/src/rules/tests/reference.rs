//! Rules against a naive evaluation of them.

use super::*;
use proptest::prelude::*;

/// What a caller asks for, of which a condition holds or does not.
#[derive(Debug, Clone)]
struct Asked {
    text: &'static str,
    kind: &'static str,
    schema: &'static str,
    all_rows: bool,
    machine: &'static str,
    label: &'static str,
    hour: u64,
}

fn asked() -> impl Strategy<Value = Asked> {
    let text = prop::sample::select(vec![
        ("select a from x.t limit 5", "select", "x", false),
        ("delete from x.t", "delete", "x", true),
        ("delete from y.t where id = 5", "delete", "y", false),
        ("update y.t set a = 1 where true", "update", "y", true),
    ]);
    let one = |values: &'static [&'static str]| prop::sample::select(values);
    (text, one(&["m", "n"]), one(&["p", "q"]), 0_u64..24).prop_map(
        |((text, kind, schema, all_rows), machine, label, hour)| Asked {
            text,
            kind,
            schema,
            all_rows,
            machine,
            label,
            hour,
        },
    )
}

/// A condition in JSON.
fn condition() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["select", "delete", "*te", "drop-*"])
            .prop_map(|kind| json!({ "kinds": kind })),
        prop::sample::select(vec!["x.*", "*.t", "@both", "z.*"])
            .prop_map(|table| json!({ "tables": table })),
        any::<bool>().prop_map(|wanted| json!({ "withoutWhere": wanted })),
        prop::sample::select(vec!["m", "*", "o"]).prop_map(|name| json!({ "stateMachines": name })),
        prop::sample::select(vec!["p", "q", "?"])
            .prop_map(|value| json!({ "labels": { "l": value } })),
        (0_u8..23).prop_map(|hour| json!({ "time": [
            { "zone": "UTC", "from": format!("{hour:02}:00"), "to": format!("{:02}:00", hour + 1) },
            { "zone": "UTC", "daysOfMonth": 1 }
        ] })),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
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

/// Whether a condition holds, read from its JSON by its definition.
fn naive(when: &Value, asked: &Asked) -> bool {
    when.as_object()
        .unwrap()
        .iter()
        .all(|(key, value)| match key.as_str() {
            "kinds" => match value.as_str().unwrap() {
                "*te" => asked.kind.ends_with("te"),
                kind => kind == asked.kind,
            },
            "tables" => match value.as_str().unwrap() {
                "x.*" => asked.schema == "x",
                "z.*" => false,
                _ => true,
            },
            "withoutWhere" => value.as_bool().unwrap() == asked.all_rows,
            "stateMachines" => matches!(value.as_str().unwrap(), "*") || value == asked.machine,
            "labels" => value["l"] == "?" || value["l"] == asked.label,
            "time" => value[0]["from"] == format!("{:02}:00", asked.hour),
            "not" => !naive(value, asked),
            "any" => value
                .as_array()
                .unwrap()
                .iter()
                .any(|one| naive(one, asked)),
            _ => panic!("{key}"),
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn rules_are_what_their_conditions_say(
        conditions in prop::collection::vec((condition(), any::<bool>()), 1..5), asked in asked()
    ) {
        let list: Vec<Value> = conditions
            .iter()
            .enumerate()
            .map(|(number, (when, allows))| {
                let then = if *allows { json!({ "allow": true }) } else { json!({ "deny": "No." }) };
                json!({ "name": number.to_string(), "when": when, "then": then })
            })
            .collect();
        let mut settings = rules(&json!(list));
        settings["sets"] = json!({ "both": ["x.*", "@more"], "more": "y.*" });
        // What contradicts itself is refused before it decides anything.
        prop_assume!(settings::read(&settings.to_string()).is_ok());
        let arn = format!("arn:aws:states:eu-west-1:1:execution:{}:1", asked.machine);
        let payload = json!({ "sqlStatement": asked.text, "labels": { "l": asked.label } });
        // 2026-11-23, not the first of a month.
        let host = FakeHost::at(1_795_392_000_000 + asked.hour * 3_600_000);
        let runs = decide_for(&settings, &payload, Some(&arn), &host).is_ok();
        let first = conditions.iter().find(|(when, _)| naive(when, &asked));
        prop_assert_eq!(runs, first.is_none_or(|(_, allows)| *allows), "{}", settings);
    }
}
