//! Lists of columns, and limits.

use super::*;

#[test]
fn a_star_in_a_list_is_seen() {
    each_has(
        "star",
        &[
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
        ],
    );
}

#[test]
fn a_read_without_a_limit_is_seen() {
    each_has(
        "unlimited",
        &[
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
        ],
    );
}
