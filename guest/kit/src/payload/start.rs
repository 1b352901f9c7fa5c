//! Payloads that run SQL.

use super::read::{InvalidRequest, Reader, wrong_type};
use super::{labels, parameters};
use crate::cap::ResultCap;
use crate::contract::{ExecutionMode, OnStop, OutputShape, Parameter, ResultFormat};
use crate::expect::{self, Expectation};
use crate::section::Findings;
use crate::sql::{MAX_SQL_BYTES, count_statements};
use crate::text::thousands;
use serde_json::Value;
use std::collections::BTreeMap;

/// The most statements that Redshift takes in one batch.
pub const MAX_BATCH: usize = 40;
/// The longest that Redshift keeps a session open, in seconds: a day.
const MAX_KEEP_ALIVE: u32 = 86_400;
/// The longest that Redshift runs a statement, in seconds: a day.
const MAX_DEADLINE: u32 = 86_400;
/// The longest that one call of the Data API waits, in seconds.
pub(super) const MAX_WAIT: u32 = 30;
/// The longest key or step, in characters.
const MAX_KEY: usize = 256;

/// An action that runs SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Run a statement.
    ExecuteStatement,
    /// Run a statement unless the same one runs already.
    ExecuteSingletonStatement,
    /// Run several statements one after another.
    BatchExecuteStatement,
}

impl Action {
    /// Its name in a payload.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ExecuteStatement => "executeStatement",
            Self::ExecuteSingletonStatement => "executeSingletonStatement",
            Self::BatchExecuteStatement => "batchExecuteStatement",
        }
    }
}

/// SQL to run, and how. The fields are those of the payload; each was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// What was asked for.
    pub action: Action,
    /// The statements; exactly one unless the action is a batch.
    pub sqls: Vec<String>,
    /// How a batch is committed.
    pub execution_mode: ExecutionMode,
    /// The name of a target; none for the default one.
    pub target: Option<String>,
    /// Values for `:name` in the SQL.
    pub parameters: Vec<Parameter>,
    /// The session to run in.
    pub session_id: Option<String>,
    /// How long the session is kept afterwards, in seconds.
    pub session_keep_alive_seconds: Option<u32>,
    /// How the result is kept.
    pub result_format: ResultFormat,
    /// What the waiting task is given.
    pub output: OutputShape,
    /// At most one statement with this key runs at a time.
    pub singleton_key: Option<String>,
    /// A name for the work: asked for again it is not started again.
    pub idempotency_key: Option<String>,
    /// The statement's name among those of its execution.
    pub step: Option<String>,
    /// Names and values of the caller's own, for rules.
    pub labels: BTreeMap<String, String>,
    /// What must be true once the SQL has run.
    pub expect: Vec<Expectation>,
    /// How large its result may be.
    pub result_cap: Option<ResultCap>,
    /// Cancel the statement so long after its start, in seconds.
    pub deadline_seconds: Option<u32>,
    /// What becomes of the statement when its task is stopped.
    pub on_stop: Option<OnStop>,
    /// Whether the task gets heartbeats while the statement runs.
    pub heartbeat: bool,
    /// Wait so long for the end before returning, in seconds.
    pub wait_seconds: Option<u32>,
}

pub(super) fn read(reader: &Reader<'_>, action: Action) -> Result<Start, InvalidRequest> {
    let sqls = match action {
        Action::BatchExecuteStatement => read_batch(reader)?,
        _ => vec![read_single(reader)?],
    };
    let start = Start {
        action,
        sqls,
        execution_mode: reader
            .word(
                "executionMode",
                &[
                    ("TRANSACTION", ExecutionMode::Transaction),
                    ("AUTO_COMMIT", ExecutionMode::AutoCommit),
                ],
            )?
            .unwrap_or(ExecutionMode::Transaction),
        target: reader.text("target", 1, MAX_KEY)?,
        parameters: parameters::read(reader.value("parameters"))?,
        session_id: read_session_id(reader)?,
        session_keep_alive_seconds: reader.whole("sessionKeepAliveSeconds", 0, MAX_KEEP_ALIVE)?,
        result_format: reader
            .word(
                "resultFormat",
                &[("JSON", ResultFormat::Json), ("CSV", ResultFormat::Csv)],
            )?
            .unwrap_or(ResultFormat::Json),
        output: reader
            .word(
                "output",
                &[
                    ("event", OutputShape::Event),
                    ("describe", OutputShape::Describe),
                    ("rows", OutputShape::Rows),
                ],
            )?
            .unwrap_or(OutputShape::Event),
        singleton_key: reader.text("singletonKey", 1, MAX_KEY)?,
        idempotency_key: reader.text("idempotencyKey", 1, MAX_KEY)?,
        step: reader.text("step", 1, MAX_KEY)?,
        labels: labels::read(reader.value("labels"))?,
        expect: read_expect(reader)?,
        result_cap: read_result_cap(reader)?,
        deadline_seconds: reader.whole("deadlineSeconds", 1, MAX_DEADLINE)?,
        on_stop: reader.word(
            "onStop",
            &[("cancel", OnStop::Cancel), ("leave", OnStop::Leave)],
        )?,
        heartbeat: reader.flag("heartbeat")?.unwrap_or(false),
        wait_seconds: reader.whole("waitSeconds", 1, MAX_WAIT)?,
    };
    let queries = start.expect.iter().filter_map(Expectation::query);
    let sqls = start.sqls.iter().map(String::as_str).chain(queries);
    parameters::check(&start.parameters, sqls)?;
    Ok(start)
}

