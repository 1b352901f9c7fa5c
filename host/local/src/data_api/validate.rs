//! The rules for input, as the service's model and documentation have them.

use super::request::{ExecuteInput, ExecutionMode, MetadataInput, Parameter, ResultFormat, Target};
use crate::aws_json::error::ServiceError;
use crate::sql::{named_parameters, split};

/// The most bytes of one SQL text: 100 KB.
const SQL_BYTES: usize = 100 * 1024;
/// The most statements of a batch.
const BATCH_STATEMENTS: usize = 40;

fn bad<T>(message: impl Into<String>) -> Result<T, ServiceError> {
    Err(ServiceError::validation(message))
}

/// Checks the number of characters.
fn length(name: &str, text: &str, least: usize, most: usize) -> Result<(), ServiceError> {
    let length = text.chars().count();
    if (least..=most).contains(&length) {
        return Ok(());
    }
    bad(format!(
        "{name} has {length} characters; allowed are {least} to {most}."
    ))
}

fn range(name: &str, number: Option<i64>, least: i64, most: i64) -> Result<(), ServiceError> {
    match number {
        Some(number) if !(least..=most).contains(&number) => bad(format!(
            "{name} is {number}; allowed are {least} to {most}."
        )),
        _ => Ok(()),
    }
}

/// `WaitTimeSeconds`.
pub(crate) fn wait_time(seconds: Option<i64>) -> Result<(), ServiceError> {
    range("WaitTimeSeconds", seconds, 1, 30)
}

/// `MaxResults` of a list: how many a page has.
pub(crate) fn page(number: Option<i64>) -> Result<usize, ServiceError> {
    const MOST: i64 = 100;
    range("MaxResults", number, 0, MOST)?;
    // Zero is allowed and means, as nothing, the default.
    let number = number.filter(|number| *number > 0).unwrap_or(MOST);
    Ok(usize::try_from(number).unwrap_or_default())
}

/// The status of sessions to list.
pub(crate) fn session_status(status: Option<&str>) -> Result<(), ServiceError> {
    match status {
        None | Some("AVAILABLE" | "BUSY" | "CLOSED") => Ok(()),
        Some(other) => bad(format!(
            "Status '{other}' is not one of AVAILABLE, BUSY, CLOSED."
        )),
    }
}

/// The id of a session.
pub(crate) fn session_id(id: &str) -> Result<(), ServiceError> {
    if is_uuid(id) {
        return Ok(());
    }
    bad("SessionId does not have the shape of a session's id.")
}

/// Splits a statement's id into the statement's own and the number of a part. Its shape is a small-letter UUID and
/// perhaps `:` and up to two digits.
pub(crate) fn statement_id(id: Option<&str>) -> Result<(String, Option<usize>), ServiceError> {
    let Some(id) = id else {
        return bad("Id is missing.");
    };
    let (whole, part) = match id.split_once(':') {
        Some((whole, part)) => (whole, Some(part)),
        None => (id, None),
    };
    let digits = |part: &str| part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !is_uuid(whole) || !part.is_none_or(digits) {
        return bad(
            "id must satisfy regex pattern: ^[a-z0-9]{8}(-[a-z0-9]{4}){3}-[a-z0-9]{12}(:\\d+)?$",
        );
    }
    // `:` without digits has the shape and names no part.
    let part = part.filter(|part| !part.is_empty());
    Ok((whole.to_owned(), part.and_then(|part| part.parse().ok())))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .flat_map(|group| group.bytes())
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// The status to list: none is all.
pub(crate) fn list_status(status: Option<&str>) -> Result<Option<&'static str>, ServiceError> {
    match status {
        // As documented, a list shows what finished unless it is asked for more.
        None | Some("FINISHED") => Ok(Some("FINISHED")),
        Some("ALL") => Ok(None),
        Some("SUBMITTED") => Ok(Some("SUBMITTED")),
        Some("PICKED") => Ok(Some("PICKED")),
        Some("STARTED") => Ok(Some("STARTED")),
        Some("FAILED") => Ok(Some("FAILED")),
        Some("ABORTED") => Ok(Some("ABORTED")),
        Some(other) => bad(format!(
            "Status '{other}' is not one of SUBMITTED, PICKED, STARTED, FINISHED, ABORTED, FAILED, ALL."
        )),
    }
}

