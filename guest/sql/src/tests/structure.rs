use super::*;

/// What a statement does beyond its names; `?` for what is not known.
fn shown(sql: &str) -> String {
    let structure = classify(sql).structure;
    let mut parts = Vec::new();
    for (name, seen) in [
        ("all-rows", structure.without_where),
        ("star", structure.select_star),
        ("unlimited", structure.without_limit),
        ("cross", structure.cross_join),
    ] {
        match seen {
            Seen::Yes => parts.push(name.to_owned()),
            Seen::Unknown => parts.push(format!("{name}?")),
            Seen::No => {}
        }
    }
    parts.join(" ")
}

fn has(sql: &str, property: &str) -> bool {
    shown(sql).split(' ').any(|part| part == property)
}

/// Conditions of a change of `s.t` that select its rows.
const RESTRICTING: &[&str] = &[
    "id = 5",
    "id = :id",
    "t.id = 5",
    "s.t.id = 5",
    "\"T\".\"Id\" = 5",
    "id in (1, 2)",
    "id between 1 and 2",
    "not id = 5",
    "not (id between 1 and 2)",
    "not (a = 1 and b = 2)",
    "deleted",
    "deleted is true",
    "id = 5 and true",
    "true and id = 5",
    "(id = 5)",
    "((id = 5) and (1 = 1))",
    "id = 5 or name = 'x'",
    "id in (select id from s.u)",
    "exists (select 1 from s.u where u.id = t.id)",
    "exists (select 1 from s.u u where u.id = s.t.id and u.x > 5)",
    "5 = (select max(x) from s.u where u.id = t.id)",
    "case when id = 5 then true else false end",
    "d < dateadd(day, -7, current_date)",
    "payload.kind = 'x'",
    "lower(name) like 'a%'",
    "id = 5 /* or true */",
    "id = 5 -- or true\n",
    "name = ' or true'",
];

/// Conditions that hold for each row, or for none, or that are another table's alone.
const OPEN: &[&str] = &[
    "true",
    "TRUE",
    "1=1",
    "1 = 1",
    "(1=1)",
    "((true))",
    "not false",
    "'a' = 'a'",
    "1 = 1 or id = 5",
    "id = 5 or 1 = 1",
    "id = 5 or/**/true",
    "(id = 5) or (true)",
    "(id = 5 or true)",
    "((id = 5 or (1=1)) and 2=2)",
    "id = 5 and x = 1 or 1 = 1",
    "id = id",
    "ID = \"id\" or true",
    "t.id = t.id",
    "id + 1 = id + 1",
    "(id) = (id)",
    "id >= id",
    "id <= ID",
    "name like name",
    "id in (id) or true",
    "id is not distinct from id",
    "not (id = 5 and 1 = 0)",
    "null is null",
    "current_date > '2000-01-01'",
    "dateadd(day, -1, current_date) < current_date",
    "getdate() is not null",
    ":p = :p",
    "$1 = 1",
    "exists (select 1)",
    "exists (select 1 from s.u)",
    "exists (select id from s.u)",
    "exists (select t.id from s.u)",
    "exists (select * from s.u)",
    "exists (select 1 from s.u where u.x = 5)",
    "exists (select 1 from s.u where true)",
    "exists (select 1 from s.u where u.id = t.id or true)",
    "exists (select 1 from s.u where u.id = t.id union select 1)",
    "exists (select 1 from s.u t where t.id = 5)",
    "1 in (select 1 from s.u)",
    "(select true)",
    "E'a' = 'a'",
    "interval '1 day' < interval '2 days'",
    "true::boolean",
    "1 between 0 and 2",
    "random() < 2",
    "extract(year from current_date) > 1",
];

