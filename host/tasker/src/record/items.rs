//! How a record lies in the ledger: the record itself, and the items by which it is found.
//!
//! | item | `id` | `invocationId` | holds |
//! |---|---|---|---|
//! | record | `task#<record id>` | `record` | the record |
//! | by statement | `statement#<statement id>` | `record` | the record's id |
//! | by execution | the execution's ARN | `<seconds>.<microseconds>#<record id>` | the record's id |
//! | by step | `<ARN>#step#<step>` | the same | the record's id |
//! | lock | `lock#<scope>` | `lock` | the owner's record id |
//! | session | `session#<id>` | `session` | its policy and target, and the record id of its last statement |
//! | key | `key#<scope>` | `key` | the record id of the newest statement; the `revision` is its generation |
//! | attempt | `task#<record id>` | `record` | of a later attempt: the id of the record that it waits for |
//! | due | `due#<deployment>#<shard>` | `<due, ms>#<record id>` | the record's id; until when a sweep has it |
//! | urgent | `due#<deployment>#urgent-<shard>` | the same | the same |
//!
//! The other items follow from the record, so what has to be written is computed from the record before and after. What
//! has to be true with the record goes in one transaction with it: where it is due, its lock, key and session. An item by
//! which it is found is written before it, and counts only if the record agrees. What it does not need any more is removed
//! after it. An index item that is left over expires, and a due item that is left over is dropped by the sweep.

use serde_json::{Map, Value};

use super::{Phase, Record, SCHEMA, session::session_item};
use crate::{
    ids::RecordId,
    ports::{Expect, Item, Key, Query, Write},
};

/// The sort key of a record and of an index item that leads to exactly one.
const RECORD: &str = "record";
/// The attribute that holds a record's id.
pub(super) const RECORD_ID: &str = "recordId";
/// The attribute of a due item that names the target of the record's statement.
pub(super) const TARGET: &str = "target";
/// The attribute of an attempt that holds the id of the record that it waits for.
const ATTEMPT_OF: &str = "attemptOf";
/// Lists of due records per deployment, so that no partition takes all writes.
pub(super) const DUE_SHARDS: u8 = 8;
/// Lists of what is urgent among them.
const URGENT_SHARDS: u8 = 2;

/// Hexadecimal digits of an owner's id in the revision of its lock.
const LOCK_DIGITS: usize = 5;

pub(super) fn record_key(id: &RecordId) -> Key {
    Key::new(format!("task#{id}"), RECORD)
}

pub(super) fn statement_key(statement_id: &str) -> Key {
    Key::new(format!("statement#{statement_id}"), RECORD)
}

pub(super) fn lock_key(scope: &str) -> Key {
    Key::new(format!("lock#{scope}"), "lock")
}

pub(super) fn work_key(scope: &str) -> Key {
    Key::new(format!("key#{scope}"), "key")
}

/// The item that leads from a work's name to its record.
pub(super) fn work_item(record: &Record, expires_at: Option<i64>) -> Option<Item> {
    let work = record.work.as_ref()?;
    Some(Item {
        revision: work.generation,
        ..index_item(work_key(&work.scope), record, expires_at)
    })
}

/// The item in the place of a record of its own, for an attempt that waits for another one's statement.
pub(super) fn attempt_item(attempt: &RecordId, of: &Record, expires_at: i64) -> Item {
    let body = [
        ("schema".to_owned(), Value::from(of.schema)),
        (ATTEMPT_OF.to_owned(), Value::from(of.record_id.as_str())),
    ];
    Item {
        key: record_key(attempt),
        revision: 1,
        expires_at: Some(expires_at),
        body: Map::from_iter(body),
    }
}

/// The record that an attempt waits for, if the item is one of an attempt.
pub(super) fn attempt_of(item: &Item) -> Option<RecordId> {
    RecordId::parse(item.body.get(ATTEMPT_OF)?.as_str()?)
}

/// The record that an item leads to; none for an item of the original.
pub(super) fn leads_to(item: &Item) -> Option<RecordId> {
    item.body
        .get(RECORD_ID)
        .and_then(Value::as_str)
        .and_then(RecordId::parse)
}

/// The statements of an execution, the last one first.
#[must_use]
pub fn latest_query(execution_arn: &str, step: Option<&str>, limit: usize) -> Query {
    Query {
        id: execution_partition(execution_arn, step),
        after: None,
        up_to: None,
        descending: true,
        limit,
    }
}

/// The statements of an execution that were recorded before a time (milliseconds), the last one first; those up to a sort
/// key, to go on.
pub(super) fn execution_query(
    execution_arn: &str,
    before: i64,
    up_to: Option<String>,
    limit: usize,
) -> Query {
    Query {
        // A record's key goes on after the time, and so sorts after the time alone.
        up_to: up_to.or_else(|| Some(execution_time(before))),
        ..latest_query(execution_arn, None, limit)
    }
}