/// Filters of a list.
pub(crate) fn list_target(
    cluster: Option<&str>,
    workgroup: Option<&str>,
) -> Result<(), ServiceError> {
    cluster.map_or(Ok(()), cluster_identifier)?;
    workgroup.map_or(Ok(()), workgroup_name)
}

/// `StatementName`.
pub(crate) fn statement_name(name: Option<&str>) -> Result<(), ServiceError> {
    name.map_or(Ok(()), |name| length("StatementName", name, 0, 2048))
}

/// What an execute operation asks for, checked.
#[derive(Debug, Clone)]
pub(crate) struct Execute {
    pub(crate) sqls: Vec<String>,
    pub(crate) batch: Option<ExecutionMode>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) format: ResultFormat,
    /// None: that of the session.
    pub(crate) target: Option<Target>,
}

/// Checks the input of an execute operation.
pub(crate) fn execute(input: &ExecuteInput, is_batch: bool) -> Result<Execute, ServiceError> {
    statement_name(input.statement_name.as_deref())?;
    if let Some(token) = &input.client_token {
        length("ClientToken", token, 1, 64)?;
    }
    wait_time(input.wait_time_seconds)?;
    range(
        "SessionKeepAliveSeconds",
        input.session_keep_alive_seconds,
        0,
        86_400,
    )?;
    let (sqls, batch) = if is_batch {
        (batch(input)?, Some(mode(input.execution_mode.as_deref())?))
    } else {
        (vec![single(input)?], None)
    };
    let parameters = input.parameters.clone().unwrap_or_default();
    check_parameters(&sqls, &parameters)?;
    Ok(Execute {
        sqls,
        batch,
        parameters,
        format: format(input.result_format.as_deref())?,
        target: target(input)?,
    })
}

fn single(input: &ExecuteInput) -> Result<String, ServiceError> {
    let Some(sql) = &input.sql else {
        return bad("Sql is missing.");
    };
    sql_text("Sql", sql)?;
    match split(sql).len() {
        1 => Ok(sql.clone()),
        count => bad(format!(
            "Sql contains {count} statements. ExecuteStatement takes one; use BatchExecuteStatement for several."
        )),
    }
}

fn batch(input: &ExecuteInput) -> Result<Vec<String>, ServiceError> {
    let sqls = input.sqls.clone().unwrap_or_default();
    if !(1..=BATCH_STATEMENTS).contains(&sqls.len()) {
        return bad(format!(
            "Sqls has {} statements; allowed are 1 to {BATCH_STATEMENTS}.",
            sqls.len()
        ));
    }
    for (at, sql) in sqls.iter().enumerate() {
        let name = format!("Sqls[{at}]");
        sql_text(&name, sql)?;
        let count = split(sql).len();
        if count != 1 {
            return bad(format!(
                "{name} contains {count} statements; each entry holds one."
            ));
        }
    }
    Ok(sqls)
}

fn sql_text(name: &str, sql: &str) -> Result<(), ServiceError> {
    if split(sql).is_empty() {
        return bad(format!("{name} is empty."));
    }
    if sql.len() > SQL_BYTES {
        return bad(format!(
            "{name} has {} bytes; at most {SQL_BYTES} (100 KB) are allowed.",
            sql.len()
        ));
    }
    Ok(())
}

fn mode(mode: Option<&str>) -> Result<ExecutionMode, ServiceError> {
    match mode {
        None | Some("TRANSACTION") => Ok(ExecutionMode::Transaction),
        Some("AUTO_COMMIT") => Ok(ExecutionMode::AutoCommit),
        Some(other) => bad(format!(
            "ExecutionMode '{other}' is not one of TRANSACTION, AUTO_COMMIT."
        )),
    }
}

fn format(format: Option<&str>) -> Result<ResultFormat, ServiceError> {
    match format {
        None | Some("JSON") => Ok(ResultFormat::Json),
        Some("CSV") => Ok(ResultFormat::Csv),
        Some(other) => bad(format!("ResultFormat '{other}' is not one of JSON, CSV.")),
    }
}

