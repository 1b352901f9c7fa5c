//! Redshift's statements: what starts one, how it is, and what stops it.

use std::time::Duration;

use serde_json::json;
use signalbox_policy::contract::{
    CancelledStatement, ResultFormat, StartedStatement, StatementDescription, StatementResult,
    StatementStatus,
};
use signalbox_tasker::ports::{
    Key, Listed, ListedPage, ServiceError, ServiceErrorKind, Sql, StartStatement,
};
use tokio::time::Instant;

use super::services::{Caller, ClosedBy, Services, Task};

/// How long Redshift remembers a statement that has ended.
const MEMORY: Duration = Duration::from_secs(24 * 60 * 60);
pub struct Statement {
    pub id: String,
    pub name: String,
    target: String,
    /// The task that its SQL speaks of: of several attempts at a work the first one.
    pub task: usize,
    client_token: String,
    started: Instant,
    ends: Instant,
    ends_as: StatementStatus,
    cancelled: Option<Instant>,
    refuse_cancels: u32,
    pub with_event: bool,
    /// The session that it runs in, and how long that stays open after it.
    pub session: Option<(String, Duration)>,
    /// Whether the completion events have been sent out.
    pub reported: bool,
}

impl Statement {
    pub fn over_at(&self) -> Instant {
        self.cancelled
            .map_or(self.ends, |cancelled| cancelled.min(self.ends))
    }

    pub fn is_over(&self, now: Instant) -> bool {
        self.over_at() <= now
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        self.over_at() + MEMORY <= now
    }

    /// What a service says that lags behind.
    fn status_behind(&self, now: Instant, lag: Duration) -> StatementStatus {
        let then = now.checked_sub(lag).unwrap_or(now);
        self.status(then.max(self.started))
    }

    pub fn status(&self, now: Instant) -> StatementStatus {
        if !self.is_over(now) {
            match now == self.started {
                true => StatementStatus::Submitted,
                false => StatementStatus::Started,
            }
        } else if self.over_at() < self.ends {
            StatementStatus::Aborted
        } else {
            self.ends_as
        }
    }
}

fn error(kind: ServiceErrorKind, code: &str) -> ServiceError {
    ServiceError {
        kind,
        code: code.to_owned(),
        message: "as the model wants it".to_owned(),
        statement_id: None,
        document: None,
    }
}

/// The task that SQL of the model speaks of.
fn task_of(sql: &Sql) -> usize {
    let text = match sql {
        Sql::One(sql) => sql,
        Sql::Batch { sqls, .. } => &sqls[0],
    };
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let number = digits.split(|c: char| !c.is_ascii_digit()).next();
    number.and_then(|number| number.parse().ok()).unwrap()
}

impl Services {
    pub fn start(
        &mut self,
        caller: Caller,
        now: Instant,
        target: &str,
        start: &StartStatement,
    ) -> Result<StartedStatement, ServiceError> {
        let number = task_of(&start.sql);
        if caller != Caller::Invocation {
            self.broken
                .push(format!("task {number}: SQL was started by {caller:?}"));
        }
        let known = self.statements.iter().position(|known| {
            !start.client_token.is_empty()
                && known.client_token == start.client_token
                && now - known.started < self.manners.token_life
        });
        let at = match known {
            Some(at) => at,
            None => {
                if let Some(refusal) = self.refusal(number, start, now) {
                    return Err(error(refusal, "RefusedByRedshift"));
                }
                self.begin(number, now, target, start);
                self.statements.len() - 1
            }
        };
        let statement = &self.statements[at];
        Ok(StartedStatement {
            id: statement.id.clone(),
            target: target.to_owned(),
            status: statement.status(now),
            session_id: statement.session_id(),
            has_result_set: None,
            document: json!({"Id": statement.id}).to_string(),
        })
    }

    /// Whether Redshift refuses a start. It says the same again under the same ClientToken.
    fn refusal(
        &mut self,
        number: usize,
        start: &StartStatement,
        now: Instant,
    ) -> Option<ServiceErrorKind> {
        let client_token = &start.client_token;
        if let Some(refusal) = self.refused_tokens.get(client_token) {
            return Some(*refusal);
        }
        let is_lost = |id: &String| self.session_open_until(id).is_none_or(|until| until < now);
        let is_lost = start.session_id.as_ref().is_some_and(is_lost);
        let plan = &mut self.tasks[number].plan;
        let refusal = match plan.redshift_refuses.filter(|_| plan.refusals > 0) {
            Some(refusal) => {
                plan.refusals -= 1;
                refusal
            }
            None if is_lost => ServiceErrorKind::SessionLost,
            None => return None,
        };
        if !client_token.is_empty() {
            self.refused_tokens.insert(client_token.clone(), refusal);
        }
        Some(refusal)
    }

