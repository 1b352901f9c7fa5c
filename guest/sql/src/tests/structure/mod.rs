mod bounds;
mod changes;
mod conditions;
mod joins;
mod rows;
mod transfer;

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

/// Checks of each statement whether it has the property.
#[track_caller]
fn each_has(property: &str, cases: &[(&str, bool)]) {
    for (sql, expected) in cases {
        assert_eq!(has(sql, property), *expected, "{sql}: {}", shown(sql));
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
