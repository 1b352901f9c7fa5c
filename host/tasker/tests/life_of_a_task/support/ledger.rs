use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use signalbox_tasker::ports::{
    Expect, Item, Key, Ledger, LedgerError, Page, Query, Write, WriteError,
};
use tokio::sync::Notify;

/// A ledger in memory. The next writes can be made to fail before or after they were made.
#[derive(Default)]
pub struct MemoryLedger {
    items: Mutex<BTreeMap<Key, Item>>,
    /// So many writes are lost before they are made.
    pub lose_writes: AtomicU32,
    /// So many writes are made and not acknowledged.
    pub lose_replies: AtomicU32,
    /// While true, nothing answers.
    pub down: std::sync::atomic::AtomicBool,
    pub writes: AtomicU32,
    /// From this write on (counted from 1) nothing answers; 0 for never.
    pub hang_from_write: AtomicU32,
    /// This write (counted from 1) waits to be released; 0 for none.
    stalled_write: AtomicU32,
    stalled: Notify,
    released: Notify,
}

fn alive(item: &Item, now: i64) -> bool {
    item.expires_at.is_none_or(|at| at >= now)
}

impl MemoryLedger {
    /// Every text in the ledger: what somebody sees who reads the table.
    pub fn dump(&self) -> String {
        format!("{:?}", self.items.lock().unwrap())
    }

    pub fn keys(&self) -> Vec<String> {
        self.items
            .lock()
            .unwrap()
            .keys()
            .map(|key| format!("{} {}", key.id, key.invocation_id))
            .collect()
    }

    pub fn items(&self) -> Vec<Item> {
        self.items.lock().unwrap().values().cloned().collect()
    }

    /// Makes an item one that this version cannot read.
    pub fn spoil(&self, id: &str) {
        for item in self
            .items
            .lock()
            .unwrap()
            .values_mut()
            .filter(|item| item.key.id == id)
        {
            item.body
                .insert("phase".to_owned(), "of a later version".into());
        }
    }

    /// Gives an attribute of an item another value, and says which it had.
    pub fn set(&self, id: &str, name: &str, value: serde_json::Value) -> serde_json::Value {
        let mut items = self.items.lock().unwrap();
        let mut found = items.values_mut().filter(|item| item.key.id == id);
        let before = found.next().unwrap().body.insert(name.to_owned(), value);
        before.unwrap_or_default()
    }

    /// Removes what is in a partition, and nothing else.
    pub fn remove(&self, id: &str) {
        self.items.lock().unwrap().retain(|key, _| key.id != id);
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

    fn check(&self) -> Result<(), LedgerError> {
        if self.down.load(Ordering::Relaxed) {
            return Err(LedgerError::Unavailable("down".to_owned()));
        }
        Ok(())
    }

    fn take(counter: &AtomicU32) -> bool {
        counter
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn get(&self, now: i64, key: &Key) -> Result<Option<Item>, LedgerError> {
        self.check()?;
        Ok(self
            .items
            .lock()
            .unwrap()
            .get(key)
            .filter(|item| alive(item, now))
            .cloned())
    }

    async fn write(&self, now: i64, writes: Vec<Write>) -> Result<(), WriteError> {
        self.check()?;
        let number = self.writes.fetch_add(1, Ordering::Relaxed) + 1;
        let hangs = self.hang_from_write.load(Ordering::Relaxed);
        if hangs > 0 && number >= hangs {
            std::future::pending::<()>().await;
        }
        if number == self.stalled_write.load(Ordering::Relaxed) {
            self.stalled.notify_one();
            self.released.notified().await;
        }
        assert!(!writes.is_empty() && writes.len() <= 25, "1 to 25 writes");
        if Self::take(&self.lose_writes) {
            return Err(LedgerError::Unavailable("lost".to_owned()).into());
        }
        {
            let mut items = self.items.lock().unwrap();
            let mut conflicts = Vec::new();
            let mut keys = std::collections::BTreeSet::new();
            for (position, write) in writes.iter().enumerate() {
                let (key, expect) = match write {
                    Write::Put { item, expect } => (&item.key, *expect),
                    Write::Delete { key, expect } => (key, *expect),
                };
                assert!(
                    keys.insert(key.clone()),
                    "two writes of {key:?} in one transaction"
                );
                let there = items.get(key).filter(|item| alive(item, now));
                let holds = match expect {
                    Expect::Absent => there.is_none(),
                    Expect::Revision(revision) => {
                        there.is_some_and(|item| item.revision == revision)
                    }
                    Expect::Any => true,
                };
                if !holds {
                    conflicts.push(position);
                }
            }
            if !conflicts.is_empty() {
                return Err(WriteError::Conflict(conflicts));
            }
            for write in writes {
                match write {
                    Write::Put { item, .. } => drop(items.insert(item.key.clone(), item)),
                    Write::Delete { key, .. } => drop(items.remove(&key)),
                }
            }
        }
        if Self::take(&self.lose_replies) {
            return Err(LedgerError::Unavailable("no reply".to_owned()).into());
        }
        Ok(())
    }

    async fn query(&self, now: i64, query: &Query) -> Result<Page, LedgerError> {
        self.check()?;
        let items = self.items.lock().unwrap();
        let mut found: Vec<Item> = items
            .values()
            .filter(|item| item.key.id == query.id && alive(item, now))
            .filter(|item| {
                query
                    .after
                    .as_ref()
                    .is_none_or(|after| item.key.invocation_id > *after)
            })
            .filter(|item| {
                query
                    .up_to
                    .as_ref()
                    .is_none_or(|up_to| item.key.invocation_id <= *up_to)
            })
            .cloned()
            .collect();
        if query.descending {
            found.reverse();
        }
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        Ok(Page { items: found, more })
    }
}