fn read_result_cap(reader: &Reader<'_>) -> Result<Option<ResultCap>, InvalidRequest> {
    let cap = ResultCap {
        rows: reader.whole("maxResultRows", 0, u32::MAX)?.map(u64::from),
        bytes: reader.whole("maxResultBytes", 1, u32::MAX)?.map(u64::from),
        cut: reader
            .word("largeResult", &[("fail", false), ("truncate", true)])?
            .unwrap_or(false),
    };
    let has_bound = cap.rows.is_some() || cap.bytes.is_some();
    if !has_bound && reader.value("largeResult").is_some() {
        return Err(InvalidRequest::new(
            "`largeResult` says what becomes of a large result, and nothing says what is large. Add `maxResultRows` or \
             `maxResultBytes`.",
        ));
    }
    Ok(has_bound.then_some(cap))
}

fn read_expect(reader: &Reader<'_>) -> Result<Vec<Expectation>, InvalidRequest> {
    let Some(value) = reader.value("expect") else {
        return Ok(Vec::new());
    };
    let mut findings = Findings::default();
    let expectations = expect::read("expect", value, &mut findings);
    match findings.0.into_iter().next() {
        None => Ok(expectations),
        Some(finding) => Err(InvalidRequest::new(format!(
            "`{}`: {} {}",
            finding.path.replace('/', "."),
            finding.message,
            finding.help.unwrap_or_default()
        ))),
    }
}

fn read_single(reader: &Reader<'_>) -> Result<String, InvalidRequest> {
    if reader.has("sqlStatements") {
        return Err(InvalidRequest::new(
            "`sqlStatements` is for `action` `batchExecuteStatement`. Use `sqlStatement` here, or change \
             the action.",
        ));
    }
    let sql = reader.required_text("sqlStatement")?;
    check_sql("sqlStatement", sql)?;
    Ok(sql.to_owned())
}

fn read_batch(reader: &Reader<'_>) -> Result<Vec<String>, InvalidRequest> {
    if reader.has("sqlStatement") {
        return Err(InvalidRequest::new(
            "A batch takes its SQL from `sqlStatements`, and the payload has `sqlStatement`. Move it into \
             the list, or leave the action out.",
        ));
    }
    let list = match reader.value("sqlStatements") {
        Some(Value::Array(list)) => list,
        Some(other) => return Err(wrong_type("sqlStatements", other, "a list of texts")),
        None => {
            return Err(InvalidRequest::new(
                "The payload has no `sqlStatements`. Add it: a list of 1 to 40 statements.",
            ));
        }
    };
    if list.is_empty() || list.len() > MAX_BATCH {
        return Err(InvalidRequest::new(format!(
            "`sqlStatements` has {} statements. Redshift takes 1 to {MAX_BATCH} in one batch, and several batches would be \
             several transactions: split the list into states of their own, so that each knows what it left behind.",
            thousands(list.len())
        )));
    }
    let mut sqls = Vec::with_capacity(list.len());
    for (position, item) in list.iter().enumerate() {
        let place = format!("sqlStatements[{position}]");
        let Value::String(sql) = item else {
            return Err(wrong_type(&place, item, "a text"));
        };
        check_sql(&place, sql)?;
        sqls.push(sql.clone());
    }
    let bytes: usize = sqls.iter().map(String::len).sum();
    if bytes > MAX_SQL_BYTES {
        return Err(too_long("sqlStatements", bytes, "together "));
    }
    Ok(sqls)
}

fn check_sql(place: &str, sql: &str) -> Result<(), InvalidRequest> {
    if sql.len() > MAX_SQL_BYTES {
        return Err(too_long(place, sql.len(), ""));
    }
    match count_statements(sql) {
        1 => Ok(()),
        0 => Err(InvalidRequest::new(format!(
            "`{place}` has no SQL in it: it is empty or a comment."
        ))),
        count => Err(InvalidRequest::new(format!(
            "`{place}` has {} statements, and one is allowed. To run several, use `action` \
             `batchExecuteStatement` with each in its own item of `sqlStatements`.",
            thousands(count)
        ))),
    }
}

fn too_long(place: &str, bytes: usize, together: &str) -> InvalidRequest {
    InvalidRequest::new(format!(
        "`{place}` has {together}{} bytes. Redshift takes at most {} (100 KB). Put long SQL into a view or \
         a procedure.",
        thousands(bytes),
        thousands(MAX_SQL_BYTES)
    ))
}

fn read_session_id(reader: &Reader<'_>) -> Result<Option<String>, InvalidRequest> {
    let id = reader.text("sessionId", 1, usize::MAX)?;
    match id {
        Some(id) if !super::lookup::is_uuid(&id) => Err(InvalidRequest::new(
            "`sessionId` is no session id: it looks like 11111111-2222-3333-4444-555555555555, in lower \
             case. Use the `SessionId` of an earlier reply.",
        )),
        id => Ok(id),
    }
}