/// The records of a list that are due by `up_to` (milliseconds), the most overdue first.
pub(super) fn due_query(
    deployment: &str,
    list: ListName,
    after: Option<String>,
    up_to: i64,
    limit: usize,
) -> Query {
    Query {
        id: due_partition(deployment, list),
        after,
        // `$` sorts after the `#` that follows the time.
        up_to: Some(format!("{up_to:015}$")),
        descending: false,
        limit,
    }
}

/// All records of a shard that are open, in the order in which they are due; from after a sort key on.
pub(super) fn open_query(
    deployment: &str,
    list: ListName,
    after: Option<String>,
    limit: usize,
) -> Query {
    Query {
        id: due_partition(deployment, list),
        after,
        up_to: None,
        descending: false,
        limit,
    }
}

fn execution_partition(execution_arn: &str, step: Option<&str>) -> String {
    match step {
        Some(step) => format!("{execution_arn}#step#{step}"),
        None => execution_arn.to_owned(),
    }
}

/// One of the lists of what is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListName {
    /// Whether it is of what does not wait: deadlines, heartbeats, stops.
    pub(super) urgent: bool,
    pub(super) shard: u8,
}

/// All lists, the urgent ones first.
pub(super) fn due_lists() -> impl Iterator<Item = ListName> {
    let of = |urgent, shards| (0..shards).map(move |shard| ListName { urgent, shard });
    of(true, URGENT_SHARDS).chain(of(false, DUE_SHARDS))
}

fn due_partition(deployment: &str, list: ListName) -> String {
    let ListName { urgent, shard } = list;
    match urgent {
        true => format!("due#{deployment}#urgent-{shard}"),
        false => format!("due#{deployment}#{shard}"),
    }
}

/// The time first, in the form of the original's keys, so that its rows and ours sort together.
fn execution_sort_key(asked_at: i64, record: &Record) -> String {
    format!("{}#{}", execution_time(asked_at), record.record_id)
}

fn execution_time(milliseconds: i64) -> String {
    let (seconds, millis) = (
        milliseconds.div_euclid(1_000),
        milliseconds.rem_euclid(1_000),
    );
    format!("{seconds:010}.{millis:03}000")
}

pub(super) fn due_key(record: &Record) -> Option<Key> {
    let due_at = record.due_at?;
    let last = record.record_id.as_str().bytes().next_back();
    let urgent = record.is_urgent_at(due_at);
    let shards = if urgent { URGENT_SHARDS } else { DUE_SHARDS };
    let list = ListName {
        urgent,
        shard: last.unwrap_or_default() % shards,
    };
    Some(Key::new(
        due_partition(&record.deployment, list),
        format!("{due_at:015}#{}", record.record_id),
    ))
}

/// Has a record that is due at the same time as before in another list be due a moment later: no key of a due item is used
/// twice, since the removal of the first item may arrive when the second one is there.
pub(super) fn with_own_due(before: &Record, mut after: Record) -> Record {
    if before.due_at == after.due_at && due_key(before) != due_key(&after) {
        after.due_at = after.due_at.map(|at| at.saturating_add(1));
    }
    after
}

/// What is due, with the target that is asked about it.
fn due_item(key: Key, record: &Record, expires_at: Option<i64>) -> Item {
    let mut item = index_item(key, record, expires_at);
    if let Some(statement) = &record.statement {
        let target = Value::from(statement.target.as_str());
        item.body.insert(TARGET.to_owned(), target);
    }
    item
}

fn index_item(key: Key, record: &Record, expires_at: Option<i64>) -> Item {
    let body = Map::from_iter([(RECORD_ID.to_owned(), Value::from(record.record_id.as_str()))]);
    Item {
        key,
        revision: 1,
        expires_at,
        body,
    }
}

/// The keys by which a record is found for `LATEST` and by statement id.
fn index_keys(record: &Record) -> Vec<Key> {
    let mut keys = Vec::new();
    let Some(statement) = &record.statement else {
        return keys;
    };
    // A statement that never ran is not anybody's latest one.
    if record.never_ran() {
        return keys;
    }
    for (arn, asked_at) in record.executions() {
        let sort = execution_sort_key(asked_at, record);
        keys.push(Key::new(execution_partition(arn, None), sort.clone()));
        if let Some(step) = &statement.step {
            keys.push(Key::new(execution_partition(arn, Some(step)), sort));
        }
    }
    if let Some(id) = record.statement_id() {
        keys.push(statement_key(id));
    }
    keys
}

/// The item of a record.
pub(super) fn encode(
    record: &Record,
    revision: u64,
    expires_at: Option<i64>,
    writer: &str,
) -> Result<Item, String> {
    let Value::Object(mut body) =
        serde_json::to_value(record).map_err(|error| error.to_string())?
    else {
        return Err("a record is a map".to_owned());
    };
    if let Some(Value::Object(mut ran)) = body.remove(RAN)
        && let Some(Value::Object(statement)) = body.get_mut(STATEMENT)
    {
        statement.append(&mut ran);
    }
    body.insert(WRITER.to_owned(), Value::from(writer));
    Ok(Item {
        key: record_key(&record.record_id),
        revision,
        expires_at,
        body,
    })
}

