//! Plans: a policy asks what Redshift expects of SQL before it starts it.
//!
//! EXPLAIN runs nothing, so there is no record of it: what is asked twice does no harm, and a policy may still refuse the
//! payload afterwards.

use std::sync::{
    PoisonError,
    atomic::{AtomicU32, Ordering},
};

use signalbox_policy::contract::{Failure, StartOptions, StartedStatement};

use super::{
    question::{EXPLAIN, only_explains},
    services::EventServices,
};
use crate::{
    ids::{digest, statement_name},
    ports::{Sql, StartStatement},
    raised::{detail, names},
};

impl EventServices {
    /// Asks for plans. What is no EXPLAIN of one statement is refused: nothing would record it.
    pub(super) async fn explain(
        &self,
        sql: Sql,
        options: StartOptions,
    ) -> Result<StartedStatement, Failure> {
        let target = self.target(options.target.as_deref())?;
        let sqls = match &sql {
            Sql::One(sql) => std::slice::from_ref(sql),
            Sql::Batch { sqls, .. } => sqls,
        };
        if !sqls.iter().all(|sql| only_explains(sql)) {
            return Err(Failure::InvalidRequest(detail(
                names::INVALID_REQUEST,
                "with the action `explain` a statement is EXPLAIN and one statement that is understood",
                false,
            )));
        }
        if options.session_id.is_some()
            || options.session_keep_alive_seconds.is_some()
            || options.exclusive.is_some()
        {
            return Err(Failure::InvalidRequest(detail(
                names::INVALID_REQUEST,
                "EXPLAIN runs in no session and takes no lock",
                false,
            )));
        }
        let record_id = self.record_id.unbound(self.next_question());
        let request = StartStatement {
            sql,
            parameters: options.parameters,
            result_format: options.result_format,
            session_id: None,
            session_keep_alive_seconds: None,
            wait_seconds: self.wait_in_time(options.wait_seconds),
            statement_name: statement_name(&self.backend.options.deployment, &record_id),
            client_token: String::new(),
            with_event: false,
        };
        let warehouse = &self.backend.ports.warehouse;
        // A service may remember a token with the failure that it had. What runs nothing may be asked under another.
        let now = self.backend.now().to_string();
        let tries = AtomicU32::new(0);
        let ask = || {
            let number = tries.fetch_add(1, Ordering::Relaxed).to_string();
            let token = [
                EXPLAIN,
                record_id.as_str(),
                &self.call.request_id,
                &now,
                &number,
            ];
            let request = StartStatement {
                client_token: digest(&token),
                ..request.clone()
            };
            let target = &target;
            async move { warehouse.start(target, &request).await }
        };
        let mut started = self.read(ask).await?;
        started.document = self.clean_document(&started.document);
        self.questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((started.id.clone(), target));
        Ok(started)
    }

    /// The target of a question of this event.
    pub(super) fn target_of_question(&self, statement_id: &str) -> Option<String> {
        let questions = self
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let asked = questions.iter().find(|(id, _)| id == statement_id)?;
        Some(asked.1.clone())
    }

    /// The number of the next question, from the other end than those of statements beside the task.
    fn next_question(&self) -> u32 {
        let asked = self
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len();
        u32::MAX - u32::try_from(asked).unwrap_or_default()
    }
}
