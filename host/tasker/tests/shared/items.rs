//! The items of a ledger, in memory: what every played ledger is made of.

use std::collections::{BTreeMap, BTreeSet};

use signalbox_tasker::ports::{Expect, Item, Key, Page, Query, Write};

/// Items by key, written together or not at all.
#[derive(Debug, Default)]
pub struct Items(BTreeMap<Key, Item>);

fn alive(item: &Item, now: i64) -> bool {
    item.expires_at.is_none_or(|at| at >= now)
}

impl Items {
    pub fn iter(&self) -> impl Iterator<Item = &Item> {
        self.0.values()
    }

    #[allow(dead_code, reason = "not every suite spoils items")]
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Item> {
        self.0.values_mut()
    }

    #[allow(dead_code, reason = "not every suite loses items")]
    pub fn remove(&mut self, id: &str) {
        self.0.retain(|key, _| key.id != id);
    }

    pub fn get(&self, now: i64, key: &Key) -> Option<&Item> {
        self.0.get(key).filter(|item| alive(item, now))
    }

    /// Makes the writes, or says which of their conditions do not hold.
    pub fn write(&mut self, now: i64, writes: &[Write]) -> Result<(), Vec<usize>> {
        assert!(!writes.is_empty() && writes.len() <= 25, "1 to 25 writes");
        let mut conflicts = Vec::new();
        let mut keys = BTreeSet::new();
        for (position, write) in writes.iter().enumerate() {
            let (key, expect) = match write {
                Write::Put { item, expect } => (&item.key, *expect),
                Write::Delete { key, expect } => (key, *expect),
            };
            assert!(keys.insert(key), "two writes of {key:?} in one transaction");
            let there = self.get(now, key);
            let holds = match expect {
                Expect::Absent => there.is_none(),
                Expect::Revision(revision) => there.is_some_and(|item| item.revision == revision),
                Expect::Any => true,
            };
            if !holds {
                conflicts.push(position);
            }
        }
        if !conflicts.is_empty() {
            return Err(conflicts);
        }
        for write in writes {
            match write {
                Write::Put { item, .. } => drop(self.0.insert(item.key.clone(), item.clone())),
                Write::Delete { key, .. } => drop(self.0.remove(key)),
            }
        }
        Ok(())
    }

    pub fn query(&self, now: i64, query: &Query) -> Page {
        let first = Key::new(query.id.clone(), query.after.clone().unwrap_or_default());
        let range = self
            .0
            .range(first..)
            .map(|(_, item)| item)
            .take_while(|item| item.key.id == query.id)
            .filter(|item| alive(item, now))
            .filter(|item| {
                let key = &item.key.invocation_id;
                query.after.as_ref().is_none_or(|after| key > after)
                    && query.up_to.as_ref().is_none_or(|up_to| key <= up_to)
            });
        let mut items: Vec<Item> = range.cloned().collect();
        if query.descending {
            items.reverse();
        }
        let more = items.len() > query.limit;
        items.truncate(query.limit);
        Page { items, more }
    }
}
