use crate::contract::Exclusivity;
use crate::handle::{Decision, memo_kinds};
use crate::payload::{self, Request};
use crate::policy::Event;
use crate::settings;
use crate::sql::Kind;
use crate::testing::{FakeHost, invocation};
use serde_json::{Value, json};

mod caller;
mod finance;
mod reference;
mod structure;

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
    let (settings, _) =
        settings::read(&settings.to_string()).map_err(|(faults, _)| format!("{faults:?}"))?;
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
        settings: &settings,
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

fn runs(settings: &Value, text: &str) -> bool {
    decide(settings, &sql(text)).is_ok()
}

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
fn a_rule_that_denies_needs_one_table_and_one_that_allows_needs_all() {
    let deny = rules(&json!([
        { "name": "secret", "when": { "schemas": "secret" }, "then": { "deny": "No." } }
    ]));
    assert!(!runs(&deny, "select 1 from a.t join secret.u on t.x = u.x"));
    assert!(!runs(&deny, "create schema secret"));
    assert!(!runs(
        &deny,
        "unload ('select * from secret.t') to 's3://x'"
    ));
    assert!(runs(&deny, "select 1 from a.t"));
    let allow = rules(&json!([
        { "name": "sandbox", "when": { "schemas": ["sandbox", "tmp*"] }, "then": { "allow": true } },
        { "name": "rest", "then": { "deny": "Only the sandbox." } }
    ]));
    assert!(runs(&allow, "insert into sandbox.t select * from tmp1.u"));
    assert!(!runs(&allow, "insert into sandbox.t select * from a.u"));
    assert!(
        !runs(&allow, "insert into sandbox.t select * from u"),
        "no schema"
    );
    // No table is not a harmless table, and a table that is not to be seen is none that matches.
    assert!(!runs(&allow, "select f()"));
    assert!(!runs(&allow, "call p()"));
    assert!(!runs(&allow, "drop table sandbox.t cascade"));
    assert!(!runs(&allow, "frobnicate sandbox.t"));
}

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

    let selects = rules(&json!([
        { "name": "x", "when": { "kinds": "select" }, "then": { "deny": "No." } }
    ]));
    assert!(!runs(&selects, "declare c cursor for select 1 from s.t"));
    let prepared = rules(&json!([
        { "name": "x", "when": { "kinds": "prepared" }, "then": { "deny": "No." } }
    ]));
    assert!(!runs(&prepared, prepare));
    assert!(!runs(&prepared, "execute p"));

    // A rule that allows must know both kinds.
    let allow = rules(&json!([
        { "name": "some", "when": { "kinds": ["prepared", "cursor", "select"] }, "then": { "allow": true } },
        { "name": "rest", "then": { "deny": "No." } }
    ]));
    assert!(runs(&allow, "prepare p as select 1 from s.t"));
    assert!(runs(&allow, "declare c cursor for select 1 from s.t"));
    assert!(runs(&allow, "deallocate p"));
    assert!(!runs(&allow, prepare));
    assert!(!runs(&allow, "execute p"));
    assert!(!runs(&allow, "prepare q as execute p"));
    let unparsed = rules(&json!([
        { "name": "x", "when": { "unparsed": true }, "then": { "deny": "No." } }
    ]));
    assert!(!runs(&unparsed, "execute p"));
    assert!(!runs(&unparsed, "prepare p as frobnicate"));
    assert!(runs(&unparsed, prepare));
}

#[test]
fn a_rule_that_allows_by_qualified_names_needs_all_of_them() {
    let allow = rules(&json!([
        { "name": "qualified", "when": { "unqualified": false }, "then": { "allow": true } },
        { "name": "rest", "then": { "deny": "No." } }
    ]));
    assert!(runs(&allow, "select 1 from s.t"));
    for text in [
        "select 1 from t",
        "frobnicate t",
        "call p()",
        "create table s.t (like u)",
        "execute p",
    ] {
        assert!(!runs(&allow, text), "{text}");
    }
    let deny = rules(&json!([
        { "name": "x", "when": { "unqualified": true }, "then": { "deny": "No." } }
    ]));
    assert!(!runs(&deny, "drop table t cascade"));
}

#[test]
fn a_whole_schema_is_all_of_its_tables() {
    let deny = |tables: &str| {
        rules(&json!([{ "name": "x", "when": { "tables": tables }, "then": { "deny": "No." } }]))
    };
    for text in [
        "drop schema finance cascade",
        "drop schema other, Finance cascade",
        "grant select on all tables in schema finance to u",
        "grant select for tables in schema finance to role r",
    ] {
        for tables in [
            "finance.*",
            "finance.salaries",
            "fin*.*",
            "*.salaries",
            "salaries",
        ] {
            assert!(!runs(&deny(tables), text), "{tables} {text}");
        }
        assert!(runs(&deny("sales.*"), text), "{text}");
        let allow = rules(&json!([
            { "name": "x", "when": { "tables": "*.*" }, "then": { "allow": true } },
            { "name": "rest", "then": { "deny": "No." } }
        ]));
        assert!(!runs(&allow, text), "{text}");
    }
    assert!(runs(&deny("finance.*"), "create schema finance"));
    let read = rules(&json!([
        { "name": "x", "when": { "tables": "finance.*", "access": "read" }, "then": { "deny": "No." } }
    ]));
    assert!(runs(&read, "drop schema finance"));
}

