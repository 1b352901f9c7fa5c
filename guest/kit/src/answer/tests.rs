use super::*;
use crate::contract::{ResultFormat, StatementResult, SubStatement};
use crate::settings;
use crate::testing::{Call, FakeHost, STATEMENT_ID, description};

fn facts(output: OutputShape) -> StatementFacts {
    StatementFacts {
        record_id: "record-1".into(),
        statement_id: STATEMENT_ID.into(),
        statement_name: "sbx-prod:record-1".into(),
        target: "default".into(),
        action: "executeStatement".into(),
        output,
        step: None,
        on_stop: None,
        memo: String::new(),
        execution_arn: Some("arn:aws:states:eu-west-1:123456789012:execution:machine:name".into()),
        recorded_at: 1_795_435_200_000,
    }
}

/// The first published shape, with a state and an id that are lies.
const EVENT_A: &str = r#"{"version":"0","id":"e","detail-type":"Redshift Data Statement Status Change","source":"aws.redshift-data","account":"1","time":"2020-12-22T17:00:00Z","region":"us-west-1","resources":["arn:aws:redshift:us-east-2:1:cluster:c"],"detail":{"principal":"arn:aws:iam::1:user/m","statementName":"forged","statementId":"forged","redshiftQueryId":"12345","state":"FINISHED","rows":5,"expireAt":1608636000,"error":"forged"}}"#;
/// The second one.
const EVENT_B: &str = r#"{"detail":{"clusterId":"c","queryId":7,"state":"FINISHED","pages":1,"expireAt":"2020-12-22T18:43:48Z","rows":"5"}}"#;

fn answer(
    facts: &StatementFacts,
    statement: &StatementDescription,
    event: Option<&str>,
    settings: &str,
) -> Answer {
    answer_with(facts, statement, event, settings, &FakeHost::with_task())
}

fn answer_with(
    facts: &StatementFacts,
    statement: &StatementDescription,
    event: Option<&str>,
    settings: &str,
    host: &FakeHost,
) -> Answer {
    let (settings, _) = settings::read(settings).unwrap();
    decide(
        &Outcome {
            facts,
            statement,
            event,
        },
        &settings,
        host,
    )
}

fn output_of(answer: Answer) -> Value {
    match answer {
        Answer::Succeed(output) => output,
        other => panic!("{other:?}"),
    }
}

#[test]
fn success_is_the_whole_event_with_the_truth_in_it() {
    let mut statement = description(StatementStatus::Finished);
    statement.result_rows = Some(3);
    let output = output_of(answer(
        &facts(OutputShape::Event),
        &statement,
        Some(EVENT_A),
        "{}",
    ));
    let detail = &output["detail"];
    assert_eq!(detail["statementId"], STATEMENT_ID);
    assert_eq!(detail["statementName"], "sbx-prod:record-1");
    assert_eq!(
        (&detail["state"], &detail["rows"]),
        (&json!("FINISHED"), &json!(3))
    );
    assert_eq!(detail.get("error"), None);
    // The rest is the event's.
    assert_eq!(detail["principal"], "arn:aws:iam::1:user/m");
    assert_eq!(detail["expireAt"], 1_608_636_000);
    assert_eq!(
        output["resources"][0],
        "arn:aws:redshift:us-east-2:1:cluster:c"
    );
    let names: Vec<&String> = output.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "version",
            "id",
            "detail-type",
            "source",
            "account",
            "time",
            "region",
            "resources",
            "detail"
        ]
    );
}

