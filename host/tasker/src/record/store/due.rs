//! What is due, and who works on it now.

use serde_json::Value;
use tokio::time::Instant;

use super::{Store, Stored, in_time};
use crate::{
    ids::RecordId,
    ports::{Expect, Item, LedgerError, Write, WriteError},
    record::items::{self, ListName},
};

/// The attribute that says until when a sweep has a due record, in milliseconds since the Unix epoch.
const LEASED_UNTIL: &str = "leasedUntil";
/// The attribute that counts the leases since the record's last step.
const LEASES: &str = "leases";
/// The attribute that says when a heartbeat was sent without a look, in milliseconds since the Unix epoch.
const BEATEN_AT: &str = "beatenAt";
/// The first lease, in milliseconds. Each is twice as long as the one before, so that what always fails comes less and
/// less often.
const FIRST_LEASE: i64 = 60 * 1_000;
/// The longest lease.
const LONGEST_LEASE: i64 = 15 * 60 * 1_000;
/// Every lease of what is urgent: less than the minute between two sweeps.
const URGENT_LEASE: i64 = 45 * 1_000;

/// A list of due records, and how far it has been read.
#[derive(Debug, Clone)]
pub struct DueList {
    name: ListName,
    after: Option<String>,
}

/// A due record, as its list has it.
#[derive(Debug, Clone)]
pub struct Due {
    /// The record.
    pub record_id: RecordId,
    /// Since when it is due, in milliseconds since the Unix epoch.
    pub due_at: i64,
    /// Whether it is of what does not wait.
    pub is_urgent: bool,
    item: Item,
}

/// A due record that is taken.
#[derive(Debug, Clone)]
pub struct Lease {
    /// As it was before.
    due: Due,
    revision: u64,
}

/// A page of a list.
#[derive(Debug, Default)]
pub struct DuePage {
    /// The due records that no sweep has, the most overdue first.
    pub due: Vec<Due>,
    /// The rest of the list, if there is more.
    pub rest: Option<DueList>,
}

impl Due {
    fn read(item: Item, is_urgent: bool) -> Option<Self> {
        let due_at = item.key.invocation_id.split('#').next()?;
        Some(Self {
            record_id: items::leads_to(&item)?,
            due_at: due_at.parse().ok()?,
            is_urgent,
            item,
        })
    }

    /// The target that is asked about the record.
    #[must_use]
    pub fn target(&self) -> &str {
        let target = self.item.body.get(items::TARGET).and_then(Value::as_str);
        target.unwrap_or_default()
    }

    /// Since when it waits: if it was taken before, since its lease was over.
    #[must_use]
    pub fn waits_since(&self) -> i64 {
        self.due_at.max(self.number(LEASED_UNTIL))
    }

    /// Since when its heartbeat waits.
    #[must_use]
    pub fn beats_since(&self) -> i64 {
        self.waits_since().max(self.number(BEATEN_AT))
    }

    fn number(&self, name: &str) -> i64 {
        let number = self.item.body.get(name).and_then(Value::as_i64);
        number.unwrap_or_default()
    }

    /// Whether this is when a record says that it is due, in whichever list. It has moved on otherwise.
    #[must_use]
    pub fn is_of(&self, stored: &Stored) -> bool {
        stored.record.due_at == Some(self.due_at)
    }

    fn lease(&self) -> i64 {
        if self.is_urgent {
            return URGENT_LEASE;
        }
        let doublings = self.number(LEASES).clamp(0, 10);
        FIRST_LEASE
            .saturating_mul(1 << doublings)
            .min(LONGEST_LEASE)
    }

    /// The item with these attributes too.
    fn with<const N: usize>(&self, attributes: [(&str, i64); N]) -> Item {
        let mut item = self.item.clone();
        let attributes = attributes.map(|(name, number)| (name.to_owned(), Value::from(number)));
        item.body.extend(attributes);
        item
    }
}

impl Store {
    /// The lists of what is due, the urgent ones first.
    #[must_use]
    pub fn due_lists(&self) -> Vec<DueList> {
        items::due_lists()
            .map(|name| DueList { name, after: None })
            .collect()
    }

    /// Reads on in a list: what is due by now, and no sweep has.
    ///
    /// # Errors
    /// The ledger could not be asked by `deadline`.
    pub async fn read_due(
        &self,
        list: DueList,
        limit: usize,
        deadline: Instant,
    ) -> Result<DuePage, LedgerError> {
        let DueList { name, after } = list;
        let now = self.now();
        let query = items::due_query(&self.options.deployment, name, after, now, limit);
        let read = self.ledger.query(self.now_seconds(), &query);
        let page = in_time(deadline, read).await?;
        let last = page.items.last().filter(|_| page.more);
        let rest = last.map(|last| DueList {
            name,
            after: Some(last.key.invocation_id.clone()),
        });
        let due = page.items.into_iter();
        let due = due.filter_map(|item| Due::read(item, name.urgent));
        Ok(DuePage {
            due: due.filter(|due| due.number(LEASED_UNTIL) <= now).collect(),
            rest,
        })
    }

    /// Takes a due record. It comes again when the lease is over, unless it has moved on by then. None if another sweep
    /// has it.
    ///
    /// # Errors
    /// The lease was not written by `deadline`, or it is not known whether it was.
    pub async fn lease(&self, due: &Due, deadline: Instant) -> Result<Option<Lease>, WriteError> {
        let item = due.with([
            (LEASED_UNTIL, self.now().saturating_add(due.lease())),
            (LEASES, due.number(LEASES).saturating_add(1)),
        ]);
        let revision = self.put_due(item, due.item.revision, deadline).await?;
        Ok(revision.map(|revision| Lease {
            due: due.clone(),
            revision,
        }))
    }

    /// Gives a due record back that there was no turn for: it waits as it did before. `beaten` says that its heartbeat was
    /// sent all the same.
    ///
    /// # Errors
    /// As [`Store::lease`].
    pub async fn release(
        &self,
        lease: &Lease,
        beaten: bool,
        deadline: Instant,
    ) -> Result<(), WriteError> {
        let item = match beaten {
            true => lease.due.with([(BEATEN_AT, self.now())]),
            false => lease.due.item.clone(),
        };
        let released = self.put_due(item, lease.revision, deadline);
        released.await.map(|_| ())
    }

    /// Writes a due item in place of one of this revision. None if there is none.
    async fn put_due(
        &self,
        mut item: Item,
        revision: u64,
        deadline: Instant,
    ) -> Result<Option<u64>, WriteError> {
        item.revision = revision.saturating_add(1);
        let next = item.revision;
        let expect = Expect::Revision(revision);
        let write = vec![Write::Put { item, expect }];
        let written = async { self.ledger.write(self.now_seconds(), write).await };
        match in_time(deadline, written).await {
            Ok(()) => Ok(Some(next)),
            Err(WriteError::Conflict(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes what is due of a record that is gone, or has moved on.
    ///
    /// # Errors
    /// As [`Store::lease`].
    pub async fn drop_due(&self, due: &Due, deadline: Instant) -> Result<(), WriteError> {
        let write = Write::Delete {
            key: due.item.key.clone(),
            expect: Expect::Revision(due.item.revision),
        };
        let written = async { self.ledger.write(self.now_seconds(), vec![write]).await };
        match in_time(deadline, written).await {
            Err(WriteError::Conflict(_)) => Ok(()),
            written => written,
        }
    }
}
