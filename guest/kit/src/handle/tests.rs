use super::*;
use crate::answer::{MAX_CAUSE_UNITS, MAX_OUTPUT_BYTES, utf16_length};
use crate::contract::{
    Closing, ClosingReason, Entry, Failure, FailureDetail, OnStop, OutputShape, Settlement,
    StatementFacts, StatementResult, StatementStatus, UnknownFields, Waiter,
};
use crate::policy::Identity;
use crate::testing::{
    Call, FakeHost, STATEMENT_ID, description, evaluate, failure_detail, invocation,
};
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

fn run(payload: &Value, host: &FakeHost) -> Result<Value, (String, String)> {
    invoke(&Standard, "{}", &invocation(&payload.to_string()), host)
        .map(|reply| serde_json::from_str(&reply).unwrap())
        .map_err(|rejection| (rejection.error, rejection.message))
}

#[test]
fn a_start_replies_with_the_services_document() {
    let host = FakeHost::with_task();
    let payload = json!({ "sqlStatement": "select 1", "executionArn": "arn:x", "output": "rows", "step": "s" });
    assert_eq!(run(&payload, &host), Ok(json!({ "Id": STATEMENT_ID })));
    let calls = host.calls();
    let [Call::Execute(request)] = calls.as_slice() else {
        panic!();
    };
    assert_eq!(request.sql, "select 1");
    assert_eq!(request.options.action, "executeStatement");
    assert_eq!(
        (request.options.output, request.options.step.as_deref()),
        (OutputShape::Rows, Some("s"))
    );
    let host = FakeHost::default();
    run(&json!({ "sqlStatements": ["select 1", "select 2"] }), &host).unwrap();
    assert!(
        matches!(host.calls().as_slice(), [Call::BatchExecute(request)] if request.sqls.len() == 2)
    );
}

#[test]
fn a_token_needs_an_execution_and_an_execution_no_token() {
    let payload = json!({ "sqlStatement": "select 1" });
    let (error, message) = run(&payload, &FakeHost::with_task()).unwrap_err();
    assert_eq!(error, "InvalidRequest");
    assert!(message.contains("no `executionArn`"), "{message}");
    let host = FakeHost {
        waiter: Some(Waiter::Cloudformation),
        ..FakeHost::default()
    };
    assert!(run(&payload, &host).is_ok());
    assert!(
        run(
            &json!({ "sqlStatement": "select 1", "executionArn": "arn:x" }),
            &FakeHost::default()
        )
        .is_ok()
    );
}

#[test]
fn failures_keep_their_names() {
    let failure =
        Failure::ConcurrentExecution(failure_detail("ConcurrentExecution", "Another one runs."));
    let host = FakeHost {
        failure: Some(failure),
        ..FakeHost::default()
    };
    let singleton = json!({ "action": "executeSingletonStatement", "sqlStatement": "select 1" });
    assert_eq!(
        run(&singleton, &host),
        Err(("ConcurrentExecution".into(), "Another one runs.".into()))
    );
}

