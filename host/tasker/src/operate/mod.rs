//! What an operator does with open tasks: list them, look at one, have its statement cancelled.
//!
//! None of this needs a policy. What does, settling a task by hand, is [`crate::Tasker::settle_now`].

mod cancel;
mod name;
mod view;

use std::{sync::Arc, time::Duration};

use signalbox_policy::contract::StatementDescription;

pub use self::{
    cancel::CancelledNow,
    name::TaskName,
    view::{AnswerView, PolicyView, ResourceView, StatementView, TaskView},
};
use crate::{
    options::Options,
    ports::{LedgerError, ServiceError, Warehouse},
    record::{Phase, Record, Store},
    task::Ports,
};

/// The most records of an execution that are shown.
const EXECUTION_LIMIT: usize = 50;

/// Looks at the tasks of a deployment.
#[derive(Clone)]
pub struct Operator {
    store: Store,
    warehouse: Arc<dyn Warehouse>,
    options: Arc<Options>,
}

/// Which open tasks are meant; without anything, all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those of this execution.
    pub execution_arn: Option<String>,
    /// Only those that were recorded at least so long ago.
    pub older_than: Option<Duration>,
    /// Only those in one of these phases; empty for any.
    pub phases: Vec<Phase>,
    /// Only those of this policy.
    pub policy: Option<String>,
}

impl Filter {
    fn takes(&self, record: &Record, now: i64) -> bool {
        let age = now.saturating_sub(record.recorded_at);
        let least = self.older_than.map_or(i64::MIN, |age| {
            i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
        });
        let policy = || record.policy.as_ref().map(|policy| policy.name.as_str());
        age >= least
            && (self.phases.is_empty() || self.phases.contains(&record.phase()))
            && (self.execution_arn.is_none() || self.execution_arn == record.execution_arn)
            && (self.policy.is_none() || self.policy.as_deref() == policy())
    }
}

/// The open tasks of a deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenTasks {
    /// Those that were asked for, the oldest first.
    pub tasks: Vec<TaskView>,
    /// How many are open in all.
    pub open: usize,
    /// Records that this version cannot read, by their id, each with the reason.
    pub unreadable: Vec<(String, String)>,
}

