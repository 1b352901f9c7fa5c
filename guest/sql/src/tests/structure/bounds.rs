//! Bounds of stack and time.

use super::*;

/// Texts of 100 KB, deep or long where conditions, joins, limits and places are read.
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
