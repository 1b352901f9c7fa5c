//! ListSessions.

use super::request::SessionsInput;
use super::service::Core;
use super::session::Listed;
use super::statement::{epoch, put};
use super::{paging, validate};
use crate::aws_json::error::ServiceError;
use serde_json::{Map, Value};

/// Lists sessions, newest first. Closed ones are shown if they are asked for.
pub(crate) fn list(core: &Core, input: &SessionsInput) -> Result<Value, ServiceError> {
    validate::session_status(input.status.as_deref())?;
    validate::list_target(
        input.cluster_identifier.as_deref(),
        input.workgroup_name.as_deref(),
    )?;
    if let Some(id) = &input.session_id {
        validate::session_id(id)?;
    }
    let page = validate::page(input.max_results)?;
    let subject = (
        &input.session_id,
        &input.status,
        &input.database,
        &input.cluster_identifier,
        &input.workgroup_name,
    );
    let before = match input.next_token.as_deref() {
        None | Some("") => u64::MAX,
        Some(token) => paging::place(&subject, token)?,
    };
    let mut found = core.sessions.list();
    found.retain(|session| is_meant(session, input));
    if let Some(id) = &input.session_id
        && found.is_empty()
    {
        let message = format!("The session {id} does not exist.");
        return Err(ServiceError::not_found(id, message));
    }
    found.retain(|session| session.number < before);
    let has_more = found.len() > page;
    found.truncate(page);
    let mut reply = Map::new();
    if let Some(last) = found.last().filter(|_| has_more) {
        let token = paging::token(&subject, last.number);
        put(&mut reply, "NextToken", Some(token));
    }
    let sessions = found.iter().map(entry).collect();
    put(&mut reply, "Sessions", Some(Value::Array(sessions)));
    Ok(Value::Object(reply))
}

fn is_meant(session: &Listed, input: &SessionsInput) -> bool {
    let target = &session.target;
    let same = |wanted: &Option<String>, found: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| Some(wanted) == found)
    };
    let status = match (&input.status, &input.session_id) {
        (Some(status), _) => session.status == status,
        // One that is named is shown as it is.
        (None, Some(_)) => true,
        (None, None) => session.status != "CLOSED",
    };
    status
        && same(&input.session_id, Some(&session.id))
        && same(&input.database, Some(&target.database))
        && same(&input.cluster_identifier, target.cluster.as_deref())
        && same(&input.workgroup_name, target.workgroup.as_deref())
}

fn entry(session: &Listed) -> Value {
    let target = &session.target;
    let mut entry = Map::new();
    put(&mut entry, "SessionId", Some(session.id.as_str()));
    put(&mut entry, "Status", Some(session.status));
    put(&mut entry, "CreatedAt", Some(epoch(session.created_at)));
    put(&mut entry, "UpdatedAt", Some(epoch(session.updated_at)));
    put(&mut entry, "Database", Some(target.database.as_str()));
    put(&mut entry, "DbUser", target.user.as_deref());
    put(&mut entry, "ClusterIdentifier", target.cluster.as_deref());
    put(&mut entry, "WorkgroupName", target.workgroup.as_deref());
    put(&mut entry, "SessionAliveSeconds", Some(session.seconds));
    put(&mut entry, "SessionTtl", session.expires_at.map(epoch));
    put(
        &mut entry,
        "CurrentStatementId",
        session.statement.as_deref(),
    );
    Value::Object(entry)
}
