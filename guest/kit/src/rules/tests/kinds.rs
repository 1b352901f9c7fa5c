//! Kinds of statements, and the functions that they call.

use super::*;

#[test]
fn a_prepared_statement_is_of_two_kinds() {
    let settings = json!({
        "rules": [{ "name": "x", "when": { "kinds": "delete" }, "then": { "deny": "No." } }],
        "unparsed": "deny", "unqualified": "allow",
    });
    let prepare = "prepare p (int) as delete from s.t where a = $1";
    assert!(!runs(&settings, prepare));
    assert!(runs(&settings, "prepare p as select 1 from s.t"));
    // It deletes, or the settings let it pass: its text stands elsewhere.
    let message = decide(&settings, &sql("execute p (1)")).unwrap_err();
    assert_eq!(
        message,
        "The SQL was not understood (it runs a prepared statement, whose text is not here), and the settings deny \
         such SQL (`unparsed`)."
    );
    let lenient = rules(&settings["rules"]);
    assert!(!runs(&lenient, prepare));
    assert!(runs(&lenient, "execute p (1)"));
    assert!(runs(&lenient, "explain delete from s.t"), "nothing runs");

    let selects = deny(&json!({ "kinds": "select" }));
    assert!(!runs(&selects, "declare c cursor for select 1 from s.t"));
    let prepared = deny(&json!({ "kinds": "prepared" }));
    assert!(!runs(&prepared, prepare));
    assert!(!runs(&prepared, "execute p"));

    // A rule that allows must know both kinds.
    let allow = allow(&json!({ "kinds": ["prepared", "cursor", "select"] }));
    assert!(runs(&allow, "prepare p as select 1 from s.t"));
    assert!(runs(&allow, "declare c cursor for select 1 from s.t"));
    assert!(runs(&allow, "deallocate p"));
    assert!(!runs(&allow, prepare));
    assert!(!runs(&allow, "execute p"));
    assert!(!runs(&allow, "prepare q as execute p"));
    let unparsed = deny(&json!({ "unparsed": true }));
    assert!(!runs(&unparsed, "execute p"));
    assert!(!runs(&unparsed, "prepare p as frobnicate"));
    assert!(runs(&unparsed, prepare));
}

#[test]
fn a_function_with_effects_is_of_their_kind() {
    let settings = deny(&json!({ "kinds": ["set", "cancel"] }));
    assert!(!runs(
        &settings,
        "select set_config('search_path', 'secret', false)"
    ));
    assert!(!runs(&settings, "select pg_terminate_backend(1)"));
    assert!(runs(&settings, "select pg_backend_pid()"));
    let allow = allow(&json!({ "kinds": "select" }));
    assert!(!runs(
        &allow,
        "select set_config('search_path', 'secret', false)"
    ));
    assert!(!runs(&allow, "select reboot_cluster()"));
}

#[test]
fn functions_are_seen() {
    let deny = deny(&json!({ "functions": ["f_*", "admin.p"] }));
    none_runs(
        &deny,
        &[
            "select F_tax(1)",
            "select s.f_tax(1)",
            "call admin.p()",
            "call dev.admin.p()",
            "select lower(f_x(a)) from s.t",
        ],
    );
    assert!(runs(&deny, "select lower(a), other.p(b) from s.t"));
    let strict = |known: &Value| {
        json!({
            "rules": [{ "name": "x", "when": { "tables": "secret.*" }, "then": { "deny": "No." } }],
            "unparsed": "deny", "unqualified": "allow", "unknownTables": "deny", "knownFunctions": known
        })
    };
    assert!(!runs(&strict(&json!([])), "select f_tax(a) from s.t"));
    assert!(runs(&strict(&json!("f_*")), "select f_tax(a) from s.t"));
    assert!(!runs(
        &strict(&json!("f_*")),
        "select f_tax(a), g(b) from s.t"
    ));
    assert!(!runs(
        &strict(&json!("*")),
        "select set_config('search_path', 'secret', false)"
    ));
    assert!(!runs(&strict(&json!("*")), "call p()"));
    let allow = json!({
        "rules": [
            { "name": "tax", "when": { "functions": "f_*" }, "then": { "allow": true } },
            { "name": "rest", "then": { "deny": "No." } }
        ],
        "unparsed": "deny", "unqualified": "allow", "unknownTables": "deny", "knownFunctions": "*"
    });
    assert!(runs(&allow, "select lower(f_tax(a)) from s.t"));
    assert!(!runs(&allow, "select f_tax(a), g(b) from s.t"));
    assert!(!runs(&allow, "select lower(a) from s.t"));
}

#[test]
fn what_is_known_to_only_read_is_noted_where_a_retry_depends_on_it() {
    let settings = json!({ "transientError": "TransientFailure" });
    let noted = |payload: Value| {
        let memo = decide(&settings, &payload).unwrap().options.memo;
        let memo: Value = serde_json::from_str(&memo).unwrap();
        (memo["onlyReads"] == true, memo["autoCommit"] == true)
    };
    for (text, reads) in [
        ("select a from t", true),
        ("select f(a) from t", false),
        ("select set_config('a', 'b', false)", false),
        ("select a into u from t", false),
        ("with x as (select 1) select * from x", true),
        ("insert into t select 1", false),
        ("call p()", false),
        ("not sql", false),
    ] {
        assert_eq!(noted(sql(text)), (reads, false), "{text}");
    }
    let batch = json!({ "sqlStatements": ["select 1", "not sql"], "executionMode": "AUTO_COMMIT" });
    assert_eq!(noted(batch), (false, true));
    assert_eq!(
        decide(&json!({}), &sql("select 1")).unwrap().options.memo,
        ""
    );
}

#[test]
fn functions_with_effects_are_a_class_of_their_own() {
    let denies = deny(&json!({ "functionsWithEffects": true }));
    all_run(
        &denies,
        &[
            "select a from t",
            "select lower(a), own.f(b) from t",
            "select pg_backend_pid()",
            "call p()",
        ],
    );
    for text in [
        "select set_config('search_path', 'x', false)",
        "select pg_terminate_backend(1)",
        "insert into t select nextval('s')",
        "select * from dblink('x', 'drop table t') as t(a int)",
        "explain select setval('s', 1)",
    ] {
        assert!(!runs(&denies, text), "{text}");
    }
    let allows = allow(&json!({ "functionsWithEffects": false }));
    assert!(runs(&allows, "select lower(a) from t"));
    for text in [
        "select own.f(a) from t",
        "select setval('s', 1)",
        "frobnicate",
    ] {
        assert!(!runs(&allows, text), "{text}");
    }
    let only = deny(&json!({ "not": { "functionsWithEffects": false } }));
    assert!(runs(&only, "select lower(a) from t"));
    assert!(
        !runs(&only, "select own.f(a) from t"),
        "it may have effects"
    );
}
