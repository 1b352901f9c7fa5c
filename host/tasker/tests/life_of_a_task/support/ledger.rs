use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use signalbox_tasker::ports::{Item, Key, Ledger, LedgerError, Page, Query, Write, WriteError};
use tokio::sync::Notify;

use crate::items::Items;

/// The largest item that DynamoDB takes.
const ITEM_BYTES: usize = 400 * 1_024;

/// A ledger in memory. The next writes can be made to fail before or after they were made.
#[derive(Default)]
pub struct MemoryLedger {
    items: Mutex<Items>,
    /// So many writes are lost before they are made.
    pub lose_writes: AtomicU32,
    /// So many writes are made and not acknowledged.
    pub lose_replies: AtomicU32,
    /// While true, nothing answers.
    pub down: AtomicBool,
    /// While true, everything is refused: there is no table, or no permission.
    pub refuses: AtomicBool,
    /// While true, every write is made twice, as by a client that repeats it, and the second one is acknowledged.
    pub writes_twice: AtomicBool,
    /// While true, no read answers.
    pub hang_reads: AtomicBool,
    reads: AtomicU32,
    /// The read of this number (counted from 1) fails in passing; 0 for none.
    fail_read: AtomicU32,
    pub writes: AtomicU32,
    /// How long each call takes.
    pub takes: Mutex<Duration>,
    /// Partitions of which nothing can be read.
    pub unreadable: Mutex<BTreeSet<String>>,
    /// Partitions to which nothing can be written.
    pub unwritable: Mutex<BTreeSet<String>>,
    /// Partitions of which no read answers.
    pub hanging: Mutex<BTreeSet<String>>,
    /// Calls by kind: GetItem, Query, and writes.
    pub calls: Mutex<Vec<(&'static str, usize)>>,
    /// From this write on (counted from 1) nothing answers; 0 for never.
    pub hang_from_write: AtomicU32,
    /// This write (counted from 1) waits to be released; 0 for none.
    stalled_write: AtomicU32,
    stalled: Notify,
    released: Notify,
}

impl MemoryLedger {
    /// Every text in the ledger: what somebody sees who reads the table.
    pub fn dump(&self) -> String {
        format!("{:?}", self.items.lock().unwrap())
    }

    /// The keys of what is there, without the notes of raised errors.
    pub fn keys(&self) -> Vec<String> {
        self.items
            .lock()
            .unwrap()
            .iter()
            .filter(|item| !item.key.id.starts_with("raised#"))
            .map(|item| format!("{} {}", item.key.id, item.key.invocation_id))
            .collect()
    }

    pub fn items(&self) -> Vec<Item> {
        self.items.lock().unwrap().iter().cloned().collect()
    }

    /// Makes an item one that this version cannot read.
    pub fn spoil(&self, id: &str) {
        for item in self
            .items
            .lock()
            .unwrap()
            .iter_mut()
            .filter(|item| item.key.id == id)
        {
            item.body
                .insert("phase".to_owned(), "of a later version".into());
        }
    }

    /// Gives an attribute of an item another value, and says which it had.
    pub fn set(&self, id: &str, name: &str, value: serde_json::Value) -> serde_json::Value {
        let mut items = self.items.lock().unwrap();
        let mut found = items.iter_mut().filter(|item| item.key.id == id);
        let before = found.next().unwrap().body.insert(name.to_owned(), value);
        before.unwrap_or_default()
    }

    /// Removes what is in a partition, and nothing else.
    pub fn remove(&self, id: &str) {
        self.items.lock().unwrap().remove(id);
    }

    /// Has the write of this number (counted from 1) wait.
    pub fn stall_write(&self, number: u32) {
        self.stalled_write.store(number, Ordering::Relaxed);
    }

    pub async fn until_stalled(&self) {
        self.stalled.notified().await;
    }

    pub fn release(&self) {
        self.released.notify_one();
    }