fn check_parameters(sqls: &[String], parameters: &[Parameter]) -> Result<(), ServiceError> {
    let used: Vec<&str> = sqls.iter().flat_map(|sql| named_parameters(sql)).collect();
    for (at, parameter) in parameters.iter().enumerate() {
        let name = &parameter.name;
        let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if name.is_empty() || !name.bytes().all(letters) {
            return bad(format!(
                "The parameter name '{name}' may have letters, digits and underscores only."
            ));
        }
        if parameter.value.is_empty() {
            return bad(format!("The value of parameter '{name}' is empty."));
        }
        if parameters.iter().take(at).any(|other| other.name == *name) {
            return bad(format!("The parameter '{name}' is given twice."));
        }
        if !used.contains(&name.as_str()) {
            return bad(format!("The SQL does not use the parameter '{name}'."));
        }
    }
    let given = |name: &str| parameters.iter().any(|parameter| parameter.name == name);
    match used.iter().find(|name| !given(name)) {
        Some(name) => bad(format!(
            "The SQL uses the parameter '{name}', which is not given."
        )),
        None => Ok(()),
    }
}

fn target(input: &ExecuteInput) -> Result<Option<Target>, ServiceError> {
    if let Some(session) = &input.session_id {
        session_id(session)?;
        if input.cluster_identifier.is_some()
            || input.workgroup_name.is_some()
            || input.database.is_some()
        {
            return bad(
                "A call with SessionId must not have ClusterIdentifier, WorkgroupName or Database.",
            );
        }
        return Ok(None);
    }
    warehouse(
        input.cluster_identifier.as_deref(),
        input.workgroup_name.as_deref(),
        "One of ClusterIdentifier, WorkgroupName or SessionId is needed.",
    )?;
    let database = database(input.database.as_deref())?;
    Ok(Some(Target {
        cluster: input.cluster_identifier.clone(),
        workgroup: input.workgroup_name.clone(),
        database: database.to_owned(),
        user: input.db_user.clone(),
        secret: input.secret_arn.clone(),
    }))
}

/// Either a cluster or a workgroup.
fn warehouse(
    cluster: Option<&str>,
    workgroup: Option<&str>,
    missing: &str,
) -> Result<(), ServiceError> {
    match (cluster, workgroup) {
        (Some(_), Some(_)) => bad("ClusterIdentifier and WorkgroupName exclude each other."),
        (None, None) => bad(missing),
        (Some(cluster), None) => cluster_identifier(cluster),
        (None, Some(workgroup)) => workgroup_name(workgroup),
    }
}

fn database(name: Option<&str>) -> Result<&str, ServiceError> {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return bad("Database is missing.");
    };
    length("Database", name, 1, 64)?;
    Ok(name)
}

/// Checks the input of an operation on metadata.
pub(crate) fn metadata(input: &MetadataInput) -> Result<(), ServiceError> {
    warehouse(
        input.cluster_identifier.as_deref(),
        input.workgroup_name.as_deref(),
        "One of ClusterIdentifier or WorkgroupName is needed.",
    )?;
    database(input.database.as_deref())?;
    if let Some(connected) = &input.connected_database {
        length("ConnectedDatabase", connected, 1, 64)?;
    }
    range("MaxResults", input.max_results, 0, 1000)
}

fn cluster_identifier(name: &str) -> Result<(), ServiceError> {
    length("ClusterIdentifier", name, 1, 63)?;
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let starts = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    if starts && name.bytes().all(letters) && !name.ends_with('-') && !name.contains("--") {
        return Ok(());
    }
    bad(format!(
        "ClusterIdentifier '{name}' must begin with a small letter and have small letters, digits and single hyphens only."
    ))
}

fn workgroup_name(name: &str) -> Result<(), ServiceError> {
    length("WorkgroupName", name, 3, 128)?;
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let arn = name.starts_with("arn:") && name.contains(":redshift-serverless:");
    if arn || name.bytes().all(letters) {
        return Ok(());
    }
    bad(format!(
        "WorkgroupName '{name}' is neither a name of small letters, digits and hyphens nor a workgroup's ARN."
    ))
}
