//! Reading a range of one partition.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use signalbox_tasker::ports::{Item, LedgerError, Page, Query};

use super::attributes::{Found, ID, INVOCATION_ID, Text};
use super::conditions::live;
use super::errors;
use super::table::Table;

/// How many pages of DynamoDB (of up to 1 MB) one query reads at most. A range with so many expired items in
/// front is answered with fewer items than asked for, and `more`.
const MAX_PAGES: usize = 40;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    table_name: &'a str,
    consistent_read: bool,
    #[serde(flatten)]
    range: &'a Range<'a>,
    scan_index_forward: bool,
    limit: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    exclusive_start_key: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reply {
    #[serde(default)]
    items: Vec<Found>,
    /// It is given back as it is.
    last_evaluated_key: Option<Box<RawValue>>,
}

pub(super) async fn read(table: &Table, now: i64, query: &Query) -> Result<Page, LedgerError> {
    let Some(range) = range(query) else {
        return Ok(Page::default());
    };
    // One more than asked for, to know whether there is one.
    let wanted = query.limit.saturating_add(1);
    let mut items: Vec<Item> = Vec::new();
    let mut start = None;
    for _ in 0..MAX_PAGES {
        let request = Request {
            table_name: &table.name,
            consistent_read: true,
            range: &range,
            scan_index_forward: !query.descending,
            // A BETWEEN counts the item at its open end too.
            limit: wanted.saturating_sub(items.len()).saturating_add(1),
            exclusive_start_key: start.take(),
        };
        let reply = table.service.call("Query", &request).await;
        let reply: Reply = reply.map_err(|fault| errors::read(fault, &table.name))?;
        for found in reply.items {
            let item = found.item().map_err(LedgerError::Refused)?;
            let excluded = query.after.as_deref() == Some(item.key.invocation_id.as_str());
            if !excluded && live(now, &item) {
                items.push(item);
            }
        }
        start = reply.last_evaluated_key.filter(|key| key.get() != "{}");
        if items.len() >= wanted || start.is_none() {
            break;
        }
    }
    let more = start.is_some() || items.len() > query.limit;
    items.truncate(query.limit);
    Ok(Page { items, more })
}

/// The key condition of a query.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Range<'a> {
    key_condition_expression: &'static str,
    expression_attribute_names: BTreeMap<&'static str, &'static str>,
    expression_attribute_values: BTreeMap<&'static str, Text<'a>>,
}

/// None if nothing can be in it, which DynamoDB would refuse.
fn range(query: &Query) -> Option<Range<'_>> {
    let mut names = BTreeMap::from([("#id", ID)]);
    let mut values = BTreeMap::from([(":id", Text(&query.id))]);
    let expression = match (query.after.as_deref(), query.up_to.as_deref()) {
        // No key is an empty text: everything is greater.
        (None | Some(""), None) => "#id = :id",
        (Some(after), Some(up_to)) if after >= up_to => return None,
        (None | Some(""), Some("")) => return None,
        (Some(after), None) => {
            values.insert(":after", Text(after));
            "#id = :id AND #sort > :after"
        }
        (None | Some(""), Some(up_to)) => {
            values.insert(":upTo", Text(up_to));
            "#id = :id AND #sort <= :upTo"
        }
        // There is one condition on the sort key, and this one has both ends closed: `after` itself is left out
        // when it comes.
        (Some(after), Some(up_to)) => {
            values.insert(":after", Text(after));
            values.insert(":upTo", Text(up_to));
            "#id = :id AND #sort BETWEEN :after AND :upTo"
        }
    };
    if values.len() > 1 {
        names.insert("#sort", INVOCATION_ID);
    }
    Some(Range {
        key_condition_expression: expression,
        expression_attribute_names: names,
        expression_attribute_values: values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(after: Option<&str>, up_to: Option<&str>) -> Option<String> {
        let (after, up_to) = (after.map(str::to_owned), up_to.map(str::to_owned));
        range(&Query {
            id: "p".to_owned(),
            after,
            up_to,
            descending: false,
            limit: 1,
        })
        .map(|range| range.key_condition_expression.to_owned())
    }

    #[test]
    fn each_kind_of_range() {
        assert_eq!(of(None, None).as_deref(), Some("#id = :id"));
        assert_eq!(
            of(Some("a"), None).as_deref(),
            Some("#id = :id AND #sort > :after")
        );
        assert_eq!(
            of(None, Some("a")).as_deref(),
            Some("#id = :id AND #sort <= :upTo")
        );
        assert_eq!(
            of(Some("a"), Some("b")).as_deref(),
            Some("#id = :id AND #sort BETWEEN :after AND :upTo")
        );
        assert_eq!(
            of(Some(""), Some("b")).as_deref(),
            Some("#id = :id AND #sort <= :upTo")
        );
    }

    #[test]
    fn ranges_without_room_are_not_asked_for() {
        assert_eq!(of(Some("b"), Some("a")), None);
        assert_eq!(of(Some("a"), Some("a")), None);
        assert_eq!(of(None, Some("")), None);
    }
}
