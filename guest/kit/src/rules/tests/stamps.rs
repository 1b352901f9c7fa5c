//! Stamps of SQL.

use super::*;

const ARN: &str = "arn:aws:states:eu-west-1:1:execution:nightly:run 1";

fn stamped(settings: &Value, payload: &Value) -> Vec<String> {
    decide_for(settings, payload, Some(ARN), &FakeHost::with_task())
        .unwrap()
        .sqls
}

#[test]
fn sql_says_who_runs_it() {
    let payload = json!({ "sqlStatement": "select 'a", "step": "load" });
    let stamp = "/*application='signalbox',execution='arn%3Aaws%3Astates%3Aeu-west-1%3A1%3Aexecution%3Anightly%3Arun%201',state_machine='nightly',step='load'*/ ";
    assert_eq!(
        stamped(&json!({ "stamp": true }), &payload),
        [format!("{stamp}select 'a")]
    );
    assert_eq!(stamped(&json!({}), &payload), ["select 'a"]);
    let own = json!({ "stamp": { "policy": "finance's" } });
    let sqls = stamped(
        &own,
        &json!({ "sqlStatements": ["select 1", "select 2"], "expect": { "name": "x", "isTrue": "select true" } }),
    );
    assert_eq!(sqls.len(), 3);
    assert!(
        sqls.iter()
            .all(|sql| sql.starts_with("/*application='signalbox',")
                && sql.contains("policy='finance%27s'")),
        "{sqls:?}"
    );
    let alone = decide_for(
        &json!({ "stamp": true }),
        &sql("select 1"),
        None,
        &FakeHost::default(),
    )
    .unwrap();
    assert_eq!(alone.sqls, ["/*application='signalbox'*/ select 1"]);
}

#[test]
fn sql_for_which_there_is_no_room_runs_without_a_stamp() {
    let host = FakeHost::default();
    let long = format!("select '{}'", "x".repeat(102_300));
    let decision = decide_for(&json!({ "stamp": true }), &sql(&long), Some(ARN), &host).unwrap();
    assert_eq!(decision.sqls, [long]);
    assert!(matches!(host.calls().as_slice(), [Call::Log(line)] if line.contains("not stamped")));
}

#[test]
fn what_a_stamp_cannot_have_is_explained() {
    for (stamp, place) in [
        (json!(false), "/stamp"),
        (json!("yes"), "/stamp"),
        (json!({ "a b": "x" }), "/stamp/a b"),
        (json!({ "execution": "x" }), "/stamp/execution"),
        (json!({ "team": 1 }), "/stamp/team"),
        (json!({ "team": "" }), "/stamp/team"),
    ] {
        let (faults, _) = settings::read(&json!({ "stamp": stamp }).to_string()).unwrap_err();
        assert_eq!(faults[0].path, place);
    }
}