#[test]
fn an_event_that_is_missing_or_broken_is_made_up_for() {
    let statement = description(StatementStatus::Finished);
    let facts = facts(OutputShape::Event);
    let made = output_of(answer(&facts, &statement, None, "{}"));
    insta::assert_snapshot!(serde_json::to_string_pretty(&made).unwrap(), @r#"
    {
      "version": "0",
      "id": "record-1",
      "detail-type": "Redshift Data Statement Status Change",
      "source": "aws.redshift-data",
      "account": "123456789012",
      "time": "2026-11-23T12:01:00Z",
      "region": "eu-west-1",
      "resources": [],
      "detail": {
        "statementName": "sbx-prod:record-1",
        "statementId": "d9b6c0c9-0747-4bf4-b142-e8883122f766",
        "redshiftQueryId": 4711,
        "state": "FINISHED",
        "rows": -1,
        "expireAt": 1795521660
      }
    }
    "#);
    for broken in [
        "",
        "[]",
        "7",
        "{",
        r#"{"detail": 7}"#,
        r#"{"detail": {"state": 7, "statementId": null}}"#,
    ] {
        assert_eq!(
            output_of(answer(&facts, &statement, Some(broken), "{}"))["detail"],
            made["detail"],
            "{broken}"
        );
    }
    let other_shape = output_of(answer(&facts, &statement, Some(EVENT_B), "{}"));
    assert_eq!(other_shape["detail"]["clusterId"], "c");
    assert_eq!(other_shape["detail"]["rows"], -1);
    assert_eq!(other_shape["source"], "aws.redshift-data");
}

#[test]
fn failed_and_aborted_are_the_originals_error() {
    for (status, error) in [
        (
            StatementStatus::Failed,
            Some("ERROR: relation \"t\" does not exist"),
        ),
        (StatementStatus::Aborted, None),
    ] {
        let mut statement = description(status);
        statement.error = error.map(str::to_owned);
        let Answer::Fail { error: name, cause } =
            answer(&facts(OutputShape::Rows), &statement, Some(EVENT_A), "{}")
        else {
            panic!("{status:?}");
        };
        assert_eq!(name, "FAILED");
        assert_eq!(cause["detail"]["state"], event::state_name(status));
        assert_eq!(cause["detail"].get("error").and_then(Value::as_str), error);
    }
    let aborted = description(StatementStatus::Aborted);
    let answer = answer(
        &facts(OutputShape::Event),
        &aborted,
        None,
        r#"{"abortedError": "ABORTED"}"#,
    );
    assert!(matches!(answer, Answer::Fail { error, .. } if error == "ABORTED"));
}

#[test]
fn callback_rules_decide_before() {
    let settings = json!({ "callbacks": [
        { "name": "retry", "when": { "codes": "1023" }, "then": { "error": "SerialisationFailure" } },
        { "name": "gone", "when": { "texts": "*does not exist*" }, "then": { "succeed": true } },
        { "name": "empty", "when": { "states": "FINISHED" }, "then": { "error": "Odd", "cause": "plain" } }
    ]})
    .to_string();
    let mut statement = description(StatementStatus::Failed);
    statement.error = Some("ERROR: 1023 DETAIL: Serializable isolation violation".into());
    let facts = facts(OutputShape::Event);
    assert!(matches!(
        answer(&facts, &statement, None, &settings),
        Answer::Fail { error, cause } if error == "SerialisationFailure" && cause["detail"]["state"] == "FAILED"
    ));
    statement.error = Some("ERROR: relation does not exist".into());
    assert_eq!(
        output_of(answer(&facts, &statement, None, &settings))["detail"]["state"],
        "FAILED"
    );
    let finished = description(StatementStatus::Finished);
    assert_eq!(
        answer(&facts, &finished, None, &settings),
        Answer::Fail {
            error: "Odd".into(),
            cause: json!("plain")
        }
    );
}

#[test]
fn a_batch_says_which_part_failed() {
    let part = |status, error: Option<&str>| SubStatement {
        id: format!("{STATEMENT_ID}:1"),
        status,
        error: error.map(str::to_owned),
        duration_ns: None,
        has_result_set: false,
        result_rows: None,
        result_size: None,
    };
    let mut statement = description(StatementStatus::Failed);
    statement.sub_statements = vec![
        part(StatementStatus::Finished, None),
        part(StatementStatus::Failed, Some("ERROR: division by zero")),
    ];
    let Answer::Fail { cause, .. } = answer(&facts(OutputShape::Event), &statement, None, "{}")
    else {
        panic!();
    };
    assert_eq!(
        cause["detail"]["error"],
        "Statement 2 of 2: ERROR: division by zero"
    );
}

#[test]
fn the_description_is_an_output() {
    let statement = description(StatementStatus::Finished);
    let output = output_of(answer(
        &facts(OutputShape::Describe),
        &statement,
        None,
        "{}",
    ));
    assert_eq!(output.to_string(), statement.document);
    let broken = StatementDescription {
        document: "junk".into(),
        ..statement
    };
    let output = output_of(answer(&facts(OutputShape::Describe), &broken, None, "{}"));
    assert_eq!(output["Status"], "FINISHED");
}

fn page(rows: &[&str]) -> StatementResult {
    let records: Vec<Value> = rows
        .iter()
        .map(|row| json!([{ "stringValue": row }]))
        .collect();
    StatementResult {
        next_token: None,
        total_rows: 3,
        document: json!({ "Records": records, "ColumnMetadata": [{ "name": "a" }], "TotalNumRows": 3, "NextToken": "x" })
            .to_string(),
    }
}

#[test]
fn pages_of_rows_become_one() {
    let mut statement = description(StatementStatus::Finished);
    statement.has_result_set = true;
    statement.result_format = ResultFormat::Csv;
    let host = FakeHost {
        pages: vec![page(&["1", "2"]), page(&["3"])],
        ..FakeHost::with_task()
    };
    let output = output_of(answer_with(
        &facts(OutputShape::Rows),
        &statement,
        None,
        "{}",
        &host,
    ));
    assert_eq!(
        output["Records"],
        json!([[{ "stringValue": "1" }], [{ "stringValue": "2" }], [{ "stringValue": "3" }]])
    );
    assert_eq!(
        (&output["Id"], &output["TotalNumRows"]),
        (&json!(STATEMENT_ID), &json!(3))
    );
    assert_eq!(output.get("NextToken"), None);
    assert!(host.calls().iter().all(
        |call| matches!(call, Call::GetResult(page) if page.result_format == ResultFormat::Csv)
    ));
}

#[test]
fn rows_that_do_not_fit_or_cannot_be_read_are_pointed_to() {
    let mut statement = description(StatementStatus::Finished);
    statement.has_result_set = true;
    statement.result_rows = Some(9);
    let long = "x".repeat(100_000);
    let pages: Vec<StatementResult> = (0..9).map(|_| page(&[&long])).collect();
    let host = FakeHost {
        pages,
        ..FakeHost::with_task()
    };
    let output = output_of(answer_with(
        &facts(OutputShape::Rows),
        &statement,
        None,
        "{}",
        &host,
    ));
    assert_eq!(
        (&output["Id"], &output["ResultRows"]),
        (&json!(STATEMENT_ID), &json!(9))
    );
    assert!(
        output["RowsOmitted"]
            .as_str()
            .unwrap()
            .contains("do not fit")
    );
    assert_eq!(host.calls().len(), 3, "pages are read until it is certain");
    let host = FakeHost::with_task();
    let output = output_of(answer_with(
        &facts(OutputShape::Rows),
        &statement,
        None,
        "{}",
        &host,
    ));
    assert_eq!(output["Error"]["code"], "ValidationException");
}

#[test]
fn a_statement_without_rows_gives_none() {
    let mut statement = description(StatementStatus::Finished);
    statement.result_rows = Some(12);
    let host = FakeHost::with_task();
    let output = output_of(answer_with(
        &facts(OutputShape::Rows),
        &statement,
        None,
        "{}",
        &host,
    ));
    assert_eq!(
        (&output["Records"], &output["ResultRows"]),
        (&json!([]), &json!(12))
    );
    assert!(host.calls().is_empty());
}

#[test]
fn what_is_worth_a_retry_has_its_name_if_the_settings_give_one() {
    let settings = r#"{"transientError": "TransientFailure", "callbacks": [
        {"name": "loads", "when": {"transient": true, "steps": "load"}, "then": {"error": "RetryLater"}}
    ]}"#;
    let mut failed = description(StatementStatus::Failed);
    failed.error =
        Some("ERROR: 1023\n DETAIL: Serializable isolation violation on table - 1".into());
    let error_of =
        |facts: &StatementFacts, statement: &StatementDescription, settings: &str| match answer(
            facts, statement, None, settings,
        ) {
            Answer::Fail { error, .. } => error,
            Answer::Succeed(_) => "success".to_owned(),
        };
    let plain = facts(OutputShape::Event);
    assert_eq!(error_of(&plain, &failed, "{}"), "FAILED");
    assert_eq!(error_of(&plain, &failed, settings), "TransientFailure");
    let load = StatementFacts {
        step: Some("load".into()),
        ..plain.clone()
    };
    assert_eq!(error_of(&load, &failed, settings), "RetryLater");

    let part = |status, error: Option<&str>| SubStatement {
        id: format!("{STATEMENT_ID}:1"),
        status,
        error: error.map(str::to_owned),
        duration_ns: None,
        has_result_set: false,
        result_rows: None,
        result_size: None,
    };
    let batch = StatementDescription {
        sub_statements: vec![
            part(StatementStatus::Finished, None),
            part(StatementStatus::Failed, Some("ERROR: deadlock detected")),
        ],
        ..description(StatementStatus::Failed)
    };
    assert_eq!(error_of(&plain, &batch, settings), "TransientFailure");
    let commits = StatementFacts {
        memo: r#"{"autoCommit":true}"#.into(),
        ..plain.clone()
    };
    assert_eq!(
        error_of(&commits, &batch, settings),
        "FAILED",
        "the first statement stands"
    );

    let lost = StatementDescription {
        error: Some("FATAL: terminating connection due to administrator command".into()),
        ..description(StatementStatus::Failed)
    };
    assert_eq!(error_of(&plain, &lost, settings), "FAILED");
    let reads = StatementFacts {
        memo: r#"{"onlyReads":true}"#.into(),
        ..plain.clone()
    };
    assert_eq!(error_of(&reads, &lost, settings), "TransientFailure");
    failed.status = StatementStatus::Aborted;
    assert_eq!(error_of(&plain, &failed, settings), "FAILED");
}

