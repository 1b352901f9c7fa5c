use super::*;

/// SQL that tools generate: all of it is understood.
#[test]
fn depth_and_length_are_no_matter() {
    let chain = |operator: &str, count: usize| {
        format!(
            "select 1 from s.t where {}a",
            format!("a {operator} ").repeat(count)
        )
    };
    for operator in ["and", "or", "||", "+", "= 1 and"] {
        let sql = chain(operator, 5_000);
        assert_eq!(show(&sql), "select r[s.t] w[]", "{operator}");
    }
    let unions: Vec<String> = (0..2_000)
        .map(|n| format!("select a from s.t{n}"))
        .collect();
    let statement = classify(&unions.join(" union all "));
    assert_eq!((statement.reads.len(), statement.complete), (2_000, true));
    let nested = |open: &str, inside: &str, close: &str, count: usize| {
        format!("{}{inside}{}", open.repeat(count), close.repeat(count))
    };
    for (sql, expected) in [
        (
            nested("select * from (", "select * from s.t", ") x", 1_000),
            "select r[s.t] w[]",
        ),
        (
            nested("select 1 where a in (", "select a from s.t", ")", 1_000),
            "select r[s.t] w[]",
        ),
        (
            "(with a as (select 1) select 1 from a) union all ".repeat(2_000) + "select 1 from s.t",
            "select r[s.t] w[]",
        ),
        (
            nested("with a as (", "select 1 from s.t", ") select 1 from a", 500),
            "select r[s.t] w[]",
        ),
        (
            format!(
                "select {}",
                nested("coalesce(a, ", "(select 1 from s.t)", ")", 2_000)
            ),
            "select r[s.t] w[]",
        ),
        (
            format!("select {}", nested("case when a then ", "1", " end", 2_000)),
            "select r[] w[]",
        ),
        (
            format!("select {}", nested("(", "1", ")", 20_000)),
            "select r[] w[]",
        ),
        (
            format!("select {} from s.t", vec!["t.a + 1 as b"; 5_000].join(", ")),
            "select r[s.t] w[]",
        ),
        (
            format!("select {} from s.t", vec!["a"; 40_000].join(",")),
            "select r[s.t] w[]",
        ),
        (
            format!(
                "select 1 from s.t where a in ({})",
                vec!["1"; 20_000].join(",")
            ),
            "select r[s.t] w[]",
        ),
        (
            format!("select 1 from {}", vec!["s.t"; 5_000].join(",")),
            "select r[s.t] w[]",
        ),
    ] {
        assert_eq!(show(&sql), expected, "{}", &sql[..60]);
    }
    let joins: Vec<String> = (0..1_000)
        .map(|n| format!("join s.t{n} t{n} on t{n}.a = t{n}.b"))
        .collect();
    let statement = classify(&format!("select 1 from s.t {}", joins.join(" ")));
    assert_eq!((statement.reads.len(), statement.complete), (1_001, true));
}

#[test]
fn no_text_overflows_or_takes_long() {
    // A test thread has 2 MiB; a fraction of it must do.
    let work = || {
        for (name, sql) in deep_sql_cases() {
            let begun = std::time::Instant::now();
            let _ = classify(&sql);
            let took = begun.elapsed();
            assert!(sql.len() <= MAX_SQL_BYTES, "{name} has {} bytes", sql.len());
            // The slowest takes a tenth of a second; the bound is for a busy machine.
            assert!(took.as_secs() < 20, "{name} took {took:?}");
        }
    };
    let thread = std::thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(work)
        .unwrap();
    thread.join().unwrap();
}