#[test]
fn a_start_that_may_succeed_later_has_its_name_if_the_settings_give_one() {
    let retryable = |code: &str| FailureDetail {
        retryable: true,
        ..failure_detail(code, "Too many.")
    };
    let active = "ActiveStatementsExceededException";
    for (failure, expected) in [
        (
            Failure::LimitExceeded(retryable(active)),
            "TransientFailure",
        ),
        (
            Failure::Throttled(retryable("ThrottlingException")),
            "TransientFailure",
        ),
        (
            Failure::LimitExceeded(failure_detail("TooLarge", "")),
            "TooLarge",
        ),
        (
            Failure::ConcurrentExecution(retryable("ConcurrentExecution")),
            "ConcurrentExecution",
        ),
    ] {
        let host = FakeHost {
            failure: Some(failure),
            ..FakeHost::default()
        };
        let settings = r#"{"transientError": "TransientFailure"}"#;
        let payload = invocation(r#"{"sqlStatement": "select 1"}"#);
        let rejection = invoke(&Standard, settings, &payload, &host).unwrap_err();
        assert_eq!(rejection.error, expected);
    }
}

#[test]
fn a_start_whose_fate_is_not_known_is_no_refusal() {
    for (document, reply) in [
        (
            Some(r#"{"Status":"UNKNOWN","Id":"x"}"#),
            json!({ "Status": "UNKNOWN", "Id": "x" }),
        ),
        (
            None,
            json!({ "Status": "UNKNOWN", "Message": "The connection \"broke\"." }),
        ),
    ] {
        let failure = Failure::Uncertain(FailureDetail {
            document: document.map(str::to_owned),
            ..failure_detail("Uncertain", "The connection \"broke\".")
        });
        for payload in [
            json!({ "sqlStatement": "select 1", "executionArn": "arn:x" }),
            json!({ "sqlStatements": ["select 1", "select 2"], "executionArn": "arn:x" }),
        ] {
            for waiter in [None, Some(Waiter::StepFunctions)] {
                let host = FakeHost {
                    waiter,
                    failure: Some(failure.clone()),
                    ..FakeHost::default()
                };
                assert_eq!(run(&payload, &host), Ok(reply.clone()));
                // The host settles the task once it knows: nobody answers it here.
                assert!(matches!(
                    host.calls().as_slice(),
                    [Call::Execute(_) | Call::BatchExecute(_)]
                ));
            }
        }
    }
}

#[test]
fn latest_is_looked_up() {
    let entry = Entry {
        statement_id: Some(STATEMENT_ID.into()),
        target: "analytics".into(),
        action: "executeStatement".into(),
        step: Some("s".into()),
        recorded_at: 0,
    };
    let payload = json!({
        "action": "cancelStatement", "statementId": "LATEST", "executionArn": "arn:x", "step": "s"
    });
    let host = FakeHost {
        latest: Some(entry.clone()),
        ..FakeHost::default()
    };
    assert_eq!(run(&payload, &host), Ok(json!({ "Status": true })));
    let calls = host.calls();
    let [Call::Latest(asked), Call::Cancel(cancelled)] = calls.as_slice() else {
        panic!();
    };
    assert_eq!(
        (asked.execution_arn.as_deref(), asked.step.as_deref()),
        (Some("arn:x"), Some("s"))
    );
    assert_eq!(
        (cancelled.id.as_str(), cancelled.target.as_deref()),
        (STATEMENT_ID, Some("analytics"))
    );
    for latest in [
        None,
        Some(Entry {
            statement_id: None,
            ..entry
        }),
    ] {
        let host = FakeHost {
            latest,
            ..FakeHost::default()
        };
        assert_eq!(
            run(&payload, &host).unwrap_err().0,
            "PreviousExecutionNotFound"
        );
    }
}

#[test]
fn a_next_token_is_sent() {
    let page = |n: u64| StatementResult {
        next_token: None,
        total_rows: n,
        document: json!({ "page": n }).to_string(),
    };
    let host = FakeHost {
        pages: vec![page(0), page(1)],
        ..FakeHost::default()
    };
    let payload =
        json!({ "action": "getStatementResult", "statementId": STATEMENT_ID, "nextToken": "1" });
    assert_eq!(run(&payload, &host), Ok(json!({ "page": 1 })));
}

#[test]
fn a_read_that_a_task_waits_for_answers_it() {
    let host = FakeHost::with_task();
    let describe = json!({ "action": "describeStatement", "statementId": STATEMENT_ID });
    run(&describe, &host).unwrap();
    assert!(
        matches!(host.calls().as_slice(), [Call::Describe(_), Call::Succeed(output)] if *output == host.description.document)
    );

    let mut long = FakeHost::with_task();
    long.description.document =
        json!({ "Id": STATEMENT_ID, "QueryString": "é".repeat(200_000) }).to_string();
    run(&describe, &long).unwrap();
    let calls = long.calls();
    let Some(Call::Succeed(output)) = calls.last() else {
        panic!()
    };
    assert!(output.len() <= MAX_OUTPUT_BYTES && output.contains("characters cut]"));

    let document = json!({ "Records": [[{ "stringValue": "x".repeat(300_000) }]] }).to_string();
    let page = StatementResult {
        next_token: Some("n".into()),
        total_rows: 7,
        document,
    };
    let host = FakeHost {
        pages: vec![page],
        ..FakeHost::with_task()
    };
    run(
        &json!({ "action": "getStatementResult", "statementId": STATEMENT_ID }),
        &host,
    )
    .unwrap();
    let calls = host.calls();
    let Some(Call::Succeed(output)) = calls.last() else {
        panic!()
    };
    let output: Value = serde_json::from_str(output).unwrap();
    assert_eq!(
        (&output["TotalNumRows"], &output["NextToken"]),
        (&json!(7), &json!("n")),
        "no cell is cut in silence"
    );
}

#[test]
fn unknown_fields_are_warned_of_if_wanted() {
    for (rule, lines) in [(UnknownFields::Warn, 1), (UnknownFields::Ignore, 0)] {
        let host = FakeHost::default();
        let mut event = invocation(r#"{"sqlStatement": "select 1", "comment": "s3cret"}"#);
        event.unknown_fields = rule;
        invoke(&Standard, "{}", &event, &host).unwrap();
        let logged: Vec<String> = host
            .calls()
            .into_iter()
            .filter_map(|call| match call {
                Call::Log(line) => Some(line),
                _ => None,
            })
            .collect();
        assert_eq!(logged.len(), lines);
        assert!(
            logged
                .iter()
                .all(|line| line.contains("comment") && !line.contains("s3cret"))
        );
    }
}

#[test]
fn settings_that_nobody_checked_are_a_fault_of_the_policy() {
    let rejection = evaluate(r#"{"sqlStatement": "select 1"}"#, r#"{"rule": []}"#).unwrap_err();
    assert_eq!(rejection.error, "PolicyFault");
    assert!(evaluate(r#"{"sqlStatement": "select 1"}"#, "{}").is_ok());
}

fn settlement(status: StatementStatus, error: Option<String>) -> Settlement {
    let mut statement = description(status);
    statement.error = error;
    Settlement {
        facts: facts(),
        statement,
        event: None,
    }
}

fn facts() -> StatementFacts {
    StatementFacts {
        record_id: "r".into(),
        statement_id: STATEMENT_ID.into(),
        statement_name: "sbx-x:r".into(),
        target: "default".into(),
        action: "executeStatement".into(),
        output: OutputShape::Event,
        step: None,
        on_stop: None,
        memo: String::new(),
        execution_arn: None,
        recorded_at: 0,
    }
}

#[test]
fn a_long_cause_is_shortened_and_stays_json() {
    let host = FakeHost::with_task();
    let error = "\u{1F600}\"\n".repeat(20_000);
    settle(
        &Standard,
        "{}",
        &settlement(StatementStatus::Failed, Some(error)),
        &host,
    );
    let calls = host.calls();
    let [Call::Fail(error, cause)] = calls.as_slice() else {
        panic!()
    };
    assert_eq!(error, "FAILED");
    assert!(utf16_length(cause) <= MAX_CAUSE_UNITS);
    let cause: Value = serde_json::from_str(cause).unwrap();
    assert!(
        cause["detail"]["error"]
            .as_str()
            .unwrap()
            .ends_with("characters cut]")
    );
    assert_eq!(cause["detail"]["statementId"], STATEMENT_ID);
}

#[test]
fn an_event_that_cannot_be_shortened_is_replaced_by_the_essentials() {
    let host = FakeHost::with_task();
    let mut settlement = settlement(StatementStatus::Failed, None);
    settlement.event = Some(json!({ "resources": vec![1; 100_000] }).to_string());
    settle(&Standard, "{}", &settlement, &host);
    let calls = host.calls();
    let [Call::Fail(_, cause)] = calls.as_slice() else {
        panic!()
    };
    let cause: Value = serde_json::from_str(cause).unwrap();
    assert_eq!(
        (&cause["detail"]["state"], &cause["detail"]["statementId"]),
        (&json!("FAILED"), &json!(STATEMENT_ID))
    );
}

#[test]
fn an_answer_that_the_host_finds_too_long_is_halved() {
    for waiter in [Waiter::Cloudformation, Waiter::StepFunctions] {
        let host = FakeHost {
            waiter: Some(waiter),
            longest_answer: 800,
            ..FakeHost::default()
        };
        let mut settlement = settlement(StatementStatus::Finished, None);
        settlement.event = Some(json!({ "resources": ["x".repeat(3_000)] }).to_string());
        settle(&Standard, "{}", &settlement, &host);
        let calls = host.calls();
        match waiter {
            Waiter::Cloudformation => {
                assert!(matches!(calls.last(), Some(Call::Succeed(output)) if output.len() <= 800));
            }
            // Halves of 262,144 bytes are no help: the refusal is logged.
            Waiter::StepFunctions => assert!(matches!(calls.last(), Some(Call::Log(_)))),
        }
    }
}

#[test]
fn what_becomes_of_a_statement_without_a_task() {
    let closing = |reason, on_stop| Closing {
        facts: StatementFacts { on_stop, ..facts() },
        reason,
    };
    let settings = r#"{"onStop": {"timedOut": "leave"}}"#;
    let host = FakeHost::default();
    for (reason, asked, expected) in [
        (ClosingReason::Aborted, None, OnStop::Cancel),
        (ClosingReason::TimedOut, None, OnStop::Leave),
        (
            ClosingReason::TimedOut,
            Some(OnStop::Cancel),
            OnStop::Cancel,
        ),
        (ClosingReason::Aborted, Some(OnStop::Leave), OnStop::Leave),
        (ClosingReason::TaskClosed, None, OnStop::Cancel),
    ] {
        assert_eq!(
            closed(&Standard, settings, &closing(reason, asked), &host),
            expected,
            "{reason:?} {asked:?}"
        );
    }
}

#[test]
fn custom_settings_belong_to_policies_built_on_the_kit() {
    let faults = validate_settings(&Standard, r#"{"custom": {}, "rule": []}"#).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["/rule", "/custom"]);
    assert!(validate_settings(&Standard, "{}").unwrap().is_empty());
}
