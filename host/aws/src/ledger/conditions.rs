//! What must hold of an item, as condition expressions. Names go through placeholders: `TTL` is a reserved word.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use signalbox_tasker::ports::{Expect, Item};

use super::attributes::{ID, REVISION, TTL, number};

/// A condition expression with what its placeholders stand for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Condition {
    pub(super) expression: Option<String>,
    pub(super) names: Option<HashMap<String, String>>,
    pub(super) values: Option<HashMap<String, AttributeValue>>,
}

/// Whether an item has not expired.
pub(super) fn live(now: i64, item: &Item) -> bool {
    item.expires_at.is_none_or(|time| time >= now)
}

/// The same for DynamoDB: an item that has expired may stay in the table for days.
const LIVE: &str = "(attribute_not_exists(#ttl) OR #ttl >= :now)";

pub(super) fn condition(now: i64, expect: Expect) -> Condition {
    match expect {
        Expect::Any => Condition::default(),
        Expect::Absent => of(
            "attribute_not_exists(#id) OR #ttl < :now".to_owned(),
            &[("#id", ID), ("#ttl", TTL)],
            vec![(":now", number(now))],
        ),
        // A row of the original, or the absence of a row: the first is asked for.
        Expect::Revision(0) => of(
            format!(
                "attribute_exists(#id) AND (attribute_not_exists(#revision) OR #revision = :revision) AND {LIVE}"
            ),
            &[("#id", ID), ("#revision", REVISION), ("#ttl", TTL)],
            vec![(":revision", number(0)), (":now", number(now))],
        ),
        Expect::Revision(revision) => of(
            format!("#revision = :revision AND {LIVE}"),
            &[("#revision", REVISION), ("#ttl", TTL)],
            vec![(":revision", number(revision)), (":now", number(now))],
        ),
    }
}

fn of(
    expression: String,
    names: &[(&str, &str)],
    values: Vec<(&str, AttributeValue)>,
) -> Condition {
    Condition {
        expression: Some(expression),
        names: Some(
            names
                .iter()
                .map(|(short, name)| ((*short).to_owned(), (*name).to_owned()))
                .collect(),
        ),
        values: Some(
            values
                .into_iter()
                .map(|(short, value)| (short.to_owned(), value))
                .collect(),
        ),
    }
}
