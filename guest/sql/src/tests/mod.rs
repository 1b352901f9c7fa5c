mod deep;
mod hostile;
mod ordinary;
mod structure;

use super::*;
use proptest::prelude::*;

fn list(tables: &[TableName]) -> String {
    let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
    names.join(" ")
}

/// Kind, tables read, tables written, schemas, and `?` if that is not all.
fn show(sql: &str) -> String {
    let statement = classify(sql);
    let kind = |kind: &Result<Kind, Unparsed>| match kind {
        Ok(kind) => kind.name().to_owned(),
        Err(Unparsed::Ambiguous(doubtful)) => format!("ambiguous {:?}", doubtful.doubt),
        Err(Unparsed::Elsewhere) => "elsewhere".to_owned(),
        Err(Unparsed::Syntax { leading_word, .. }) => {
            format!("unparsed {}", leading_word.as_deref().unwrap_or("-"))
        }
    };
    let kind = match &statement.inner {
        None => kind(&statement.kind),
        Some(inner) => format!("{} of {}", kind(&statement.kind), kind(inner)),
    };
    let mut text = format!(
        "{kind} r[{}] w[{}]",
        list(&statement.reads),
        list(&statement.writes)
    );
    if !statement.schemas.is_empty() {
        text.push_str(&format!(" s[{}]", statement.schemas.join(" ")));
    }
    if !statement.complete {
        text.push_str(" ?");
    }
    if !statement.unaccounted.is_empty() {
        text.push_str(&format!(" {}", statement.unaccounted.join(" ")));
    }
    text
}