/// The answer to a statement of so many rows, with rows as the output, under bounds of a rule and of a payload.
fn capped(settings: &str, payload: &str, rows: u64, format: ResultFormat) -> Answer {
    let host = FakeHost::with_task();
    crate::testing::evaluate_on(&host, payload, settings).unwrap();
    let memo = match host.calls().pop() {
        Some(Call::Execute(request)) => request.options.memo,
        other => panic!("{other:?}"),
    };
    let record = |n: u64| json!([{ "longValue": n }]);
    let page = |from: u64, to: u64| StatementResult {
        next_token: None,
        total_rows: rows,
        document:
            json!({ "Records": (from..to).map(record).collect::<Value>(), "TotalNumRows": rows })
                .to_string(),
    };
    let host = FakeHost {
        pages: vec![page(0, rows / 2), page(rows / 2, rows)],
        ..FakeHost::with_task()
    };
    let facts = StatementFacts {
        memo,
        ..facts(OutputShape::Rows)
    };
    let statement = StatementDescription {
        has_result_set: true,
        result_rows: Some(rows),
        result_size: Some(rows * 8),
        result_format: format,
        ..description(StatementStatus::Finished)
    };
    answer_with(&facts, &statement, None, settings, &host)
}

#[test]
fn a_result_that_is_larger_than_it_may_be_is_refused_or_cut_and_says_so() {
    let rule = |then: Value| json!({ "rules": [{ "name": "small", "then": then }] }).to_string();
    let payload = |fields: Value| {
        let mut payload = json!({ "sqlStatement": "select a from t", "executionArn": "arn:x" });
        payload
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        payload.to_string()
    };
    let plain = payload(json!({}));
    for (settings, payload, refused) in [
        (
            rule(json!({ "maxResultRows": 9 })),
            plain.clone(),
            Some("rule `small`"),
        ),
        (rule(json!({ "maxResultRows": 10 })), plain.clone(), None),
        (
            rule(json!({ "maxResultBytes": 79 })),
            plain.clone(),
            Some("rule `small`"),
        ),
        (rule(json!({ "maxResultBytes": 80 })), plain.clone(), None),
        (
            "{}".to_owned(),
            payload(json!({ "maxResultRows": 0 })),
            Some("the payload"),
        ),
        (
            rule(json!({ "maxResultRows": 9, "largeResult": "truncate" })),
            payload(json!({ "maxResultRows": 5 })),
            Some("the payload"),
        ),
    ] {
        match (capped(&settings, &payload, 10, ResultFormat::Json), refused) {
            (Answer::Succeed(output), None) => {
                assert_eq!(output["Records"].as_array().unwrap().len(), 10)
            }
            (Answer::Fail { error, cause }, Some(by)) => {
                assert_eq!(
                    (error.as_str(), &cause["result"]["rows"]),
                    ("ResultTooLarge", &json!(10))
                );
                let message = cause["result"]["message"].as_str().unwrap();
                assert!(message.contains(by), "{message}");
            }
            other => panic!("{settings} {payload}: {other:?}"),
        }
    }
    let settings = rule(json!({ "maxResultRows": 7, "largeResult": "truncate" }));
    for (payload, rows) in [
        (plain.clone(), 7),
        (
            payload(json!({ "maxResultRows": 3, "largeResult": "truncate" })),
            3,
        ),
    ] {
        let Answer::Succeed(output) = capped(&settings, &payload, 10, ResultFormat::Json) else {
            panic!()
        };
        assert_eq!(output["Records"].as_array().unwrap().len(), rows);
        assert_eq!(
            (&output["RowsTruncated"], &output["TotalNumRows"]),
            (&json!(true), &json!(10))
        );
    }
    let bytes = rule(json!({ "maxResultBytes": 55, "largeResult": "truncate" }));
    let Answer::Succeed(output) = capped(&bytes, &plain, 10, ResultFormat::Json) else {
        panic!()
    };
    let records = output["Records"].to_string();
    assert!(
        output["RowsTruncated"] == true && records.len() <= 57 && records.len() > 30,
        "{records}"
    );
    assert!(
        matches!(capped(&settings, &plain, 10, ResultFormat::Csv), Answer::Fail { error, .. } if error == "ResultTooLarge")
    );
}

#[test]
fn a_failure_that_counts_as_a_success_is_none_where_something_was_expected() {
    let settings = r#"{"callbacks": [{"name": "fine", "when": {"states": "FAILED"}, "then": {"succeed": true}}]}"#;
    let mut failed = description(StatementStatus::Failed);
    failed.error = Some("ERROR: relation exists already".into());
    let plain = facts(OutputShape::Event);
    assert!(matches!(
        answer(&plain, &failed, None, settings),
        Answer::Succeed(_)
    ));
    let host = FakeHost::with_task();
    let payload = r#"{"sqlStatement": "create table t (a int)", "executionArn": "arn:x", "expect": {"name": "x", "noRows": "select 1 from t"}}"#;
    crate::testing::evaluate_on(&host, payload, settings).unwrap();
    let Some(Call::BatchExecute(request)) = host.calls().pop() else {
        panic!()
    };
    let expecting = StatementFacts {
        memo: request.options.memo,
        ..plain
    };
    let Answer::Fail { error, cause } = answer(&expecting, &failed, None, settings) else {
        panic!()
    };
    assert_eq!(error, "ContractNotChecked");
    assert!(
        cause["contract"]["message"]
            .as_str()
            .unwrap()
            .contains("exists already")
    );
}
