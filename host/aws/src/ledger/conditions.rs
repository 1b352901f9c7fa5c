//! What must hold of an item, as condition expressions. Names go through placeholders: `TTL` is a reserved word.

use std::collections::BTreeMap;

use serde::Serialize;
use signalbox_tasker::ports::{Expect, Item};

use super::attributes::{ID, REVISION, TTL, Whole};

/// A condition expression with what its placeholders stand for, as members of a request.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Condition {
    #[serde(skip_serializing_if = "Option::is_none")]
    condition_expression: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    expression_attribute_names: BTreeMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    expression_attribute_values: BTreeMap<&'static str, Whole<i128>>,
}

/// Whether an item has not expired.
pub(super) fn live(now: i64, item: &Item) -> bool {
    item.expires_at.is_none_or(|time| time >= now)
}

/// The same for DynamoDB (an item that has expired may stay in the table for days) is in each expression.
pub(super) fn condition(now: i64, expect: Expect) -> Condition {
    let now = (":now", Whole(i128::from(now)));
    let ttl = ("#ttl", TTL);
    match expect {
        Expect::Any => Condition::default(),
        Expect::Absent => Condition {
            condition_expression: Some("attribute_not_exists(#id) OR #ttl < :now"),
            expression_attribute_names: [("#id", ID), ttl].into(),
            expression_attribute_values: [now].into(),
        },
        // A row of the original, or the absence of a row: the first is asked for.
        Expect::Revision(0) => Condition {
            condition_expression: Some(
                "attribute_exists(#id) AND (attribute_not_exists(#revision) OR #revision = :revision) AND \
                 (attribute_not_exists(#ttl) OR #ttl >= :now)",
            ),
            expression_attribute_names: [("#id", ID), ("#revision", REVISION), ttl].into(),
            expression_attribute_values: [(":revision", Whole(0)), now].into(),
        },
        Expect::Revision(revision) => Condition {
            condition_expression: Some(
                "#revision = :revision AND (attribute_not_exists(#ttl) OR #ttl >= :now)",
            ),
            expression_attribute_names: [("#revision", REVISION), ttl].into(),
            expression_attribute_values: [(":revision", Whole(i128::from(revision))), now].into(),
        },
    }
}
