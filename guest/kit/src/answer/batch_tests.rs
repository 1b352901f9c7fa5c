//! Batches: how each statement ended is in the answer, and whatever it holds the answer fits.

use crate::contract::{
    OutputShape, Settlement, StatementDescription, StatementFacts, StatementResult,
    StatementStatus, SubStatement,
};
use crate::handle::settle;
use crate::policy::{Identity, Policy};
use crate::testing::{Call, FakeHost, STATEMENT_ID, description};
use proptest::prelude::*;
use serde_json::{Value, json};

struct Standard;

impl Policy for Standard {
    fn identity(&self) -> Identity {
        Identity {
            name: "standard",
            version: "0.0.0",
            summary: "",
        }
    }
}

const STATES: [StatementStatus; 3] = [
    StatementStatus::Finished,
    StatementStatus::Failed,
    StatementStatus::Aborted,
];

fn part(number: usize, status: StatementStatus, error: Option<String>, rows: bool) -> SubStatement {
    SubStatement {
        id: format!("{STATEMENT_ID}:{number}"),
        status,
        error,
        duration_ns: None,
        has_result_set: rows,
        result_rows: Some(2),
        result_size: Some(10),
    }
}

fn batch(status: StatementStatus, parts: Vec<SubStatement>) -> StatementDescription {
    let document: Vec<Value> = parts
        .iter()
        .map(|part| json!({ "Id": part.id, "Error": part.error }))
        .collect();
    StatementDescription {
        document: json!({ "Id": STATEMENT_ID, "SubStatements": document }).to_string(),
        sub_statements: parts,
        ..description(status)
    }
}

/// What the task is told: whether it succeeded, and the output or cause.
fn told(
    output: OutputShape,
    statement: StatementDescription,
    pages: Vec<StatementResult>,
) -> (bool, String) {
    let settlement = Settlement {
        facts: StatementFacts {
            record_id: "record-1".into(),
            statement_id: STATEMENT_ID.into(),
            statement_name: "sbx-prod:record-1".into(),
            target: "default".into(),
            action: "batchExecuteStatement".into(),
            output,
            step: None,
            on_stop: None,
            memo: String::new(),
            execution_arn: None,
            recorded_at: 1_795_435_200_000,
        },
        statement,
        event: None,
    };
    let host = FakeHost {
        pages,
        ..FakeHost::with_task()
    };
    settle(&Standard, "{}", &settlement, &host);
    let answers = host.calls().into_iter().filter_map(|call| match call {
        Call::Succeed(output) => Some((true, output)),
        Call::Fail(_, cause) => Some((false, cause)),
        _ => None,
    });
    let answers: Vec<_> = answers.collect();
    let [answer] = answers.as_slice() else {
        panic!("one answer: {answers:?}")
    };
    answer.clone()
}

fn page(rows: usize, cell: &str) -> StatementResult {
    let records = vec![json!([{ "stringValue": cell }]); rows];
    StatementResult {
        next_token: None,
        total_rows: rows as u64,
        document: json!({ "Records": records, "ColumnMetadata": [], "TotalNumRows": rows })
            .to_string(),
    }
}

#[test]
fn each_statement_of_a_batch_has_its_outcome_in_every_shape() {
    let parts = || {
        vec![
            part(1, StatementStatus::Finished, None, true),
            part(
                2,
                StatementStatus::Failed,
                Some("ERROR: division by zero".into()),
                false,
            ),
        ]
    };
    let partly = || batch(StatementStatus::Finished, parts());
    let (succeeded, event) = told(OutputShape::Event, partly(), Vec::new());
    assert!(succeeded);
    let event: Value = serde_json::from_str(&event).unwrap();
    assert_eq!(
        event["detail"]["subStatements"],
        json!([
            { "id": format!("{STATEMENT_ID}:1"), "state": "FINISHED", "rows": 2 },
            { "id": format!("{STATEMENT_ID}:2"), "state": "FAILED", "rows": 2, "error": "ERROR: division by zero" }
        ])
    );
    let (_, rows) = told(OutputShape::Rows, partly(), vec![page(2, "x")]);
    let rows: Value = serde_json::from_str(&rows).unwrap();
    assert_eq!(rows["SubStatements"][0]["Status"], "FINISHED");
    assert_eq!(
        rows["SubStatements"][0]["Records"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(rows["SubStatements"][1]["Status"], "FAILED");
    assert_eq!(rows["SubStatements"][1]["Error"], "ERROR: division by zero");

    let (succeeded, cause) = told(
        OutputShape::Rows,
        batch(StatementStatus::Failed, parts()),
        Vec::new(),
    );
    assert!(!succeeded);
    let cause: Value = serde_json::from_str(&cause).unwrap();
    assert_eq!(cause["detail"]["subStatements"][1]["state"], "FAILED");
}

#[test]
fn rows_that_do_not_fit_become_a_pointer_to_each_part() {
    let parts = (1..=3).map(|n| part(n, StatementStatus::Finished, None, true));
    let statement = batch(StatementStatus::Finished, parts.collect());
    let (_, output) = told(
        OutputShape::Rows,
        statement,
        vec![page(100, &"x".repeat(2_000))],
    );
    let output: Value = serde_json::from_str(&output).unwrap();
    assert!(output["RowsOmitted"].is_string());
    assert_eq!(
        output["SubStatements"][2]["Id"],
        format!("{STATEMENT_ID}:3")
    );
    assert_eq!(output["SubStatements"][2]["Status"], "FINISHED");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_a_batch_holds_the_answer_fits_and_is_json(
        whole in 0..STATES.len(),
        parts in prop::collection::vec((0..STATES.len(), 0..8_000_usize, any::<bool>()), 1..=40),
        letter in prop::sample::select(vec!["x", "\u{1}", "\"", "\\", "ä", "😀"]),
        rows in 0..400_usize,
        shape in prop::sample::select(vec![OutputShape::Event, OutputShape::Describe, OutputShape::Rows]),
    ) {
        let parts: Vec<SubStatement> = (1..).zip(parts).map(|(number, (state, length, has_rows))| {
            let error = (state > 0).then(|| letter.repeat(length));
            part(number, STATES[state], error, has_rows)
        }).collect();
        let statement = batch(STATES[whole], parts);
        let (succeeded, text) = told(shape, statement, vec![page(rows, &letter.repeat(100))]);
        let value: Value = serde_json::from_str(&text).unwrap();
        prop_assert!(value.is_object());
        if succeeded {
            prop_assert!(text.len() <= 262_144, "{}", text.len());
        } else {
            prop_assert!(text.encode_utf16().count() <= 32_768);
        }
    }
}
