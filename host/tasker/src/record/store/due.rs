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

    /// Since when it waits: for what was taken before, when it was to be given back.
    #[must_use]
    pub fn waits_since(&self) -> i64 {
        self.due_at.max(self.number(LEASED_UNTIL))
    }

    fn number(&self, name: &str) -> i64 {
        let number = self.item.body.get(name).and_then(Value::as_i64);
        number.unwrap_or_default()
    }

    /// Whether this is where a record says that it is due. It has moved on otherwise.
    #[must_use]
    pub fn is_of(&self, stored: &Stored) -> bool {
        items::due_key(&stored.record).as_ref() == Some(&self.item.key)
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

    fn with(&self, leased_until: i64, leases: i64) -> Item {
        let mut item = self.item.clone();
        item.revision = item.revision.saturating_add(1);
        item.body
            .insert(LEASED_UNTIL.to_owned(), Value::from(leased_until));
        item.body.insert(LEASES.to_owned(), Value::from(leases));
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
    pub async fn lease(&self, due: &Due, deadline: Instant) -> Result<Option<Due>, WriteError> {
        let until = self.now().saturating_add(due.lease());
        self.put_due(
            due,
            due.with(until, due.number(LEASES).saturating_add(1)),
            deadline,
        )
        .await
    }

    /// Gives a due record back that was taken and not worked on.
    ///
    /// # Errors
    /// As [`Store::lease`].
    pub async fn release(&self, due: &Due, deadline: Instant) -> Result<(), WriteError> {
        let item = due.with(0, due.number(LEASES).saturating_sub(1));
        self.put_due(due, item, deadline).await.map(|_| ())
    }

    async fn put_due(
        &self,
        due: &Due,
        item: Item,
        deadline: Instant,
    ) -> Result<Option<Due>, WriteError> {
        let write = Write::Put {
            item: item.clone(),
            expect: Expect::Revision(due.item.revision),
        };
        let written = async { self.ledger.write(self.now_seconds(), vec![write]).await };
        match in_time(deadline, written).await {
            Ok(()) => Ok(Some(Due {
                item,
                ..due.clone()
            })),
            Err(WriteError::Conflict(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes what is due of a record that is gone.
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