#[test]
fn a_change_without_a_condition_on_its_table_is_seen() {
    for condition in RESTRICTING {
        for sql in [
            format!("delete from s.t where {condition}"),
            format!("update s.t set a = 1 where {condition}"),
            format!("merge into s.t using s.v on {condition} when matched then delete"),
        ] {
            assert_eq!(classify(&sql).unparsed_part(), None, "{sql}");
            assert!(!shown(&sql).contains("all-rows"), "{sql}");
        }
    }
    for condition in OPEN {
        for sql in [
            format!("delete from s.t where {condition}"),
            format!("DELETE s.t WHERE {condition}"),
            format!("update s.t set a = 1 where {condition}"),
            format!("explain delete from s.t where {condition}"),
            format!("prepare p as delete from s.t where {condition}"),
            format!("with x as (select 1 from s.w where id = 5) delete from s.t where {condition}"),
            format!("merge into s.t using s.v on {condition} when matched then delete"),
        ] {
            assert_eq!(
                classify(&sql)
                    .unparsed_part()
                    .filter(|why| **why != Unparsed::Elsewhere),
                None,
                "{sql}"
            );
            assert!(has(&sql, "all-rows"), "{sql}");
        }
    }
    for (sql, seen) in [
        ("delete from s.t", true),
        ("delete s.t", true),
        ("delete/**/from s.t -- where id = 5", true),
        ("delete from s.t /* where id = 5 */", true),
        ("delete from \"s\".\"where\"", true),
        ("update s.t set a = 'x where id = 5'", true),
        ("update s.t set a = (select 1 from s.u where id = 5)", true),
        ("update s.t x set a = 1 where t.id = 5", false),
        ("update s.t x set a = 1 where x.id = 5", false),
        ("delete from s.t using s.u where t.id = u.id", false),
        ("delete from s.t using s.u where u.id = 5", true),
        ("delete from s.t using s.u", true),
        ("delete from s.t x using s.u t where t.id = 5", true),
        ("update s.t set a = u.a from s.u u where u.id = 5", true),
        ("update s.t set a = u.a from s.u u where u.id = t.id", false),
        (
            "merge into s.t using s.u on t.id = u.id when matched then delete",
            false,
        ),
        (
            "merge into s.t using s.u on t.id = u.id remove duplicates",
            false,
        ),
        (
            "merge into s.t using s.u on u.id = 5 when matched then update set a = 1",
            true,
        ),
        (
            "merge into s.t using s.u on true when not matched then insert values (1)",
            false,
        ),
        ("merge into s.t using s.u on true remove duplicates", true),
        ("insert into s.t select 1 from s.u", false),
        ("truncate s.t", false),
        ("select 'delete from s.t'", false),
    ] {
        assert_eq!(has(sql, "all-rows"), seen, "{sql}: {}", shown(sql));
    }
}

#[test]
fn a_star_in_a_list_is_seen() {
    for (sql, seen) in [
        ("select * from s.t", true),
        ("select t.* from s.t", true),
        ("select s.t.* from s.t", true),
        ("select #t.* from #t", true),
        ("select a, t . * from s.t", true),
        ("select a, \"T\".* from s.t", true),
        ("select/**/*/**/from s.t", true),
        ("select distinct * from s.t", true),
        ("select top 5 * from s.t", true),
        ("select all * from s.t", true),
        ("select * exclude (a) from s.t", true),
        ("with x as (select * from s.t) select a from x", true),
        ("select a from (select * from s.t) x", true),
        ("select a from s.t union all select * from s.u", true),
        ("select a from s.t where exists (select * from s.u)", true),
        ("insert into s.t select * from s.u", true),
        ("create table s.t as select * from s.u", true),
        ("create view s.v as (select * from s.u)", true),
        ("explain select * from s.t", true),
        ("declare c cursor for select * from s.t", true),
        ("prepare p as select * from s.t", true),
        ("unload ('select * from s.t') to 's3://b/k'", true),
        ("unload ($$select * from s.t$$) to 's3://b/k'", true),
        ("select count(*) from s.t", false),
        ("select a * b from s.t", false),
        ("select a*1, '*' from s.t -- *", false),
        ("select \"*\" from s.t", false),
        ("select count(*) over (partition by a) from s.t", false),
    ] {
        assert_eq!(has(sql, "star"), seen, "{sql}: {}", shown(sql));
    }
}