    pub fn begin(&mut self, number: usize, now: Instant, target: &str, start: &StartStatement) {
        let task = &self.tasks[number];
        let mut broken = self.again(number, now);
        if self
            .statements
            .iter()
            .any(|known| known.name == start.statement_name)
        {
            broken.push(format!("task {number}: a second statement was started"));
        }
        let named = |task: &&Task| task.statement_name == start.statement_name;
        if let Some(owner) = self.tasks.iter().find(named)
            && let Some(ClosedBy::Answer(_) | ClosedBy::Raised(_)) = &owner.closed
        {
            broken.push(format!(
                "task {number}: a statement was started after the task had been told {:?}",
                owner.closed
            ));
        }
        if let Some(scope) = &task.plan.script.exclusive {
            let others = self.statements.iter().filter(|other| {
                !other.is_over(now)
                    && other.target == target
                    && self.tasks[other.task].plan.script.exclusive.as_ref() == Some(scope)
            });
            for other in others {
                broken.push(format!(
                    "task {number}: a statement was started while one of the same lock ran (of task {})",
                    other.task
                ));
            }
        }
        broken.extend(self.misuse_of_session(number, now, start));
        let session = self.session_of(start);
        let plan = &self.tasks[number].plan;
        self.statements.push(Statement {
            id: format!("00000000-0000-4000-8000-{:012}", self.statements.len() + 1),
            name: start.statement_name.clone(),
            target: target.to_owned(),
            task: number,
            client_token: start.client_token.clone(),
            started: now,
            ends: now + plan.runs_for,
            ends_as: plan.ends_as,
            cancelled: None,
            refuse_cancels: plan.refuse_cancels,
            with_event: start.with_event,
            session,
            reported: false,
        });
        self.broken.append(&mut broken);
    }

    /// What is wrong with starting a work that was started before: it runs, or was done.
    fn again(&self, number: usize, now: Instant) -> Vec<String> {
        if self.tasks[number].plan.work.is_none() {
            return Vec::new();
        }
        let seconds = self.seconds(now);
        // A key holds as long as the record does.
        let is_recorded = |it: &&Statement| {
            let id = it.name.rsplit(':').next().unwrap_or_default();
            let key = Key::new(format!("task#{id}"), "record");
            self.items.get(seconds, &key).is_some()
        };
        let before = self.awaited(number, true).into_iter().filter(is_recorded);
        before
            .map(|it| it.status(now))
            .filter(|status| !matches!(status, StatementStatus::Failed | StatementStatus::Aborted))
            .map(|status| {
                format!("task {number}: its work was started again, and it is {status:?}")
            })
            .collect()
    }

    fn statement(
        &mut self,
        now: Instant,
        target: &str,
        id: &str,
    ) -> Result<&mut Statement, ServiceError> {
        let is_it =
            |it: &&mut Statement| it.id == id && it.target == target && !it.is_forgotten(now);
        self.statements
            .iter_mut()
            .find(is_it)
            .ok_or_else(|| error(ServiceErrorKind::NotFound, "ResourceNotFoundException"))
    }

    pub fn describe(
        &mut self,
        now: Instant,
        target: &str,
        id: &str,
    ) -> Result<StatementDescription, ServiceError> {
        let lag = self.manners.describe_lag;
        let status = self.statement(now, target, id)?.status_behind(now, lag);
        let message =
            (status == StatementStatus::Failed).then(|| "ERROR: no such table".to_owned());
        Ok(StatementDescription {
            id: id.to_owned(),
            status,
            document: json!({"Id": id, "Error": message}).to_string(),
            error: message,
            duration_ns: Some(1),
            has_result_set: false,
            result_rows: Some(0),
            result_size: None,
            result_format: ResultFormat::Json,
            session_id: self.statement(now, target, id)?.session_id(),
            created_at: None,
            updated_at: None,
            sub_statements: Vec::new(),
        })
    }

