//! Writes the record of a statement before Redshift is asked, and takes its lock.

use signalbox_policy::contract::{Exclusivity, Failure, FailureDetail, StartOptions};
use signalbox_sql::without_stamp;

use super::{
    attach::{Asking, Attach, Attempts, other_request},
    attend::Turn,
    failure,
    look_up::Found,
    services::EventServices,
    sessions::session_use,
};
use crate::{
    ids::{IdSource, RecordId, digest},
    ports::{ServiceError, ServiceErrorKind, Sql},
    raised::names,
    record::{
        Life, LockRevision, Record, Reserve, SCHEMA, STATEMENT_LIFE_MS, Statement, Stored, Watch,
        Work, is_final,
    },
    waiting::Waiting,
};

/// How much of the SQL a record shows, in characters.
const SQL_HEAD: usize = 200;
/// How often a lock or a place in a work is tried that others free or take in between.
const TRIES: u32 = 5;

/// A reservation.
pub(super) enum Reserved {
    /// The record is ours.
    New(Stored),
    /// The same task was recorded before.
    Known(Stored),
}

/// What is known of a lock's owner.
pub(super) enum Owner {
    /// Its statement does not run.
    Over,
    /// Its statement runs, or may.
    Runs(Option<String>),
}

impl EventServices {
    /// The record of a statement that is about to start.
    pub(super) fn new_record(
        &self,
        bound: bool,
        target: &str,
        sql: &Sql,
        options: &StartOptions,
    ) -> Record {
        let (record_id, work) = self.identity(bound, options);
        let now = self.backend.now();
        let lock = options.exclusive.as_ref().map(|scope| match scope {
            Exclusivity::Statement => self.scope.lock_of_statement(target, &sql_text(sql)),
            Exclusivity::Key(key) => self.scope.lock_of_key(target, key),
        });
        let (task_token, custom_resource) = match self.waiting.clone().filter(|_| bound) {
            Some(Waiting::Task(token)) => (Some(token), None),
            Some(Waiting::Resource(resource)) => (None, Some(resource)),
            None => (None, None),
        };
        Record {
            schema: SCHEMA,
            record_id,
            deployment: self.backend.options.deployment.clone(),
            policy: Some(self.policy.clone()),
            route: self.scope.route().map(str::to_owned),
            life: Life::Reserved,
            request_id: self.call.request_id.clone(),
            task_token,
            custom_resource,
            waiting: bound && self.waiting.is_some(),
            execution_arn: self.execution_arn.clone(),
            attached_at: None,
            attempts: Vec::new(),
            work,
            statement: Some(Statement {
                target: target.to_owned(),
                asked_as: self.backend.options.asks_as.get(target).cloned(),
                action: options.action.clone(),
                output: options.output,
                step: options.step.clone(),
                on_stop: options.on_stop,
                memo: options.memo.clone(),
                payload_digest: self.payload_digest.clone(),
                request_digest: request_digest(target, sql, options),
                sql_head: self.clean(&sql_text(sql)).chars().take(SQL_HEAD).collect(),
                lock,
                session: session_use(options),
                deadline_seconds: options.deadline_seconds,
                heartbeat: options.heartbeat,
            }),
            recorded_at: now,
            unheard: false,
            due_at: Some(self.backend.first_look_at(
                now,
                options.deadline_seconds,
                options.heartbeat,
            )),
            indexed_until: None,
            watch: Watch::default(),
            verdict: None,
            reply: None,
        }
    }

    /// The id of a statement's record, and the work it does if that has a name.
    fn identity(&self, bound: bool, options: &StartOptions) -> (RecordId, Option<Work>) {
        if !bound {
            let number = self.next_unbound();
            if self.waiting.is_some() || number > 0 {
                return (self.record_id.unbound(number), None);
            }
        }
        // CloudFormation has an id of its own for every request.
        if matches!(self.waiting, Some(Waiting::Resource(_))) {
            return (self.record_id.clone(), None);
        }
        // The first statement of an event without a task is what the event is about.
        let key = options.idempotency_key.as_ref();
        let Some(key) = key.or(self.idempotency_key.as_ref()) else {
            return (self.record_id.clone(), None);
        };
        let deployment = self.backend.options.deployment.as_str();
        let arn = self.execution_arn.as_deref();
        let scope = self.scope.work(arn, key);
        let record_id = if bound {
            self.record_id.clone()
        } else {
            RecordId::new(deployment, IdSource::IdempotencyKey(&scope))
        };
        let work = Work {
            scope,
            generation: 1,
        };
        (record_id, Some(work))
    }

    /// Finds the place of a new record in its work; the record that does the work already, if there is one.
    async fn place_in_work(&self, record: &mut Record) -> Result<Option<Stored>, Failure> {
        let (Some(work), Some(statement)) = (&mut record.work, &record.statement) else {
            return Ok(None);
        };
        let asking = Asking {
            record_id: record.record_id.clone(),
            token: record.task_token.clone(),
            execution_arn: record.execution_arn.clone(),
            scope: work.scope.clone(),
        };
        let same = |before: &Statement| before.request_digest == statement.request_digest;
        let attempts = Attempts {
            backend: &self.backend,
            settles: &*self.settles,
        };
        match attempts.attach(&self.call_in_time(), &asking, same).await? {
            Attach::Start(place) => {
                // A task has a record of its own for each attempt. Else the work has, for each of its statements.
                if record.task_token.is_none() {
                    let deployment = self.backend.options.deployment.as_str();
                    let first = RecordId::new(deployment, IdSource::IdempotencyKey(&place.scope));
                    record.record_id = first.of_generation(place.generation);
                }
                *work = place;
                Ok(None)
            }
            Attach::To(stored) => Ok(Some(*stored)),
            Attach::Other => Err(other_request()),
        }
    }

