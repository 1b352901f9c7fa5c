//! Who may run a statement in which session, and when.

use signalbox_policy::contract::{Failure, FailureDetail, StartOptions};

use super::{reserve::Owner, services::EventServices};
use crate::{
    ids::digest,
    ports::StartStatement,
    raised::{detail, names},
    record::{Record, Session, SessionUse},
};

/// What a statement has to do with a session, if anything.
pub(super) fn session_use(options: &StartOptions) -> Option<SessionUse> {
    let keep_alive_seconds = options.session_keep_alive_seconds.unwrap_or_default();
    (options.session_id.is_some() || keep_alive_seconds > 0).then(|| SessionUse {
        id: options.session_id.clone(),
        keep_alive_seconds,
    })
}

impl EventServices {
    /// The session that a new record's statement is to run in: one that this policy opened on this target, and that
    /// runs nothing now. None if it is to run in none that is open.
    pub(super) async fn session_of(&self, record: &mut Record) -> Result<Option<Session>, Failure> {
        let Some(statement) = &mut record.statement else {
            return Ok(None);
        };
        let target = &statement.target;
        let Some(using) = &mut statement.session else {
            return Ok(None);
        };
        let Some(id) = using.id.clone() else {
            return Ok(None);
        };
        let found = self.in_time(self.backend.store.session(&id)).await?;
        let found = found.map_err(|error| self.of_ledger(&error))?;
        let own = found.filter(|found| self.scope.owns_session(found, target));
        let Some(session) = own else {
            return Err(Failure::NotGranted(detail(
                names::NOT_GRANTED,
                format!(
                    "there is no session `{id}` of policy `{}` on target `{target}`",
                    self.policy.name
                ),
                false,
            )));
        };
        if using.keep_alive_seconds == 0 {
            using.keep_alive_seconds = session.keep_alive_seconds;
        }
        let Some(last) = &session.record_id else {
            return Ok(Some(session));
        };
        // It was given to an earlier delivery of this event.
        if *last == record.record_id {
            return Ok(Some(session));
        }
        let last = self.in_time(self.backend.store.find(last)).await?;
        let last = last.map_err(|error| self.of_ledger(&error))?;
        match self.owner_of_lock(last).await? {
            Owner::Over => Ok(Some(session)),
            Owner::Runs(statement_id) => Err(busy(&id, statement_id)),
        }
    }

    /// The same statement in a new session, where the caller allows to replace one that is gone. It is another request,
    /// and so has a ClientToken of its own; the one before had no effect.
    pub(super) fn in_new_session(
        &self,
        record: &Record,
        request: &StartStatement,
    ) -> Option<StartStatement> {
        request
            .session_id
            .as_ref()
            .filter(|_| self.replace_session)?;
        let session = record.statement.as_ref()?.session.as_ref()?;
        Some(StartStatement {
            session_id: None,
            session_keep_alive_seconds: Some(session.keep_alive_seconds).filter(|time| *time > 0),
            client_token: digest(&["new session", &request.client_token]),
            ..request.clone()
        })
    }
}

fn busy(session: &str, statement_id: Option<String>) -> Failure {
    let message = match &statement_id {
        Some(id) => {
            format!("the session `{session}` runs another statement, and takes one at a time: {id}")
        }
        None => format!("another statement is being started in the session `{session}`"),
    };
    Failure::ConcurrentExecution(FailureDetail {
        statement_id,
        ..detail(names::CONCURRENT_EXECUTION, message, true)
    })
}
