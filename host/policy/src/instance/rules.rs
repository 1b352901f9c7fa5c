//! What the contract says about the fields of requests.
//!
//! A request that breaks it never leaves for the services. What a service itself checks, and what depends on
//! the configuration, is checked behind the services. No text is without a bound: what is asked of the services is
//! kept for the record of the event, and a guest may ask hundreds of times.

use crate::{
    contract::{
        BatchExecuteStatementRequest, CancelStatementRequest, DescribeStatementRequest,
        Exclusivity, ExecuteStatementRequest, Failure, GetStatementResultRequest, LatestRequest,
        ListStatementsRequest, Parameter, StartOptions,
    },
    instance::task::invalid,
};

/// The longest SQL, in bytes; of a batch together: the limit of the Redshift Data API.
const SQL: usize = 102_400;
/// The most statements of a batch: the limit of the Redshift Data API.
const STATEMENTS: usize = 40;
/// The longest memo, in bytes.
const MEMO: usize = 8192;
/// The longest key, step and name, in characters.
const KEY: usize = 256;
/// The longest name of a statement, in characters: the limit of the Redshift Data API.
const STATEMENT_NAME: usize = 2048;
/// The longest ARN of an execution, in characters, with much to spare.
const ARN: usize = 2048;
/// The longest token of a page, in characters. The service names no limit; its own have some hundreds.
const NEXT_TOKEN: usize = 16_384;
/// All names and values of parameters together, in bytes: as much as a payload of AWS Step Functions can bring.
const PARAMETERS: usize = 262_144;
/// The longest life of an idle session, in seconds: the limit of the Redshift Data API.
const KEEP_ALIVE: u32 = 86_400;
/// The longest wait, in seconds: the limit of the Redshift Data API.
const WAIT: u32 = 30;
/// The longest list of statements: the limit of the Redshift Data API.
const LIST: u32 = 100;

pub(crate) fn execute(request: &ExecuteStatementRequest) -> Result<(), Failure> {
    sql(&request.sql)?;
    options(&request.options)
}

pub(crate) fn batch_execute(request: &BatchExecuteStatementRequest) -> Result<(), Failure> {
    if !(1..=STATEMENTS).contains(&request.sqls.len()) {
        return Err(invalid(format!(
            "a batch has 1 to {STATEMENTS} statements, this one {}",
            request.sqls.len()
        )));
    }
    if let Some(n) = request.sqls.iter().position(|sql| sql.trim().is_empty()) {
        return Err(invalid(format!("`sqls` is empty at {n}")));
    }
    length(
        "`sqls` together",
        request.sqls.iter().map(String::len).sum(),
        SQL,
    )?;
    options(&request.options)
}

pub(crate) fn describe(request: &DescribeStatementRequest) -> Result<(), Failure> {
    statement(&request.id, request.target.as_deref())?;
    wait(request.wait_seconds)
}

pub(crate) fn cancel(request: &CancelStatementRequest) -> Result<(), Failure> {
    statement(&request.id, request.target.as_deref())
}

pub(crate) fn get_result(request: &GetStatementResultRequest) -> Result<(), Failure> {
    statement(&request.id, request.target.as_deref())?;
    text("next-token", request.next_token.as_deref(), NEXT_TOKEN)?;
    wait(request.wait_seconds)
}

pub(crate) fn list(request: &ListStatementsRequest) -> Result<(), Failure> {
    text("target", request.target.as_deref(), KEY)?;
    text(
        "statement-name",
        request.statement_name.as_deref(),
        STATEMENT_NAME,
    )?;
    text("next-token", request.next_token.as_deref(), NEXT_TOKEN)?;
    range("max-results", request.max_results, 1, LIST)
}

pub(crate) fn latest(request: &LatestRequest) -> Result<(), Failure> {
    text("execution-arn", request.execution_arn.as_deref(), ARN)?;
    text("step", request.step.as_deref(), KEY)
}

