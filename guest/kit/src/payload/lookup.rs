//! Payloads that ask about a statement.

use super::read::{InvalidRequest, Reader};
use super::start::MAX_WAIT;
use crate::contract::ResultFormat;

/// Which statement is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementRef {
    /// The one with this id.
    Id(String),
    /// The last one of an execution.
    Latest {
        /// The execution's ARN.
        execution_arn: String,
        /// Only statements of this step.
        step: Option<String>,
    },
}

/// A statement to ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Which one.
    pub statement: StatementRef,
    /// The target it runs on, where the host does not know it.
    pub target: Option<String>,
    /// Wait so long for its end, in seconds.
    pub wait_seconds: Option<u32>,
}

/// A page of a result to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageLookup {
    /// Of which statement.
    pub lookup: Lookup,
    /// The token of the page before.
    pub next_token: Option<String>,
    /// The format that the statement was started with.
    pub result_format: ResultFormat,
}

pub(super) fn read(
    reader: &Reader<'_>,
    execution_arn: Option<String>,
) -> Result<Lookup, InvalidRequest> {
    Ok(Lookup {
        statement: statement(reader, execution_arn)?,
        target: reader.text("target", 1, 256)?,
        wait_seconds: reader.whole("waitSeconds", 1, MAX_WAIT)?,
    })
}

pub(super) fn read_for_cancel(
    reader: &Reader<'_>,
    execution_arn: Option<String>,
) -> Result<Lookup, InvalidRequest> {
    let lookup = read(reader, execution_arn)?;
    match &lookup.statement {
        StatementRef::Id(id) if id.contains(':') => Err(InvalidRequest::new(
            "`statementId` names a part of a batch, which cannot be cancelled alone. Use the id of the \
             batch: the part before the colon.",
        )),
        _ => Ok(lookup),
    }
}

pub(super) fn read_page(
    reader: &Reader<'_>,
    execution_arn: Option<String>,
) -> Result<PageLookup, InvalidRequest> {
    Ok(PageLookup {
        lookup: read(reader, execution_arn)?,
        next_token: reader.text("nextToken", 1, usize::MAX)?,
        result_format: reader
            .word(
                "resultFormat",
                &[("JSON", ResultFormat::Json), ("CSV", ResultFormat::Csv)],
            )?
            .unwrap_or(ResultFormat::Json),
    })
}

fn statement(
    reader: &Reader<'_>,
    execution_arn: Option<String>,
) -> Result<StatementRef, InvalidRequest> {
    let id = reader.required_text("statementId")?;
    if id == "LATEST" {
        let step = reader.text("step", 1, 256)?;
        return match execution_arn {
            Some(execution_arn) => Ok(StatementRef::Latest {
                execution_arn,
                step,
            }),
            None => Err(InvalidRequest::new(
                "`statementId` is `LATEST`, and the payload has no `executionArn`. Add it: \
                 \"executionArn.$\": \"$$.Execution.Id\".",
            )),
        };
    }
    if is_statement_id(id) {
        return Ok(StatementRef::Id(id.to_owned()));
    }
    let help = if id.eq_ignore_ascii_case("latest") {
        "Did you mean `LATEST`?"
    } else if is_statement_id(&id.to_ascii_lowercase()) {
        "Write it in lower case."
    } else {
        "It looks like 11111111-2222-3333-4444-555555555555, of a part of a batch with :1 behind it. Use \
         the `Id` of the reply that started it, or `LATEST`."
    };
    Err(InvalidRequest::new(format!(
        "`statementId` is no statement id. {help}"
    )))
}

/// A UUID in lower case, with a colon and one or two digits for a part of a batch.
fn is_statement_id(id: &str) -> bool {
    match id.split_once(':') {
        None => is_uuid(id),
        Some((uuid, part)) => {
            is_uuid(uuid)
                && (1..=2).contains(&part.len())
                && part.chars().all(|c| c.is_ascii_digit())
        }
    }
}

/// The shape of a UUID in lower case. The service's model allows any letter in it.
pub(super) fn is_uuid(id: &str) -> bool {
    let lengths: Vec<usize> = id.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
        && id
            .chars()
            .all(|c| c == '-' || c.is_ascii_digit() || c.is_ascii_lowercase())
}
