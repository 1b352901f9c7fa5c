//! What the contract says about the fields of requests.
//!
//! A request that breaks it never leaves for the services. What a service itself checks, and what depends on
//! the configuration, is checked behind the services.

use crate::{
    contract::{
        BatchExecuteStatementRequest, DescribeStatementRequest, Exclusivity,
        ExecuteStatementRequest, Failure, GetStatementResultRequest, LatestRequest,
        ListStatementsRequest, StartOptions,
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
    wait(request.wait_seconds)
}

pub(crate) fn get_result(request: &GetStatementResultRequest) -> Result<(), Failure> {
    wait(request.wait_seconds)
}

pub(crate) fn list(request: &ListStatementsRequest) -> Result<(), Failure> {
    range("max-results", request.max_results, 1, LIST)
}

pub(crate) fn latest(request: &LatestRequest) -> Result<(), Failure> {
    step(request.step.as_deref())
}

fn sql(sql: &str) -> Result<(), Failure> {
    if sql.trim().is_empty() {
        return Err(invalid("`sql` is empty"));
    }
    length("`sql`", sql.len(), SQL)
}

fn options(options: &StartOptions) -> Result<(), Failure> {
    length("`memo`", options.memo.len(), MEMO)?;
    wait(options.wait_seconds)?;
    range(
        "session-keep-alive-seconds",
        options.session_keep_alive_seconds,
        0,
        KEEP_ALIVE,
    )?;
    range("deadline-seconds", options.deadline_seconds, 1, u32::MAX)?;
    step(options.step.as_deref())?;
    key("idempotency-key", options.idempotency_key.as_deref())?;
    if let Some(Exclusivity::Key(scope)) = &options.exclusive {
        key("exclusive", Some(scope))?;
    }
    for parameter in &options.parameters {
        let name = &parameter.name;
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
    Ok(())
}

fn step(step: Option<&str>) -> Result<(), Failure> {
    length("`step`", step.map_or(0, |step| step.chars().count()), KEY)
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
    use crate::contract::{ExecutionMode, OutputShape, Parameter, ResultFormat};

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
