//! Writing: one item by itself, several in one transaction.

use serde::Serialize;
use serde::de::IgnoredAny;
use signalbox_tasker::ports::{LedgerError, Write, WriteError};

use super::attributes::{ItemAttributes, KeyAttributes};
use super::backoff;
use super::conditions::{Condition, condition};
use super::errors::{self, NotWritten};
use super::table::Table;

/// A write as DynamoDB has it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    table_name: &'a str,
    #[serde(flatten)]
    what: What<'a>,
    #[serde(flatten)]
    condition: Condition,
}

#[derive(Serialize)]
enum What<'a> {
    Item(ItemAttributes<'a>),
    Key(KeyAttributes<'a>),
}

/// A write in a transaction.
#[derive(Serialize)]
enum Part<'a> {
    Put(Request<'a>),
    Delete(Request<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Transaction<'a> {
    transact_items: Vec<Part<'a>>,
    /// By it a repeat of a try that was lost counts once.
    client_request_token: String,
}

pub(super) async fn all_or_none(
    table: &Table,
    now: i64,
    writes: &[Write],
) -> Result<(), WriteError> {
    for number in 1.. {
        match attempt(table, now, writes).await {
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

async fn attempt(table: &Table, now: i64, writes: &[Write]) -> Result<(), NotWritten> {
    let mut parts = writes
        .iter()
        .map(|write| part(&table.name, now, write))
        .collect::<Result<Vec<_>, _>>()?;
    if parts.len() > 1 {
        let transaction = Transaction {
            transact_items: parts,
            client_request_token: uuid::Uuid::new_v4().to_string(),
        };
        let sent = table.service.call("TransactWriteItems", &transaction).await;
        return sent
            .map(|IgnoredAny| ())
            .map_err(|fault| errors::transaction(fault, &table.name));
    }
    let sent = match parts.pop() {
        None => return Ok(()),
        Some(Part::Put(put)) => table.service.call("PutItem", &put).await,
        Some(Part::Delete(delete)) => table.service.call("DeleteItem", &delete).await,
    };
    sent.map(|IgnoredAny| ())
        .map_err(|fault| errors::write(fault, &table.name))
}

fn part<'a>(table_name: &'a str, now: i64, write: &'a Write) -> Result<Part<'a>, LedgerError> {
    let request = |what, expect| Request {
        table_name,
        what,
        condition: condition(now, expect),
    };
    Ok(match write {
        Write::Put { item, expect } => {
            let item = ItemAttributes::of(item).map_err(LedgerError::Refused)?;
            Part::Put(request(What::Item(item), *expect))
        }
        Write::Delete { key, expect } => {
            Part::Delete(request(What::Key(KeyAttributes(key)), *expect))
        }
    })
}