#[test]
fn access_tells_reading_from_writing() {
    let settings = rules(&json!([
        { "name": "raw", "when": { "tables": "raw.*", "access": "write" }, "then": { "deny": "Raw is read only." } }
    ]));
    assert!(runs(&settings, "insert into a.t select * from raw.t"));
    assert!(!runs(&settings, "insert into raw.t select * from a.t"));
    assert!(!runs(&settings, "alter table a.t append from raw.t"));
    assert!(!runs(&settings, "grant select on raw.t to u"));
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
fn a_schema_can_stand_for_none() {
    let rule = json!([{ "name": "x", "when": { "schemas": "public" }, "then": { "deny": "No." } }]);
    let settings = json!({
        "rules": rule, "unparsed": "deny", "unqualified": { "schema": "public" }, "unknownTables": "deny"
    });
    assert!(!runs(&settings, "select * from t"));
    assert!(runs(&settings, "select * from s.t"));
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
        let settings = rules(&json!([{ "name": "x", "when": when, "then": { "deny": "No." } }]));
        assert_eq!(!runs(&settings, "select 1"), holds, "{when}");
    }
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

#[test]
fn reading_is_also_what_changes_and_gives_away() {
    let settings = rules(&json!([
        { "name": "secret", "when": { "tables": "secret.*", "access": "read" }, "then": { "deny": "No." } }
    ]));
    for text in [
        "update secret.t set a = 1",
        "delete from secret.t where a = 1",
        "merge into secret.t using s.u on true remove duplicates",
        "alter table s.t append from secret.t",
        "alter table secret.t owner to u",
        "grant select on secret.t to u",
        "revoke select on secret.t from u",
        "grant select on all tables in schema secret to u",
        "attach rls policy p on secret.t to public",
        "explain update secret.t set a = 1",
    ] {
        assert!(!runs(&settings, text), "{text}");
    }
    for text in [
        "insert into secret.t values (1)",
        "truncate secret.t",
        "drop table secret.t",
        "copy secret.t from 's3://x'",
        "alter table secret.t append from s.t",
    ] {
        assert!(runs(&settings, text), "{text}");
    }
}

#[test]
fn a_pattern_with_a_database_holds_for_names_without_one() {
    let deny = rules(&json!([
        { "name": "secret", "when": { "tables": "dev.secret.*" }, "then": { "deny": "No." } }
    ]));
    for text in [
        "select * from secret.t",
        "select * from dev.secret.t",
        "select * from DEV.\"Secret\".T",
        "drop schema secret cascade",
        "grant select on all tables in schema dev.secret to u",
    ] {
        assert!(!runs(&deny, text), "{text}");
    }
    assert!(runs(&deny, "select * from prod.secret.t"));
    assert!(runs(&deny, "select * from dev.public.t"));
    // What allows must be sure.
    let allow = rules(&json!([
        { "name": "public", "when": { "tables": ["dev.public.*", "*.open.*"] }, "then": { "allow": true } },
        { "name": "rest", "then": { "deny": "No." } }
    ]));
    assert!(runs(&allow, "select * from dev.public.t"));
    assert!(!runs(&allow, "select * from public.t"));
    assert!(runs(&allow, "select * from open.t, x.open.u"));
    assert!(
        !runs(&allow, "select * from \"Open\".t"),
        "another schema where case matters"
    );
}

#[test]
fn a_function_with_effects_is_of_their_kind() {
    let settings = rules(&json!([
        { "name": "x", "when": { "kinds": ["set", "cancel"] }, "then": { "deny": "No." } }
    ]));
    assert!(!runs(
        &settings,
        "select set_config('search_path', 'secret', false)"
    ));
    assert!(!runs(&settings, "select pg_terminate_backend(1)"));
    assert!(runs(&settings, "select pg_backend_pid()"));
    let allow = rules(&json!([
        { "name": "x", "when": { "kinds": "select" }, "then": { "allow": true } },
        { "name": "rest", "then": { "deny": "No." } }
    ]));
    assert!(!runs(
        &allow,
        "select set_config('search_path', 'secret', false)"
    ));
    assert!(!runs(&allow, "select reboot_cluster()"));
}

#[test]
fn functions_are_seen() {
    let deny = rules(&json!([
        { "name": "calls", "when": { "functions": ["f_*", "admin.p"] }, "then": { "deny": "No." } }
    ]));
    for text in [
        "select F_tax(1)",
        "select s.f_tax(1)",
        "call admin.p()",
        "call dev.admin.p()",
        "select lower(f_x(a)) from s.t",
    ] {
        assert!(!runs(&deny, text), "{text}");
    }
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
