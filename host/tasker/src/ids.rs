//! Names of records and statements.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a record's id was made from. The same task always has the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdSource<'a> {
    /// The task token: fresh for every attempt of a state.
    Token(&'a str),
    /// A digest of what makes a request for a custom resource unique.
    CustomResource(&'a str),
    /// What an `idempotencyKey` names in its scope, where no task waits.
    IdempotencyKey(&'a str),
    /// The id of the Lambda request: the same when Lambda itself repeats it.
    Request(&'a str),
}

/// A record's id: 64 hexadecimal digits. It is also the statement's ClientToken, which may be no longer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordId(String);

impl RecordId {
    /// The id of a task of a deployment.
    #[must_use]
    pub fn new(deployment: &str, source: IdSource<'_>) -> Self {
        let (kind, value) = match source {
            IdSource::Token(value) => ("token", value),
            IdSource::CustomResource(value) => ("resource", value),
            IdSource::IdempotencyKey(value) => ("key", value),
            IdSource::Request(value) => ("request", value),
        };
        Self(digest(&[deployment, kind, value]))
    }

    /// The id of another statement of the same event: the `number`th that is not bound to the task.
    #[must_use]
    pub fn unbound(&self, number: u32) -> Self {
        Self(digest(&[&self.0, "unbound", &number.to_string()]))
    }

    /// The id of the record of the `number`th statement of a work, where no task waits.
    #[must_use]
    pub fn of_generation(&self, number: u64) -> Self {
        match number {
            0 | 1 => self.clone(),
            _ => Self(digest(&[&self.0, "generation", &number.to_string()])),
        }
    }

    /// Reads an id from a statement's name or an item; none if it has not the shape of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 64 && text.bytes().all(hexadecimal)).then(|| Self(text.to_owned()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the names of all of a deployment's statements begin with, and of no other's.
#[must_use]
pub fn statement_prefix(deployment: &str) -> String {
    format!("sbx-{deployment}:")
}

/// The name under which a deployment's statements are known to Redshift and in completion events.
#[must_use]
pub fn statement_name(deployment: &str, id: &RecordId) -> String {
    format!("{}{id}", statement_prefix(deployment))
}

/// The record that a statement's name speaks of; none for a statement of somebody else.
#[must_use]
pub fn parse_statement_name(deployment: &str, name: &str) -> Option<RecordId> {
    RecordId::parse(name.strip_prefix(&statement_prefix(deployment))?)
}

/// The ARN of the state machine that an execution is one of; none if it is no execution's ARN. A child of a Map state
/// belongs to the state machine of the Map.
pub(crate) fn state_machine_of(execution_arn: &str) -> Option<String> {
    let parts: Vec<&str> = execution_arn.split(':').collect();
    match parts.as_slice() {
        [
            "arn",
            partition,
            "states",
            region,
            account,
            "execution" | "express",
            machine,
            _,
            ..,
        ] => {
            let machine = machine.split('/').next().unwrap_or(machine);
            Some(format!(
                "arn:{partition}:states:{region}:{account}:stateMachine:{machine}"
            ))
        }
        _ => None,
    }
}

/// SHA-256 over parts, hexadecimal. Each part is preceded by its length, so that no two lists of parts
/// give the same bytes.
#[must_use]
pub fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hex::encode(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_task_has_the_same_id_and_others_have_others() {
        let id = RecordId::new("d", IdSource::Token("t"));
        assert_eq!(id, RecordId::new("d", IdSource::Token("t")));
        assert_ne!(id, RecordId::new("e", IdSource::Token("t")));
        assert_ne!(id, RecordId::new("d", IdSource::IdempotencyKey("t")));
        assert_ne!(id, RecordId::new("d", IdSource::Request("t")));
        assert_ne!(id.unbound(1), id.unbound(2));
        assert_eq!(id.as_str().len(), 64);
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }

    #[test]
    fn a_statement_name_leads_back_to_its_record_only_in_its_own_deployment() {
        let id = RecordId::new("etl:prod", IdSource::Token("t"));
        let name = statement_name("etl:prod", &id);
        assert_eq!(parse_statement_name("etl:prod", &name), Some(id));
        for foreign in ["etl", "etl:prod2", ""] {
            assert_eq!(parse_statement_name(foreign, &name), None, "{foreign}");
        }
        for odd in [
            "",
            "my_query",
            "sbx-etl:prod:",
            "sbx-etl:prod:zz",
            &name.to_uppercase(),
        ] {
            assert_eq!(parse_statement_name("etl:prod", odd), None, "{odd}");
        }
    }
}
