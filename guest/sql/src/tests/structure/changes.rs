//! Tables that a statement creates, drops or grants rights on.

use super::*;

#[test]
fn what_is_made_dropped_and_given_away_is_seen() {
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