#[test]
fn a_read_without_a_limit_is_seen() {
    for (sql, seen) in [
        ("select a from s.t", true),
        ("select a from s.t limit 5", false),
        ("select a from s.t limit :n", false),
        ("select a from s.t LIMIT/**/5 offset 3", false),
        ("select top 5 a from s.t", false),
        ("select top (5) a from s.t", false),
        ("select a from s.t fetch first 5 rows only", false),
        ("select a from s.t fetch first row only", false),
        ("select a from s.t limit all", true),
        ("select a from s.t limit null", true),
        ("select a from s.t limit (null)", true),
        ("select a from s.t offset 5", true),
        ("select a from s.t -- limit 5", true),
        ("select a as \"limit\" from s.t", true),
        ("select a from (select a from s.t limit 5) x", true),
        (
            "with x as (select a from s.t limit 5) select a from x",
            true,
        ),
        (
            "with x as (select a from s.t) select a from x limit 5",
            false,
        ),
        (
            "select a from s.t union all select a from s.u limit 5",
            false,
        ),
        ("select top 5 a from s.t union all select a from s.u", true),
        (
            "select top 5 a from s.t union all select top 5 a from s.u",
            false,
        ),
        ("(select a from s.t limit 5)", false),
        ("(select a from s.t)", true),
        ("((select a from s.t)) limit 5", false),
        (
            "(select a from s.t limit 5) union all (select a from s.u limit 5)",
            false,
        ),
        (
            "(select a from s.t limit 5) union all (select a from s.u)",
            true,
        ),
        (
            "(select a from s.t) union all (select a from s.u) limit 5",
            false,
        ),
        ("select 1", false),
        ("values (1)", false),
        (
            "select a from s.t where b in (select b from s.u) limit 5",
            false,
        ),
        ("explain select a from s.t", true),
        ("declare c cursor for select a from s.t", true),
        ("prepare p as select a from s.t", true),
        ("unload ('select a from s.t') to 's3://b/k'", true),
        ("insert into s.t select a from s.u", false),
        ("create table s.t as select a from s.u", false),
        ("select a into s.t from s.u", false),
        ("delete from s.t where a in (select a from s.u)", false),
    ] {
        assert_eq!(has(sql, "unlimited"), seen, "{sql}: {}", shown(sql));
    }
}

#[test]
fn a_join_that_nothing_links_is_seen() {
    for (sql, seen) in [
        ("select 1 from s.a", false),
        ("select 1 from s.a, s.b", true),
        ("select 1 from s.a cross join s.b", true),
        (
            "select 1 from s.a CROSS/**/JOIN s.b where a.id = b.id",
            true,
        ),
        ("select 1 from s.a join s.b on a.id = b.id", false),
        ("select 1 from s.a join s.b using (id)", false),
        ("select 1 from s.a natural join s.b", false),
        ("select 1 from s.a natural left join s.b", false),
        ("select 1 from s.a left join s.b on true", true),
        ("select 1 from s.a join s.b on 1 = 1", true),
        ("select 1 from s.a join s.b on a.id = a.id", true),
        ("select 1 from s.a join s.b on a.id = 5", true),
        ("select 1 from s.a join s.b on a.id = b.id or true", true),
        (
            "select 1 from s.a join s.b on a.id = b.id or a.x = b.x",
            false,
        ),
        ("select 1 from s.a join s.b on a.id <> b.id", true),
        ("select 1 from s.a join s.b on not (a.id = b.id)", true),
        (
            "select 1 from s.a join s.b on a.id is not null and b.id is not null",
            true,
        ),
        (
            "select 1 from s.a join s.b on coalesce(a.id, b.id) is not null",
            true,
        ),
        (
            "select 1 from s.a join s.b on a.d between b.f and b.t",
            false,
        ),
        (
            "select 1 from s.a join s.b on lower(a.x) = lower(b.x)",
            false,
        ),
        (
            "select 1 from s.a join s.b on true where a.id = b.id",
            false,
        ),
        ("select 1 from s.a x, s.b y where x.id = y.id", false),
        (
            "select 1 from s.a x, s.b y where x.id = y.id or 1 = 1",
            true,
        ),
        (
            "select 1 from s.a x, s.b y where (x.id = y.id) and x.z > 5",
            false,
        ),
        ("select 1 from s.a x, s.b y where a.id = b.id", true),
        ("select 1 from s.a, s.b where s.a.id = s.b.id", false),
        ("select 1 from s.a, u.a where s.a.id = u.a.id", false),
        ("select 1 from s.a, u.a where a.id = a.id", true),
        (
            "select 1 from s.a x, s.b y, s.c z where x.id = y.id and y.k = z.k",
            false,
        ),
        ("select 1 from s.a x, s.b y, s.c z where x.id = y.id", true),
        ("select 1 from s.a x join s.b y on x.id = y.id, s.c z", true),
        (
            "select 1 from s.a x join s.b y join s.c z on y.k = z.k on x.id = y.id",
            false,
        ),
        (
            "select 1 from (s.a x join s.b y on x.id = y.id) join s.c z on z.k = y.k",
            false,
        ),
        (
            "select 1 from (s.a x join s.b y on x.id = y.id), s.c z",
            true,
        ),
        (
            "select 1 from s.a x, (select id from s.b) y where x.id = y.id",
            false,
        ),
        ("select 1 from s.a x, (select id from s.b) y", true),
        (
            "select 1 from s.a x, lateral (select 1 from s.b where b.id = x.id) y",
            false,
        ),
        ("select 1 from s.a x, x.items i", false),
        ("select 1 from s.a x, x.items i, i.parts p", false),
        ("select 1 from s.a x, s.items i", true),
        ("select 1 from s.a x, unnest(x.items) i", false),
        ("select 1 from s.a x, unnest(array(1, 2)) i", true),
        (
            "select 1 from s.a where exists (select 1 from s.b, s.c)",
            true,
        ),
        (
            "select 1 from s.a x, s.b y where exists (select 1 from s.c x, s.d y where x.id = y.id)",
            true,
        ),
        ("with x as (select 1 from s.a, s.b) select 1 from x", true),
        (
            "select 1 from s.a union all select 1 from s.b cross join s.c",
            true,
        ),
        ("select 1 from s.a union all select 1 from s.b", false),
        ("delete from s.a using s.b where a.id = 5", true),
        ("delete from s.a using s.b where a.id = b.id", false),
        (
            "update s.a set x = 1 from s.b, s.c where a.id = b.id and c.id = b.id",
            false,
        ),
        ("update s.a set x = 1 from s.b, s.c where a.id = b.id", true),
        (
            "merge into s.a using s.b on a.id = 5 when matched then delete",
            true,
        ),
        ("insert into s.t select 1 from s.a, s.b", true),
        ("unload ('select 1 from s.a, s.b') to 's3://b/k'", true),
        ("explain select 1 from s.a, s.b", true),
        (
            "select 'a cross join b', a, b from s.a -- cross join s.b",
            false,
        ),
        ("select a.\"cross join\" from s.a", false),
        (
            "select 1 from s.a x, s.b \u{e4} where x.id = \u{e4}.id",
            false,
        ),
    ] {
        assert_eq!(has(sql, "cross"), seen, "{sql}: {}", shown(sql));
    }
}