/// The attribute that tells a writer its own write again.
pub(super) const WRITER: &str = "writer";

/// The record in an item.
pub(super) fn decode(item: &Item) -> Result<Record, String> {
    let mut body = item.body.clone();
    body.remove(WRITER);
    match body.get("schema").and_then(Value::as_u64) {
        Some(schema) if schema == u64::from(SCHEMA) => {}
        Some(schema) => {
            return Err(format!(
                "it is of schema {schema}, and this version reads {SCHEMA}; run the version that wrote it, or a newer one"
            ));
        }
        None => return Err("it has no `schema`; this program did not write it".to_owned()),
    }
    if let Some(Value::Object(statement)) = body.get_mut(STATEMENT) {
        let ran = RAN_MEMBERS.map(|name| statement.remove_entry(name));
        if let [Some(_), _] = &ran {
            let ran = ran.into_iter().flatten().collect();
            body.insert(RAN.to_owned(), Value::Object(ran));
        }
    }
    let record: Record =
        serde_json::from_value(Value::Object(body)).map_err(|error| error.to_string())?;
    match record.phase() {
        phase if phase < Phase::Decided && record.statement.is_none() => {
            Err("it contradicts itself: it has neither a `statement` nor an `answer`".to_owned())
        }
        _ => Ok(record),
    }
}

/// The members of an item that are of a record's statement, and where those of what ran lie among them.
const STATEMENT: &str = "statement";
const RAN: &str = "ran";
const RAN_MEMBERS: [&str; 2] = ["id", "status"];

/// The lock item of a record that holds one.
pub(super) fn lock_item(record: &Record) -> Option<Item> {
    let scope = record.statement.as_ref()?.lock.as_deref()?;
    // The time and a part of the id as the revision: a lock that was freed and taken again, be it in the same millisecond,
    // must not look like the one that was seen before.
    let time = u64::try_from(record.recorded_at).unwrap_or(1);
    let id = record.record_id.as_str();
    let tail = id.get(id.len().saturating_sub(LOCK_DIGITS)..);
    let tail = tail.and_then(|tail| u64::from_str_radix(tail, 16).ok());
    let revision = (time << (4 * LOCK_DIGITS)) | tail.unwrap_or_default();
    Some(Item {
        revision,
        ..index_item(lock_key(scope), record, None)
    })
}

/// The writes that go with one of a record, from what was to what is.
#[derive(Debug, Default)]
pub(super) struct Writes {
    /// Items by which the record is found, written by themselves: before the record, or with its first write.
    pub(super) index: Vec<Write>,
    /// In one transaction with the record.
    pub(super) with: Vec<Write>,
    /// What is not needed any more, removed after the record was written.
    pub(super) after: Vec<Write>,
}

/// What is to be written beside a record and its lock. `expires_at` is when the record goes, if it is closed.
pub(super) fn writes(before: Option<&Record>, after: &Record, expires_at: Option<i64>) -> Writes {
    let mut writes = Writes::default();
    let any = |item: Item| Write::Put {
        item,
        expect: Expect::Any,
    };
    let remove = |key: Key| Write::Delete {
        key,
        expect: Expect::Any,
    };
    let old = before.map(index_keys).unwrap_or_default();
    let new = index_keys(after);
    let stays = before.is_some_and(|before| before.indexed_until == after.indexed_until);
    let missing = new.iter().filter(|key| !(stays && old.contains(key)));
    let indexed = missing.map(|key| index_item(key.clone(), after, after.indexed_until));
    writes.index.extend(indexed.map(any));
    let gone = old.into_iter().filter(|key| !new.contains(key));
    writes.after.extend(gone.map(remove));
    // Where one is used again, it is taken with the reservation.
    if before.is_some_and(|before| before.session_id() != after.session_id()) {
        writes.with.extend(session_item(after, 1).map(any));
    }
    let has_ended_before = before.is_some_and(|before| before.phase() == Phase::Closed);
    if after.phase() == Phase::Closed && !has_ended_before {
        // An open record is its work's newest one: another is written only when this one is closed.
        writes.with.extend(work_item(after, expires_at).map(any));
    }
    let (old_due, new_due) = (before.and_then(due_key), due_key(after));
    if old_due != new_due {
        writes.after.extend(old_due.map(remove));
        let due = new_due.map(|key| due_item(key, after, expires_at));
        writes.with.extend(due.map(any));
    }
    writes
}

/// Whether a record is found by an item of this key. Another one is left over.
pub(super) fn is_found_by(record: &Record, key: &Key) -> bool {
    index_keys(record).contains(key)
}

/// The removal of all items by which a record is found. Of work with a name it stays known how often it was started: the
/// next record is another one, with another token.
pub(super) fn index_removals(record: &Record, expires_at: i64) -> Vec<Write> {
    let work = work_item(record, Some(expires_at)).map(|item| Write::Put {
        item,
        expect: Expect::Any,
    });
    let keys = index_keys(record).into_iter().chain(due_key(record));
    keys.map(|key| Write::Delete {
        key,
        expect: Expect::Any,
    })
    .chain(work)
    .collect()
}
