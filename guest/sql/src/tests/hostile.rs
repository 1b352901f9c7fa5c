use super::*;
use crate::lexer::Doubt;

/// Whether a rule that denies `secret`, or what is not known in full, sees what is there to see.
fn is_seen(statement: &Statement) -> bool {
    let is_secret = |table: &TableName| {
        // `secret.payroll.as` is a table of the schema `payroll`, which rules about denied names look at too.
        let schema = table.schema.as_deref();
        schema == Some("secret") || schema == Some("payroll") || table.name == "payroll"
    };
    !statement.complete
        || statement.unparsed_part().is_some()
        || statement
            .reads
            .iter()
            .chain(&statement.writes)
            .any(is_secret)
        || statement.schemas.iter().any(|schema| schema == "secret")
}

/// Texts that reach `secret.payroll` on one server or under one setting, with ordinary words around them.
#[test]
fn nothing_reaches_a_table_unseen() {
    let long = format!("{}{}", "payroll".repeat(18), "payroll");
    let mut texts: Vec<String> = [
        // White space that is none, and the other way round.
        "select 1 from\u{a0}secret.payroll",
        "with a\u{a0}as (select 1) select * from secret.payroll",
        "with payroll\u{a0} as (select 1) select * from payroll",
        "with payroll\u{3000} as (select 1) select * from payroll",
        "select\u{85}1 from secret.payroll",
        "select 1\u{2003}from secret.payroll",
        "select 1 \u{3000}$$ from secret.payroll --$$",
        "\u{feff}select 1 from secret.payroll",
        "select 1 fr\u{200b}om x, secret.payroll",
        "select\x0b1 from secret.payroll",
        "select 1\0 from secret.payroll",
        // Quotes.
        r"select '\'' from secret.payroll --'",
        r"select '\' from secret.payroll --'",
        r"select '\\\' from secret.payroll --'",
        r"select n'\' from secret.payroll --'",
        r"select x'\' from secret.payroll --'",
        r"select b'\' from secret.payroll --'",
        "select x'a'' from secret.payroll --'",
        r"select '\'', '\'' from secret.payroll --'",
        r"unload ('select \'\\\'\' from secret.payroll --\'') to 's3://x'",
        r"unload ('select 1 --\n from secret.payroll') to 's3://x'",
        r"unload ('select 1 \146rom secret.payroll') to 's3://x'",
        "unload ('select 1 --\n from secret.payroll') to 's3://x'",
        "unload ('select 1 '\n'from secret.payroll') to 's3://x'",
        "unload ('select 1 ' -- x\n 'from secret.payroll') to 's3://x'",
        "unload ($$select * from secret.payroll$$) to 's3://x'",
        "unload ('select f() from s.t') to 's3://x'",
        "unload ('with a as (delete from secret.payroll returning *) select * from a') to 's3://x'",
        // Comments.
        "select 1 /* /* */ from secret.payroll -- */",
        "select 1 /* /* */ */ from secret.payroll",
        "select 1 --\rfrom secret.payroll",
        "select 1 -- x\r from secret.payroll\n",
        "select 1 /* from secret.payroll",
        // Dollars and numbers.
        "select 1$$ from secret.payroll --$$",
        "select 1from secret.payroll",
        "select 0x1from secret.payroll",
        "select $1from secret.payroll",
        "select 1 from\n1.secret.payroll",
        // Names.
        "with \"Payroll\" as (select 1) select * from payroll",
        "with payroll as (select 1) select * from \"PAYROLL\"",
        "with payroll as (select 1) select * from secret.payroll",
        "with payroll as (select * from payroll) select * from payroll",
        "select * from (with payroll as (select 1) select 1) x, payroll",
        "with a as (select * from payroll), payroll as (select 1) select * from a",
        "select * from u&\"payrol\\006c\"",
        "select * from [payroll]",
        "select * from #payroll#",
        "select * from x #payroll",
        "select * from `payroll`",
        "select * from SECRET.\"PayRoll\"",
        "select * from \"secret\".payroll",
        "select * from dev.secret.payroll",
        "select * from x.dev.secret.payroll",
        "select * from secret . payroll",
        "select * from secret/**/./**/payroll",
        // Tables that are named by a column alone.
        "select secret.payroll.a",
        "select secret.payroll.*",
        "select count(payroll.a)",
        "select (secret.payroll).a",
        "insert into s.t values (secret.payroll.a)",
        "unload ('select secret.payroll.a') to 's3://x' iam_role default",
        "select extract(year from secret.payroll.d)",
        "select trim(both from secret.payroll.d)",
        "select secret.payroll.a is distinct from 1",
        "vacuum verbose",
        "vacuum full freeze",
        "vacuum boost",
        // Functions of somebody whose name looks like a known one's.
        "select \"pg_catalog.lower\"(1)",
        "select \"pg_catalog\".\"x.lower\"(1)",
        // Parts that are easily dropped.
        "select * from only secret.payroll",
        "select * from only (secret.payroll)",
        "select * from (secret.payroll)",
        "select * from ((secret.payroll))",
        "select * from (s.t x join secret.payroll y on true)",
        "select * from ((s.t x cross join secret.payroll y))",
        "select * from (s.t x, secret.payroll y)",
        "select * from s.t natural join secret.payroll",
        "select * from s.t x, lateral (select * from secret.payroll) y",
        "select * from s.t x, secret.payroll y",
        "select * from s.t secret, secret.payroll y",
        "select * from s.t x join s.u y on x.a = y.a, secret.payroll z",
        "select * from s.t x join s.u y using (a), secret.payroll z",
        "select * from s.t x join s.u y join secret.payroll z on true on true",
        "select * from table(secret.payroll)",
        "select * from table(f('secret.payroll'))",
        "select * from secret.payroll *",
        "select * from secret.payroll tablesample bernoulli (1)",
        "select * from secret.payroll[0].a as b",
        "select * from s.t, unpivot secret.payroll as v at k",
        "select * from unnest(array(select a from secret.payroll)) x",
        "select * from generate_series(1, (select a from secret.payroll))",
        "select * from rows from (f(1), g((select a from secret.payroll)))",
        "select a[(select 1 from secret.payroll)] from s.t",
        "select (select 1 from secret.payroll)",
        "select f((select 1 from secret.payroll))",
        "select array[(select 1 from secret.payroll)]",
        "select array(select 1 from secret.payroll)",
        "select case when exists (select 1 from secret.payroll) then 1 end",
        "select case (select 1 from secret.payroll) when 1 then 2 end",
        "select sum(a) over (partition by (select 1 from secret.payroll)) from s.t",
        "select sum(a) filter (where a in (select 1 from secret.payroll)) from s.t",
        "select listagg(a) within group (order by (select 1 from secret.payroll)) from s.t",
        "select count(distinct (select 1 from secret.payroll))",
        "select extract(year from (select d from secret.payroll))",
        "select extract(year from d) from secret.payroll",
        "select trim(both from (select d from secret.payroll))",
        "select a is distinct from (select b from secret.payroll) from s.t",
        "select a is not distinct from b from secret.payroll",
        "select cast((select 1 from secret.payroll) as int)",
        "select interval '1' day from secret.payroll",
        "select 1 limit (select 1 from secret.payroll)",
        "select 1 from s.t offset (select 1 from secret.payroll)",
        "select 1 from s.t order by (select 1 from secret.payroll)",
        "select 1 from s.t group by (select 1 from secret.payroll)",
        "select 1 from s.t having exists (select 1 from secret.payroll)",
        "select 1 from s.t qualify 1 = (select 1 from secret.payroll)",
        "select 1 from s.t start with 1 = (select 1 from secret.payroll) connect by prior a = b",
        "select top 1 a from secret.payroll",
        "select distinct on ((select 1 from secret.payroll)) a from s.t",
        "select * exclude (a) from secret.payroll",
        "select * exclude a from secret.payroll",
        "select 1 exclude from secret.payroll",
        "select * from s.t pivot (sum(a) for b in ((select 1 from secret.payroll)))",
        "select * from s.t pivot (sum((select 1 from secret.payroll)) for b in (1))",
        "values ((select 1 from secret.payroll))",
        "(values (1)) union all (select 1 from secret.payroll)",
        "((select 1) union select 1 from secret.payroll)",
        "(select 1 from s.t) except (select 1 from secret.payroll)",
        "select 1 minus select 1 from secret.payroll",
        "table secret.payroll",
        "select 1 union table secret.payroll",
        "select * from (table secret.payroll) x",
        // Changes inside of queries, and what they read.
        "with a as (insert into secret.payroll values (1) returning *) select * from a",
        "with a as (delete from secret.payroll returning *) select * from a",
        "with a as (update secret.payroll set a = 1 returning *) select 1",
        "with a as materialized (select * from secret.payroll) select * from a",
        "insert into s.t table secret.payroll",
        "insert into s.t (a) (select a from secret.payroll)",
        "insert into s.t ((select a from secret.payroll))",
        "insert into s.t with a as (select * from secret.payroll) select * from a",
        "insert into s.t values ((select a from secret.payroll))",
        "insert into s.t select 1 on conflict do update set a = (select 1 from secret.payroll)",
        "update s.t set a = (select 1 from secret.payroll)",
        "update s.t set (a, b) = (select 1, 2 from secret.payroll)",
        "update s.t set a = 1 from secret.payroll",
        "update only secret.payroll set a = 1",
        "update secret.payroll set a = 1",
        "delete from s.t using secret.payroll where true",
        "delete from only secret.payroll",
        "delete secret.payroll",
        "delete from secret.payroll where a = 1",
        "with payroll as (select 1) delete from payroll",
        "merge into s.t using secret.payroll on true when matched then delete",
        "merge into s.t using (select * from secret.payroll) x on true when matched then delete",
        "merge into s.t using s.u on a = (select 1 from secret.payroll) remove duplicates",
        "merge into secret.payroll using s.u on true remove duplicates",
        "merge into s.t using s.u on true when matched and exists (select 1 from secret.payroll) then delete",
        "merge into s.t using s.u on true when not matched then insert values ((select 1 from secret.payroll))",
        "select * into secret.payroll from s.t",
        "select 1 union select 2 into secret.payroll",
        "select * from (select 1 into secret.payroll) x",
        "create table s.n as select * from secret.payroll",
        "create table s.n as (with a as (select * from secret.payroll) select * from a)",
        "create table s.n (a, b) as select * from secret.payroll",
        "create table s.n (like secret.payroll)",
        "create table s.n (a int references secret.payroll (a))",
        "create table s.n (a int, foreign key (a) references secret.payroll)",
        "create table s.n (a int default (select 1 from secret.payroll))",
        "create table s.n partition of secret.payroll for values in (1)",
        "create table s.n (a int) inherits (secret.payroll)",
        "create table s.n of secret.payroll",
        "create view s.v as select * from secret.payroll with no schema binding",
        "create view s.v with (x) as select * from secret.payroll",
        "create materialized view s.v auto refresh yes as (select * from secret.payroll)",
        "create external table s.e stored as parquet location 's3://x' as select * from secret.payroll",
        "create recursive view s.v (a) as select a from secret.payroll",
        "create schema s create view v as select * from secret.payroll",
        "create schema secret",
        "alter table s.t append from secret.payroll",
        "alter table s.t rename to payroll",
        "alter table s.t set schema secret",
        "alter table s.t add constraint x foreign key (a) references secret.payroll",
        "alter table s.t attach partition secret.payroll for values in (1)",
        "alter table s.t inherit secret.payroll",
        "alter table s.t alter column a type int, inherit secret.payroll",
        "alter table s.t add b int, add foreign key (a) references secret.payroll",
        "alter table s.t add partition (a = (select 1 from secret.payroll)) location 's3://x'",
        "alter table s.t alter a type int using (select 1 from secret.payroll)",
        "alter table s.t add b int, set schema secret",
        "alter materialized view secret.payroll auto refresh yes",
        "comment on column secret.payroll.a is 'x'",
        "show table secret.payroll",
        "show columns from table secret.payroll",
        "grant select on secret.payroll to u",
        "grant select on s.t, secret.payroll to u",
        "grant select on all tables in schema secret to u",
        "copy secret.payroll from 's3://x'",
        "copy (select * from secret.payroll) to stdout",
        "copy secret.payroll to program 'x'",
        "truncate s.t, secret.payroll",
        "lock s.t, secret.payroll",
        "analyze secret.payroll",
        "explain select * from secret.payroll",
        "explain analyze select * from secret.payroll",
        "explain (analyze) delete from secret.payroll",
        "explain delete from secret.payroll",
        "declare c cursor for select * from secret.payroll",
        "prepare p as select * from secret.payroll",
        "prepare p as prepare q as select * from secret.payroll",
        "attach rls policy p on secret.payroll to role r",
        "detach masking policy p on secret.payroll (a) from public",
        "comment on table secret.payroll is 'x'",
        // What reaches further than its names.
        "select set_config('search_path', 'secret', false)",
        "select pg_catalog.set_config('search_path', 'secret', false) from s.t",
        "select * from set_config('search_path', 'secret', false)",
        "select \"set_config\"('search_path', 'secret', false)",
        "update s.t set a = set_config('search_path', 'secret', false)",
        "select a from s.t order by set_config('search_path', 'secret', false)",
        "select query_to_xml('select * from secret.payroll', true, true, '')",
        "select * from dblink('x', 'select * from secret.payroll') as t(a int)",
        "select lo_import('x')",
        "select s.f()",
        "select lower(f(a)) from s.t",
        "select count(*) from s.t where f(a)",
        "call secret.p()",
        "execute p",
        "do $$ begin delete from secret.payroll; end $$",
        "set search_path to secret",
        "set session authorization admin",
        "set role admin",
        "reset all",
        "use secret",
        "alter user u set search_path to secret",
        "alter user u createuser",
        "alter user u with createuser",
        "create user u password 'x' createuser",
        "create user u createuser password 'x'",
        "create user u password 'x' in group admins",
        "alter role r owner to u",
        "alter group admins add user u",
        "grant role r to u",
        "grant r to u",
        "grant create user to role r",
        "create external schema e from redshift database 'dev' schema 'secret'",
        "create database d from datashare x of namespace 'y'",
        "create datashare d",
        "alter datashare d add table secret.payroll",
        "alter database d owner to u",
        "alter default privileges grant select on tables to u",
        "create procedure p() as 'begin delete from secret.payroll; end' language plpgsql",
        "create function f() returns int immutable as $$ select 1 $$ language sql",
        "alter table s.t owner to u; select 1 from secret.payroll",
        "select 1; select * from secret.payroll",
        "select {fn f()}",
        "select 1 from s.t where a = ?; select 1",
        "create model m from secret.payroll target x function f iam_role default",
        "refresh materialized view s.v cascade",
        "drop table s.t cascade",
        "create rule r as on insert to s.t do also delete from secret.payroll",
        "create trigger t after insert on s.t execute procedure f()",
        "create index i on secret.payroll (a)",
        "reindex table secret.payroll",
        "cluster secret.payroll",
        "create sequence secret.payroll",
        "select nextval('secret.payroll')",
        "import foreign schema secret from server x into s",
        "security label on table secret.payroll is 'x'",
        "listen x",
        "load 'x'",
    ]
    .map(str::to_owned)
    .into();
    texts.push(format!("select * from {long}"));
    texts.push(format!("select * from \"{long}\""));
    let unseen: Vec<String> = texts
        .iter()
        .filter(|sql| !is_seen(&classify(sql)))
        .map(|sql| format!("{sql}\n  {}", show(sql)))
        .collect();
    assert!(unseen.is_empty(), "{}", unseen.join("\n"));
    // The same in the statements around a statement.
    for (before, after) in [
        ("explain ", ""),
        ("prepare p as ", ""),
        ("declare c cursor for ", ""),
        ("  ;", " ; "),
    ] {
        for sql in &texts {
            let around = format!("{before}{sql}{after}");
            assert!(is_seen(&classify(&around)), "{around}\n  {}", show(&around));
        }
    }
}

