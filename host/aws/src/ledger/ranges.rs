//! Reading a range of one partition.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use signalbox_tasker::ports::{Item, LedgerError, Page, Query};

use super::attributes::{Attributes, ID, INVOCATION_ID, item};
use super::conditions::live;
use super::errors;

/// How many pages of DynamoDB (of up to 1 MB) one query reads at most. A range with so many expired items in
/// front is answered with fewer items than asked for, and `more`.
const MAX_PAGES: usize = 40;

pub(super) async fn read(
    client: &Client,
    table: &str,
    now: i64,
    query: &Query,
) -> Result<Page, LedgerError> {
    let Some(range) = range(query) else {
        return Ok(Page::default());
    };
    // One more than asked for, to know whether there is one.
    let wanted = query.limit.saturating_add(1);
    let mut items: Vec<Item> = Vec::new();
    let mut start: Option<Attributes> = None;
    for _ in 0..MAX_PAGES {
        let call = client
            .query()
            .table_name(table)
            .consistent_read(true)
            .key_condition_expression(&range.expression)
            .set_expression_attribute_names(Some(range.names.clone()))
            .set_expression_attribute_values(Some(range.values.clone()))
            .scan_index_forward(!query.descending)
            // A BETWEEN counts the item at its open end too.
            .limit(i32::try_from(wanted - items.len().min(wanted) + 1).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start.take());
        let reply = call
            .send()
            .await
            .map_err(|error| errors::read(&error, table))?;
        for attributes in reply.items.unwrap_or_default() {
            let item = item(attributes).map_err(LedgerError::Refused)?;
            let excluded = query.after.as_deref() == Some(item.key.invocation_id.as_str());
            if !excluded && live(now, &item) {
                items.push(item);
            }
        }
        start = reply.last_evaluated_key.filter(|key| !key.is_empty());
        if items.len() >= wanted || start.is_none() {
            break;
        }
    }
    let more = start.is_some() || items.len() > query.limit;
    items.truncate(query.limit);
    Ok(Page { items, more })
}

/// The key condition of a query.
#[derive(Debug, PartialEq)]
struct Range {
    expression: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

/// None if nothing can be in it, which DynamoDB would refuse.
fn range(query: &Query) -> Option<Range> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let mut names = HashMap::from([("#id".to_owned(), ID.to_owned())]);
    let mut values = HashMap::from([(":id".to_owned(), text(&query.id))]);
    let sort = match (query.after.as_deref(), query.up_to.as_deref()) {
        (None, None) => None,
        // No key is an empty text: everything is greater.
        (Some(""), None) => None,
        (Some(after), Some(up_to)) if after >= up_to => return None,
        (None | Some(""), Some("")) => return None,
        (Some(after), None) => {
            values.insert(":after".to_owned(), text(after));
            Some("#sort > :after")
        }
        (None | Some(""), Some(up_to)) => {
            values.insert(":upTo".to_owned(), text(up_to));
            Some("#sort <= :upTo")
        }
        // There is one condition on the sort key, and this one has both ends closed: `after` itself is left out
        // when it comes.
        (Some(after), Some(up_to)) => {
            values.insert(":after".to_owned(), text(after));
            values.insert(":upTo".to_owned(), text(up_to));
            Some("#sort BETWEEN :after AND :upTo")
        }
    };
    let expression = match sort {
        Some(sort) => {
            names.insert("#sort".to_owned(), INVOCATION_ID.to_owned());
            format!("#id = :id AND {sort}")
        }
        None => "#id = :id".to_owned(),
    };
    Some(Range {
        expression,
        names,
        values,
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
        .map(|range| range.expression)
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
