//! The statements a server remembers.

use super::archive::Archive;
use super::statement::Statement;
use crate::aws_json::error::ServiceError;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// How long the service remembers a statement and its result.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
/// How long it remembers a client token.
const TOKEN_REMEMBERED: SignedDuration = SignedDuration::from_hours(8);

/// What a client token was used for.
#[derive(Debug, Clone)]
struct TokenUse {
    /// A digest of the whole request: another request with the token is a mistake.
    request: String,
    statement: Arc<Statement>,
}

#[derive(Debug, Default)]
struct Held {
    by_number: BTreeMap<u64, Arc<Statement>>,
    by_id: HashMap<String, Arc<Statement>>,
    by_token: HashMap<String, TokenUse>,
    next: u64,
}

/// The statements, oldest first.
#[derive(Debug)]
pub(crate) struct Store {
    held: Mutex<Held>,
    most_active: usize,
    most_remembered: usize,
    most_bytes: usize,
    archive: Option<Arc<Archive>>,
}

impl Store {
    /// A store of what there is already, each with the digest of its request.
    pub(crate) fn new(
        most_active: usize,
        most_remembered: usize,
        most_bytes: usize,
        archive: Option<Arc<Archive>>,
        there: Vec<(Arc<Statement>, String)>,
    ) -> Self {
        let store = Self {
            held: Mutex::default(),
            most_active,
            most_remembered,
            most_bytes,
            archive,
        };
        {
            let mut held = store.lock();
            for (statement, request) in there {
                held.insert(&statement, request);
            }
        }
        store
    }

    /// Finds the statement a client token stands for, or makes one and keeps it. Says whether it is new.
    pub(crate) fn submit(
        &self,
        token: Option<&str>,
        request: String,
        make: impl FnOnce(u64) -> Result<Statement, ServiceError>,
    ) -> Result<(Arc<Statement>, bool), ServiceError> {
        let mut held = self.lock();
        let (gone, without_results) =
            held.forget(Timestamp::now(), self.most_remembered, self.most_bytes);
        if let Some(archive) = &self.archive
            && let Err(error) = archive
                .forget(&gone)
                .and_then(|()| archive.drop_results(&without_results))
        {
            // The file is larger than it should be, and the next call tries for what it forgets.
            tracing::warn!(%error, "the archive does not forget");
        }
        if let Some(used) = token.and_then(|token| held.by_token.get(token)) {
            if used.request != request {
                return Err(ServiceError::validation(
                    "ClientToken was used for another request before.",
                ));
            }
            return Ok((Arc::clone(&used.statement), false));
        }
        let active = held.by_number.values().rev();
        if active.filter(|s| !s.status().is_final()).count() >= self.most_active {
            return Err(ServiceError::client(
                "ActiveStatementsExceededException",
                format!(
                    "{} statements are active, which is the most allowed.",
                    self.most_active
                ),
            ));
        }
        let statement = Arc::new(make(held.next)?);
        if let Some(archive) = &self.archive {
            archive.begin(&statement, &request).map_err(|error| {
                ServiceError::server(
                    "InternalServerException",
                    format!("The statement could not be kept, so it does not run: {error}."),
                )
            })?;
        }
        held.insert(&statement, request);
        Ok((statement, true))
    }

    /// A statement by its id.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<Statement>, ServiceError> {
        self.lock()
            .by_id
            .get(id)
            .cloned()
            .ok_or_else(|| ServiceError::not_found(id, "Query does not exist."))
    }

    /// All statements, newest first, that are older than the one with the number `before`.
    pub(crate) fn newest_first(&self, before: Option<u64>) -> Vec<Arc<Statement>> {
        let held = self.lock();
        let older = held.by_number.range(..before.unwrap_or(u64::MAX));
        older.rev().map(|(_, s)| Arc::clone(s)).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn insert(&mut self, statement: &Arc<Statement>, request: String) {
        self.next = self.next.max(statement.number + 1);
        self.by_number
            .insert(statement.number, Arc::clone(statement));
        self.by_id
            .insert(statement.id.clone(), Arc::clone(statement));
        if let Some(token) = &statement.client_token {
            let used = TokenUse {
                request,
                statement: Arc::clone(statement),
            };
            self.by_token.insert(token.clone(), used);
        }
    }

    /// Forgets what is too old, too many or too large. What has not ended stays. Returns the ids of statements that
    /// are gone, and of those without their results.
    fn forget(
        &mut self,
        now: Timestamp,
        most: usize,
        most_bytes: usize,
    ) -> (Vec<String>, Vec<String>) {
        let (mut gone_ids, mut without_results) = (Vec::new(), Vec::new());
        let age = |s: &Statement| now.duration_since(s.created_at);
        self.by_token
            .retain(|_, used| age(&used.statement) < TOKEN_REMEMBERED);
        let surplus = self.by_number.len().saturating_sub(most);
        let gone: Vec<u64> = self
            .by_number
            .values()
            .filter(|s| s.status().is_final())
            .enumerate()
            .filter(|(nth, s)| *nth < surplus || age(s) >= REMEMBERED)
            .map(|(_, s)| s.number)
            .collect();
        for number in gone {
            if let Some(statement) = self.by_number.remove(&number) {
                self.by_id.remove(&statement.id);
                if let Some(token) = &statement.client_token {
                    self.by_token.remove(token);
                }
                gone_ids.push(statement.id.clone());
            }
        }
        let mut bytes = 0;
        for statement in self.by_number.values().rev() {
            bytes += statement.progress.borrow().result_size();
            if bytes > most_bytes && statement.status().is_final() {
                let mut drops = false;
                statement.progress.send_modify(|progress| {
                    for part in &mut progress.parts {
                        drops |= part.result.take().is_some();
                    }
                    progress.results_dropped |= drops;
                });
                if drops {
                    without_results.push(statement.id.clone());
                }
            }
        }
        (gone_ids, without_results)
    }
}
