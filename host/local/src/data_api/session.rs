//! Sessions: a connection that is kept from statement to statement, with its temporary tables.

use super::request::Target;
use crate::aws_json::error::ServiceError;
use crate::sql::Connection;
use crate::time::TimeScale;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a closed session is listed.
const LISTED: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug)]
struct Session {
    /// Counts sessions, oldest first.
    number: u64,
    target: Target,
    /// As the caller gave it.
    seconds: u64,
    keep_alive: Duration,
    created_at: Timestamp,
    updated_at: Timestamp,
    state: State,
}

#[derive(Debug)]
enum State {
    Busy {
        /// None until the statement has its id.
        statement: Option<String>,
    },
    Free {
        connection: Option<Box<dyn Connection>>,
        until: Instant,
    },
    Closed,
}

impl Session {
    fn enter(&mut self, state: State) -> State {
        self.updated_at = Timestamp::now();
        std::mem::replace(&mut self.state, state)
    }

    fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed)
    }
}

/// What a list tells of a session.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) number: u64,
    pub(crate) target: Target,
    pub(crate) seconds: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) status: &'static str,
    pub(crate) statement: Option<String>,
    pub(crate) expires_at: Option<Timestamp>,
}

type Open = Arc<Mutex<HashMap<String, Session>>>;

/// The sessions of the last 24 hours.
#[derive(Debug)]
pub(crate) struct Sessions {
    open: Open,
    most: usize,
    scale: TimeScale,
}

/// What a statement runs on: a connection of its own, or its turn on a session. Dropped, the turn ends; dropped
/// while the connection is in use, the session closes.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) target: Target,
    /// None until the first statement opened it.
    connection: Option<Box<dyn Connection>>,
    in_use: bool,
    session: Option<(String, Open)>,
}

impl Sessions {
    pub(crate) fn new(most: usize, scale: TimeScale) -> Self {
        Self {
            open: Open::default(),
            most,
            scale,
        }
    }

    /// Takes what a statement needs: the session `id`; a new session if it is to be kept alive; else nothing.
    pub(crate) fn lease(
        &self,
        id: Option<&str>,
        keep_alive: Option<i64>,
        target: Option<&Target>,
    ) -> Result<Lease, ServiceError> {
        let keep_alive = keep_alive.map(|seconds| u64::try_from(seconds).unwrap_or_default());
        let mut open = self.look();
        if let Some(id) = id {
            return self.again(&mut open, id, keep_alive);
        }
        let target = target
            .cloned()
            .ok_or_else(|| ServiceError::validation("Database is missing."))?;
        let Some(seconds) = keep_alive.filter(|seconds| *seconds > 0) else {
            return Ok(Lease {
                target,
                connection: None,
                in_use: false,
                session: None,
            });
        };
        if open.values().filter(|session| session.is_open()).count() >= self.most {
            return Err(ServiceError::client(
                "ActiveSessionsExceededException",
                format!(
                    "{} sessions are open, which is the most allowed.",
                    self.most
                ),
            ));
        }
        let id = uuid::Uuid::new_v4().to_string();
        let now = Timestamp::now();
        let session = Session {
            number: open
                .values()
                .map(|session| session.number + 1)
                .max()
                .unwrap_or(0),
            target: target.clone(),
            seconds,
            keep_alive: self.wall(seconds),
            created_at: now,
            updated_at: now,
            state: State::Busy { statement: None },
        };
        open.insert(id.clone(), session);
        Ok(Lease {
            target,
            connection: None,
            in_use: false,
            session: Some((id, Arc::clone(&self.open))),
        })
    }

    /// The sessions as they are listed, newest first.
    pub(crate) fn list(&self) -> Vec<Listed> {
        let now = Instant::now();
        let mut listed: Vec<Listed> = self
            .look()
            .iter()
            .map(|(id, session)| {
                let (status, statement, left) = match &session.state {
                    State::Busy { statement } => ("BUSY", statement.clone(), None),
                    State::Free { until, .. } => (
                        "AVAILABLE",
                        None,
                        Some(until.saturating_duration_since(now)),
                    ),
                    State::Closed => ("CLOSED", None, None),
                };
                Listed {
                    id: id.clone(),
                    number: session.number,
                    target: session.target.clone(),
                    seconds: session.seconds,
                    created_at: session.created_at,
                    updated_at: session.updated_at,
                    status,
                    statement,
                    expires_at: left.and_then(|left| Timestamp::now().checked_add(left).ok()),
                }
            })
            .collect();
        listed.sort_unstable_by_key(|session| std::cmp::Reverse(session.number));
        listed
    }

    fn wall(&self, seconds: u64) -> Duration {
        self.scale.wall(Duration::from_secs(seconds))
    }

    /// The sessions, those closed whose time is over.
    fn look(&self) -> std::sync::MutexGuard<'_, HashMap<String, Session>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        for session in open.values_mut() {
            if matches!(session.state, State::Free { until, .. } if now >= until) {
                session.enter(State::Closed);
            }
        }
        let today = Timestamp::now();
        open.retain(|_, session| {
            session.is_open() || today.duration_since(session.created_at) < LISTED
        });
        open
    }

    fn again(
        &self,
        open: &mut HashMap<String, Session>,
        id: &str,
        keep_alive: Option<u64>,
    ) -> Result<Lease, ServiceError> {
        let Some(session) = open.get_mut(id).filter(|session| session.is_open()) else {
            let message = format!("The session {id} does not exist or is closed.");
            return Err(ServiceError::not_found(id, message));
        };
        match session.enter(State::Busy { statement: None }) {
            State::Busy { statement } => {
                session.state = State::Busy { statement };
                Err(ServiceError::validation(format!(
                    "The session {id} is busy: it runs one statement at a time."
                )))
            }
            // Asked for above.
            State::Closed => Err(ServiceError::not_found(id, "The session is closed.")),
            State::Free { connection, .. } => {
                if let Some(seconds) = keep_alive {
                    session.seconds = seconds;
                    session.keep_alive = self.wall(seconds);
                }
                Ok(Lease {
                    target: session.target.clone(),
                    connection,
                    in_use: false,
                    session: Some((id.to_owned(), Arc::clone(&self.open))),
                })
            }
        }
    }
}

impl Lease {
    pub(crate) fn session_id(&self) -> Option<&str> {
        self.session.as_ref().map(|(id, _)| id.as_str())
    }

    /// Says which statement has the turn.
    pub(crate) fn is_for(&self, statement: &str) {
        if let Some((id, open)) = &self.session
            && let Some(session) = open
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_mut(id)
        {
            session.state = State::Busy {
                statement: Some(statement.to_owned()),
            };
        }
    }

    /// Takes the connection to run on, if the session has one.
    pub(crate) fn take(&mut self) -> Option<Box<dyn Connection>> {
        self.in_use = true;
        self.connection.take()
    }

    /// The statement has ended; the session waits for the next one.
    pub(crate) fn give_back(mut self, connection: Box<dyn Connection>) {
        self.in_use = false;
        self.connection = Some(connection);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some((id, open)) = self.session.take() else {
            return;
        };
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = open.get_mut(&id) {
            let now = Instant::now();
            session.enter(if self.in_use {
                // Nobody knows what state the connection is in.
                State::Closed
            } else {
                State::Free {
                    connection: self.connection.take(),
                    until: now.checked_add(session.keep_alive).unwrap_or(now),
                }
            });
        }
    }
}
