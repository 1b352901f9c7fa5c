//! Sessions: a connection that is kept from statement to statement, with its temporary tables.

use super::request::Target;
use crate::aws_json::error::ServiceError;
use crate::sql::Connection;
use crate::time::TimeScale;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug)]
struct Session {
    target: Target,
    keep_alive: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    Busy,
    Free {
        connection: Option<Box<dyn Connection>>,
        until: Instant,
    },
}

type Open = Arc<Mutex<HashMap<String, Session>>>;

/// The open sessions.
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
        let keep_alive = keep_alive.map(|seconds| {
            let seconds = u64::try_from(seconds).unwrap_or_default();
            self.scale.wall(Duration::from_secs(seconds))
        });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        open.retain(|_, session| match session.state {
            State::Busy => true,
            State::Free { until, .. } => now < until,
        });
        if let Some(id) = id {
            return self.again(&mut open, id, keep_alive);
        }
        let target = target
            .cloned()
            .ok_or_else(|| ServiceError::validation("Database is missing."))?;
        let Some(keep_alive) = keep_alive.filter(|time| !time.is_zero()) else {
            return Ok(Lease {
                target,
                connection: None,
                in_use: false,
                session: None,
            });
        };
        if open.len() >= self.most {
            return Err(ServiceError::client(
                "ActiveSessionsExceededException",
                format!(
                    "{} sessions are open, which is the most allowed.",
                    self.most
                ),
            ));
        }
        let id = uuid::Uuid::new_v4().to_string();
        let session = Session {
            target: target.clone(),
            keep_alive,
            state: State::Busy,
        };
        open.insert(id.clone(), session);
        Ok(Lease {
            target,
            connection: None,
            in_use: false,
            session: Some((id, Arc::clone(&self.open))),
        })
    }

    fn again(
        &self,
        open: &mut HashMap<String, Session>,
        id: &str,
        keep_alive: Option<Duration>,
    ) -> Result<Lease, ServiceError> {
        let Some(session) = open.get_mut(id) else {
            return Err(ServiceError::not_found(format!(
                "The session {id} does not exist or is closed."
            )));
        };
        match std::mem::replace(&mut session.state, State::Busy) {
            State::Busy => Err(ServiceError::validation(format!(
                "The session {id} is busy: it runs one statement at a time."
            ))),
            State::Free { connection, .. } => {
                if let Some(keep_alive) = keep_alive {
                    session.keep_alive = keep_alive;
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
        if self.in_use {
            // Nobody knows what state the connection is in.
            open.remove(&id);
        } else if let Some(session) = open.get_mut(&id) {
            let now = Instant::now();
            session.state = State::Free {
                connection: self.connection.take(),
                until: now.checked_add(session.keep_alive).unwrap_or(now),
            };
        }
    }
}
