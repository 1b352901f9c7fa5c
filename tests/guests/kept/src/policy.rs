//! The exports.

#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::unwrap_used
)]

wit_bindgen::generate!({ path: "../../../wit", world: "policy" });

use exports::signalbox::policy::handler::{
    Closing, ClosingReason, Description, Finding, Guest, Invocation, Rejection, Settlement, Task,
};
use signalbox::policy::{
    callbacks::Waiter,
    clock, ledger, log,
    redshift_data::{
        self, BatchExecuteStatementRequest, CancelStatementRequest, DescribeStatementRequest,
        Exclusivity, ExecuteStatementRequest, ExecutionMode, GetStatementResultRequest,
        ListStatementsRequest, OnStop, OutputShape, Parameter, ResultFormat, StartOptions,
        StatementStatus,
    },
    types::Failure,
};

struct Kept;

export!(Kept);

const MEMO: &str = "what I wanted to know again";

impl Guest for Kept {
    fn describe() -> Description {
        Description {
            name: "kept".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Uses the whole contract.".to_owned(),
            needs: vec!["redshift-data/execute-statement".to_owned()],
            settings_schema: r#"{"type":"object"}"#.to_owned(),
        }
    }

    fn validate_settings(settings: String) -> Result<Vec<Finding>, Vec<Finding>> {
        let finding = |message: &str, help: Option<&str>| {
            vec![Finding {
                path: "/a".to_owned(),
                message: message.to_owned(),
                help: help.map(str::to_owned),
            }]
        };
        match settings.as_str() {
            "{}" => Ok(finding("there are none", Some("that is fine"))),
            "[]" => Err(finding("this is a list", None)),
            _ => Ok(Vec::new()),
        }
    }

    /// Calls everything and replies with what became of each call. Refuses what nobody waits for.
    fn invoke(_: String, invocation: Invocation, task: Option<&Task>) -> Result<String, Rejection> {
        let Some(task) = task else {
            return Err(Rejection {
                error: "InvalidRequest".to_owned(),
                message: [
                    &invocation.request_id,
                    " wants nothing: ",
                    &invocation.payload,
                ]
                .concat(),
            });
        };
        let id = || "12345678-1234-1234-1234-123456789012".to_owned();
        let target = || invocation.targets.first().cloned();
        let now = clock::now();
        log::write(
            log::Level::Info,
            "I begin",
            &[log::Field {
                name: "sinceTheEpoch".to_owned(),
                value: (now / 1000 > 0).to_string(),
            }],
        );
        let mut said = vec![match task.waiter() {
            Waiter::StepFunctions => "step-functions",
            Waiter::Cloudformation => "cloudformation",
        }];
        said.push(outcome(ledger::latest(&ledger::LatestRequest {
            execution_arn: invocation.execution_arn.clone(),
            step: Some("step".to_owned()),
        })));
        said.push(outcome(redshift_data::list_statements(
            &ListStatementsRequest {
                target: target(),
                statement_name: Some("sbx".to_owned()),
                status: Some(StatementStatus::Finished),
                max_results: Some(10),
                next_token: None,
            },
        )));
        said.push(outcome(redshift_data::describe_statement(
            &DescribeStatementRequest {
                id: id(),
                target: target(),
                wait_seconds: Some(1),
            },
        )));
        said.push(outcome(redshift_data::get_statement_result(
            &GetStatementResultRequest {
                id: id(),
                target: target(),
                next_token: Some("next".to_owned()),
                result_format: ResultFormat::Csv,
                wait_seconds: None,
            },
        )));
        said.push(outcome(redshift_data::cancel_statement(
            &CancelStatementRequest {
                id: id(),
                target: target(),
            },
        )));
        said.push(outcome(task.heartbeat()));
        said.push(outcome(redshift_data::batch_execute_statement(
            None,
            &BatchExecuteStatementRequest {
                sqls: vec!["SELECT :a".to_owned(), "SELECT 2".to_owned()],
                execution_mode: ExecutionMode::AutoCommit,
                options: options("batchExecuteStatement", target()),
            },
        )));
        said.push(outcome(redshift_data::execute_statement(
            Some(task),
            &ExecuteStatementRequest {
                sql: "SELECT :a".to_owned(),
                options: options("executeStatement", target()),
            },
        )));
        // A task that a statement is bound to has no answer yet, and one that nothing is bound to gets one.
        said.push(outcome(task.succeed("{}")));
        said.push(outcome(task.fail("Kept", "nothing was started")));
        Ok(["[\"", &said.join("\",\""), "\"]"].concat())
    }

    fn settle(_: String, settlement: Settlement, task: &Task) {
        let statement = &settlement.statement;
        let mine = settlement.facts.memo == MEMO && settlement.facts.statement_id == statement.id;
        let _ = match (mine, statement.status) {
            (true, StatementStatus::Finished) => task.succeed(&statement.document),
            (true, _) => task.fail("Failed", statement.error.as_deref().unwrap_or("no reason")),
            (false, _) => task.fail("NotMine", &settlement.facts.memo),
        };
    }

    fn closed(_: String, closing: Closing) -> OnStop {
        match (closing.reason, closing.facts.memo == MEMO) {
            (ClosingReason::TimedOut, true) => OnStop::Leave,
            _ => OnStop::Cancel,
        }
    }
}

fn options(action: &str, target: Option<String>) -> StartOptions {
    StartOptions {
        target,
        action: action.to_owned(),
        output: OutputShape::Describe,
        parameters: vec![Parameter {
            name: "a".to_owned(),
            value: "1".to_owned(),
        }],
        result_format: ResultFormat::Json,
        session_id: None,
        session_keep_alive_seconds: Some(60),
        wait_seconds: Some(1),
        exclusive: Some(Exclusivity::Key("one".to_owned())),
        deadline_seconds: Some(600),
        heartbeat: true,
        on_stop: Some(OnStop::Leave),
        step: Some("step".to_owned()),
        idempotency_key: Some("work".to_owned()),
        memo: MEMO.to_owned(),
    }
}

fn outcome<T>(result: Result<T, Failure>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(Failure::NotGranted(_)) => "not-granted",
        Err(Failure::InvalidRequest(_)) => "invalid-request",
        Err(Failure::ConcurrentExecution(_)) => "concurrent-execution",
        Err(Failure::NotFound(_)) => "not-found",
        Err(Failure::SessionLost(_)) => "session-lost",
        Err(Failure::LimitExceeded(_)) => "limit-exceeded",
        Err(Failure::Throttled(_)) => "throttled",
        Err(Failure::ExecutionFailed(_)) => "execution-failed",
        Err(Failure::Unavailable(_)) => "unavailable",
        Err(Failure::Uncertain(_)) => "uncertain",
        Err(Failure::Other(_)) => "other",
    }
}