    /// The rows of a statement that finished.
    pub fn rows(
        &mut self,
        now: Instant,
        target: &str,
        id: &str,
    ) -> Result<StatementResult, ServiceError> {
        match self.statement(now, target, id)?.status(now) {
            StatementStatus::Finished => Ok(StatementResult {
                next_token: None,
                total_rows: 0,
                document: "{}".to_owned(),
            }),
            _ => Err(error(ServiceErrorKind::Invalid, "ValidationException")),
        }
    }

    /// When a statement that there is ends.
    pub fn over_at(&self, id: &str) -> Instant {
        let mut statements = self.statements.iter();
        statements.find(|it| it.id == id).unwrap().over_at()
    }

    /// How a statement that there is is.
    pub fn status(&self, now: Instant, id: &str) -> StatementStatus {
        let mut statements = self.statements.iter();
        statements.find(|it| it.id == id).unwrap().status(now)
    }

    /// A cancel is refused when it is too early or too late; what is taken takes effect a moment later.
    pub fn cancel(
        &mut self,
        now: Instant,
        target: &str,
        id: &str,
    ) -> Result<CancelledStatement, ServiceError> {
        let number = self.statement(now, target, id)?.task;
        if self.is_to_run(number) {
            self.broken.push(format!(
                "task {number}: its statement was cancelled, and nobody had asked for that"
            ));
        }
        let statement = self.statement(now, target, id)?;
        if statement.is_over(now) {
            return Err(error(ServiceErrorKind::Invalid, "ValidationException"));
        }
        if statement.refuse_cancels > 0 {
            statement.refuse_cancels -= 1;
            return match statement.refuse_cancels % 2 {
                0 => Err(error(ServiceErrorKind::Invalid, "ValidationException")),
                _ => Ok(cancelled(false)),
            };
        }
        let takes_effect = now + Duration::from_millis(500);
        statement.cancelled.get_or_insert(takes_effect);
        Ok(cancelled(true))
    }

    /// Whether nothing can be a reason to cancel a task's statement: no fault of its policy, no deadline, no stop.
    fn is_to_run(&self, number: usize) -> bool {
        let Task { plan, .. } = &self.tasks[number];
        let script = &plan.script;
        let faults = script.fault_after.is_some() || script.reject_after;
        // What the policy wants to run on runs on, unless there is none to say so.
        let leaves = script.leave;
        let open = |(other, task): (usize, &Task)| {
            let same = other == number || task.plan.work == Some(number);
            !same || task.closed.is_none()
        };
        !faults
            && script.deadline_seconds.is_none()
            && (leaves || self.tasks.iter().enumerate().all(open))
    }

    /// One statement a page, and one of a longer name before: a look-up has to read on and to compare whole names.
    pub fn list_named(
        &self,
        now: Instant,
        target: &str,
        name: &str,
        next: Option<&str>,
    ) -> ListedPage {
        let lag = self.manners.list_lag;
        let decoy = Listed {
            id: "decoy".to_owned(),
            statement_name: Some(format!("{name}0")),
            status: StatementStatus::Started,
        };
        let named = self
            .statements
            .iter()
            .filter(|it| it.target == target && it.name.starts_with(name))
            .filter(|it| it.started + lag <= now && !it.is_forgotten(now))
            .map(|statement| Listed {
                id: statement.id.clone(),
                statement_name: Some(statement.name.clone()),
                status: statement.status_behind(now, lag),
            });
        let all: Vec<_> = std::iter::once(decoy).chain(named).collect();
        let at: usize = next.map_or(0, |next| next.parse().unwrap());
        ListedPage {
            next_token: (at + 1 < all.len()).then(|| (at + 1).to_string()),
            statements: all.into_iter().skip(at).take(1).collect(),
        }
    }
}

/// The service's name of a state.
pub fn name_of(status: StatementStatus) -> &'static str {
    match status {
        StatementStatus::Submitted => "SUBMITTED",
        StatementStatus::Picked => "PICKED",
        StatementStatus::Started => "STARTED",
        StatementStatus::Finished => "FINISHED",
        StatementStatus::Failed => "FAILED",
        StatementStatus::Aborted => "ABORTED",
        StatementStatus::Unknown => "UNKNOWN",
    }
}

fn cancelled(status: bool) -> CancelledStatement {
    CancelledStatement {
        status,
        document: json!({ "Status": status }).to_string(),
    }
}