#[test]
fn what_is_not_read_may_have_each_property() {
    for sql in [
        "frobnicate s.t",
        "select 1; delete from s.t",
        "create view s.v as table s.t",
        "explain execute p",
        "unload ('frobnicate') to 's3://b/k'",
        r"unload ('select \143 from s.t') to 's3://b/k'",
        "unload (x) to 's3://b/k'",
    ] {
        let structure = classify(sql).structure;
        for seen in [
            structure.without_where,
            structure.select_star,
            structure.without_limit,
            structure.cross_join,
        ] {
            assert_ne!(seen, Seen::No, "{sql}");
        }
    }
}

fn places(sql: &str) -> String {
    let structure = classify(sql).structure;
    let show = |name: &str, places: &Places| {
        let unsure = if places.unsure { "?" } else { "" };
        format!("{name}[{}]{unsure}", places.found.join(" "))
    };
    [
        show("l", &structure.locations),
        show("r", &structure.iam_roles),
        show("o", &structure.options),
    ]
    .join(" ")
}

#[test]
fn where_rows_come_from_and_go_to_is_seen() {
    for (sql, expected) in [
        ("select 1 from s.t", "l[] r[] o[]"),
        (
            "copy s.t from 's3://b/k' iam_role default csv gzip",
            "l[s3://b/k] r[default] o[iam_role csv gzip]",
        ),
        (
            "COPY s.t (a, b) FROM/**/'s3://b/k' IAM_ROLE 'arn:aws:iam::1:role/a, arn:aws:iam::2:role/b'",
            "l[s3://b/k] r[arn:aws:iam::1:role/a arn:aws:iam::2:role/b] o[iam_role]",
        ),
        (
            "copy s.t from 's3://b/k' credentials 'aws_iam_role=arn:aws:iam::1:role/a'",
            "l[s3://b/k] r[arn:aws:iam::1:role/a] o[credentials]",
        ),
        (
            "copy s.t from 's3://b/k' credentials as 'aws_access_key_id=x;aws_secret_access_key=y'",
            "l[s3://b/k] r[] o[credentials]",
        ),
        (
            "copy s.t from 's3://b/k' credentials '***'",
            "l[s3://b/k] r[]? o[credentials]",
        ),
        (
            "copy s.t from 's3://b/k' iam_role default manifest",
            "l[s3://b/k]? r[default] o[iam_role manifest]",
        ),
        (
            "copy s.t from 's3://b/k' iam_role default format json 's3://b/paths.json'",
            "l[s3://b/k s3://b/paths.json] r[default] o[iam_role format json]",
        ),
        (
            "copy s.t from $$s3://b/k$$ iam_role default",
            "l[]? r[default] o[iam_role]",
        ),
        (
            "copy s.t from E's3://b/k' iam_role default",
            "l[]? r[default] o[iam_role]",
        ),
        (
            r"copy s.t from 's3://b\/k' iam_role default",
            "l[]? r[default] o[iam_role]",
        ),
        (
            "copy s.t from 's3://b'\n'/k' iam_role default",
            "l[]? r[default] o[iam_role]",
        ),
        (
            "copy s.t from :place iam_role default",
            "l[]? r[default]? o[iam_role]?",
        ),
        ("copy job run x", "l[]? r[]? o[]?"),
        (
            "unload ('select 1') to 's3://b/k' iam_role 'arn:x' allowoverwrite parallel off header",
            "l[s3://b/k] r[arn:x] o[iam_role allowoverwrite parallel-off header]",
        ),
        (
            "unload ('select 1') to 's3://b/k' iam_role default PARALLEL TRUE manifest",
            "l[s3://b/k] r[default] o[iam_role parallel parallel-on manifest]",
        ),
        (
            "unload ('frobnicate') to 's3://b/k' iam_role default",
            "l[s3://b/k]? r[default]? o[iam_role]?",
        ),
        (
            "unload ('select 1') to 's3://b/k' iam_role default frobnicate",
            "l[s3://b/k]? r[default]? o[iam_role]?",
        ),
        (
            "create external table s.t (a int) stored as parquet location 's3://b/k'",
            "l[s3://b/k] r[] o[]",
        ),
        (
            "alter table s.t set location 's3://b/k'",
            "l[s3://b/k] r[] o[]",
        ),
        (
            "create external table s.t (a int) frobnicate location 's3://b/k'",
            "l[]? r[] o[]",
        ),
        (
            "alter table s.t frobnicate location 's3://b/k'",
            "l[]? r[] o[]",
        ),
        (
            "unload ('select 1') to 's3://b/k' iam_role default parallel as off",
            "l[s3://b/k] r[default] o[iam_role parallel-off]",
        ),
        (
            "create external schema s from data catalog database 'd' iam_role 'arn:x'",
            "l[] r[arn:x] o[]",
        ),
    ] {
        assert_eq!(places(sql), expected, "{sql}");
    }
    assert!(is_option(|name| name == "parallel-off"));
    assert!(is_option(|name| name == "allowoverwrite"));
    assert!(!is_option(|name| name == "true"));
}