    /// One call: its time, and what becomes of the partition that it reads.
    async fn call(
        &self,
        name: &'static str,
        items: usize,
        id: Option<&str>,
    ) -> Result<(), LedgerError> {
        self.check()?;
        self.calls.lock().unwrap().push((name, items));
        let takes = *self.takes.lock().unwrap();
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        if id.is_some_and(|id| self.hanging.lock().unwrap().contains(id)) {
            std::future::pending::<()>().await;
        }
        match id.is_some_and(|id| self.unreadable.lock().unwrap().contains(id)) {
            true => Err(LedgerError::Unavailable("throttled".to_owned())),
            false => Ok(()),
        }
    }

    fn check(&self) -> Result<(), LedgerError> {
        if self.down.load(Ordering::Relaxed) {
            return Err(LedgerError::Unavailable("down".to_owned()));
        }
        if self.refuses.load(Ordering::Relaxed) {
            return Err(LedgerError::Refused("there is no such table".to_owned()));
        }
        Ok(())
    }

    fn check_read(&self) -> Result<(), LedgerError> {
        let number = self.reads.fetch_add(1, Ordering::Relaxed) + 1;
        if number == self.fail_read.load(Ordering::Relaxed) {
            return Err(LedgerError::Unavailable("throttled".to_owned()));
        }
        self.check()
    }

    /// Has the read fail that comes after so many others from now on.
    pub fn fail_read_after(&self, others: u32) {
        let number = self.reads.load(Ordering::Relaxed) + others + 1;
        self.fail_read.store(number, Ordering::Relaxed);
    }

    fn take(counter: &AtomicU32) -> bool {
        counter
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }
}

/// As DynamoDB has it, near enough: names and texts count by their bytes.
fn check_size(item: &Item) -> Result<(), WriteError> {
    let body = serde_json::Value::Object(item.body.clone());
    let size = item.key.id.len() + item.key.invocation_id.len() + size_of(&body);
    if size > ITEM_BYTES {
        return Err(WriteError::TooLarge(format!("{size} bytes")));
    }
    Ok(())
}

fn size_of(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Number(_) => 21,
        Value::String(text) => text.len(),
        Value::Array(items) => 3 + items.iter().map(|item| 1 + size_of(item)).sum::<usize>(),
        Value::Object(fields) => {
            let sizes = fields
                .iter()
                .map(|(name, value)| 1 + name.len() + size_of(value));
            3 + sizes.sum::<usize>()
        }
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn get(&self, now: i64, key: &Key) -> Result<Option<Item>, LedgerError> {
        self.call("GetItem", 1, Some(&key.id)).await?;
        self.check_read()?;
        if self.hang_reads.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        Ok(self.items.lock().unwrap().get(now, key).cloned())
    }

    async fn write(&self, now: i64, writes: Vec<Write>) -> Result<(), WriteError> {
        self.call("Write", writes.len(), None).await?;
        let number = self.writes.fetch_add(1, Ordering::Relaxed) + 1;
        let hangs = self.hang_from_write.load(Ordering::Relaxed);
        if hangs > 0 && number >= hangs {
            std::future::pending::<()>().await;
        }
        if number == self.stalled_write.load(Ordering::Relaxed) {
            self.stalled.notify_one();
            self.released.notified().await;
        }
        let is_unwritable = |write: &Write| {
            let (Write::Put {
                item: Item { key, .. },
                ..
            }
            | Write::Delete { key, .. }) = write;
            self.unwritable.lock().unwrap().contains(&key.id)
        };
        if Self::take(&self.lose_writes) || writes.iter().any(is_unwritable) {
            return Err(LedgerError::Unavailable("lost".to_owned()).into());
        }
        for write in &writes {
            if let Write::Put { item, .. } = write {
                check_size(item)?;
            }
        }
        let mut written = self.items.lock().unwrap().write(now, &writes);
        if self.writes_twice.load(Ordering::Relaxed) {
            written = self.items.lock().unwrap().write(now, &writes);
        }
        written.map_err(WriteError::Conflict)?;
        if Self::take(&self.lose_replies) {
            return Err(LedgerError::Unavailable("no reply".to_owned()).into());
        }
        Ok(())
    }

    async fn query(&self, now: i64, query: &Query) -> Result<Page, LedgerError> {
        self.call("Query", 1, Some(&query.id)).await?;
        self.check_read()?;
        Ok(self.items.lock().unwrap().query(now, query))
    }
}
