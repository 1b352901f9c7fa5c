//! Statements that the original started: their tasks are answered as it would.

use serde_json::Value;
use signalbox_policy::contract::{Entry, Failure, StatementDescription};
use tokio::time::{Instant, timeout_at};

use super::{
    Call, Settling,
    attend::Turn,
    backend::Backend,
    look_up::Found,
    services::EventServices,
    settle::{again, ignored},
    settler::Settler,
};
use crate::{
    completion_event::{Ended, status_name},
    original::{self, OriginalRow},
    ports::{Key, ServiceErrorKind},
    raised::detail,
    record::{Phase, is_final},
    secrets::mask_literals,
};

/// How a statement of the original ended.
struct OriginalEnd {
    /// The event, with what is known of it.
    event: Value,
    state: String,
    error: Option<String>,
}

impl OriginalEnd {
    fn of(
        row: &OriginalRow,
        id: &str,
        state: &str,
        described: Option<&StatementDescription>,
    ) -> Self {
        let name = row.statement_name();
        let at = described
            .and_then(|described| described.updated_at)
            .unwrap_or_else(|| row.recorded_at());
        let ended = Ended {
            id,
            statement_name: &name,
            statement_id: id,
            execution_arn: row.execution_arn(),
            state,
            at: i64::try_from(at).unwrap_or_default(),
            description: described,
            came: None,
            function_arn: None,
        };
        let error = described.and_then(|described| described.error.as_deref());
        Self {
            event: ended.event(),
            state: state.to_owned(),
            error: error.map(mask_literals),
        }
    }
}

impl Settler {
    /// Answers for a row of the original. The answer goes by a record of ours, so that it is stored before it is sent
    /// and the sweep sends it again if it must; then the row is left as the original leaves it.
    pub(super) async fn settle_original(&self, call: &Call, key: &Key, event: Value) -> Settling {
        let row = match self.backend.store.original_row(key).await {
            Ok(Some(row)) => row,
            Ok(None) => return ignored("the statement is not one of this deployment"),
            Err(error) => return again(&error.to_string()),
        };
        let Some(waiting) = row.who_waits() else {
            return ignored("nobody waits for this statement of the original");
        };
        if row.is_handled() {
            return ignored("this row of the original was answered before");
        }
        let id = waiting.record_id(&self.backend.options.deployment);
        let known = match self.backend.store.find(&id).await {
            Ok(known) => known,
            Err(error) => return again(&error.to_string()),
        };
        if known.is_none() {
            let ended = match self.ended_by_original(call, &row, &event).await {
                Ok(ended) => ended,
                Err(settling) => return settling,
            };
            let Some(answer) = original::answer(&ended.event, &ended.state, ended.error.as_deref())
            else {
                return again("the event is not about an end");
            };
            let told = self.answer_directly(call, &waiting, None, None, answer, &Value::Null);
            if let Err(raised) = told.await {
                return again(&raised.to_string());
            }
        }
        match self.backend.store.find(&id).await {
            Ok(Some(stored)) if stored.record.phase() == Phase::Closed => {}
            Ok(Some(stored)) => match self.delivery.deliver(call.deadline, stored).await {
                Settling::Done => {}
                settling => return settling,
            },
            Ok(None) => return again("its record is gone"),
            Err(error) => return again(&error.to_string()),
        }
        if let Err(error) = self
            .backend
            .store
            .mark_original(&row, &event, call.deadline)
            .await
        {
            tracing::warn!(%error, "a row of the original could not be marked; it stays");
        }
        Settling::Done
    }

