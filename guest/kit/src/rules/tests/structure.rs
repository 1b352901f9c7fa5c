use super::*;

#[test]
fn what_a_statement_does_to_rows_can_be_denied() {
    for (when, denied, allowed) in [
        (
            json!({ "withoutWhere": true }),
            &[
                "delete from s.t",
                "DeLeTe /* where id = 1 */ from s.t where 1=1",
                "update s.t set a = 1 where id = 5 or/**/true",
                "explain delete from s.t",
                "prepare p as delete from s.t",
                "merge into s.t using s.u on true when matched then delete",
                "create view s.v as table s.t",
            ][..],
            &[
                "delete from s.t where id = 5",
                "select 1",
                "frobnicate",
                "call p()",
                "execute p",
            ][..],
        ),
        (
            json!({ "selectStar": true }),
            &[
                "select * from s.t",
                "unload ($$select * from s.t$$) to 's3://b/k'",
            ],
            &["select count(*) from s.t", "select '*' from s.t"],
        ),
        (
            json!({ "withoutLimit": true, "kinds": "select" }),
            &["select a from s.t", "select a from s.t limit all"],
            &[
                "select a from s.t limit 5",
                "unload ('select a from s.t') to 's3://b/k'",
            ],
        ),
        (
            json!({ "crossJoin": true }),
            &["select 1 from s.a, s.b", "select 1 from s.a cross join s.b"],
            &["select 1 from s.a a join s.b b on a.id = b.id"],
        ),
        (
            json!({ "locations": "s3://secret/*" }),
            &[
                "copy s.t from 's3://secret/x' iam_role default",
                "copy s.t from 'S3://SECRET' iam_role default",
                "copy s.t from E's3://open/x' iam_role default",
                "copy s.t from 's3://open/list' iam_role default manifest",
                "copy s.t from :place",
                "unload ('select 1') to 's3://secret/x' iam_role default",
            ],
            &[
                "copy s.t from 's3://open/x' iam_role default",
                "select 's3://secret/x'",
            ],
        ),
        (
            json!({ "iamRoles": "default" }),
            &[
                "copy s.t from 's3://b/x' iam_role default",
                "copy s.t from 's3://b/x' credentials '***'",
            ],
            &["copy s.t from 's3://b/x' iam_role 'arn:aws:iam::1:role/a'"],
        ),
        (
            json!({ "options": ["allowoverwrite", "parallel-off"] }),
            &[
                "unload ('select 1') to 's3://b/k' iam_role default AllowOverwrite",
                "unload ('select 1') to 's3://b/k' iam_role default parallel/**/off",
                "unload ('select 1') to 's3://b/k' iam_role default parallel false",
            ],
            &["unload ('select 1') to 's3://b/k' iam_role default parallel on"],
        ),
        (
            json!({ "creates": "prod.*" }),
            &[
                "create table prod.t (a int)",
                "select 1 as a into prod.t",
                "create view \"PROD\".v as select 1",
            ],
            &[
                "insert into prod.t values (1)",
                "drop table prod.t",
                "create table dev.t as select a from prod.t",
            ],
        ),
        (
            json!({ "drops": "prod.*" }),
            &[
                "drop table prod.t",
                "drop view dev.v, prod.v",
                "drop schema prod cascade",
            ],
            &[
                "create table prod.t (a int)",
                "delete from prod.t",
                "drop schema dev",
                "create schema prod",
            ],
        ),
        (
            json!({ "grants": "prod.*" }),
            &[
                "grant select on prod.t to u",
                "grant select on all tables in schema prod to u",
                "alter table prod.t owner to u",
            ],
            &[
                "revoke select on prod.t from u",
                "select a from prod.t",
                "drop schema prod",
            ],
        ),
    ] {
        none_runs(&deny(&when), denied);
        all_run(&deny(&when), allowed);
        let batch = json!({ "sqlStatements": ["select a from s.t limit 1", denied[0]] });
        let message = decide(&deny(&when), &batch).unwrap_err();
        assert!(message.starts_with("Statement 2 of 2"), "{message}");
    }
}

