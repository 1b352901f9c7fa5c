//! Locks in the ledger: who holds one, how it is taken, and what becomes of it when its owner's record moves on.

use super::{Reserve, Store, Stored};
use crate::{
    ports::{Expect, Item, Key, LedgerError, Write, WriteError},
    record::{Phase, Record, items},
};

/// A lock as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockRevision(u64);

/// The write by which a new record takes its lock, if it has one: one that is free, or the one that was seen.
pub(super) fn take(record: &Record, take_over: Option<LockRevision>) -> Option<Write> {
    let mut item = items::lock_item(record)?;
    let expect = match take_over {
        Some(LockRevision(revision)) => {
            item.revision = item.revision.max(revision + 1);
            Expect::Revision(revision)
        }
        None => Expect::Absent,
    };
    Some(Write::Put { item, expect })
}

impl Store {
    /// Who holds a lock.
    pub(super) async fn locked(&self, key: &Key) -> Result<Reserve, WriteError> {
        let Some(item) = self.get(key).await? else {
            return Ok(Reserve::Locked {
                owner: None,
                lock: None,
            });
        };
        let owner = match items::leads_to(&item) {
            Some(id) => self.find(&id).await?,
            None => None,
        };
        Ok(Reserve::Locked {
            owner,
            lock: Some(LockRevision(item.revision)),
        })
    }

    /// What becomes of a record's lock with its next step.
    pub(super) async fn lock_after(
        &self,
        current: &Stored,
        next: &Record,
    ) -> Result<Option<Write>, LedgerError> {
        Ok(match (next.phase(), items::lock_item(&current.record)) {
            (Phase::Closed, Some(lock)) if next.has_ended() => self.own_lock(&lock).await?,
            // It stays for those who ask Redshift, as long as Redshift knows the statement.
            (Phase::Closed, Some(lock)) => {
                let until = next.holds_lock_until().map(|until| until.div_euclid(1_000));
                self.held_lock(&lock).await?.map(|held| Write::Put {
                    expect: Expect::Revision(held.revision),
                    item: Item {
                        revision: held.revision + 1,
                        expires_at: until,
                        ..held
                    },
                })
            }
            _ => None,
        })
    }

    /// The removal of a lock, if the record still holds it.
    pub(super) async fn own_lock(&self, lock: &Item) -> Result<Option<Write>, LedgerError> {
        Ok(self.held_lock(lock).await?.map(|held| Write::Delete {
            key: held.key,
            expect: Expect::Revision(held.revision),
        }))
    }

    /// A lock as it is now, if the record still holds it.
    async fn held_lock(&self, lock: &Item) -> Result<Option<Item>, LedgerError> {
        let held = self.get(&lock.key).await?;
        Ok(held.filter(|held| items::leads_to(held) == items::leads_to(lock)))
    }
}