#[test]
fn statements_are_what_they_are() {
    let mut wrong = Vec::new();
    for (sql, expected) in [
        // Queries.
        ("select 1", "select r[] w[]"),
        (
            "select * from Sales.Orders o join dev.public.\"Items\" i on o.id = i.id",
            "select r[sales.orders dev.public.items] w[]",
        ),
        (
            "select top 5 a from t qualify row_number() over (order by a) = 1",
            "select r[t] w[]",
        ),
        (
            "select approximate count(distinct a) from s.t",
            "select r[s.t] w[]",
        ),
        ("select * from #tmp", "select r[#tmp] w[]"),
        (
            "select :id, a::int from s.t where b = :name",
            "select r[s.t] w[]",
        ),
        (
            "select * into s.new from s.old",
            "create-table r[s.old] w[s.new]",
        ),
        ("values (1), (2)", "select r[] w[]"),
        (
            "(select 1 from s.a) union all (select 2 from s.b)",
            "select r[s.a s.b] w[]",
        ),
        (
            "select 1 from s.a where exists (select 1 from s.b where x in (select y from s.c))",
            "select r[s.a s.b s.c] w[]",
        ),
        (
            "select 1 /* from a /* nested */ from b */ from s.c -- from d",
            "ambiguous NestedComment r[] w[] ?",
        ),
        // Names of WITH are no tables, but what they hide at other places is one.
        (
            "with a as (select * from s.x), b as (select * from a) select * from b",
            "select r[s.x] w[]",
        ),
        (
            "with a as (select * from a) select * from a",
            "select r[a] w[]",
        ),
        (
            "with a as (select * from b), b as (select 1) select * from a",
            "select r[b] w[]",
        ),
        (
            "with recursive a as (select 1 union all select * from a) select * from a",
            "select r[] w[]",
        ),
        (
            "select * from (with a as (select 1) select * from a) x, a",
            "select r[a] w[]",
        ),
        (
            "with a as (select 1) select * from s.a",
            "select r[s.a] w[]",
        ),
        (
            "select 1 -- a\runion all select 2 from s.t",
            "ambiguous CarriageReturn r[] w[] ?",
        ),
        (
            "select $\u{e9}$ from s.t $\u{e9}$ from s.u",
            "select r[s.u] w[]",
        ),
        // TABLE names a table that the parser does not tell, and Redshift does not have it.
        ("table s.t", "unparsed table r[] w[] ?"),
        ("(table s.t)", "unparsed table r[] w[] ?"),
        ("select * from (table s.t) x", "unparsed select r[] w[] ?"),
        (
            "select 1 union all select 2 union all table s.t",
            "unparsed select r[] w[] ?",
        ),
        (
            "with a as (table s.t) select * from a",
            "unparsed with r[] w[] ?",
        ),
        ("insert into s.a table s.t", "unparsed insert r[] w[] ?"),
        ("unload ('table s.t') to 's3://x'", "unload r[] w[] ?"),
        (
            "create view s.v as table s.t",
            "create-view r[] w[s.v] ? table s t",
        ),
        ("select * from table(s.t)", "unparsed select r[] w[] ?"),
        (
            "select * into table s.new from s.old",
            "create-table r[s.old] w[s.new]",
        ),
        // Changes.
        (
            "insert into s.t select * from s.t, s.u",
            "insert r[s.t s.u] w[s.t]",
        ),
        ("insert into s.t (a, b) values (1, :v)", "insert r[] w[s.t]"),
        (
            "update s.t set a = u.b from s.u u where u.id = s.t.id",
            "update r[s.t s.u] w[s.t]",
        ),
        (
            "delete from s.t using s.u where s.t.id = s.u.id",
            "delete r[s.t s.u] w[s.t]",
        ),
        ("delete s.t where a = 1", "delete r[s.t] w[s.t]"),
        (
            "merge into s.t using s.u on s.t.id = s.u.id when matched then update set a = 1 when not matched then insert values (1)",
            "merge r[s.t s.u] w[s.t]",
        ),
        ("truncate table s.t", "truncate r[] w[s.t]"),
        ("TRUNCATE s.t;", "truncate r[] w[s.t]"),
        // Files.
        (
            "copy s.t (a, b) from 's3://x' iam_role default format as parquet",
            "copy r[] w[s.t]",
        ),
        ("copy s.t from 's3://from/x'", "copy r[] w[s.t]"),
        (
            "unload ('select * from s.t where a = ''x''') to 's3://x' iam_role default",
            "unload r[s.t] w[]",
        ),
        (
            "unload ($$select * from s.t where a = 'x'$$) to 's3://x'",
            "unload r[s.t] w[]",
        ),
        ("unload ('call p()') to 's3://x'", "unload r[] w[] ?"),
        ("unload ('frobnicate') to 's3://x'", "unload r[] w[] ?"),
        // Rights.
        (
            "grant select, insert on table s.a, s.b to group g",
            "grant r[s.a s.b] w[s.a s.b]",
        ),
        ("grant select (a, b) on s.t to u", "grant r[s.t] w[s.t]"),
        (
            "grant usage on schema s1, s2 to u",
            "grant r[] w[] s[s1 s2] ? to u",
        ),
        (
            "grant select for tables in schema Finance, s.t to role r",
            "grant r[] w[] s[finance t] ? for tables to role r",
        ),
        (
            "revoke all for functions in schema s from role r",
            "revoke r[] w[] s[s] ? for functions from role r",
        ),
        (
            "grant usage for schemas in database d to role r",
            "grant r[] w[] ? for schemas in database d to role r",
        ),
        (
            "revoke grant option for select on s.t from u",
            "revoke r[s.t] w[s.t]",
        ),
        (
            "revoke admin option for r from u",
            "revoke r[] w[] ? admin option for r from u",
        ),
        (
            "grant create user to role r",
            "grant r[] w[] ? user to role r",
        ),
        (
            "grant select on external table e.t to u",
            "grant r[e.t] w[e.t]",
        ),
        (
            "grant usage on schema d.s to u",
            "grant r[] w[] s[s] ? to u",
        ),
        (
            "alter default privileges for user v in schema s grant select on tables to u",
            "alter-other r[] w[] s[s] ? for user v grant select on tables to u",
        ),
        (
            "alter default privileges grant select on tables to u",
            "alter-other r[] w[] ? grant select on tables to u",
        ),
        (
            "revoke all on all tables in schema s from u",
            "revoke r[] w[] s[s] ? from u",
        ),
        (
            "grant execute on procedure p(int) to u",
            "grant r[] w[] ? procedure p int to u",
        ),
        ("grant role r to user u", "grant r[] w[] ? role r to user u"),
        ("revoke select on s.t from public", "revoke r[s.t] w[s.t]"),
        // Upkeep.
        ("vacuum", "vacuum r[] w[] ?"),
        (
            "vacuum delete only s.t to 75 percent boost",
            "vacuum r[] w[s.t]",
        ),
        ("analyze s.t (a)", "analyze r[] w[s.t]"),
        ("analyze compression s.t comprows 100", "analyze r[] w[s.t]"),
        ("analyze", "analyze r[] w[] ?"),
        ("refresh materialized view s.v", "refresh r[] w[s.v]"),
        ("lock table s.a, s.b", "lock r[] w[s.a s.b]"),
        // Definitions.
        (
            "create table s.t (id int identity(1,1), a int sortkey) diststyle key distkey(id)",
            "create-table r[] w[s.t]",
        ),
        (
            "create table s.t (id bigint generated by default as identity(1,1) encode az64)",
            "create-table r[] w[s.t]",
        ),
        (
            "create temp table t as select * from s.u",
            "create-table r[s.u] w[t]",
        ),
        (
            "create table s.t (like s.u including defaults)",
            "create-table r[s.u] w[s.t]",
        ),
        (
            "create table s.t (a int references s.u (a))",
            "create-table r[s.u] w[s.t]",
        ),
        (
            "create view s.v as select * from s.t with no schema binding",
            "create-view r[s.t] w[s.v]",
        ),
        (
            "create materialized view s.v auto refresh yes as select * from s.t",
            "create-view r[s.t] w[s.v]",
        ),
        (
            "create external table s.t (a int) stored as parquet location 's3://x'",
            "create-external-table r[] w[s.t]",
        ),
        (
            "create external schema e from data catalog database 'd' iam_role default",
            "create-external-schema r[] w[] s[e] ? from data catalog database iam_role default",
        ),
        (
            "create schema if not exists s authorization u",
            "create-schema r[] w[] s[s]",
        ),
        (
            "create or replace procedure s.p() as $$ begin delete from t; end; $$ language plpgsql",
            "create-procedure r[] w[] ? s p as language plpgsql",
        ),
        (
            "create function f() returns int immutable as $$ select 1 $$ language sql",
            "create-function r[] w[] ? f returns int immutable as language sql",
        ),
        ("create user u password 'Secret1'", "create-user r[] w[]"),
        (
            "alter table s.a append from s.b ignoreextra",
            "alter-table-append r[s.b] w[s.a s.b]",
        ),
        ("alter table s.t add column a int", "alter-table r[] w[s.t]"),
        (
            "alter table s.t rename to u",
            "alter-table r[s.t] w[s.t s.u]",
        ),
        ("alter user u password 'x'", "alter-user r[] w[]"),
        ("drop table if exists s.a, s.b", "drop-table r[] w[s.a s.b]"),
        ("drop table s.a cascade", "drop-table r[] w[s.a] ?"),
        ("drop materialized view s.v", "drop-view r[] w[s.v]"),
        (
            "drop schema s cascade",
            "drop-schema r[] w[] s[s] ? cascade",
        ),
        ("drop function f(int)", "drop-function r[] w[] ? f int"),
        // The rest.
        ("call s.p(1)", "call r[] w[] ?"),
        ("explain delete from s.t", "explain r[s.t] w[]"),
        ("explain verbose select * from s.t", "explain r[s.t] w[]"),
        ("explain explain select 1", "unparsed explain r[] w[] ?"),
        (
            "declare c cursor for select * from s.t",
            "cursor of select r[s.t] w[]",
        ),
        (
            "prepare p (int) as delete from s.t where a = $1",
            "prepared of delete r[s.t] w[s.t]",
        ),
        ("execute p (1)", "prepared of elsewhere r[] w[] ? p"),
        (
            "prepare q as execute p",
            "prepared of elsewhere r[] w[] ? p",
        ),
        ("explain execute p", "explain r[] w[] ? p"),
        ("prepare p as frobnicate", "unparsed prepare r[] w[] ?"),
        (
            "prepare p as prepare q as select 1",
            "unparsed prepare r[] w[] ?",
        ),
        ("begin read write", "transaction r[] w[]"),
        ("set search_path to s", "set r[] w[] ? search_path to s"),
        ("set session search_path = s", "set r[] w[] ? search_path s"),
        (
            "set \"search_path\" to s",
            "set r[] w[] ? \"search_path\" to s",
        ),
        (
            "set session authorization 'u'",
            "set r[] w[] ? authorization",
        ),
        (
            "set local session_authorization to u",
            "set r[] w[] ? session_authorization to u",
        ),
        ("set role r", "set r[] w[] ? role r"),
        (
            "set enable_case_sensitive_identifier to true",
            "set r[] w[] ? enable_case_sensitive_identifier to true",
        ),
        ("reset search_path", "set r[] w[] ? search_path"),
        ("reset all", "set r[] w[] ? all"),
        ("use dev", "set r[] w[] ? dev"),
        ("set query_group to 'nightly'", "set r[] w[]"),
        ("SET SESSION Statement_Timeout = 1000;", "set r[] w[]"),
        ("reset query_group", "set r[] w[]"),
        (
            "show tables from schema d.s",
            "show r[] w[] ? tables from schema d s",
        ),
        ("comment on table s.t is 'x'", "comment r[] w[s.t]"),
        // What is not understood is said to be so.
        ("", "unparsed - r[] w[] ?"),
        ("frobnicate the table", "unparsed frobnicate r[] w[] ?"),
        ("select from where", "unparsed select r[] w[] ?"),
        ("select 1; drop table t", "unparsed select r[] w[] ?"),
        ("drop table s.t frob", "unparsed drop r[] w[] ?"),
        ("truncate s.t; drop table x", "unparsed truncate r[] w[] ?"),
        (
            "select 'it\\'s; drop table x; --'",
            "ambiguous Backslash r[] w[] ?",
        ),
        ("select 'it\\'s; drop table x;'", "select r[] w[]"),
    ] {
        if show(sql) != expected {
            wrong.push(format!(
                "{sql}\n  is     {}\n  not    {expected}",
                show(sql)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

proptest! {
    #[test]
    fn nothing_breaks_the_classification(sql in "(?i)(select|with|drop|copy|grant|create|table|as|\\(|\\)|'|\"|\\$|;|:|,|\\.|a|1| |/\\*|\\*/|--|\n|é|\\\\){0,40}") {
        let statement = classify(&sql);
        prop_assert!(statement.unparsed_part().is_none() || !statement.complete);
    }

    #[test]
    fn comments_and_case_change_nothing(
        position in 0_usize..6,
        comment in prop::sample::select(vec!["/* drop table x */", "-- ; \n", "/* ' */", "\n\t"]),
    ) {
        let words = ["select", "a", "from", "s.t", "where", "b = 'x;y'"];
        let mut with = words.to_vec();
        with.insert(position, comment);
        prop_assert_eq!(classify(&with.join(" ")), classify(&words.join(" ")));
        prop_assert_eq!(classify(&words.join(" ").to_uppercase()), classify(&words.join(" ")));
    }
}
