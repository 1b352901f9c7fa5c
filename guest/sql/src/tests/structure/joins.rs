//! Joins, and what links their tables.

use super::*;

#[test]
fn a_join_that_nothing_links_is_seen() {
    each_has(
        "cross",
        &[
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
        ],
    );
}
