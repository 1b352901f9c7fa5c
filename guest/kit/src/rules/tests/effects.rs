//! What rules set for a request.

use super::*;

#[test]
fn without_rules_everything_runs_as_asked() {
    for text in ["drop table t", "frobnicate", "call p()"] {
        let decision = decide(&json!({}), &sql(text)).unwrap();
        assert_eq!(decision.sqls, [text]);
        assert_eq!(decision.options.exclusive, None);
        assert_eq!(decision.options.memo, "");
    }
    let singleton = json!({ "action": "executeSingletonStatement", "sqlStatement": "select 1" });
    let decision = decide(&json!({}), &singleton).unwrap();
    assert_eq!(decision.options.exclusive, Some(Exclusivity::Statement));
    let key = json!({ "sqlStatement": "select 1", "singletonKey": "k" });
    let decision = decide(&json!({}), &key).unwrap();
    assert_eq!(
        decision.options.exclusive,
        Some(Exclusivity::Key("k".into()))
    );
}

#[test]
fn effects_gather_and_the_first_setter_wins() {
    let settings = rules(&json!([
        { "name": "a", "then": { "target": "one", "deadlineSeconds": 600 } },
        { "name": "b", "then": { "target": "two", "singleton": { "key": "k" }, "session": { "keepAliveSeconds": 5 } } },
        { "name": "c", "then": { "singleton": true, "allow": true } },
        { "name": "d", "when": { "kinds": "select" }, "then": { "deny": "Never reached." } }
    ]));
    let payload = json!({ "sqlStatement": "select 1", "target": "mine", "deadlineSeconds": 60 });
    let options = decide(&settings, &payload).unwrap().options;
    assert_eq!(options.target.as_deref(), Some("one"));
    assert_eq!(options.deadline_seconds, Some(60), "the earlier deadline");
    assert_eq!(options.exclusive, Some(Exclusivity::Key("k".into())));
    assert_eq!(options.session_keep_alive_seconds, Some(5));
    let payload = json!({ "sqlStatement": "select 1", "deadlineSeconds": 3_600, "sessionKeepAliveSeconds": 9 });
    let options = decide(&settings, &payload).unwrap().options;
    assert_eq!(options.deadline_seconds, Some(600));
    assert_eq!(
        options.session_keep_alive_seconds,
        Some(9),
        "the payload says how long"
    );
}

#[test]
fn sessions_and_texts_can_be_refused() {
    let settings = rules(&json!([
        { "name": "p", "then": { "requireParameters": true, "session": "refuse" } }
    ]));
    assert!(runs(&settings, "select 1 from s.t where a > 5"));
    let message = decide(&settings, &sql("select 1 from s.t where a = 'x'")).unwrap_err();
    assert!(
        message.starts_with("Rule `p` wants values as parameters"),
        "{message}"
    );
    let session = json!({ "sqlStatement": "select 1", "sessionKeepAliveSeconds": 60 });
    assert_eq!(
        decide(&settings, &session).unwrap_err(),
        "Rule `p` refuses sessions."
    );
}

#[test]
fn kinds_are_noted_for_callback_rules() {
    let settings = json!({
        "callbacks": [{ "name": "x", "when": { "kinds": "copy" }, "then": { "error": "LoadFailed" } }]
    });
    let batch = json!({ "sqlStatements": ["truncate s.t", "copy s.t from 's3://x'", "copy s.t from 's3://y'"] });
    let memo = decide(&settings, &batch).unwrap().options.memo;
    assert_eq!(memo_kinds(&memo), [Kind::Copy, Kind::Truncate]);
}