/// The table of texts with two readings: each is not understood, and says why.
#[test]
fn what_has_two_readings_is_not_understood() {
    for (sql, doubt) in [
        (r"SELECT '\'' FROM secret --'", Doubt::Backslash),
        (r"SELECT '\' FROM t --'", Doubt::Backslash),
        (r"SELECT X'\' FROM t --'", Doubt::Prefix),
        ("SELECT 1 /* /* */ FROM t -- */", Doubt::NestedComment),
        ("SELECT 1 --\rFROM t", Doubt::CarriageReturn),
        ("SELECT 1$$ FROM t --$$", Doubt::Touching),
        ("SELECT 1FROM t", Doubt::Touching),
        ("SELECT 0x1", Doubt::Touching),
        ("SELECT $1FROM t", Doubt::Touching),
        ("SELECT * FROM U&\"d\\0061t\"", Doubt::Prefix),
        ("SELECT a#b FROM t", Doubt::Hash),
        ("SELECT a #b FROM t", Doubt::Hash),
        ("SELECT a FROM t #b", Doubt::Hash),
        ("SELECT * FROM [t]", Doubt::Bracket),
        ("SELECT [a] FROM t", Doubt::Bracket),
        ("SELECT {fn f()}", Doubt::Braces),
        ("SELECT ? FROM t", Doubt::QuestionMark),
        ("SELECT\u{a0}1", Doubt::Invisible),
        ("SELECT\x0b1", Doubt::Invisible),
    ] {
        let statement = classify(sql);
        assert!(
            matches!(&statement.kind, Err(Unparsed::Ambiguous(found)) if found.doubt == doubt),
            "{sql}: {:?}",
            statement.kind
        );
        assert!(!statement.complete, "{sql}");
    }
    let Err(Unparsed::Ambiguous(doubtful)) = classify("select 1 from\u{a0}t").kind else {
        panic!("a space that is none")
    };
    assert_eq!(doubtful.words, "from\\u{a0}t");
}

