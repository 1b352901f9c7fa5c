//! Sessions: a connection that Redshift keeps open from statement to statement. One belongs to the route, the policy and
//! the target that opened it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{LONGEST_RUN_MS, Record, items};
use crate::{
    ids::RecordId,
    ports::{Item, Key},
};

/// What a statement has to do with a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionUse {
    /// The session's id; none until Redshift has opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How long Redshift keeps it open after each statement, in seconds.
    pub keep_alive_seconds: u32,
}

/// A session as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The policy that opened it.
    pub policy: String,
    /// The route on which it did; none without routes.
    pub route: Option<String>,
    /// The target it is open on.
    pub target: String,
    /// How long Redshift keeps it open after each statement, in seconds.
    pub keep_alive_seconds: u32,
    /// The record of the statement that it was given last.
    pub record_id: Option<RecordId>,
    deployment: String,
    pub(super) revision: u64,
}

impl Session {
    /// Whether a policy of a deployment may use it on a target.
    #[must_use]
    pub fn is_of(&self, deployment: &str, policy: &str, target: &str) -> bool {
        (
            self.deployment.as_str(),
            self.policy.as_str(),
            self.target.as_str(),
        ) == (deployment, policy, target)
    }
}

impl Record {
    /// Redshift named the session that the statement runs in. Of interest only where one was asked for.
    #[must_use]
    pub fn in_session(mut self, id: Option<&str>) -> Self {
        let session = self
            .statement
            .as_mut()
            .and_then(|statement| statement.session.as_mut());
        if let (Some(session), Some(id)) = (session, id) {
            session.id = Some(id.to_owned());
        }
        self
    }

    fn session(&self) -> Option<&SessionUse> {
        self.statement.as_ref()?.session.as_ref()
    }

    pub(super) fn session_id(&self) -> Option<&str> {
        self.session()?.id.as_deref()
    }
}

pub(super) fn session_key(id: &str) -> Key {
    Key::new(format!("session#{id}"), "session")
}

/// The item of the session that a record's statement runs in. It stays as long as the session can: while the statement
/// runs, and as long as Redshift keeps it open then.
pub(super) fn session_item(record: &Record, revision: u64) -> Option<Item> {
    let (statement, session) = (record.statement.as_ref()?, record.session()?);
    let until = record.began_at().saturating_add(LONGEST_RUN_MS);
    let until = until.div_euclid(1_000);
    let policy = record
        .policy
        .as_ref()
        .map_or("", |policy| policy.name.as_str());
    let body = [
        ("deployment", Value::from(record.deployment.as_str())),
        ("policy", Value::from(policy)),
        ("target", Value::from(statement.target.as_str())),
        ("keepAliveSeconds", Value::from(session.keep_alive_seconds)),
        (items::RECORD_ID, Value::from(record.record_id.as_str())),
    ];
    let route = record
        .route
        .as_deref()
        .map(|route| ("route", Value::from(route)));
    Some(Item {
        key: session_key(session.id.as_deref()?),
        revision,
        expires_at: Some(until.saturating_add(i64::from(session.keep_alive_seconds))),
        body: body
            .into_iter()
            .chain(route)
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Map<_, _>>(),
    })
}

/// The session in an item; none if it is not the item of one.
pub(super) fn read(item: &Item) -> Option<Session> {
    let text = |name: &str| Some(item.body.get(name)?.as_str()?.to_owned());
    let keep_alive = item.body.get("keepAliveSeconds")?.as_u64()?;
    Some(Session {
        policy: text("policy")?,
        route: text("route"),
        target: text("target")?,
        keep_alive_seconds: u32::try_from(keep_alive).ok()?,
        record_id: items::leads_to(item),
        deployment: text("deployment")?,
        revision: item.revision,
    })
}