/// What was asked for cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperateError {
    /// There is no such task.
    #[error(
        "there is no task `{name}` of deployment `{deployment}`; records stay for {retention} after their end. \
         `signalbox tasks list` shows those that are open"
    )]
    NotFound {
        /// The name that was given.
        name: String,
        /// The deployment that was asked.
        deployment: String,
        /// How long records stay.
        retention: String,
    },
    /// It is another deployment's.
    #[error(
        "task {task} belongs to the deployment `{owner}`, not to `{deployment}`: a deployment keeps to its own. Use that \
         deployment's settings (SIGNALBOX_DEPLOYMENT, or --deployment {owner})"
    )]
    Foreign {
        /// Its id or statement's name.
        task: String,
        /// Whose it is.
        owner: String,
        /// The deployment that was asked.
        deployment: String,
    },
    /// The name fits more than one.
    #[error(
        "`{name}` fits {count} tasks; name one of them by its statement's id or its record's whole id: {list}"
    )]
    Ambiguous {
        /// The name that was given.
        name: String,
        /// How many it fits.
        count: usize,
        /// Some of them.
        list: String,
    },
    /// The ledger could not be asked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Operator {
    /// Of a deployment.
    #[must_use]
    pub fn new(ports: &Ports, options: Options) -> Self {
        let options = Arc::new(options);
        Self {
            store: Store::new(
                Arc::clone(&ports.ledger),
                Arc::clone(&ports.clock),
                Arc::clone(&options),
            ),
            warehouse: Arc::clone(&ports.warehouse),
            options,
        }
    }

    /// The open tasks.
    ///
    /// # Errors
    /// The ledger could not be asked.
    pub async fn open(&self, filter: &Filter) -> Result<OpenTasks, LedgerError> {
        let now = self.store.now();
        let open = self.store.open().await?;
        Ok(OpenTasks {
            open: open.records.len() + open.unreadable.len(),
            tasks: open
                .records
                .iter()
                .filter(|stored| filter.takes(&stored.record, now))
                .map(|stored| TaskView::new(&stored.record, now))
                .collect(),
            unreadable: open
                .unreadable
                .into_iter()
                .map(|(id, reason)| (id.to_string(), reason))
                .collect(),
        })
    }

    /// The tasks of a name, open or not: several for an execution, the last one first, else exactly one.
    ///
    /// # Errors
    /// There is none, it is another deployment's, the name is not definite, or the ledger could not be asked.
    pub async fn find(&self, name: &TaskName) -> Result<Vec<Record>, OperateError> {
        let found: Vec<Record> = match name {
            TaskName::Record(id) => self.store.find(id).await?.into_iter().collect(),
            TaskName::RecordPrefix(prefix) => self.by_prefix(prefix).await?.into_iter().collect(),
            TaskName::StatementName { deployment, id } => {
                if *deployment != self.options.deployment {
                    return Err(self.foreign(&name.to_string(), deployment));
                }
                self.store.find(id).await?.into_iter().collect()
            }
            TaskName::Statement(id) => self
                .store
                .find_by_statement_of_any(id)
                .await?
                .into_iter()
                .collect(),
            TaskName::Execution(arn) => self.store.of_execution(arn, EXECUTION_LIMIT).await?,
        }
        .into_iter()
        .map(|stored| stored.record)
        .collect();
        let (own, others): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|record| record.deployment == self.options.deployment);
        match (own.is_empty(), others.first()) {
            (false, _) => Ok(own),
            (true, Some(other)) => Err(self.foreign(other.record_id.as_str(), &other.deployment)),
            (true, None) => Err(OperateError::NotFound {
                name: name.to_string(),
                deployment: self.options.deployment.clone(),
                retention: hours(self.options.retention),
            }),
        }
    }

    /// The one task of a name.
    ///
    /// # Errors
    /// As [`Operator::find`]; an execution with several statements is not definite.
    pub async fn find_one(&self, name: &TaskName) -> Result<Record, OperateError> {
        let mut found = self.find(name).await?;
        match found.pop() {
            Some(record) if found.is_empty() => Ok(record),
            last => {
                found.extend(last);
                Err(ambiguous(
                    &name.to_string(),
                    found.iter().map(|record| match record.statement_id() {
                        Some(id) => id.to_owned(),
                        None => record.record_id.to_string(),
                    }),
                ))
            }
        }
    }

    /// A record as people may see it.
    #[must_use]
    pub fn view(&self, record: &Record) -> TaskView {
        TaskView::new(record, self.store.now())
    }

    /// What Redshift says of a record's statement now; none if it has no id.
    ///
    /// # Errors
    /// Redshift did not say.
    pub async fn describe(
        &self,
        record: &Record,
    ) -> Option<Result<StatementDescription, ServiceError>> {
        let (statement, id) = (record.statement.as_ref()?, record.statement_id()?);
        Some(self.warehouse.describe(&statement.target, id, None).await)
    }

    /// An open record whose id begins so.
    async fn by_prefix(&self, prefix: &str) -> Result<Option<crate::record::Stored>, OperateError> {
        let mut ids = self.store.open_ids().await?;
        ids.retain(|id| id.as_str().starts_with(prefix));
        match ids.as_slice() {
            [] => Ok(None),
            [id] => Ok(self.store.find(id).await?),
            several => Err(ambiguous(prefix, several.iter().map(ToString::to_string))),
        }
    }

    fn foreign(&self, task: &str, owner: &str) -> OperateError {
        OperateError::Foreign {
            task: task.to_owned(),
            owner: owner.to_owned(),
            deployment: self.options.deployment.clone(),
        }
    }
}

fn ambiguous(name: &str, fits: impl ExactSizeIterator<Item = String>) -> OperateError {
    const SHOWN: usize = 5;
    let count = fits.len();
    let mut list: Vec<String> = fits.take(SHOWN).collect();
    if count > SHOWN {
        list.push("…".to_owned());
    }
    OperateError::Ambiguous {
        name: name.to_owned(),
        count,
        list: list.join(", "),
    }
}

fn hours(time: Duration) -> String {
    format!("{} h", time.as_secs() / 3_600)
}