    /// How the statement ended, from Redshift where this role may ask. Which statement it is says its name, and not the
    /// event, if this role sees it.
    async fn ended_by_original(
        &self,
        call: &Call,
        row: &OriginalRow,
        event: &Value,
    ) -> Result<OriginalEnd, Settling> {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        let (Some(id), Some(state)) = (text("/detail/statementId"), text("/detail/state")) else {
            return Err(ignored(
                "the event says neither which statement nor how it ended",
            ));
        };
        let found = self
            .backend
            .find_original(row, &self.backend.options.targets, call.deadline);
        let (target, is_seen) = match found.await {
            (target, Found::Id(found)) if found == id => (target, true),
            (_, Found::Id(_)) => return Err(ignored("the event's statement is not the row's")),
            (target, Found::Nowhere | Found::Denied(_)) => (target, false),
            (_, Found::Unknown(reason)) => return Err(again(&reason)),
            (_, Found::NotAsked) => return Err(again("there was no time to ask")),
        };
        let describe = self.backend.ports.warehouse.describe(target, id, None);
        match timeout_at(call.deadline, describe).await {
            Err(_) => Err(again("the time of this invocation is over")),
            Ok(Ok(described)) => {
                let document: Value = serde_json::from_str(&described.document).unwrap_or_default();
                let sql = document.get("QueryString").and_then(Value::as_str);
                if sql.is_some_and(|sql| sql.trim() != row.sql().trim()) {
                    tracing::warn!(
                        id,
                        "an event names a row of the original with another statement's id"
                    );
                    return Err(ignored("the event's statement is not the row's"));
                }
                if !is_final(described.status) {
                    return Err(again("the statement still runs"));
                }
                let state = status_name(described.status);
                Ok(OriginalEnd::of(row, id, state, Some(&described)))
            }
            // Redshift shows a statement only to the role that started it. The original believes the event, and so must
            // whoever answers in its place: nothing else will ever say how it ended.
            Ok(Err(error))
                if !is_seen
                    && matches!(
                        error.kind,
                        ServiceErrorKind::Denied
                            | ServiceErrorKind::NotFound
                            | ServiceErrorKind::Invalid
                    ) =>
            {
                tracing::warn!(id, %error, alarm = "OriginalBelieved", "a statement of the original cannot be described; its event is believed, as the original does");
                Ok(OriginalEnd::of(row, id, state, None))
            }
            Ok(Err(error)) => Err(again(&format!("Redshift could not be asked: {error}"))),
        }
    }
}

impl Backend {
    /// Looks for the statement of a row, which has no statement id, by its name, as the original does: on these targets
    /// in turn, and says on which.
    async fn find_original<'t>(
        &self,
        row: &OriginalRow,
        targets: &'t [String],
        deadline: Instant,
    ) -> (&'t str, Found) {
        let name = row.statement_name();
        let first = targets.first().map_or("default", String::as_str);
        let mut nowhere = (first, Found::Nowhere);
        for target in targets {
            match self.find_named(target, &name, deadline, Turn::Ask).await {
                found @ Found::Id(_) => return (target, found),
                Found::Nowhere => {}
                // Another target may still show it.
                other => nowhere = (target, other),
            }
        }
        nowhere
    }
}

impl EventServices {
    /// The entry of a row of the original, which has no statement id: it is looked up by the statement's name, as the
    /// original does, on the policy's targets in turn.
    pub(super) async fn entry_of_original(&self, row: &OriginalRow) -> Result<Entry, Failure> {
        let found = self
            .backend
            .find_original(row, &self.targets, self.deadline());
        let (target, found) = found.await;
        let statement_id = match found {
            Found::Id(id) => Some(id),
            Found::Nowhere => None,
            Found::Unknown(reason) | Found::Denied(reason) => return Err(not_looked_up(&reason)),
            Found::NotAsked => return Err(not_looked_up("there was no time to ask")),
        };
        Ok(Entry {
            statement_id,
            target: target.to_owned(),
            action: "executeStatement".to_owned(),
            step: None,
            recorded_at: row.recorded_at(),
        })
    }
}

fn not_looked_up(reason: &str) -> Failure {
    Failure::Unavailable(detail(
        "ListStatements",
        format!("the statement of the original could not be looked up: {reason}"),
        true,
    ))
}