#[test]
fn what_is_made_dropped_and_given_away_is_seen() {
    let list = |tables: &[TableName]| {
        let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
        names.join(" ")
    };
    for (sql, expected) in [
        ("create table s.t (a int)", "c[s.t] d[] g[]"),
        ("create temp table #t as select 1", "c[#t] d[] g[]"),
        ("select 1 as a into s.t", "c[s.t] d[] g[]"),
        ("create or replace view s.V as select 1", "c[s.v] d[] g[]"),
        (
            "create external table s.t (a int) stored as parquet location 's3://b/k'",
            "c[s.t] d[] g[]",
        ),
        ("alter table s.t rename to u", "c[s.u] d[] g[]"),
        ("explain create table s.t as select 1", "c[s.t] d[] g[]"),
        (
            "drop table if exists s.t, s.u cascade",
            "c[] d[s.t s.u] g[]",
        ),
        ("drop view s.v", "c[] d[s.v] g[]"),
        ("grant select on s.t to u", "c[] d[] g[s.t]"),
        ("revoke select on s.t from u", "c[] d[] g[]"),
        ("alter table s.t owner to u", "c[] d[] g[s.t]"),
        ("insert into s.t values (1)", "c[] d[] g[]"),
    ] {
        let structure = classify(sql).structure;
        let shown = format!(
            "c[{}] d[{}] g[{}]",
            list(&structure.creates),
            list(&structure.drops),
            list(&structure.grants)
        );
        assert_eq!(shown, expected, "{sql}");
    }
}