/// Which statement is meant. Whether there is one of that id is for the services to say.
fn statement(id: &str, target: Option<&str>) -> Result<(), Failure> {
    text("id", Some(id), KEY)?;
    text("target", target, KEY)
}

fn sql(sql: &str) -> Result<(), Failure> {
    if sql.trim().is_empty() {
        return Err(invalid("`sql` is empty"));
    }
    length("`sql`", sql.len(), SQL)
}

fn options(options: &StartOptions) -> Result<(), Failure> {
    length("`memo`", options.memo.len(), MEMO)?;
    text("action", Some(&options.action), KEY)?;
    text("target", options.target.as_deref(), KEY)?;
    text("session-id", options.session_id.as_deref(), KEY)?;
    wait(options.wait_seconds)?;
    range(
        "session-keep-alive-seconds",
        options.session_keep_alive_seconds,
        0,
        KEEP_ALIVE,
    )?;
    range("deadline-seconds", options.deadline_seconds, 1, u32::MAX)?;
    text("step", options.step.as_deref(), KEY)?;
    key("idempotency-key", options.idempotency_key.as_deref())?;
    if let Some(Exclusivity::Key(scope)) = &options.exclusive {
        key("exclusive", Some(scope))?;
    }
    let size = |parameter: &Parameter| parameter.name.len() + parameter.value.len();
    for parameter in &options.parameters {
        let name = &parameter.name;
        text("parameters.name", Some(name), KEY)?;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(invalid(format!(
                "the parameter's name `{name}` has to be letters, digits and underscores"
            )));
        }
        if parameter.value.is_empty() {
            return Err(invalid(format!(
                "the parameter `{name}` is empty; Redshift takes no empty value"
            )));
        }
    }
    length(
        "`parameters` together",
        options.parameters.iter().map(size).sum(),
        PARAMETERS,
    )
}

fn text(field: &str, text: Option<&str>, allowed: usize) -> Result<(), Failure> {
    let found = text.map_or(0, |text| text.chars().count());
    length(&format!("`{field}`"), found, allowed)
}

fn wait(seconds: Option<u32>) -> Result<(), Failure> {
    range("wait-seconds", seconds, 1, WAIT)
}

fn key(field: &str, key: Option<&str>) -> Result<(), Failure> {
    match key.map(|key| key.chars().count()) {
        Some(0) => Err(invalid(format!(
            "`{field}` is empty; leave it out or give 1 to {KEY} characters"
        ))),
        Some(n) => length(&format!("`{field}`"), n, KEY),
        None => Ok(()),
    }
}

fn length(what: &str, found: usize, allowed: usize) -> Result<(), Failure> {
    if found <= allowed {
        Ok(())
    } else {
        Err(invalid(format!(
            "{what} is {found} long; at most {allowed} is allowed"
        )))
    }
}

