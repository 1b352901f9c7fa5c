//! Conditions of changes of rows.

use super::*;

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
    each_has(
        "all-rows",
        &[
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
        ],
    );
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
