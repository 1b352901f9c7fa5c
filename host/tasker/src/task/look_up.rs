//! Looks statements up by their exact, unique names.

use tokio::time::{Instant, timeout_at};

use super::{attend::Turn, backend::Backend};
use crate::{ports::ServiceErrorKind, record::Record};

/// Where a statement is, by its name.
pub(super) enum Found {
    Id(String),
    Nowhere,
    /// It is not known; why.
    Unknown(String),
    /// This role may not look; the refusal.
    Denied(String),
    /// There was no time to ask.
    NotAsked,
}

impl Backend {
    /// Looks for a statement by its name, in all states and on all pages. That it is nowhere is said only of one that this
    /// role would see.
    pub(super) async fn find_by_name(
        &self,
        record: &Record,
        deadline: Instant,
        turn: Turn,
    ) -> Found {
        match &record.statement {
            Some(statement) => {
                let name = record.statement_name();
                let found = self
                    .find_named(&statement.target, &name, deadline, turn)
                    .await;
                let own = self.options.asks_as.get(&statement.target);
                match (found, &statement.asked_as, own) {
                    (Found::Nowhere, Some(theirs), Some(own)) if theirs != own => {
                        tracing::error!(
                            statement = name,
                            asked_as = own,
                            started_as = theirs,
                            alarm = "ListRefused",
                            "a statement that another role started, or in another region, cannot be looked up by name: Redshift lists to a role only what that role started"
                        );
                        Found::Denied(format!(
                            "it was started as {theirs}, and is asked for as {own}: Redshift shows a role no statements of others"
                        ))
                    }
                    (found, ..) => found,
                }
            }
            None => Found::Nowhere,
        }
    }

    /// Looks for the statement of exactly this name.
    pub(super) async fn find_named(
        &self,
        target: &str,
        name: &str,
        deadline: Instant,
        turn: Turn,
    ) -> Found {
        let mut next_token: Option<String> = None;
        loop {
            let has_turn = match turn {
                Turn::Missed => return Found::NotAsked,
                _ => next_token.is_none() && turn == Turn::ToList,
            };
            if !has_turn && !self.paces.lists.turn(deadline).await {
                return match next_token {
                    None => Found::NotAsked,
                    Some(_) => Found::Unknown("the list has more pages than time".to_owned()),
                };
            }
            let list = self
                .ports
                .warehouse
                .list_named(target, name, next_token.as_deref());
            match timeout_at(deadline, list).await {
                Ok(Ok(page)) => {
                    let exact = page
                        .statements
                        .into_iter()
                        .find(|s| s.statement_name.as_deref() == Some(name));
                    match (exact, page.next_token) {
                        (Some(listed), _) => return Found::Id(listed.id),
                        (None, Some(token)) => next_token = Some(token),
                        (None, None) => return Found::Nowhere,
                    }
                }
                Ok(Err(error)) => {
                    if error.kind == ServiceErrorKind::Denied {
                        tracing::error!(statement = name, %error, alarm = "ListRefused", "statements cannot be looked up by name: this role may not list them");
                        return Found::Denied(error.to_string());
                    }
                    return Found::Unknown(error.to_string());
                }
                Err(_) => return Found::Unknown("the time of this invocation is over".to_owned()),
            }
        }
    }
}
