//! What is durable: Redshift's statements (`redshift.rs`), Step Functions' tokens, the ledger. Each does what the real one
//! does, and writes down at once what must never happen.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::ports::{Execution, ExecutionStatus, Item, Key, SendError, ServiceErrorKind};
use tokio::time::Instant;

use super::{
    items::Items,
    redshift::{Statement, name_of},
    schedule::{Manners, TaskPlan},
    world::BEGIN,
};

/// Before that nobody may say that nothing is known, but for an hour for clocks and queues.
const LOST_AFTER: Duration = Duration::from_secs(22 * 60 * 60);
/// So long the host tries to read rows.
const ROWS_WITHIN: Duration = Duration::from_secs(60 * 60);
/// The answer that says that nobody knows.
const UNKNOWN_OUTCOME: &str = "StatementLost";

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    Invocation,
    Settling,
    Sweep,
}

/// What a call is about, as its arguments say.
#[derive(Debug, Clone, Copy)]
pub enum About<'a> {
    Nothing,
    /// A statement's id.
    Statement(&'a str),
    /// A statement's name.
    Name(&'a str),
    /// Whoever waits.
    Token(&'a str),
    /// An item of the ledger.
    Item(&'a Key),
    /// A partition of the ledger.
    List(&'a str),
}

/// What a call is about.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    pub task: Option<usize>,
    pub target: Option<usize>,
    pub list: Option<String>,
}

/// What was sent to a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Succeeded(String),
    Failed(Option<String>, Option<String>),
}

/// Why nobody waits any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClosedBy {
    /// An answer was sent and taken.
    Answer(Told),
    /// The invocation failed: Step Functions takes that for the answer.
    Raised(String),
    /// An invocation failed that cannot know of others of the same task: its last call to the ledger was not answered, or
    /// it was refused before there was anything to record.
    Blind,
    /// The invocation ended without a word.
    Death,
    /// The execution was stopped, or the state's time was over.
    Stop,
}

/// A task of the model.
pub struct Task {
    pub plan: TaskPlan,
    /// Its token, or what else its record's id is made from.
    pub token: String,
    /// The name of its own statement, if it starts one.
    pub statement_name: String,
    /// Its execution.
    pub arn: String,
    pub closed: Option<ClosedBy>,
    pub sent: Vec<Told>,
    /// What was sent and is never taken, whatever the state of the token.
    pub refused: Vec<Told>,
    pub beats: u32,
    /// Invocations that were begun.
    pub invocations: u32,
    /// When the first one was.
    pub invoked_at: Option<Instant>,
    /// The reply with which its message was worked off, if nobody waits and it came by a queue.
    pub worked_off: Option<Value>,
    /// The session that its payload names.
    pub session: Option<String>,
}

pub struct Services {
    pub items: Items,
    pub statements: Vec<Statement>,
    pub tasks: Vec<Task>,
    /// Executions that have stopped, and when, in milliseconds since the Unix epoch.
    pub stopped: BTreeMap<String, i64>,
    /// How late a call can be.
    pub late: Duration,
    pub manners: Manners,
    pub began: Instant,
    /// ClientTokens of starts that were refused, and are again.
    pub refused_tokens: BTreeMap<String, ServiceErrorKind>,
    /// Whether there was no policy for a while.
    pub was_without_policy: bool,
    /// Whether anything was denied: what a policy reads is not read again then.
    pub was_denied: bool,
    /// Whether anything stays broken.
    pub is_lasting: bool,
    /// Whether Redshift has left a describe without a reply.
    pub silent: bool,
    /// What happened that must never happen.
    pub broken: Vec<String>,
}

impl Services {
    /// What a call is about. Looked at only where something stays broken.
    pub fn subject(&self, about: About<'_>) -> Subject {
        if !self.is_lasting {
            return Subject::default();
        }
        let named = |name: &str| {
            self.tasks
                .iter()
                .position(|task| task.statement_name == name)
        };
        let task = match about {
            About::Nothing | About::List(_) => None,
            About::Statement(id) => {
                let mut statements = self.statements.iter();
                let statement = statements.find(|statement| statement.id == id);
                statement.and_then(|statement| named(&statement.name))
            }
            About::Name(name) => named(name),
            About::Token(token) => self.tasks.iter().position(|task| task.token == token),
            About::Item(key) => {
                let id = key.id.strip_prefix("task#");
                id.and_then(|id| (self.tasks.iter()).position(|it| it.statement_name.ends_with(id)))
            }
        };
        // The ledger and Step Functions are none of a target's.
        let is_of_redshift = matches!(about, About::Statement(_) | About::Name(_));
        Subject {
            task,
            target: task
                .filter(|_| is_of_redshift)
                .map(|task| self.tasks[task].plan.target),
            list: match about {
                About::List(list) => Some(list.to_owned()),
                _ => None,
            },
        }
    }

    /// When the last statement ends that has started.
    pub fn last_end(&self) -> Instant {
        let ends = self.statements.iter().map(Statement::over_at);
        ends.max().unwrap_or_else(Instant::now)
    }

    /// SendTaskSuccess and SendTaskFailure: a token closes at the first answer that is taken.
    pub fn answer(&mut self, now: Instant, token: &str, told: Told) -> Result<(), SendError> {
        let Some(number) = self.tasks.iter().position(|task| task.token == token) else {
            self.broken.push(format!("an answer to nobody: {told:?}"));
            return Ok(());
        };
        let task = &mut self.tasks[number];
        task.sent.push(told.clone());
        let wordless = matches!(told, Told::Failed(None, None));
        let refusal = match (&told, &task.plan) {
            (_, plan) if plan.key_denied && !wordless => Some(SendError::KeyDenied {
                code: "KmsAccessDeniedException".to_owned(),
                message: "no".to_owned(),
            }),
            (Told::Succeeded(_), plan) if plan.refuses_success => Some(SendError::Refused {
                code: "InvalidOutput".to_owned(),
                message: "no".to_owned(),
            }),
            (Told::Failed(..), plan) if plan.refuses_words && !wordless => {
                Some(SendError::Refused {
                    code: "ValidationException".to_owned(),
                    message: "no".to_owned(),
                })
            }
            _ => None,
        };
        if let Some(refusal) = refusal {
            task.refused.push(told);
            return Err(refusal);
        }
        if task.closed.is_some() {
            return Err(closed());
        }
        task.closed = Some(ClosedBy::Answer(told.clone()));
        if let Some(lie) = self.lie(now, number, &told) {
            self.broken
                .push(format!("task {number} was told {told:?}: {lie}"));
        }
        Ok(())
    }

    /// The PUT of a response for a custom resource: the address takes any, the stack looks at the first.
    pub fn respond(&mut self, now: Instant, url: &str, response: &str) -> Result<(), SendError> {
        let Some(number) = self.tasks.iter().position(|task| task.token == url) else {
            self.broken.push("a response to nobody".to_owned());
            return Err(closed());
        };
        // Sent without a record, for want of the ledger: whoever sends it cannot know what was sent before, and whoever
        // comes next cannot know of it.
        let unrecorded = response.contains(":not-created") && !self.has_record(number);
        if unrecorded || response.contains("LedgerUnavailable") {
            self.close(number, ClosedBy::Blind);
            return Ok(());
        }
        let task = &mut self.tasks[number];
        task.sent.push(Told::Succeeded(response.to_owned()));
        if task.closed.is_some() {
            return Ok(());
        }
        task.closed = Some(ClosedBy::Answer(Told::Succeeded(response.to_owned())));
        if response.contains(UNKNOWN_OUTCOME) && !self.may_be_lost(now, number) {
            self.broken.push(format!(
                "the stack of task {number} was told {response}: nobody had lost it"
            ));
        }
        let statement = self.bound(number);
        let status = statement.map(|statement| statement.status(now));
        if statement.is_some_and(|statement| !statement.is_over(now)) {
            self.broken.push(format!(
                "the stack of task {number} was told {response}: its statement still runs"
            ));
        }
        let success = response.contains("\"Status\":\"SUCCESS\"");
        if success && status.is_some_and(|status| status != StatementStatus::Finished) {
            self.broken.push(format!(
                "the stack of task {number} was told {response}: it is {status:?}"
            ));
        }
        Ok(())
    }

    pub fn heartbeat(&mut self, now: Instant, token: &str) -> Result<(), SendError> {
        let Some(number) = self.tasks.iter().position(|task| task.token == token) else {
            self.broken.push("a heartbeat to nobody".to_owned());
            return Err(closed());
        };
        // It may have ended since Redshift was asked.
        let late = self.late + self.manners.describe_lag;
        let ran_lately = |statement: &&Statement| now <= statement.over_at() + 4 * late;
        // Where Redshift does not say how it is, it counts as running.
        if !self.silent && !self.awaited(number, true).iter().any(ran_lately) {
            self.broken
                .push(format!("task {number}: a heartbeat, and nothing runs"));
        }
        let task = &mut self.tasks[number];
        task.beats += 1;
        match task.closed {
            None => Ok(()),
            Some(_) => Err(closed()),
        }
    }

    /// What DescribeExecution says.
    pub fn execution(&self, arn: &str) -> Execution {
        let stopped_at = self.stopped.get(arn).copied();
        Execution {
            status: match stopped_at {
                Some(_) => ExecutionStatus::Aborted,
                None => ExecutionStatus::Running,
            },
            stopped_at,
        }
    }

    /// An invocation failed: no statement of its task may run, nor have done what the task is for.
    pub fn raised(&mut self, now: Instant, number: usize, error: &str) {
        let task = &self.tasks[number];
        let waits = task.plan.waits;
        // Another invocation of the same request may start at once what Redshift has refused this one.
        let is_refused_for_now = task.plan.redshift_refuses.is_some() && task.plan.refusals == 0;
        if !waits && is_refused_for_now && task.invocations > 1 {
            return;
        }
        let Some(status) = self.bound(number).map(|statement| statement.status(now)) else {
            return;
        };
        let is_undone = matches!(status, StatementStatus::Failed | StatementStatus::Aborted);
        let is_over = is_undone || status == StatementStatus::Finished;
        if !is_over || (waits && !is_undone) {
            self.broken.push(format!(
                "task {number}: its invocation failed with {error}, and its statement is {status:?}"
            ));
        }
    }

    /// Nobody waits for a task any more, if anybody did.
    pub fn close(&mut self, number: usize, by: ClosedBy) {
        let task = &mut self.tasks[number];
        if task.plan.waits {
            task.closed.get_or_insert(by);
        }
    }

    /// The statement that is bound to a task.
    pub fn bound(&self, number: usize) -> Option<&Statement> {
        let name = &self.tasks[number].statement_name;
        self.statements
            .iter()
            .find(|statement| statement.name == *name)
    }

    /// The true time, in seconds since the Unix epoch.
    pub fn seconds(&self, now: Instant) -> i64 {
        let passed = i64::try_from((now - self.began).as_millis()).unwrap();
        (BEGIN + passed).div_euclid(1_000)
    }

    /// The items that have not expired.
    pub fn items_now(&self) -> impl Iterator<Item = &Item> {
        let seconds = self.seconds(Instant::now());
        (self.items.iter()).filter(move |item| item.expires_at.is_none_or(|at| at >= seconds))
    }

    /// The items of a task's own record, or of its attempt at a work.
    pub fn own_items(&self, number: usize) -> impl Iterator<Item = &Item> {
        let record = self.tasks[number].statement_name.rsplit(':').next();
        let id = format!("task#{}", record.unwrap_or_default());
        self.items.iter().filter(move |item| item.key.id == id)
    }

    /// Whether the ledger knows of a task.
    pub fn has_record(&self, number: usize) -> bool {
        self.own_items(number).next().is_some()
    }

    /// Whether a task waits for another one's statement, as a later attempt at a work.
    fn is_attached(&self, number: usize) -> bool {
        self.own_items(number)
            .any(|item| item.body.contains_key("attemptOf"))
    }

    /// Whether Redshift may have forgotten what a task waits for.
    fn may_be_lost(&self, now: Instant, number: usize) -> bool {
        let work = self.tasks[number].plan.work;
        let is_of_it = |other: usize| {
            other == number || (work.is_some() && self.tasks[other].plan.work == work)
        };
        // What Redshift still shows is not lost.
        let is_shown = |it: &Statement| now < it.over_at() + LOST_AFTER;
        if !self.was_denied && self.awaited(number, true).into_iter().any(is_shown) {
            return false;
        }
        let mut all = self.tasks.iter().enumerate();
        all.any(|(other, task)| {
            is_of_it(other) && task.invoked_at.is_some_and(|at| now - at > LOST_AFTER)
        })
    }

    /// The statements that a task can wait for: its own, or those of its work. An attempt that was refused waits for none
    /// of them: then its answer claims nothing about one.
    pub fn awaited(&self, number: usize, claims: bool) -> Vec<&Statement> {
        let work = self.tasks[number].plan.work;
        let Some(work) = work.filter(|_| claims || self.is_attached(number)) else {
            return self.bound(number).into_iter().collect();
        };
        // Without those that a policy started beside, which are nobody's.
        let is_bound = |name: &str| self.tasks.iter().any(|task| task.statement_name == name);
        let of_work = |it: &&Statement| it.task == work && is_bound(&it.name);
        self.statements.iter().filter(of_work).collect()
    }

    /// What is wrong with an answer that was taken.
    fn lie(&self, now: Instant, number: usize, told: &Told) -> Option<String> {
        let (error, body) = match told {
            Told::Succeeded(output) => (None, Some(output)),
            Told::Failed(error, cause) => (error.as_deref(), cause.as_ref()),
        };
        if error == Some(UNKNOWN_OUTCOME) {
            let lost = self.may_be_lost(now, number);
            return (!lost).then(|| "nobody had lost it".to_owned());
        }
        let body: Value = body
            .and_then(|body| serde_json::from_str(body).ok())
            .unwrap_or_default();
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let claimed = ["/Status", "/statement/Status", "/detail/state"];
        let ids = ["/Id", "/statement/Id", "/detail/statementId"];
        let claim = claimed
            .into_iter()
            .find_map(text)
            .zip(ids.into_iter().find_map(text));
        let statements = self.awaited(number, claim.is_some());
        if statements.iter().any(|statement| !statement.is_over(now)) {
            return Some("its statement still runs".to_owned());
        }
        if error == Some("StatementNotStarted") {
            let record = text("/recordId").unwrap_or_default();
            let started = statements.iter().any(|it| it.name.ends_with(record));
            return started.then(|| "its statement was started".to_owned());
        }
        let within = |it: &&Statement| now < it.over_at() + ROWS_WITHIN;
        if body.get("rows") == Some(&json!(false))
            && !self.was_denied
            && statements.iter().any(within)
        {
            return Some("its rows were there".to_owned());
        }
        let (claimed, id) = claim?;
        let meant = statements.iter().find(|statement| statement.id == id);
        let real = meant.map(|statement| name_of(statement.status(now)));
        (real != Some(claimed)).then(|| format!("it is {real:?}"))
    }
}

fn closed() -> SendError {
    SendError::Closed {
        code: "TaskTimedOut".to_owned(),
    }
}
