//! ListStatements.

use super::describe::query_parameters;
use super::request::ListInput;
use super::service::Core;
use super::statement::{Statement, epoch, put};
use super::{paging, validate};
use crate::aws_json::error::ServiceError;
use serde_json::{Map, Value};

/// Lists statements, newest first.
pub(crate) fn list(core: &Core, input: &ListInput) -> Result<Value, ServiceError> {
    validate::statement_name(input.statement_name.as_deref())?;
    validate::list_target(
        input.cluster_identifier.as_deref(),
        input.workgroup_name.as_deref(),
    )?;
    let status = validate::list_status(input.status.as_deref())?;
    let page = validate::page(input.max_results)?;
    let subject = (
        &input.statement_name,
        &input.database,
        &input.cluster_identifier,
        &input.workgroup_name,
        status,
    );
    let before = match input.next_token.as_deref() {
        None | Some("") => None,
        Some(token) => Some(paging::place(&subject, token)?),
    };
    let mut found = core.store.newest_first(before);
    found.retain(|statement| {
        status.is_none_or(|status| statement.status().as_str() == status)
            && is_meant(statement, input)
    });
    let has_more = found.len() > page;
    found.truncate(page);
    let mut reply = Map::new();
    if let Some(last) = found.last().filter(|_| has_more) {
        let token = paging::token(&subject, last.number);
        put(&mut reply, "NextToken", Some(token));
    }
    let statements = found.iter().map(|statement| entry(statement)).collect();
    put(&mut reply, "Statements", Some(Value::Array(statements)));
    Ok(Value::Object(reply))
}

fn is_meant(statement: &Statement, input: &ListInput) -> bool {
    let name = statement.name.as_deref().unwrap_or_default();
    let target = &statement.target;
    let same = |wanted: &Option<String>, found: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| Some(wanted) == found)
    };
    input
        .statement_name
        .as_deref()
        .is_none_or(|prefix| name.starts_with(prefix))
        && same(&input.database, Some(&target.database))
        && same(&input.cluster_identifier, target.cluster.as_deref())
        && same(&input.workgroup_name, target.workgroup.as_deref())
}

fn entry(statement: &Statement) -> Value {
    let progress = statement.progress.borrow();
    let mut entry = Map::new();
    put(&mut entry, "Id", Some(statement.id.as_str()));
    if statement.is_batch() {
        put(&mut entry, "QueryStrings", Some(statement.sqls.clone()));
    } else {
        put(&mut entry, "QueryString", statement.sqls.first().cloned());
    }
    put(&mut entry, "SecretArn", statement.target.secret.as_deref());
    put(&mut entry, "Status", Some(progress.status.as_str()));
    put(&mut entry, "StatementName", statement.name.as_deref());
    put(&mut entry, "CreatedAt", Some(epoch(statement.created_at)));
    put(&mut entry, "UpdatedAt", Some(epoch(progress.updated_at)));
    put(&mut entry, "QueryParameters", query_parameters(statement));
    put(&mut entry, "IsBatchStatement", Some(statement.is_batch()));
    put(&mut entry, "ResultFormat", Some(statement.format.as_str()));
    put(&mut entry, "SessionId", statement.session.as_deref());
    Value::Object(entry)
}
