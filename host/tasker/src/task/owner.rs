//! Whose statement is it? Under a policy set a policy reaches its own statements of its route only.
//!
//! The ledger says whose a statement is. One that it does not know may be anybody's, so it is nobody's here; without a
//! policy set it may be asked about, as with the original.

use serde_json::Value;
use signalbox_policy::contract::{Failure, StatementList};

use super::services::EventServices;
use crate::{
    ids::parse_statement_name,
    raised::{detail, names},
    record::Stored,
    scope::Scope,
};

impl EventServices {
    /// The world that statements have to be of; none if it does not matter.
    pub(super) fn bounds(&self) -> Option<&Scope> {
        Some(&self.scope).filter(|scope| scope.is_bounded())
    }

    /// Refuses what is not this policy's. Another policy's statement is not told from one that does not exist.
    pub(super) fn check_owner(
        &self,
        statement_id: &str,
        found: Option<&Stored>,
    ) -> Result<(), Failure> {
        let Some(scope) = self.bounds() else {
            return Ok(());
        };
        if found.is_some_and(|stored| scope.owns(&stored.record)) {
            return Ok(());
        }
        let owner = scope.policy();
        Err(Failure::NotGranted(detail(
            names::NOT_GRANTED,
            format!("there is no statement `{statement_id}` for policy `{owner}`"),
            false,
        )))
    }

    /// A page of a list without the statements of others.
    pub(super) async fn own_of_list(
        &self,
        mut list: StatementList,
    ) -> Result<StatementList, Failure> {
        let Some(scope) = self.bounds() else {
            return Ok(list);
        };
        let mut document: Value = serde_json::from_str(&list.document).unwrap_or_default();
        let mut own = Vec::new();
        if let Some(Value::Array(statements)) = document.get_mut("Statements").map(Value::take) {
            for statement in statements {
                if self.is_own(scope, &statement).await? {
                    own.push(statement);
                }
            }
        }
        if let Some(fields) = document.as_object_mut() {
            fields.insert("Statements".to_owned(), Value::Array(own));
        }
        list.document = document.to_string();
        Ok(list)
    }

    /// Whether an entry of a list is of this policy: its name leads to the record, which has to know its id.
    async fn is_own(&self, scope: &Scope, statement: &Value) -> Result<bool, Failure> {
        let text = |name: &str| statement.get(name).and_then(Value::as_str);
        let deployment = &self.backend.options.deployment;
        let record_id =
            text("StatementName").and_then(|name| parse_statement_name(deployment, name));
        let Some(record_id) = record_id else {
            return Ok(false);
        };
        let found = self
            .in_time(self.backend.store.find(&record_id))
            .await?
            .map_err(|error| self.of_ledger(&error))?;
        Ok(found.is_some_and(|stored| {
            scope.owns(&stored.record) && stored.record.statement_id() == text("Id")
        }))
    }
}
