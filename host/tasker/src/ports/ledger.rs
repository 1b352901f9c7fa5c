//! The durable record: items under a key of two parts, written together or not at all.
//!
//! The port is small on purpose. What the items mean, and every step of a task's life, is the domain's
//! (`crate::record`), so that all adapters behave alike and one test-suite fits them.

use async_trait::async_trait;
use serde_json::{Map, Value};

/// The key of an item: the key schema of the original's table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Partition key, attribute `id`.
    pub id: String,
    /// Sort key, attribute `invocationId`. Compared as bytes.
    pub invocation_id: String,
}

impl Key {
    /// A key of its two parts.
    #[must_use]
    pub fn new(id: impl Into<String>, invocation_id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            invocation_id: invocation_id.into(),
        }
    }
}

/// One item.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its key.
    pub key: Key,
    /// Counts the writes of this item; attribute `revision`. An item of the original has none and reads
    /// as 0.
    pub revision: u64,
    /// Attribute `TTL`: seconds since the Unix epoch after which the item counts as gone, whether the store
    /// has removed it or not.
    pub expires_at: Option<i64>,
    /// The other attributes. None is named `id`, `invocationId`, `revision` or `TTL`.
    pub body: Map<String, Value>,
}

/// What must hold of the item that is there now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// There is none, or it has expired.
    Absent,
    /// It is there, has not expired and has this revision.
    Revision(u64),
    /// Anything.
    Any,
}

/// One write of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Write the item.
    Put {
        /// The item, with its new revision.
        item: Item,
        /// The condition.
        expect: Expect,
    },
    /// Remove an item.
    Delete {
        /// Its key.
        key: Key,
        /// The condition. `Absent` makes no sense here and is a conflict if the item is there.
        expect: Expect,
    },
}

/// A range of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The partition key.
    pub id: String,
    /// Only sort keys greater than this.
    pub after: Option<String>,
    /// Only sort keys less than or equal to this.
    pub up_to: Option<String>,
    /// The greatest sort key first.
    pub descending: bool,
    /// At most so many items that have not expired.
    pub limit: usize,
}

/// Items of a query, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The items; those that have expired are left out.
    pub items: Vec<Item>,
    /// Whether there may be more in the range.
    pub more: bool,
}

/// Keeps items.
///
/// Every call is given the time, by which items expire. Reads are strongly consistent: they see every write
/// that was acknowledged before.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Reads one item; none if there is none or it has expired.
    ///
    /// # Errors
    /// The store could not be asked.
    async fn get(&self, now: i64, key: &Key) -> Result<Option<Item>, LedgerError>;

    /// Writes 1 to 25 items of different keys: all or none.
    ///
    /// # Errors
    /// A condition did not hold, or the store refused or did not answer. After
    /// [`LedgerError::Unavailable`] the write may have been made.
    async fn write(&self, now: i64, writes: Vec<Write>) -> Result<(), WriteError>;

    /// Reads a range of one partition.
    ///
    /// # Errors
    /// The store could not be asked.
    async fn query(&self, now: i64, query: &Query) -> Result<Page, LedgerError>;
}

/// The store did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// It could not be reached, was busy, or failed inside. Worth trying again.
    #[error("the ledger did not answer: {0}")]
    Unavailable(String),
    /// It refused: no such table, no permission, a setting is wrong. Trying again does not help.
    #[error("the ledger refused: {0}")]
    Refused(String),
    /// It holds something that this version of the program does not understand. Another version does; until it looks,
    /// nothing is done.
    #[error("the ledger holds what this version cannot read: {0}")]
    Unreadable(String),
}

/// A write was not made, or perhaps was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The conditions of these writes did not hold (positions in the list, at least one). A store that
    /// repeats a call by itself may report its own first try so.
    #[error("somebody else wrote first")]
    Conflict(Vec<usize>),
    /// An item is larger than the store takes (DynamoDB: 400 KB).
    #[error("an item is too large for the ledger: {0}")]
    TooLarge(String),
    /// As for reads.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
