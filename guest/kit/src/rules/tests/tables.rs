//! Tables and schemas: their names, and whether they are read or written.

use super::*;

#[test]
fn a_rule_that_denies_needs_one_table_and_one_that_allows_needs_all() {
    let deny = deny(&json!({ "schemas": "secret" }));
    assert!(!runs(&deny, "select 1 from a.t join secret.u on t.x = u.x"));
    assert!(!runs(&deny, "create schema secret"));
    assert!(!runs(
        &deny,
        "unload ('select * from secret.t') to 's3://x'"
    ));
    assert!(runs(&deny, "select 1 from a.t"));
    let allow = allow(&json!({ "schemas": ["sandbox", "tmp*"] }));
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
fn a_rule_that_allows_by_qualified_names_needs_all_of_them() {
    let allow = allow(&json!({ "unqualified": false }));
    assert!(runs(&allow, "select 1 from s.t"));
    none_runs(
        &allow,
        &[
            "select 1 from t",
            "frobnicate t",
            "call p()",
            "create table s.t (like u)",
            "execute p",
        ],
    );
    let deny = deny(&json!({ "unqualified": true }));
    assert!(!runs(&deny, "drop table t cascade"));
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
fn a_whole_schema_is_all_of_its_tables() {
    let without = |tables: &str| deny(&json!({ "tables": tables }));
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
            assert!(!runs(&without(tables), text), "{tables} {text}");
        }
        assert!(runs(&without("sales.*"), text), "{text}");
        let allow = allow(&json!({ "tables": "*.*" }));
        assert!(!runs(&allow, text), "{text}");
    }
    assert!(runs(&without("finance.*"), "create schema finance"));
    let read = deny(&json!({ "tables": "finance.*", "access": "read" }));
    assert!(runs(&read, "drop schema finance"));
}

#[test]
fn a_pattern_with_a_database_holds_for_names_without_one() {
    let deny = deny(&json!({ "tables": "dev.secret.*" }));
    none_runs(
        &deny,
        &[
            "select * from secret.t",
            "select * from dev.secret.t",
            "select * from DEV.\"Secret\".T",
            "drop schema secret cascade",
            "grant select on all tables in schema dev.secret to u",
        ],
    );
    assert!(runs(&deny, "select * from prod.secret.t"));
    assert!(runs(&deny, "select * from dev.public.t"));
    // What allows must be sure.
    let allow = allow(&json!({ "tables": ["dev.public.*", "*.open.*"] }));
    assert!(runs(&allow, "select * from dev.public.t"));
    assert!(!runs(&allow, "select * from public.t"));
    assert!(runs(&allow, "select * from open.t, x.open.u"));
    assert!(
        !runs(&allow, "select * from \"Open\".t"),
        "another schema where case matters"
    );
}

#[test]
fn access_tells_reading_from_writing() {
    let settings = deny(&json!({ "tables": "raw.*", "access": "write" }));
    assert!(runs(&settings, "insert into a.t select * from raw.t"));
    assert!(!runs(&settings, "insert into raw.t select * from a.t"));
    assert!(!runs(&settings, "alter table a.t append from raw.t"));
    assert!(!runs(&settings, "grant select on raw.t to u"));
}

#[test]
fn reading_is_also_what_changes_and_gives_away() {
    let settings = deny(&json!({ "tables": "secret.*", "access": "read" }));
    none_runs(
        &settings,
        &[
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
        ],
    );
    all_run(
        &settings,
        &[
            "insert into secret.t values (1)",
            "truncate secret.t",
            "drop table secret.t",
            "copy secret.t from 's3://x'",
            "alter table secret.t append from s.t",
        ],
    );
}
