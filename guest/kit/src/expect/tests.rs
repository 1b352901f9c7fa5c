use super::*;
use crate::contract::{StatementDescription, StatementStatus, SubStatement};
use crate::section::Findings;
use crate::sql::{Kind, classify, count_statements};
use crate::testing::{STATEMENT_ID, description};
use proptest::prelude::*;

fn expectations(value: &Value) -> Result<Vec<Expectation>, String> {
    let mut findings = Findings::default();
    let found = read("expect", value, &mut findings);
    match findings.0.is_empty() {
        true => Ok(found),
        false => Err(findings
            .0
            .iter()
            .map(|finding| {
                let help = finding.help.as_deref().unwrap_or("");
                format!("{}: {} {help}\n", finding.path, finding.message)
            })
            .collect()),
    }
}

#[test]
fn the_statements_that_check() {
    let list = expectations(&json!([
        { "name": "there is a row", "isTrue": "select count(*) > 0 from sales.orders" },
        { "name": "no duplicates", "noRows": "with d as (select id from sales.orders group by id having count(*) > 1) select * from d; -- done" },
        { "name": "as usual", "rows": { "of": "select 1 from sales.orders", "min": 10, "max": 20 } },
        { "name": "own", "rows": { "min": 1 } },
    ]))
    .unwrap();
    let shown: Vec<String> = list
        .iter()
        .enumerate()
        .map(|(position, one)| {
            format!(
                "{}: {}\n{}",
                one.name,
                one.expected(),
                one.statement(position + 1).unwrap_or_default()
            )
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n\n"));
    for one in &list[..3] {
        let text = one.statement(1).unwrap();
        let statement = classify(&text);
        assert_eq!(
            (count_statements(&text), statement.kind),
            (1, Ok(Kind::Select)),
            "{text}"
        );
        assert!(statement.complete && statement.reads.len() == 1, "{text}");
    }
}

#[test]
fn what_is_no_expectation_is_explained() {
    let select = "select 1";
    let list: Vec<Value> = vec![
        json!([]),
        json!("select 1"),
        json!([1]),
        json!({ "isTrue": select }),
        json!({ "name": "x" }),
        json!({ "name": "x", "isTrue": select, "noRows": select }),
        json!({ "name": "x", "istrue": select }),
        json!({ "name": "x", "isTrue": true }),
        json!({ "name": "x", "isTrue": "" }),
        json!({ "name": "x", "isTrue": "-- nothing" }),
        json!({ "name": "x", "isTrue": "select 1; select 2" }),
        json!({ "name": "x", "isTrue": "delete from t" }),
        json!({ "name": "x", "isTrue": "select a into b from c" }),
        json!({ "name": "x", "isTrue": "select set_config('a', 'b', false)" }),
        json!({ "name": "x", "isTrue": "select 1) as q; drop table t; select (2" }),
        json!({ "name": "x", "isTrue": "select 1) as q(v)) as c where (1 = 1" }),
        json!({ "name": "x", "noRows": "select 'a" }),
        json!({ "name": "x", "noRows": "call p()" }),
        json!({ "name": "x", "rows": 5 }),
        json!({ "name": "x", "rows": {} }),
        json!({ "name": "x", "rows": { "min": 0 } }),
        json!({ "name": "x", "rows": { "min": 5, "max": 4 } }),
        json!({ "name": "x", "rows": { "min": -1 } }),
        json!({ "name": "x", "rows": { "minimum": 1 } }),
        json!({ "name": "x", "rows": { "max": 1, "of": "vacuum" } }),
        json!(vec![json!({ "name": "x", "isTrue": select }); 21]),
    ];
    let shown: Vec<String> = list
        .iter()
        .map(|value| format!("{value}\n{}", expectations(value).unwrap_err()))
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

fn part(status: StatementStatus, error: Option<&str>, rows: Option<u64>) -> SubStatement {
    SubStatement {
        id: format!("{STATEMENT_ID}:1"),
        status,
        error: error.map(str::to_owned),
        duration_ns: None,
        has_result_set: false,
        result_rows: rows,
        result_size: None,
    }
}

fn batch(status: StatementStatus, parts: Vec<SubStatement>) -> StatementDescription {
    StatementDescription {
        sub_statements: parts,
        ..description(status)
    }
}

use StatementStatus::{Aborted, Failed, Finished};

/// Of a batch of one statement with two queries and a count.
fn judged(load: Load, statement: &StatementDescription) -> Option<(&'static str, String)> {
    let list = expectations(&json!([
        { "name": "one", "isTrue": "select true" },
        { "name": "few", "rows": { "max": 3 } },
        { "name": "none", "noRows": "select 1 from t" },
    ]))
    .unwrap();
    let verdict = judge(&noted(&list, 1, load), statement)?;
    Some((
        verdict.error,
        verdict.contract["message"].as_str().unwrap().to_owned(),
    ))
}

#[test]
fn a_broken_contract_is_told_with_its_name_and_what_was_found() {
    for message in [
        // PostgreSQL.
        "ERROR: invalid input syntax for type integer: \"!signalbox contract 3: 17\"",
        // Redshift.
        "ERROR: Invalid digit, Value '!', Pos 0, Type: Integer \n  code:      1207\n  context:   !signalbox contract 3: 17\n  query:     1",
    ] {
        let parts = vec![
            part(Finished, None, Some(9)),
            part(Finished, None, Some(1)),
            part(Failed, Some(message), None),
        ];
        let (error, told) = judged(Load::RolledBack, &batch(Failed, parts)).unwrap();
        assert_eq!(error, "ContractViolated");
        assert_eq!(
            told,
            "The contract `none` is broken: expected no rows, found 17 rows. The transaction was rolled back."
        );
    }
    let hidden = "ERROR: Invalid digit, Value '!', Pos 0, Type: Integer";
    let message = "ERROR: invalid input syntax for type integer: \"!signalbox contract 1: 2 of 5\"";
    for (first, second, expected) in [
        (
            Some(message),
            None,
            "The contract `one` is broken: expected true in every row, and a row, found 2 of 5 rows not true.",
        ),
        (
            None,
            Some(hidden),
            "The contract `none` is broken: expected no rows, found something else.",
        ),
    ] {
        let status = |error: Option<&str>| if error.is_some() { Failed } else { Finished };
        let parts = vec![
            part(Finished, None, None),
            part(status(first), first, None),
            part(status(second), second, None),
        ];
        let (error, told) = judged(Load::Stands, &batch(Failed, parts)).unwrap();
        assert_eq!(
            (error, told),
            (
                "ContractViolated",
                format!("{expected} What the statements did stands.")
            )
        );
    }
    // Where the other parts are told as taken back, and where no part is told.
    let parts = vec![
        part(Aborted, None, None),
        part(Failed, Some(message), None),
        part(Aborted, None, None),
    ];
    assert_eq!(
        judged(Load::RolledBack, &batch(Failed, parts)).unwrap().0,
        "ContractViolated"
    );
    let mut whole = description(Failed);
    whole.error = Some(message.to_owned());
    assert_eq!(
        judged(Load::RolledBack, &whole).unwrap().0,
        "ContractViolated"
    );
}

#[test]
fn a_query_that_fails_has_an_error_of_its_own() {
    let parts = vec![
        part(Finished, None, None),
        part(Failed, Some("ERROR: relation \"x\" does not exist"), None),
    ];
    let (error, told) = judged(Load::RolledBack, &batch(Failed, parts)).unwrap();
    assert_eq!(error, "ContractNotChecked");
    assert!(
        told.contains("`one` could not be checked: ERROR: relation"),
        "{told}"
    );
}

#[test]
fn nothing_unchecked_is_a_success() {
    let kept = || part(Finished, None, Some(1));
    let load = |rows| part(Finished, None, rows);
    let success = batch(Finished, vec![load(Some(3)), kept(), kept()]);
    assert_eq!(judged(Load::RolledBack, &success), None);
    for (parts, error) in [
        (vec![], "ContractNotChecked"),
        (vec![load(Some(3))], "ContractNotChecked"),
        (vec![load(Some(3)), kept()], "ContractNotChecked"),
        (
            vec![load(Some(3)), kept(), part(Failed, None, None)],
            "ContractNotChecked",
        ),
        (
            vec![load(Some(3)), kept(), part(Failed, Some("ERROR: x"), None)],
            "ContractNotChecked",
        ),
        (vec![load(None), kept(), kept()], "ContractNotChecked"),
        (vec![load(Some(4)), kept(), kept()], "ContractViolated"),
    ] {
        let shown = format!("{parts:?}");
        assert_eq!(
            judged(Load::Stands, &batch(Finished, parts)).unwrap().0,
            error,
            "{shown}"
        );
    }
    // The statements themselves failed: that is told.
    for parts in [
        vec![
            part(Failed, Some("ERROR: x"), None),
            part(Aborted, None, None),
            part(Aborted, None, None),
        ],
        vec![],
    ] {
        assert_eq!(judged(Load::RolledBack, &batch(Failed, parts)), None);
    }
    assert_eq!(
        judged(
            Load::RolledBack,
            &batch(Aborted, vec![load(None), part(Aborted, None, None)])
        ),
        None
    );
}

proptest! {
    #[test]
    fn no_finished_batch_with_a_part_that_did_not_finish_is_a_success(
        states in prop::collection::vec(prop::sample::select(vec![Finished, Failed, Aborted, StatementStatus::Started, StatementStatus::Unknown]), 0..4),
        rows in 0..6_u64,
    ) {
        let parts: Vec<SubStatement> = states.iter().map(|state| part(*state, None, Some(rows))).collect();
        let is_success = judged(Load::RolledBack, &batch(Finished, parts)).is_none();
        let checks_finished = states.len() >= 3 && states[1..3].iter().all(|state| *state == Finished);
        prop_assert_eq!(is_success, checks_finished && rows <= 3);
    }
}