fn range(field: &str, found: Option<u32>, from: u32, to: u32) -> Result<(), Failure> {
    match found {
        Some(found) if !(from..=to).contains(&found) => Err(invalid(format!(
            "`{field}` is {found}; it has to be {from} to {to}"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{ExecutionMode, OutputShape, ResultFormat};

    fn plain() -> StartOptions {
        StartOptions {
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
            memo: String::new(),
        }
    }

    fn message(result: Result<(), Failure>) -> String {
        match result {
            Err(Failure::InvalidRequest(detail)) => detail.message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_rule_names_its_field() {
        let with = |change: fn(&mut StartOptions)| {
            let mut changed = plain();
            change(&mut changed);
            message(options(&changed))
        };
        let messages = [
            with(|o| o.memo = "m".repeat(8193)),
            with(|o| o.wait_seconds = Some(31)),
            with(|o| o.session_keep_alive_seconds = Some(86_401)),
            with(|o| o.deadline_seconds = Some(0)),
            with(|o| o.step = Some("s".repeat(257))),
            with(|o| o.idempotency_key = Some(String::new())),
            with(|o| o.exclusive = Some(Exclusivity::Key("k".repeat(257)))),
            with(|o| {
                o.parameters = vec![Parameter {
                    name: "a b".to_owned(),
                    value: "1".to_owned(),
                }]
            }),
            with(|o| {
                o.parameters = vec![Parameter {
                    name: "ab".to_owned(),
                    value: String::new(),
                }]
            }),
            with(|o| {
                o.parameters = vec![Parameter {
                    name: "n".repeat(257),
                    value: "1".to_owned(),
                }]
            }),
            with(|o| {
                let parameter = |n| Parameter {
                    name: format!("p{n}"),
                    value: "v".repeat(100_000),
                };
                o.parameters = (0..3).map(parameter).collect();
            }),
            with(|o| o.action = "a".repeat(257)),
            with(|o| o.target = Some("t".repeat(257))),
            with(|o| o.session_id = Some("s".repeat(257))),
        ];
        insta::assert_snapshot!(messages.join("\n"), @"
        `memo` is 8193 long; at most 8192 is allowed
        `wait-seconds` is 31; it has to be 1 to 30
        `session-keep-alive-seconds` is 86401; it has to be 0 to 86400
        `deadline-seconds` is 0; it has to be 1 to 4294967295
        `step` is 257 long; at most 256 is allowed
        `idempotency-key` is empty; leave it out or give 1 to 256 characters
        `exclusive` is 257 long; at most 256 is allowed
        the parameter's name `a b` has to be letters, digits and underscores
        the parameter `ab` is empty; Redshift takes no empty value
        `parameters.name` is 257 long; at most 256 is allowed
        `parameters` together is 300006 long; at most 262144 is allowed
        `action` is 257 long; at most 256 is allowed
        `target` is 257 long; at most 256 is allowed
        `session-id` is 257 long; at most 256 is allowed
        ");
    }

    #[test]
    fn nothing_that_is_asked_for_is_without_a_bound() {
        let long = || "x".repeat(20_000);
        let refused = [
            describe(&DescribeStatementRequest {
                id: long(),
                target: None,
                wait_seconds: None,
            }),
            cancel(&CancelStatementRequest {
                id: String::new(),
                target: Some(long()),
            }),
            get_result(&GetStatementResultRequest {
                id: String::new(),
                target: None,
                next_token: Some(long()),
                result_format: ResultFormat::Json,
                wait_seconds: None,
            }),
            list(&ListStatementsRequest {
                target: None,
                statement_name: Some(long()),
                status: None,
                max_results: None,
                next_token: None,
            }),
            latest(&LatestRequest {
                execution_arn: Some(long()),
                step: None,
            }),
        ];
        insta::assert_snapshot!(refused.map(message).join("\n"), @"
        `id` is 20000 long; at most 256 is allowed
        `target` is 20000 long; at most 256 is allowed
        `next-token` is 20000 long; at most 16384 is allowed
        `statement-name` is 20000 long; at most 2048 is allowed
        `execution-arn` is 20000 long; at most 2048 is allowed
        ");
    }

    #[test]
    fn sizes_of_sql() {
        let one = |sql: &str| {
            execute(&ExecuteStatementRequest {
                sql: sql.to_owned(),
                options: plain(),
            })
        };
        assert!(one(&"x".repeat(102_400)).is_ok());
        assert!(message(one(&"x".repeat(102_401))).contains("102401"));
        assert_eq!(message(one(" \n")), "`sql` is empty");

        let batch = |sqls: Vec<String>| {
            let execution_mode = ExecutionMode::Transaction;
            batch_execute(&BatchExecuteStatementRequest {
                sqls,
                execution_mode,
                options: plain(),
            })
        };
        assert!(batch(vec!["x".to_owned(); 40]).is_ok());
        assert!(batch(vec!["x".to_owned(); 41]).is_err());
        assert!(batch(Vec::new()).is_err());
        assert!(batch(vec!["x".repeat(60_000); 2]).is_err());
    }
}