#[test]
fn what_is_allowed_by_what_it_does_is_sure() {
    for (when, allowed, denied) in [
        (
            json!({ "withoutWhere": false }),
            &["delete from s.t where id = 5", "select 1"][..],
            &[
                "delete from s.t",
                "frobnicate",
                "call p()",
                "select f_x()",
                "create view s.v as table s.t",
                "execute p",
            ][..],
        ),
        (
            json!({ "not": { "withoutWhere": true } }),
            &["delete from s.t where id = 5", "select 1"],
            &[
                "delete from s.t",
                "frobnicate",
                "call p()",
                "select f_x()",
                "create view s.v as table s.t",
                "execute p",
            ],
        ),
        (
            json!({ "locations": "s3://lake/open/*" }),
            &["copy s.t from 's3://lake/open/x' iam_role default"],
            &[
                "copy s.t from 's3://lake/open' iam_role default",
                "copy s.t from 's3://lake/OPEN/x' iam_role default",
                "copy s.t from 's3://lake/open/x' iam_role default manifest",
                "copy s.t from 's3://lake/open/x' iam_role default json 's3://lake/other'",
                "copy s.t from $$s3://lake/open/x$$ iam_role default",
                "copy s.t from 's3://lake/open/x' iam_role default frobnicate",
                "select 1",
            ],
        ),
        (
            json!({ "options": ["iam_role", "csv"] }),
            &["copy s.t from 's3://b/x' iam_role default csv"],
            &[
                "copy s.t from 's3://b/x' iam_role default csv noload",
                "select 1",
            ],
        ),
        (
            json!({ "creates": "tmp.*" }),
            &["create table tmp.t as select 1 as a"],
            &[
                "create table tmp.\"T\" as select 1 as a",
                "create table t as select 1 as a",
                "select 1",
                "frobnicate",
            ],
        ),
        (
            json!({ "drops": "tmp.*" }),
            &["drop table tmp.t, tmp.u"],
            &[
                "drop table tmp.t, prod.u",
                "drop table tmp.t cascade",
                "drop schema tmp",
            ],
        ),
        (
            json!({ "not": { "tables": "secret.*" } }),
            &["select a from s.t", "select 1"],
            &[
                "select a from secret.t",
                "select 1 from s.t, secret.u",
                "call p()",
                "frobnicate",
            ],
        ),
        (
            json!({ "not": { "kinds": ["drop-*", "truncate"] } }),
            &["select 1", "call p()"],
            &["drop table s.t", "truncate s.t", "frobnicate", "execute p"],
        ),
        (
            json!({ "any": [{ "tables": "a.*" }, { "tables": "b.*" }] }),
            &["select x from a.t", "select x from b.t"],
            &["select x from c.t", "select 1 from a.t, c.t", "call p()"],
        ),
    ] {
        all_run(&allow(&when), allowed);
        none_runs(&allow(&when), denied);
    }
}

#[test]
fn what_is_not_surely_inside_is_denied_by_not() {
    let inside = deny(&json!({ "not": { "tables": "sandbox.*" } }));
    assert!(runs(
        &inside,
        "insert into sandbox.t select a from sandbox.u"
    ));
    none_runs(
        &inside,
        &[
            "insert into sandbox.t select a from s.u",
            "call p()",
            "frobnicate",
            "select 1 from sandbox.\"T\"",
        ],
    );
    let lake = deny(&json!({ "kinds": ["copy", "unload"], "not": { "locations": "s3://lake/*" } }));
    assert!(runs(&lake, "copy s.t from 's3://lake/x' iam_role default"));
    assert!(runs(&lake, "select 1"));
    none_runs(
        &lake,
        &[
            "copy s.t from 's3://lak' iam_role default",
            "copy s.t from 's3://lake/x' iam_role default manifest",
        ],
    );
}

#[test]
fn a_schema_of_the_settings_holds_for_what_is_made() {
    let mut settings = deny(&json!({ "creates": "public.*" }));
    settings["unqualified"] = json!({ "schema": "public" });
    assert!(!runs(&settings, "create table t as select 1 as a"));
    assert!(runs(&settings, "create table s.t as select 1 as a"));
}
