//! What DynamoDB would charge for the calls to a ledger: its published rules of sizes and capacity units.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::Value;
use signalbox_tasker::ports::{Item, Key, Ledger, LedgerError, Page, Query, Write, WriteError};

use super::MemoryLedger;

/// A write takes one unit for each KB that is begun.
const WRITE_UNIT: usize = 1_024;
/// A strongly consistent read takes one for each 4 KB that are begun.
const READ_UNIT: usize = 4 * 1_024;

/// A call that was charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charge {
    Read { units: usize },
    Write { what: String, units: usize },
}

/// A ledger in memory, metered.
pub struct Metered {
    pub ledger: Arc<MemoryLedger>,
    charges: Mutex<Vec<Charge>>,
}

impl Metered {
    pub fn new(ledger: Arc<MemoryLedger>) -> Self {
        Self {
            ledger,
            charges: Mutex::default(),
        }
    }

    /// What was charged since it was asked last.
    pub fn take(&self) -> Vec<Charge> {
        std::mem::take(&mut *self.charges.lock().unwrap())
    }

    fn charge(&self, charge: Charge) {
        self.charges.lock().unwrap().push(charge);
    }

    fn size_at(&self, key: &Key) -> usize {
        let items = self.ledger.items();
        items.iter().find(|item| item.key == *key).map_or(0, size)
    }
}

/// The bytes of an item: of its attributes' names and values.
fn size(item: &Item) -> usize {
    let key = "id".len() + item.key.id.len() + "invocationId".len() + item.key.invocation_id.len();
    let revision = "revision".len() + number(&item.revision.to_string());
    let ttl = item.expires_at;
    let ttl = ttl.map_or(0, |at| "TTL".len() + number(&at.to_string()));
    let body = item.body.iter();
    let body = body.map(|(name, value)| name.len() + size_of(value));
    key + revision + ttl + body.sum::<usize>()
}

fn size_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Number(digits) => number(&digits.to_string()),
        Value::String(text) => text.len(),
        Value::Array(items) => 3 + items.iter().map(|item| 1 + size_of(item)).sum::<usize>(),
        Value::Object(fields) => {
            let sizes = fields.iter();
            let sizes = sizes.map(|(name, value)| 1 + name.len() + size_of(value));
            3 + sizes.sum::<usize>()
        }
    }
}

/// A byte for two digits, and one more.
fn number(text: &str) -> usize {
    text.len().div_ceil(2) + 1
}

/// What a write is of.
fn name(write: &Write) -> String {
    let (key, body) = match write {
        Write::Put { item, .. } => (&item.key, Some(&item.body)),
        Write::Delete { key, .. } => (key, None),
    };
    let kind = match key.id.split('#').next() {
        Some("task") => "record",
        Some("statement") => "by statement",
        Some("due") => "due",
        _ => "by execution",
    };
    match body {
        None => format!("{kind}, removed"),
        Some(body) => match body.get("phase").and_then(Value::as_str) {
            Some(phase) => format!("{kind} `{phase}`"),
            None if body.contains_key("leasedUntil") => format!("{kind}, taken by a sweep"),
            None => kind.to_owned(),
        },
    }
}

#[async_trait]
impl Ledger for Metered {
    async fn get(&self, now: i64, key: &Key) -> Result<Option<Item>, LedgerError> {
        let units = self.size_at(key).max(1).div_ceil(READ_UNIT);
        self.charge(Charge::Read { units });
        self.ledger.get(now, key).await
    }

    /// A write takes what the larger one of the old and the new item takes; in a transaction twice as much.
    async fn write(&self, now: i64, writes: Vec<Write>) -> Result<(), WriteError> {
        let factor = if writes.len() > 1 { 2 } else { 1 };
        let units = writes.iter().map(|write| {
            let (key, new) = match write {
                Write::Put { item, .. } => (&item.key, size(item)),
                Write::Delete { key, .. } => (key, 0),
            };
            factor * self.size_at(key).max(new).max(1).div_ceil(WRITE_UNIT)
        });
        let units = units.sum();
        let mut what = writes.iter().map(name).collect::<Vec<_>>().join(" and ");
        if factor > 1 {
            what.push_str(", in one transaction");
        }
        self.charge(Charge::Write { what, units });
        self.ledger.write(now, writes).await
    }

    async fn query(&self, now: i64, query: &Query) -> Result<Page, LedgerError> {
        self.ledger.query(now, query).await
    }
}
