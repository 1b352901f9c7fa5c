use super::*;

/// SQL of Redshift that people and tools write: it is understood, and no table is missed.
#[test]
fn ordinary_sql_is_understood() {
    let mut wrong = Vec::new();
    for (sql, expected) in [
        (
            "select extract(qtr from d), extract(dw from d), extract(mins from d), extract('month' from d) from s.t",
            "select r[s.t] w[]",
        ),
        (
            "select extract(millisecon from d) + extract(epoch from a - b) from s.t",
            "select r[s.t] w[]",
        ),
        (
            "select trim(both ' ' from a), trim(a), substring(a from 1 for 2), position('a' in b), overlay(a placing b from 1) from s.t",
            "select r[s.t] w[]",
        ),
        ("select * from (s.t)", "select r[s.t] w[]"),
        (
            "select * from (s.t) x join (s.u y cross join s.v) on true",
            "select r[s.t s.u s.v] w[]",
        ),
        ("select * exclude (a, b) from s.t", "select r[s.t] w[]"),
        ("select a, t.* exclude b, c from s.t", "select r[s.t] w[]"),
        ("select 1 exclude from s.t", "select r[s.t] w[]"),
        (
            "merge into s.t using s.u on t.id = u.id remove duplicates",
            "merge r[s.t s.u] w[s.t]",
        ),
        (
            "merge into s.t a using s.u as b on a.id = b.id when matched and b.x = 1 then update set y = case when b.z then 1 else 2 end when matched then delete when not matched then insert (id, y) values (b.id, default)",
            "merge r[s.t s.u] w[s.t]",
        ),
        (
            "attach rls policy p on table s.t, s.u to role r, public",
            "attach-policy r[s.t s.u] w[s.t s.u]",
        ),
        (
            "detach rls policy p on s.t from role r",
            "detach-policy r[s.t] w[s.t]",
        ),
        (
            "attach masking policy p on s.t (a) using (a, b) to role r priority 30",
            "attach-policy r[s.t] w[s.t]",
        ),
        (
            "attach masking policy p on s.t (c.d[0].e) to public",
            "attach-policy r[s.t] w[s.t]",
        ),
        (
            "detach masking policy p on s.t(a) from public",
            "detach-policy r[s.t] w[s.t]",
        ),
        (
            "select a.b[0].c['d'].e, f.g::super from s.t a, a.x as y at z",
            "select r[a.x s.t] w[]",
        ),
        (
            "select * from s.t t, unpivot t.c as v at k",
            "select r[s.t t.c] w[]",
        ),
        (
            "select * from s.t pivot (sum(a) as x, count(*) for b in ('u' as u, 'v')) as p",
            "select r[s.t] w[]",
        ),
        (
            "select * from s.t unpivot include nulls (v for n in (a as 'x', b))",
            "select r[s.t] w[]",
        ),
        (
            "select a from s.t, unnest(t.c) with offset as u (x, o)",
            "select r[s.t] w[]",
        ),
        (
            "select a from s.t x left outer join s.u y on x.a = y.a(+) where x.b = y.b (+) and 1 = 1",
            "select r[s.t s.u] w[]",
        ),
        (
            "select level, prior a from s.t start with b is null connect by nocycle prior a = b order by 1",
            "select r[s.t] w[]",
        ),
        (
            "select top 10 distinct a, b::varchar(max), c::numeric(10,2), d::timestamp with time zone from s.t",
            "select r[s.t] w[]",
        ),
        ("select top (5) a from s.t", "select r[s.t] w[]"),
        (
            "select a as \"select\", b as limit_, c date from s.t limit 5 offset 10",
            "select r[s.t] w[]",
        ),
        (
            "select date '2020-01-01' + interval '1' day, timestamp '2020-01-01', interval '1 year 2 months' from s.t",
            "select r[s.t] w[]",
        ),
        (
            "select a at time zone 'utc' at time zone 'cet' from s.t where b ilike any (array['x', 'y']) escape '\\\\'",
            "select r[s.t] w[]",
        ),
        (
            "select listagg(distinct a, ',') within group (order by b) over (partition by c), approximate percentile_disc(0.5) within group (order by a) from s.t",
            "select r[s.t] w[]",
        ),
        (
            "select sum(a) over (partition by b order by c rows between unbounded preceding and 1 following), lag(a) ignore nulls over (order by b), first_value(a ignore nulls) over w from s.t window w as (order by a)",
            "select r[s.t] w[]",
        ),
        (
            "select left(a, 1), right(a, 2), cast(a as double precision), convert(int, a), nvl2(a, b, c) from s.t",
            "select r[s.t] w[]",
        ),
        (
            "select object_transform(a keep 'x', 'y' set 'z', 1), object('a', 1), array(1, 2) from s.t",
            "select r[s.t] w[]",
        ),
        (
            "select a, grouping(b), count(*) from s.t group by grouping sets ((a, b), a, ()), rollup(a, b), cube (a)",
            "select r[s.t] w[]",
        ),
        (
            "select a, count(*) from s.t group by all having count(*) > 1 qualify row_number() over (order by a) = 1",
            "select r[s.t] w[]",
        ),
        (
            "select case a when 1 then 'x' else case when b then 'y' end end from s.t",
            "select r[s.t] w[]",
        ),
        (
            "select -a, +b, ~c, @ d, |/ e, not f, a % b ^ c from s.t where a !~ 'x' and b <> 1 or c != 2 and (a, b) in (select 1, 2)",
            "select r[s.t] w[]",
        ),
        (
            "select a from s.t where a between symmetric 1 and 2 and b not between 3 and 4 and c not in (1) and d is not true and e similar to 'x' escape '!'",
            "select r[s.t] w[]",
        ),
        (
            "select 'a'\n'b', e'x', N'y', $$z$$ from s.t",
            "select r[s.t] w[]",
        ),
        (
            "select a.a, b.* from s.a a join s.b b using (x, y) natural left join s.c",
            "select r[s.a s.b s.c] w[]",
        ),
        (
            "select 1 from s.t union all (select 2 from s.u order by 1 limit 3) except select 3 from s.v order by 1 desc nulls last fetch first 5 rows only",
            "select r[s.t s.u s.v] w[]",
        ),
        (
            "with a (x, y) as (select 1, 2), b as (select * from a) select * from b join a on true",
            "select r[] w[]",
        ),
        (
            "with recursive a (n) as (select 1 union all select n + 1 from a where n < 5) select * from a",
            "select r[] w[]",
        ),
        (
            "with a as (select 1 from s.t) insert into s.u select * from a",
            "insert r[s.t] w[s.u]",
        ),
        (
            "with a as (select 1 from s.t) delete from s.u using a where a.x = u.x",
            "delete r[s.t s.u] w[s.u]",
        ),
        (
            "with a as (select 1 from s.t) update s.u set x = a.x from a",
            "update r[s.t s.u] w[s.u]",
        ),
        (
            "insert into s.t (a, b) select c, d from s.u",
            "insert r[s.u] w[s.t]",
        ),
        (
            "insert into s.t (select c, d from s.u)",
            "insert r[s.u] w[s.t]",
        ),
        ("insert into s.t default values", "insert r[] w[s.t]"),
        (
            "insert into s.t values (1, default), (:a, 'x')",
            "insert r[] w[s.t]",
        ),
        (
            "update s.t as x set a = b + 1, c = default, x.d = null from s.u y where x.i = y.i",
            "update r[s.t s.u] w[s.t]",
        ),
        ("delete s.t", "delete r[s.t] w[s.t]"),
        (
            "select a into temp table n from s.t",
            "create-table r[s.t] w[n]",
        ),
        (
            "create temp table n distkey(a) sortkey(a, b) as select * from s.t",
            "create-table r[s.t] w[n]",
        ),
        (
            "create table if not exists s.n (a varchar(20) not null default 'x' encode zstd distkey, b timestamp default sysdate sortkey, c int identity(0, 1) primary key, d super, unique (a), primary key (a, b)) diststyle key backup no compound sortkey (a, b)",
            "create-table r[] w[s.n]",
        ),
        (
            "create table s.n (a double precision collate case_insensitive, b character varying(5))",
            "create-table r[] w[s.n]",
        ),
        (
            "create materialized view s.v backup no diststyle even sortkey (a) auto refresh yes as select a from s.t",
            "create-view r[s.t] w[s.v]",
        ),
        (
            "create external table s.e (a int, b struct<c:array<int>, d:varchar(5)>) partitioned by (e date) row format serde 'x' stored as parquet location 's3://x' table properties ('a'='b')",
            "create-external-table r[] w[s.e]",
        ),
        (
            "create external table s.e partitioned by (a) stored as parquet location 's3://x' as select * from s.t",
            "create-external-table r[s.t] w[s.e]",
        ),
        (
            "alter table s.t alter column a type varchar(20)",
            "alter-table r[] w[s.t]",
        ),
        (
            "alter table s.t add column a varchar(5) default 'x' encode lzo",
            "alter-table r[] w[s.t]",
        ),
        (
            "alter table s.t rename to u",
            "alter-table r[s.t] w[s.t s.u]",
        ),
        ("alter table t rename to \"U\"", "alter-table r[t] w[t u]"),
        ("alter table s.t drop a", "alter-table r[] w[s.t]"),
        (
            "select * from s.t c, unpivot c.d[0] where a = 1",
            "select r[c.d s.t] w[]",
        ),
        (
            "grant select (a, b), update (c) on s.t to group g",
            "grant r[s.t] w[s.t]",
        ),
        (
            "alter table s.t rename column a to b",
            "alter-table r[] w[s.t]",
        ),
        ("alter table s.t owner to u", "alter-table r[s.t] w[s.t]"),
        (
            "alter table s.t alter diststyle key distkey a",
            "alter-table r[] w[s.t]",
        ),
        ("alter table s.t drop column a", "alter-table r[] w[s.t]"),
        (
            "alter table s.t alter column a encode zstd, alter column b type varchar(9), owner to u",
            "alter-table r[s.t] w[s.t]",
        ),
        (
            "alter table s.e add if not exists partition (d = '2027-01-31', r = 'eu') location 's3://b/1' partition (d = '2027-02-01', r = 'eu') location 's3://b/2'",
            "alter-table r[] w[s.e]",
        ),
        (
            "alter table s.e partition (d = '2027-01-31') set location 's3://b/3'",
            "alter-table r[] w[s.e]",
        ),
        (
            "alter table s.e drop partition (d = '2027-01-31')",
            "alter-table r[] w[s.e]",
        ),
        (
            "alter table s.e set location 's3://b/4'",
            "alter-table r[] w[s.e]",
        ),
        (
            "alter table s.e set file format parquet",
            "alter-table r[] w[s.e]",
        ),
        (
            "alter table s.e set table properties ('numRows' = '1')",
            "alter-table r[] w[s.e]",
        ),
        (
            "alter materialized view s.m auto refresh yes",
            "alter-other r[] w[s.m]",
        ),
        ("comment on column s.t.a is 'x'", "comment r[] w[s.t]"),
        ("comment on column t.a is null", "comment r[] w[t]"),
        ("show table s.t", "show r[s.t] w[]"),
        ("show view s.v", "show r[s.v] w[]"),
        (
            "show columns from table dev.s.t like 'a%' limit 5",
            "show r[dev.s.t] w[]",
        ),
        ("show timezone", "show r[] w[]"),
        ("set time zone 'Europe/Berlin'", "set r[] w[]"),
        (
            "select has_table_privilege('u', 's.t', 'select')",
            "select r[] w[]",
        ),
        (
            "copy s.t (a, b) from 's3://x' iam_role 'arn' csv delimiter ',' ignoreheader 1 region 'eu-west-1' maxerror 5 gzip timeformat 'auto' acceptinvchars as '^' null as 'x'",
            "copy r[] w[s.t]",
        ),
        (
            "unload ('select * from s.t where a = \\'x\\'') to 's3://x' iam_role default parquet partition by (a, b) include allowoverwrite parallel off",
            "unload r[s.t] w[]",
        ),
        (
            "unload ('select * '\n 'from s.t') to 's3://x' iam_role 'a' manifest verbose",
            "unload r[s.t] w[]",
        ),
        (
            "grant select, update on s.t to u with grant option, group g, role r, public",
            "grant r[s.t] w[s.t]",
        ),
        (
            "create user u password 'x' nocreatedb valid until '2030-01-01' connection limit 5 session timeout 60",
            "create-user r[] w[]",
        ),
        ("alter user u password disable", "alter-user r[] w[]"),
        ("begin read only", "transaction r[] w[]"),
        ("fetch forward 100 from c", "cursor r[] w[]"),
        ("close c", "cursor r[] w[]"),
        ("cancel 123 'why'", "cancel r[] w[]"),
        (
            "select st_distance(a, b), json_extract_path_text(c, 'x'), is_varchar(d), hll(e), getdate(), current_date from s.t",
            "select r[s.t] w[]",
        ),
        (
            "select current_user, sysdate, user, session_user, true, false, null, a.value, a.\"type\", name from s.t a",
            "select r[s.t] w[]",
        ),
        (
            "select count(*) from stv_recents, pg_catalog.pg_class",
            "select r[stv_recents pg_catalog.pg_class] w[]",
        ),
        ("select #t.a, t.* from #t", "select r[#t] w[]"),
        (
            "select a from s.t where (b = 1) and not exists (select 1 from s.u) and ((c) > any (select 2))",
            "select r[s.t s.u] w[]",
        ),
        (
            "select (((a))), ((select max(b) from s.u)) + 1, (a).b from ((select * from s.t)) x",
            "select r[s.t s.u] w[]",
        ),
        (
            "select a from s.t order by case when b then 1 end, c collate \"x\" desc",
            "select r[s.t] w[]",
        ),
    ] {
        if show(sql) != expected {
            wrong.push(format!(
                "{sql}\n  is     {}\n  not    {expected}\n  {:?}",
                show(sql),
                classify(sql).kind
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_date_parts_are_known() {
    // Of the documentation.
    for part in "millennium millennia mil mils century centuries c cent cents decade decades dec decs epoch year years y yr \
                 yrs quarter quarters qtr qtrs month months mon mons week weeks w dayofweek dow dw weekday dayofyear doy dy \
                 yearday day days d hour hours h hr hrs minute minutes m min mins second seconds s sec secs millisecond \
                 milliseconds ms msec msecs msecond mseconds millisec millisecs millisecon microsecond microseconds microsec \
                 microsecs usecond useconds us usec usecs timezone timezone_hour timezone_minute"
        .split_whitespace()
    {
        assert_eq!(show(&format!("select extract({part} from d) from s.t")), "select r[s.t] w[]");
    }
}

#[test]
fn functions_are_facts() {
    let statement = classify("select f_tax(a), s.G(b), lower(c) from s.t");
    assert_eq!(statement.functions, ["f_tax", "lower", "s.g"]);
    assert_eq!(
        statement.unknown_functions().collect::<Vec<_>>(),
        ["f_tax", "s.g"]
    );
    assert!(!statement.complete);
    assert!(!statement.clone().trusting(|name| name == "f_tax").complete);
    assert!(statement.trusting(|_| true).complete);
    // Nobody can vouch for these.
    assert!(
        !classify("select set_config('a', 'b', true)")
            .trusting(|_| true)
            .complete
    );
    assert!(!classify("call p()").trusting(|_| true).complete);
    assert_eq!(classify("call s.p(1)").functions, ["s.p"]);
    // Where case matters this is not the function that Redshift brings along.
    assert!(!classify("select \"Lower\"(a) from s.t").complete);
    assert!(classify("select \"lower\"(a) from s.t").complete);
    assert!(
        !classify("select \"SET_CONFIG\"(a, b, true)")
            .trusting(|_| true)
            .complete
    );
    assert_eq!(
        show("select * from pg_get_late_binding_view_cols() cols(view_schema name, col_num int)"),
        "select r[] w[] ?"
    );
    assert!(classify("select lower(a), sum(b) over (), nvl(c, 1) from s.t").complete);
}
