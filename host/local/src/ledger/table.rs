//! The table of items, and the SQL on it.

use rusqlite::types::Type;
use rusqlite::{
    Connection, Error, OptionalExtension, Row, Transaction, TransactionBehavior, named_params,
    params,
};
use serde_json::{Map, Value};
use signalbox_tasker::ports::{Expect, Item, Key, Page, Query, Write};

/// An expired item counts as gone; the next write of its key replaces it.
const ALIVE: &str = "(expires_at IS NULL OR expires_at >= :now)";

/// Makes the table if it is missing. Keys are compared as bytes.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS item (
             id TEXT NOT NULL,
             invocation_id TEXT NOT NULL,
             revision INTEGER NOT NULL,
             expires_at INTEGER,
             body TEXT NOT NULL,
             PRIMARY KEY (id, invocation_id)
         ) STRICT, WITHOUT ROWID",
    )
}

pub(super) fn key_of(write: &Write) -> &Key {
    match write {
        Write::Put { item, .. } => &item.key,
        Write::Delete { key, .. } => key,
    }
}

/// Reads one item.
pub(super) fn get(connection: &Connection, now: i64, key: &Key) -> rusqlite::Result<Option<Item>> {
    let sql = format!(
        "SELECT id, invocation_id, revision, expires_at, body FROM item
         WHERE id = :id AND invocation_id = :sort AND {ALIVE}"
    );
    connection
        .prepare_cached(&sql)?
        .query_row(
            named_params! { ":id": key.id, ":sort": key.invocation_id, ":now": now },
            item,
        )
        .optional()
}

/// Reads a range.
pub(super) fn query(connection: &Connection, now: i64, query: &Query) -> rusqlite::Result<Page> {
    let order = if query.descending { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT id, invocation_id, revision, expires_at, body FROM item
         WHERE id = :id
           AND (:after IS NULL OR invocation_id > :after)
           AND (:up_to IS NULL OR invocation_id <= :up_to)
           AND {ALIVE}
         ORDER BY invocation_id {order} LIMIT :limit"
    );
    // One more than asked for says whether there is more.
    let limit = i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(
        named_params! {
            ":id": query.id,
            ":after": query.after,
            ":up_to": query.up_to,
            ":now": now,
            ":limit": limit,
        },
        item,
    )?;
    let mut items = rows.collect::<rusqlite::Result<Vec<Item>>>()?;
    let more = items.len() > query.limit;
    items.truncate(query.limit);
    Ok(Page { items, more })
}

/// Makes all writes, or none: then the places of those whose condition did not hold are returned.
pub(super) fn write(
    connection: &mut Connection,
    now: i64,
    writes: &[Write],
) -> rusqlite::Result<Vec<usize>> {
    // The lock is taken before the conditions are looked at.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut conflicts = Vec::new();
    for (at, write) in writes.iter().enumerate() {
        if !holds(&transaction, now, write)? {
            conflicts.push(at);
        }
    }
    if !conflicts.is_empty() {
        return Ok(conflicts);
    }
    for write in writes {
        apply(&transaction, write)?;
    }
    transaction.commit()?;
    Ok(conflicts)
}

fn holds(transaction: &Transaction<'_>, now: i64, write: &Write) -> rusqlite::Result<bool> {
    let expect = match write {
        Write::Put { expect, .. } | Write::Delete { expect, .. } => expect,
    };
    if *expect == Expect::Any {
        return Ok(true);
    }
    let there = get(transaction, now, key_of(write))?;
    Ok(match expect {
        Expect::Any => true,
        Expect::Absent => there.is_none(),
        Expect::Revision(revision) => there.is_some_and(|item| item.revision == *revision),
    })
}

fn apply(transaction: &Transaction<'_>, write: &Write) -> rusqlite::Result<()> {
    match write {
        Write::Put { item, .. } => {
            let body = Value::Object(item.body.clone()).to_string();
            let revision = i64::try_from(item.revision).unwrap_or(i64::MAX);
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO item (id, invocation_id, revision, expires_at, body)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    item.key.id,
                    item.key.invocation_id,
                    revision,
                    item.expires_at,
                    body
                ])?;
        }
        Write::Delete { key, .. } => {
            transaction
                .prepare_cached("DELETE FROM item WHERE id = ?1 AND invocation_id = ?2")?
                .execute(params![key.id, key.invocation_id])?;
        }
    }
    Ok(())
}

fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    let revision: i64 = row.get(2)?;
    let body: String = row.get(4)?;
    let body: Map<String, Value> = serde_json::from_str(&body)
        .map_err(|error| Error::FromSqlConversionFailure(4, Type::Text, error.into()))?;
    Ok(Item {
        key: Key::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?),
        revision: u64::try_from(revision).unwrap_or_default(),
        expires_at: row.get(3)?,
        body,
    })
}
