//! What the operations share, and which operation is which.

use super::archive::{Archive, Kept};
use super::events::EventFault;
use super::session::Sessions;
use super::statement::Statement;
use super::store::Store;
use super::{DataApiOptions, cancel, describe, execute, list, metadata, result, run, sessions};
use crate::aws_json::Service;
use crate::aws_json::error::{ServiceError, read};
use crate::sql::Engine;
use async_trait::async_trait;
use serde_json::{Map, Value};
use std::future::Future;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// The state of a server.
pub(crate) struct Core {
    pub(crate) options: DataApiOptions,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) store: Store,
    pub(crate) sessions: Sessions,
    pub(crate) slots: Semaphore,
    pub(crate) archive: Option<Arc<Archive>>,
    closing: watch::Sender<bool>,
    query_ids: AtomicI64,
    tasks: Mutex<JoinSet<()>>,
}

impl Core {
    /// The state over what an archive holds.
    pub(crate) fn new(
        options: DataApiOptions,
        engine: Arc<dyn Engine>,
        archive: Option<Arc<Archive>>,
        there: Vec<Kept>,
    ) -> Arc<Self> {
        let query_ids = there.iter().flat_map(|kept| &kept.progress.parts);
        let query_id = query_ids.filter_map(|part| part.query_id).max();
        let mut due = Vec::new();
        let mut statements = Vec::new();
        for kept in there {
            let (event_due, digest) = (kept.event_due, kept.request.digest.clone());
            let statement = Arc::new(Statement::restored(kept, options.waiters, archive.clone()));
            if event_due {
                due.push(Arc::clone(&statement));
            }
            statements.push((statement, digest));
        }
        let core = Arc::new(Self {
            engine,
            store: Store::new(
                options.active_statements,
                options.remembered_statements,
                options.remembered_bytes,
                archive.clone(),
                statements,
            ),
            sessions: Sessions::new(options.sessions, options.time_scale),
            slots: Semaphore::new(options.slots),
            archive,
            closing: watch::Sender::new(false),
            query_ids: AtomicI64::new(query_id.map_or(700_001, |last| last + 1)),
            tasks: Mutex::default(),
            options,
        });
        // What the last process had no time to tell.
        for statement in due {
            let telling = Arc::clone(&core);
            core.spawn(async move { run::tell(&telling, &statement, EventFault::Deliver).await });
        }
        core
    }

    /// The next `RedshiftQueryId`.
    pub(crate) fn next_query_id(&self) -> i64 {
        self.query_ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Runs a task that ends with the server. Returns whether it was started.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that no task starts behind the back of `finished`.
        if self.is_closing() {
            return false;
        }
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
        true
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Returns when the server closes.
    pub(crate) async fn closed(&self) {
        // The sender lives as long as this.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// Stops all statements; none can start after it.
    pub(crate) fn close(&self) {
        {
            let _tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            self.closing.send_replace(true);
        }
        for statement in self.store.newest_first(None) {
            cancel::stop(&statement, Some(run::STOPPED));
        }
    }

    /// Returns when all tasks have ended.
    pub(crate) async fn finished(&self) {
        let mut tasks =
            std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }
}

/// The service as clients reach it.
pub(crate) struct DataApiService(pub(crate) Arc<Core>);

#[async_trait]
impl Service for DataApiService {
    const TARGET_PREFIX: &'static str = "RedshiftData";
    const CONTENT_TYPE: &'static str = "application/x-amz-json-1.1";
    const MESSAGE_MEMBER: &'static str = "Message";

    async fn call(
        &self,
        operation: &str,
        input: Map<String, Value>,
    ) -> Result<Value, ServiceError> {
        let core = &self.0;
        match operation {
            "ExecuteStatement" => execute::execute(core, read(input)?, false).await,
            "BatchExecuteStatement" => execute::execute(core, read(input)?, true).await,
            "DescribeStatement" => describe::describe(core, read(input)?).await,
            "CancelStatement" => cancel::cancel(core, &read(input)?).await,
            "GetStatementResult" => result::json(core, read(input)?).await,
            "GetStatementResultV2" => result::csv(core, read(input)?).await,
            "ListStatements" => list::list(core, &read(input)?),
            "ListDatabases" => metadata::databases(core, read(input)?).await,
            "ListSchemas" => metadata::schemas(core, read(input)?).await,
            "ListTables" => metadata::tables(core, read(input)?).await,
            "DescribeTable" => metadata::columns(core, read(input)?).await,
            "ListSessions" => sessions::list(core, &read(input)?),
            other => Err(ServiceError::unknown_operation(other)),
        }
    }
}