/// Texts of 100 KB that are deep or long where conditions, joins, limits and places are told.
fn large() -> Vec<String> {
    let repeat = |before: &str, [open, middle, close]: [&str; 3], after: &str| {
        let room = MAX_SQL_BYTES - before.len() - middle.len() - after.len();
        let times = room / (open.len() + close.len());
        format!(
            "{before}{}{middle}{}{after}",
            open.repeat(times),
            close.repeat(times)
        )
    };
    let numbered = |before: &str, each: &dyn Fn(usize) -> String| {
        let mut sql = before.to_owned();
        for number in 0.. {
            let next = each(number);
            if sql.len() + next.len() > MAX_SQL_BYTES {
                break;
            }
            sql.push_str(&next);
        }
        sql
    };
    let change = "delete from s.t where ";
    vec![
        repeat(change, ["(", "a=a", ")"], ""),
        repeat(change, ["(a=(", "1", "))"], ""),
        repeat(change, ["not ", "a", ""], ""),
        repeat(change, ["(a=a or ", "b", ")"], ""),
        repeat(change, ["(a and (", "b", ") or c)"], ""),
        repeat(
            change,
            ["exists(select 1 from u where ", "u.a=t.a", ")"],
            "",
        ),
        repeat(change, ["a=(select ", "1", ")"], ""),
        repeat(change, ["case when ", "a", " then 1 end"], ""),
        repeat(change, ["a between ", "b", " and c"], ""),
        repeat(change, ["a=1 or ", "a=1", ""], ""),
        repeat(change, ["a=a and ", "a=a", ""], ""),
        repeat(
            "delete from s.t using ",
            ["s.u,", "s.v", ""],
            " where t.a=u.a",
        ),
        repeat(
            "merge into s.t using s.u on t.a=u.a",
            [" when matched then delete", "", ""],
            "",
        ),
        repeat("", ["(", "select a from t", " limit 1)"], ""),
        repeat(
            "",
            ["(select a from t) union all ", "select a from t", ""],
            " limit 1",
        ),
        repeat("select 1 from ", ["(", "a join b on a.x=b.x", ")"], ""),
        repeat("select 1 from a", [" join b on a.x=b.x", "", ""], ""),
        numbered("select 1 from s.t", &|n| {
            format!(" join u{n} on u{n}.a=t.a")
        }),
        numbered("select 1 from s.t, s.v where true", &|n| {
            format!(" and(t.a{n}=v.b or v.c=t.d{n})")
        }),
        numbered("select 1 from a0", &|n| format!(",a{n} x{n}")),
        numbered("select 1 from a0", &|n| format!(",a{n}.b a{}", n + 1)),
        numbered("copy s.t from 's3://x' iam_role 'a", &|n| format!(",r{n}")) + "'",
        numbered("copy s.t from 's3://x' json", &|n| format!(" 's3://y{n}'")),
        repeat("copy s.t from 's3://x' ", ["csv gzip ", "", ""], ""),
        repeat("unload ('", ["(", "select a from t", ")"], "') to 's3://x'"),
    ]
}

#[test]
fn no_structure_overflows_or_takes_long() {
    // A fraction of a test thread's stack, as in a component.
    let work = || {
        for sql in large() {
            let begun = std::time::Instant::now();
            let _ = classify(&sql);
            let took = begun.elapsed();
            // Each takes a fraction of a second; the bound is for a busy machine.
            assert!(took.as_secs() < 20, "{} took {took:?}", &sql[..60]);
        }
    };
    let thread = std::thread::Builder::new().stack_size(256 * 1024);
    thread.spawn(work).unwrap().join().unwrap();
}

fn condition() -> impl Strategy<Value = (String, bool)> {
    // A condition, and whether it picks rows of `s.t`, by the definition.
    let leaf = prop_oneof![
        Just(("id = 5".to_owned(), true)),
        Just(("t.x > 1".to_owned(), true)),
        Just(("1 = 1".to_owned(), false)),
        Just(("true".to_owned(), false)),
        Just(("x = x".to_owned(), false)),
        Just(("u.a = 1".to_owned(), false)),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone())
                .prop_map(|((a, x), (b, y))| (format!("({a}) and ({b})"), x || y)),
            (inner.clone(), inner.clone())
                .prop_map(|((a, x), (b, y))| (format!("({a} or {b})"), x && y)),
            inner.prop_map(|(a, x)| (format!("({a})"), x)),
        ]
    })
}

proptest! {
    #[test]
    fn a_condition_counts_as_its_parts_say((condition, restricts) in condition()) {
        // Without brackets AND binds tighter than OR, so that a bracket is around each alternative.
        let sql = format!("delete from s.t using s.u where ({condition})");
        prop_assert_eq!(has(&sql, "all-rows"), !restricts, "{}", sql);
    }
}