/// A name with a dot in FROM may be an array of a table before it, or a table.
#[test]
fn an_array_may_be_a_table() {
    assert_eq!(show("select * from s.t x, x.y z"), "select r[s.t x.y] w[]");
    assert_eq!(
        show("select * from s.t x, x.y[0].a z"),
        "select r[s.t x.y] w[]"
    );
    assert_eq!(
        show("select * from s.t x, x.a.b.c z"),
        "select r[s.t] w[] ?"
    );
}

/// Words that nobody knows make a statement incomplete, and it says which.
#[test]
fn what_is_not_accounted_for_is_said() {
    for (sql, words) in [
        ("copy s.t from 's3://x' frobnicate yes", "frobnicate yes"),
        ("alter user u createuser", "createuser"),
        ("unload ('select 1') to 's3://x' frob 'x'", "frob"),
        ("unload ('select 1 from s.t frob x') to 's3://x'", "x"),
        ("create table s.t (a int) frobnicate u", "frobnicate u"),
    ] {
        let statement = classify(sql);
        assert_eq!(statement.unaccounted.join(" "), words, "{sql}");
        assert!(!statement.complete);
    }
}

proptest! {
    /// Whatever is around it, a table in a query is named, or the statement is not complete.
    #[test]
    fn a_table_in_a_mixture_of_words_is_seen(
        before in prop::collection::vec(prop::sample::select(words()), 0..8),
        after in prop::collection::vec(prop::sample::select(words()), 0..8),
    ) {
        // A point makes another name of it, in three parts.
        prop_assume!(after.first() != Some(&"."));
        let sql = format!("select {} from secret.payroll {}", before.join(" "), after.join(" "));
        let statement = classify(&sql);
        // What is in a comment or a literal is not there.
        prop_assert!(is_seen(&statement) || sql.contains(['\'', '$']) || sql.contains("--") || sql.contains("/*"), "{sql}");
    }

    #[test]
    fn tokens_in_any_order_neither_fail_nor_are_complete_without_roles(
        parts in prop::collection::vec(prop::sample::select(words()), 0..30)
    ) {
        let statement = classify(&parts.join(" "));
        prop_assert!(statement.unaccounted.is_empty() || !statement.complete);
    }
}

fn words() -> Vec<&'static str> {
    vec![
        "select",
        "from",
        "where",
        "join",
        "on",
        "using",
        "(",
        ")",
        ",",
        ".",
        "a",
        "b",
        "s.t",
        "as",
        "x",
        "union",
        "all",
        "with",
        "insert",
        "into",
        "update",
        "set",
        "delete",
        "values",
        "1",
        "'x'",
        "=",
        "*",
        "case",
        "when",
        "then",
        "end",
        "in",
        "exists",
        "only",
        "lateral",
        "natural",
        "left",
        "cross",
        "extract(year",
        "trim(",
        "substring(",
        "f(",
        "over (",
        "order by",
        "group by",
        "limit",
        "pivot (",
        "for",
        "unpivot",
        "at",
        "exclude",
        "qualify",
        "top",
        "distinct",
        "is distinct",
        "not",
        "and",
        "or",
        "[",
        "]",
        "::int",
        "interval",
        "date",
        "table",
        "create",
        "explain",
        "prepare p as",
        "merge",
        "matched",
        "returning",
        "--",
        "\n",
        "/*",
        "*/",
        "$$",
        "\"q\"",
        "#t",
        ":p",
        "?",
        "-",
        "|",
    ]
}
