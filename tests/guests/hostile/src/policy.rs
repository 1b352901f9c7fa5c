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
    Closing, Description, Finding, Guest, Invocation, Rejection, Settlement, Task,
};
use signalbox::policy::{
    clock, log,
    redshift_data::{
        self, ExecuteStatementRequest, OnStop, OutputShape, ResultFormat, StartOptions,
    },
    types::{Failure, FailureDetail},
};

use crate::{deeds, word};

struct Hostile;

export!(Hostile);

impl Guest for Hostile {
    fn describe() -> Description {
        Description {
            name: "hostile".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Misbehaves on request.".to_owned(),
            needs: vec!["redshift-data/execute-statement".to_owned()],
            settings_schema: r#"{"type":"object"}"#.to_owned(),
        }
    }

    fn validate_settings(settings: String) -> Result<Vec<Finding>, Vec<Finding>> {
        let finding = |message: &str, help: Option<&str>| Finding {
            path: "/validate".to_owned(),
            message: message.to_owned(),
            help: help.map(str::to_owned),
        };
        match word(&settings, "validate") {
            "warn" => Ok(vec![finding("this is odd", Some("leave it out"))]),
            "refuse" => Err(vec![
                finding("this is wrong", Some("say `warn`")),
                finding("and this too", None),
            ]),
            "trap" => {
                deeds::trap();
                Ok(Vec::new())
            }
            "loop" => {
                deeds::spin();
                Ok(Vec::new())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn invoke(
        settings: String,
        invocation: Invocation,
        task: Option<&Task>,
    ) -> Result<String, Rejection> {
        let mut calls = Vec::new();
        let reject = |error: &str| {
            Err(Rejection {
                error: error.to_owned(),
                message: "because".to_owned(),
            })
        };
        // What it does whatever it is asked is in its settings.
        let deed = match word(&settings, "do") {
            "" => word(&invocation.payload, "do"),
            always => always,
        };
        match deed {
            "trap" => deeds::trap(),
            "panic" => deeds::panic(),
            "loop" => deeds::spin(),
            "allocate" => deeds::allocate(),
            "allocate-and-carry-on" => deeds::allocate_and_carry_on(),
            "recurse" => return Ok(deeds::recurse(0).to_string()),
            "junk" => return Ok("this is not JSON".to_owned()),
            "big" => return Ok(format!("\"{}\"", "x".repeat(10 * 1024 * 1024))),
            "huge" => return Ok(format!("\"{}\"", "x".repeat(24 * 1024 * 1024))),
            "reject" => return reject("PolicyDenied"),
            "reject-reserved" => return reject("States.Timeout"),
            "reject-nameless" => return reject(""),
            "calls" => loop {
                calls.push(describe("11111111-2222-3333-4444-555555555555", None));
            },
            "clock" => loop {
                clock::now();
            },
            "log" => {
                for n in 0..10_000 {
                    log::write(log::Level::Warn, &format!("line {n}"), &[]);
                }
            }
            "log-once" => {
                let field = log::Field {
                    name: "who".to_owned(),
                    value: "hunter2".to_owned(),
                };
                log::write(log::Level::Info, "the password is hunter2", &[field]);
            }
            "wide-call" => calls.push(describe(&"x".repeat(24 * 1024 * 1024), None)),
            "wait" => calls.push(describe("11111111-2222-3333-4444-555555555555", Some(30))),
            "wait-then-loop" => {
                describe("11111111-2222-3333-4444-555555555555", Some(30));
                deeds::spin();
            }
            "start" => calls.push(start(task, "")),
            "start-without-task" => calls.push(start(None, "")),
            "start-without-task-then-reject" => {
                start(None, "");
                return reject("PolicyDenied");
            }
            "start-twice" => calls.extend([start(task, ""), start(task, "")]),
            "start-then-trap" => {
                start(task, "");
                deeds::trap();
            }
            "start-then-reject" => {
                start(task, "");
                return reject("PolicyDenied");
            }
            "start-then-answer" => {
                calls.push(start(task, ""));
                calls.push(succeed(task, "1"));
                calls.push(describe("id-of-the-start", None));
                calls.push(succeed(task, "1"));
            }
            "long-memo" => calls.push(start(task, &"m".repeat(8193))),
            "answer" => calls.push(succeed(task, r#"{"done":true}"#)),
            "answer-twice" => calls.extend([succeed(task, "1"), fail(task, "Other", "2")]),
            "answer-then-start" => calls.extend([succeed(task, "1"), start(task, "")]),
            "answer-then-reject" => {
                succeed(task, "1");
                return reject("PolicyDenied");
            }
            "answer-badly" => calls.extend([
                succeed(task, "not JSON"),
                succeed(task, &format!("\"{}\"", "x".repeat(262_144))),
                fail(task, "", "no name"),
                fail(task, "States.Timeout", "a reserved name"),
                fail(task, &"n".repeat(257), "a long name"),
                fail(task, "Long", &"c".repeat(32_769)),
                fail(task, "Fine", "a cause"),
            ]),
            "heartbeat" => {
                calls.push(task.map_or("no task".to_owned(), |task| said(task.heartbeat())))
            }
            _ => {}
        }
        let calls: Vec<_> = calls.iter().map(|call| format!("{call:?}")).collect();
        Ok(format!("{{\"calls\":[{}]}}", calls.join(",")))
    }

    fn settle(settings: String, settlement: Settlement, task: &Task) {
        match word(&settings, "settle") {
            "trap" => deeds::trap(),
            "loop" => deeds::spin(),
            "none" => {}
            "start" => {
                let call = start(Some(task), "");
                fail(Some(task), "Started", &call);
            }
            "cancel" => {
                let call = cancel(&settlement.statement.id);
                fail(Some(task), "Cancelled", &call);
            }
            _ => {
                succeed(Some(task), &settlement.statement.document);
            }
        }
    }

    fn closed(settings: String, closing: Closing) -> OnStop {
        match word(&settings, "closed") {
            "trap" => deeds::trap(),
            "start" if start(None, "") != "ok" => return OnStop::Leave,
            "cancel-itself" if cancel(&closing.facts.statement_id) != "ok" => return OnStop::Leave,
            "leave" => return OnStop::Leave,
            _ => {}
        }
        OnStop::Cancel
    }
}

fn start(task: Option<&Task>, memo: &str) -> String {
    let options = StartOptions {
        target: None,
        action: "executeStatement".to_owned(),
        output: OutputShape::Event,
        parameters: Vec::new(),
        result_format: ResultFormat::Json,
        session_id: None,
        session_keep_alive_seconds: None,
        wait_seconds: None,
        exclusive: None,
        deadline_seconds: None,
        heartbeat: false,
        on_stop: None,
        step: None,
        idempotency_key: None,
        memo: memo.to_owned(),
    };
    said(redshift_data::execute_statement(
        task,
        &ExecuteStatementRequest {
            sql: "SELECT 1".to_owned(),
            options,
        },
    ))
}

fn describe(id: &str, wait_seconds: Option<u32>) -> String {
    let request = redshift_data::DescribeStatementRequest {
        id: id.to_owned(),
        target: None,
        wait_seconds,
    };
    said(redshift_data::describe_statement(&request))
}

fn cancel(id: &str) -> String {
    said(redshift_data::cancel_statement(
        &redshift_data::CancelStatementRequest {
            id: id.to_owned(),
            target: None,
        },
    ))
}

fn succeed(task: Option<&Task>, output: &str) -> String {
    task.map_or("no task".to_owned(), |task| said(task.succeed(output)))
}

fn fail(task: Option<&Task>, error: &str, cause: &str) -> String {
    task.map_or("no task".to_owned(), |task| said(task.fail(error, cause)))
}

fn said<T>(result: Result<T, Failure>) -> String {
    let (kind, FailureDetail { message, .. }) = match result {
        Ok(_) => return "ok".to_owned(),
        Err(Failure::NotGranted(detail)) => ("not-granted", detail),
        Err(Failure::InvalidRequest(detail)) => ("invalid-request", detail),
        Err(Failure::Uncertain(detail)) => ("uncertain", detail),
        Err(Failure::ExecutionFailed(detail)) => ("execution-failed", detail),
        Err(Failure::NotFound(detail)) => ("not-found", detail),
        Err(
            Failure::ConcurrentExecution(detail)
            | Failure::SessionLost(detail)
            | Failure::LimitExceeded(detail)
            | Failure::Throttled(detail)
            | Failure::Unavailable(detail)
            | Failure::Other(detail),
        ) => ("other", detail),
    };
    format!("{kind}: {message}")
}
