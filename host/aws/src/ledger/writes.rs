//! Writing: one item by itself, several in one transaction.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use signalbox_tasker::ports::{LedgerError, Write, WriteError};

use super::attributes::{Attributes, attributes, key};
use super::backoff;
use super::conditions::{Condition, condition};
use super::errors::{self, NotWritten};

/// A write in DynamoDB's terms.
enum Ready {
    Put(Attributes),
    Delete(Attributes),
}

pub(super) async fn all_or_none(
    client: &Client,
    table: &str,
    now: i64,
    writes: Vec<Write>,
) -> Result<(), WriteError> {
    for number in 1.. {
        match attempt(client, table, now, &writes).await {
            Ok(()) => return Ok(()),
            Err(NotWritten::Said(error)) => return Err(error),
            Err(NotWritten::Contended(message)) if number >= backoff::TRIES => {
                return Err(errors::still_contended(&message, number));
            }
            Err(NotWritten::Contended(_)) => backoff::pause(number).await,
        }
    }
    Ok(())
}

async fn attempt(
    client: &Client,
    table: &str,
    now: i64,
    writes: &[Write],
) -> Result<(), NotWritten> {
    let mut ready = writes
        .iter()
        .map(|write| prepare(now, write))
        .collect::<Result<Vec<_>, _>>()?;
    match (ready.pop(), ready.is_empty()) {
        (None, _) => Ok(()),
        (Some((one, condition)), true) => single(client, table, one, condition).await,
        (Some(last), false) => {
            ready.push(last);
            together(client, table, ready).await
        }
    }
}

fn prepare(now: i64, write: &Write) -> Result<(Ready, Condition), LedgerError> {
    Ok(match write {
        Write::Put { item, expect } => {
            let attributes = attributes(item.clone()).map_err(LedgerError::Refused)?;
            (Ready::Put(attributes), condition(now, *expect))
        }
        Write::Delete { key: of, expect } => (Ready::Delete(key(of)), condition(now, *expect)),
    })
}

async fn single(
    client: &Client,
    table: &str,
    write: Ready,
    condition: Condition,
) -> Result<(), NotWritten> {
    let Condition {
        expression,
        names,
        values,
    } = condition;
    match write {
        Ready::Put(item) => {
            let call = client
                .put_item()
                .table_name(table)
                .set_item(Some(item))
                .set_condition_expression(expression);
            let call = call
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values);
            call.send()
                .await
                .map(drop)
                .map_err(|error| errors::write(&error, table))
        }
        Ready::Delete(key) => {
            let call = client
                .delete_item()
                .table_name(table)
                .set_key(Some(key))
                .set_condition_expression(expression);
            let call = call
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values);
            call.send()
                .await
                .map(drop)
                .map_err(|error| errors::write(&error, table))
        }
    }
}

/// The SDK gives each transaction a token, so that its own repeats count once.
async fn together(
    client: &Client,
    table: &str,
    writes: Vec<(Ready, Condition)>,
) -> Result<(), NotWritten> {
    let items = writes
        .into_iter()
        .map(|(write, condition)| part(table, write, condition))
        .collect::<Result<_, _>>()?;
    let sent = client
        .transact_write_items()
        .set_transact_items(Some(items))
        .send()
        .await;
    sent.map(drop)
        .map_err(|error| errors::transaction(&error, table))
}

fn part(table: &str, write: Ready, condition: Condition) -> Result<TransactWriteItem, LedgerError> {
    let Condition {
        expression,
        names,
        values,
    } = condition;
    let part = TransactWriteItem::builder();
    let part = match write {
        Ready::Put(item) => {
            let put = Put::builder()
                .table_name(table)
                .set_item(Some(item))
                .set_condition_expression(expression);
            let put = put
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values);
            put.build().map(|put| part.put(put))
        }
        Ready::Delete(key) => {
            let delete = Delete::builder()
                .table_name(table)
                .set_key(Some(key))
                .set_condition_expression(expression);
            let delete = delete
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values);
            delete.build().map(|delete| part.delete(delete))
        }
    };
    part.map(|part| part.build())
        .map_err(|error| LedgerError::Refused(error.to_string()))
}