    /// Writes the record, its place in its work and its lock. A lock whose owner is over is taken over.
    pub(super) async fn reserve(&self, mut record: Record) -> Result<Reserved, Failure> {
        let mut take_over: Option<LockRevision> = None;
        for _ in 0..TRIES {
            if let Some(stored) = self.place_in_work(&mut record).await? {
                return Ok(Reserved::Known(stored));
            }
            let session = self.session_of(&mut record).await?;
            // Redshift is asked as soon as it is written. Where others would wait for a start that never was, that is a
            // step of its own: a reservation is given up sooner.
            if !record.is_waited_for() {
                record = record.starting(self.backend.now());
            }
            let outcome = self
                .backend
                .store
                .reserve_in(
                    record.clone(),
                    take_over.take(),
                    session.as_ref(),
                    self.deadline(),
                )
                .await;
            match outcome.map_err(|error| failure::of_write(&error))? {
                Reserve::New(stored) => return Ok(Reserved::New(stored)),
                Reserve::Known(stored) => return Ok(Reserved::Known(stored)),
                // Freed or taken in between: try again.
                Reserve::WorkTaken | Reserve::SessionTaken | Reserve::Locked { lock: None, .. } => {
                }
                Reserve::Locked {
                    owner,
                    lock: Some(lock),
                } => match self.owner_of_lock(owner).await? {
                    Owner::Over => take_over = Some(lock),
                    Owner::Runs(statement_id) => return Err(concurrent(statement_id)),
                },
            }
        }
        Err(concurrent(None))
    }

    /// Asks Redshift once whether the owner of a lock still runs.
    pub(super) async fn owner_of_lock(&self, owner: Option<Stored>) -> Result<Owner, Failure> {
        // A record is closed, and its lock freed with it, before it expires.
        let Some(Stored { record, .. }) = owner else {
            return Ok(Owner::Over);
        };
        // That its answer is decided says nothing: a fault or a deadline decides before the statement has ended.
        if record.has_ended() {
            return Ok(Owner::Over);
        }
        let can_be_forgotten = self.backend.now() - record.began_at() > STATEMENT_LIFE_MS;
        let Some(statement) = record.statement.as_ref() else {
            return Ok(Owner::Runs(None));
        };
        let found = match record.statement_id() {
            Some(id) => Found::Id(id.to_owned()),
            None if can_be_forgotten => {
                let name = record.statement_name();
                let find =
                    self.backend
                        .find_named(&statement.target, &name, self.deadline(), Turn::Ask);
                self.in_time(find).await?
            }
            None => return Ok(Owner::Runs(None)),
        };
        let id = match found {
            Found::Id(id) => id,
            Found::Nowhere | Found::Denied(_) => return Ok(Owner::Over),
            Found::Unknown(_) | Found::NotAsked => return Ok(Owner::Runs(None)),
        };
        let described = self
            .in_time(
                self.backend
                    .ports
                    .warehouse
                    .describe(&statement.target, &id, None),
            )
            .await?;
        Ok(match described {
            Ok(description) if is_final(description.status) => Owner::Over,
            // Nothing that Redshift no longer shows runs after a day.
            Err(error) if can_be_forgotten && is_unknown(&error) => Owner::Over,
            // Not knowing is no reason to let a second one run.
            _ => Owner::Runs(Some(id)),
        })
    }
}

/// Whether Redshift shows this role no such statement.
fn is_unknown(error: &ServiceError) -> bool {
    matches!(
        error.kind,
        ServiceErrorKind::NotFound | ServiceErrorKind::Denied | ServiceErrorKind::Invalid
    )
}

fn concurrent(statement_id: Option<String>) -> Failure {
    let message = match &statement_id {
        Some(id) => format!("another statement of the same scope is running: {id}"),
        None => "another statement of the same scope is being started".to_owned(),
    };
    Failure::ConcurrentExecution(FailureDetail {
        code: names::CONCURRENT_EXECUTION.to_owned(),
        message,
        retryable: true,
        statement_id,
        document: None,
    })
}

fn sql_text(sql: &Sql) -> String {
    match sql {
        Sql::One(sql) => without_stamp(sql).to_owned(),
        Sql::Batch { sqls, .. } => {
            let sqls: Vec<&str> = sqls.iter().map(|sql| without_stamp(sql)).collect();
            sqls.join(";\n")
        }
    }
}

fn request_digest(target: &str, sql: &Sql, options: &StartOptions) -> String {
    let shape = format!("{:?} {:?}", options.output, options.result_format);
    let mut parts = vec![
        "request",
        target,
        options.session_id.as_deref().unwrap_or_default(),
        &shape,
    ];
    let mode;
    match sql {
        Sql::One(sql) => parts.push(without_stamp(sql)),
        Sql::Batch {
            sqls,
            mode: execution_mode,
        } => {
            mode = format!("{execution_mode:?}");
            parts.push(&mode);
            parts.extend(sqls.iter().map(|sql| without_stamp(sql)));
        }
    }
    for parameter in &options.parameters {
        parts.extend([parameter.name.as_str(), parameter.value.as_str()]);
    }
    digest(&parts)
}
