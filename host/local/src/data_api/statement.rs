//! A statement and what is known of it.

use super::archive::{Archive, Kept, KeptRequest};
use super::request::{ExecutionMode, Parameter, ResultFormat, Target};
use crate::sql::{ResultSet, Stop};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Where a statement is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Submitted,
    Picked,
    Started,
    Finished,
    Failed,
    Aborted,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Picked => "PICKED",
            Self::Started => "STARTED",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Aborted => "ABORTED",
        }
    }

    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Aborted)
    }
}

/// One SQL text of a statement: the only one, or a part of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) status: Status,
    pub(crate) error: Option<String>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) updated_at: Timestamp,
    pub(crate) duration: Option<Duration>,
    /// Rows returned or changed; none until it is known.
    pub(crate) rows: Option<u64>,
    pub(crate) result: Option<Arc<ResultSet>>,
    pub(crate) query_id: Option<i64>,
}

impl Part {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            status: Status::Submitted,
            error: None,
            started_at: None,
            updated_at: now,
            duration: None,
            rows: None,
            result: None,
            query_id: None,
        }
    }
}

/// What changes in a statement's life.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    pub(crate) status: Status,
    pub(crate) error: Option<String>,
    pub(crate) updated_at: Timestamp,
    pub(crate) duration: Option<Duration>,
    pub(crate) pid: Option<i64>,
    pub(crate) parts: Vec<Part>,
    /// The results were dropped to make room.
    pub(crate) results_dropped: bool,
}

impl Progress {
    pub(crate) fn has_result(&self) -> bool {
        self.parts
            .iter()
            .any(|part| part.status == Status::Finished && part.result.is_some())
    }

    /// The bytes of all results.
    pub(crate) fn result_size(&self) -> usize {
        let results = self.parts.iter().filter_map(|part| part.result.as_ref());
        results.map(|result| result.size).sum()
    }
}

/// A statement.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) id: String,
    /// Counts statements, oldest first.
    pub(crate) number: u64,
    pub(crate) sqls: Vec<String>,
    /// Whether it is a batch, and which kind.
    pub(crate) batch: Option<ExecutionMode>,
    pub(crate) target: Target,
    pub(crate) name: Option<String>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) with_event: bool,
    pub(crate) format: ResultFormat,
    pub(crate) session: Option<String>,
    pub(crate) client_token: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) stop: Arc<Stop>,
    /// One permit for each caller that may wait.
    pub(crate) waiters: Semaphore,
    pub(crate) progress: watch::Sender<Progress>,
    /// Where its end is kept, if anything is.
    pub(crate) archive: Option<Arc<Archive>>,
    /// Held by who changes the progress.
    pub(crate) turn: Mutex<()>,
}

impl Statement {
    /// A statement from an archive.
    pub(crate) fn restored(kept: Kept, waiters: usize, archive: Option<Arc<Archive>>) -> Self {
        let created_at = kept.created_at();
        let request = kept.request;
        Self {
            id: kept.id,
            number: kept.number,
            sqls: request.sqls,
            batch: request.batch,
            target: request.target,
            name: request.name,
            parameters: request.parameters,
            with_event: request.with_event,
            format: request.format,
            session: request.session,
            client_token: request.client_token,
            created_at,
            stop: Stop::new(),
            waiters: Semaphore::new(waiters),
            progress: watch::Sender::new(kept.progress),
            archive,
            turn: Mutex::default(),
        }
    }

    pub(crate) fn status(&self) -> Status {
        self.progress.borrow().status
    }

    /// Moves on, unless the statement is final already. An end is kept before anybody sees it, so this may block.
    pub(crate) fn advance(&self, change: impl FnOnce(&mut Progress)) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut progress = self.progress.borrow().clone();
        if progress.status.is_final() {
            return;
        }
        change(&mut progress);
        progress.updated_at = Timestamp::now();
        if progress.status.is_final()
            && let Some(archive) = &self.archive
            && let Err(error) = archive.end(&self.id, &progress)
        {
            // It is true in this process, and after a restart the statement counts as cut short.
            tracing::error!(statement = self.id, %error, "the end of a statement could not be kept");
        }
        self.progress.send_replace(progress);
    }

    /// What is kept of the request.
    pub(crate) fn kept(&self, digest: &str) -> KeptRequest {
        KeptRequest {
            sqls: self.sqls.clone(),
            batch: self.batch,
            target: self.target.clone(),
            name: self.name.clone(),
            parameters: self.parameters.clone(),
            with_event: self.with_event,
            format: self.format,
            session: self.session.clone(),
            client_token: self.client_token.clone(),
            digest: digest.to_owned(),
            created_at: self.created_at.as_millisecond(),
        }
    }

    /// Waits until the statement is final, at most for `time` (wall clock).
    pub(crate) async fn ended_within(&self, time: Duration) {
        let mut progress = self.progress.subscribe();
        let ended = progress.wait_for(|progress| progress.status.is_final());
        // Not ended in time is no error: the caller is told the state as it is.
        let _ = tokio::time::timeout(time, ended).await;
    }

    /// Waits until the statement is final.
    pub(crate) async fn ended(&self) {
        // The sender lives as long as the statement, so this cannot fail.
        let _ = self
            .progress
            .subscribe()
            .wait_for(|progress| progress.status.is_final())
            .await;
    }

    pub(crate) fn is_batch(&self) -> bool {
        self.batch.is_some()
    }
}

/// A time as the protocol has it: seconds since 1970, with a fraction.
pub(crate) fn epoch(time: Timestamp) -> Value {
    // Milliseconds fit an f64 exactly.
    Value::from(time.as_millisecond() as f64 / 1000.0)
}

/// Adds a member if there is a value.
pub(crate) fn put(members: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        members.insert(name.to_owned(), value.into());
    }
}

/// A duration in nanoseconds, as the protocol has it.
pub(crate) fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// A number of rows as the protocol has it; -1 says that there is none.
pub(crate) fn row_count(rows: Option<u64>) -> i64 {
    rows.map_or(-1, |rows| i64::try_from(rows).unwrap_or(i64::MAX))
}
