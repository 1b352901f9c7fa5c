//! The highest revision of the policy set that any host of this deployment has put in force.
//!
//! It is one item of the ledger, written under a condition, so it never falls: an older set that turns up again, in a
//! bucket that somebody rolled back or wrote to, is refused by every host, also by one that has just started. To go
//! back is to publish the older content under a higher revision.
//!
//! | item | `id` | `invocationId` | holds |
//! |---|---|---|---|
//! | policy set | `policy-set#<deployment>` | `revision` | the set's revision as the item's own, its digest, and when it was first put in force |

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::ports::{Clock, Expect, Item, Key, Ledger, LedgerError, Write, WriteError};

/// How often a write is tried that others were faster with.
const TRIES: u32 = 5;
const DIGEST: &str = "digest";
const SINCE: &str = "since";

/// The highest revision that was put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Highest {
    /// The revision.
    pub revision: u64,
    /// SHA-256 of its manifest, hexadecimal.
    pub digest: String,
    /// When it was first put in force: ISO 8601.
    pub since: String,
}

impl Highest {
    /// Whether a set may be put in force after this one.
    ///
    /// # Errors
    /// It is older, or has been changed without a new revision.
    pub fn allows(&self, revision: u64, digest: &str) -> Result<(), RevisionError> {
        match revision.cmp(&self.revision) {
            Ordering::Less => Err(RevisionError::Older {
                found: revision,
                highest: self.revision,
            }),
            Ordering::Equal if digest != self.digest => Err(RevisionError::Changed { revision }),
            Ordering::Equal | Ordering::Greater => Ok(()),
        }
    }
}

/// A set may not be put in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevisionError {
    /// A higher revision was in force before.
    #[error(
        "revision {found} is older than {highest}, which was in force before: to go back, publish the older content \
         under a revision above {highest}"
    )]
    Older {
        /// The set's revision.
        found: u64,
        /// The highest one.
        highest: u64,
    },
    /// The same revision was in force with other content.
    #[error(
        "revision {revision} was in force with other content: give a changed set a new, higher revision"
    )]
    Changed {
        /// The revision.
        revision: u64,
    },
    /// The ledger does not say.
    #[error("which revision was in force before is not known: {0}")]
    Ledger(#[from] LedgerError),
}

fn key(deployment: &str) -> Key {
    Key::new(format!("policy-set#{deployment}"), "revision")
}

/// Reads the highest revision that was put in force; none if there was none.
///
/// # Errors
/// The ledger could not be asked.
pub async fn highest(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    deployment: &str,
) -> Result<Option<Highest>, LedgerError> {
    let item = ledger
        .get(clock.now().as_second(), &key(deployment))
        .await?;
    let text = |item: &Item, name: &str| {
        let text = item.body.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    Ok(item.map(|item| Highest {
        revision: item.revision,
        digest: text(&item, DIGEST),
        since: text(&item, SINCE),
    }))
}

/// Says that a set is put in force. It may be, if this succeeds.
///
/// # Errors
/// See [`RevisionError`].
pub async fn advance(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    deployment: &str,
    revision: u64,
    digest: &str,
) -> Result<(), RevisionError> {
    let mut tries = 1;
    loop {
        let before = highest(ledger, clock, deployment).await?;
        let expect = match &before {
            Some(before) => {
                before.allows(revision, digest)?;
                if before.revision == revision {
                    return Ok(());
                }
                Expect::Revision(before.revision)
            }
            None => Expect::Absent,
        };
        let body = [
            (DIGEST.to_owned(), Value::from(digest)),
            (SINCE.to_owned(), Value::from(clock.now().to_string())),
        ];
        let item = Item {
            key: key(deployment),
            revision,
            expires_at: None,
            body: Map::from_iter(body),
        };
        let written = ledger
            .write(clock.now().as_second(), vec![Write::Put { item, expect }])
            .await;
        match written {
            Ok(()) => return Ok(()),
            // Somebody was faster, or it was this very write, seen by its repeat.
            Err(WriteError::Conflict(_)) if tries < TRIES => tries += 1,
            Err(WriteError::Conflict(_)) => {
                let busy = LedgerError::Unavailable("others keep writing the same item".to_owned());
                return Err(busy.into());
            }
            Err(WriteError::Ledger(error)) => return Err(error.into()),
            Err(error @ WriteError::TooLarge(_)) => {
                return Err(LedgerError::Refused(error.to_string()).into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Mutex};

    use async_trait::async_trait;

    use super::*;
    use crate::ports::{Page, Query, SystemClock};

    #[derive(Default)]
    struct Table {
        items: Mutex<BTreeMap<Key, Item>>,
        /// Somebody else writes this first.
        faster: Mutex<Option<Item>>,
    }

    #[async_trait]
    impl Ledger for Table {
        async fn get(&self, _: i64, key: &Key) -> Result<Option<Item>, LedgerError> {
            Ok(self.items.lock().expect("lock").get(key).cloned())
        }

        async fn write(&self, _: i64, writes: Vec<Write>) -> Result<(), WriteError> {
            let mut items = self.items.lock().expect("lock");
            if let Some(item) = self.faster.lock().expect("lock").take() {
                items.insert(item.key.clone(), item);
            }
            for write in writes {
                let Write::Put { item, expect } = write else {
                    panic!("only puts")
                };
                let before = items.get(&item.key).map(|item| item.revision);
                let good = match expect {
                    Expect::Absent => before.is_none(),
                    Expect::Revision(revision) => before == Some(revision),
                    Expect::Any => true,
                };
                if !good {
                    return Err(WriteError::Conflict(vec![0]));
                }
                items.insert(item.key.clone(), item);
            }
            Ok(())
        }

        async fn query(&self, _: i64, _: &Query) -> Result<Page, LedgerError> {
            panic!("nothing is searched")
        }
    }

    #[tokio::test]
    async fn it_only_rises_and_one_revision_has_one_content() {
        let table = Table::default();
        let go = |revision, digest: &'static str| {
            let table = &table;
            async move { advance(table, &SystemClock, "d", revision, digest).await }
        };
        assert_eq!(go(3, "a").await, Ok(()));
        assert_eq!(go(3, "a").await, Ok(()), "another host loads the same one");
        assert_eq!(
            go(3, "b").await,
            Err(RevisionError::Changed { revision: 3 })
        );
        assert_eq!(
            go(2, "a").await,
            Err(RevisionError::Older {
                found: 2,
                highest: 3
            })
        );
        assert_eq!(go(9, "a").await, Ok(()), "older content, higher revision");
        let now = highest(&table, &SystemClock, "d").await.unwrap().unwrap();
        assert_eq!((now.revision, now.digest.as_str()), (9, "a"));
        assert_eq!(highest(&table, &SystemClock, "other").await, Ok(None));
    }

    #[tokio::test]
    async fn who_comes_second_looks_again() {
        let table = Table::default();
        *table.faster.lock().unwrap() = Some(Item {
            key: key("d"),
            revision: 7,
            expires_at: None,
            body: Map::new(),
        });
        assert_eq!(
            advance(&table, &SystemClock, "d", 5, "a").await,
            Err(RevisionError::Older {
                found: 5,
                highest: 7
            })
        );
    }
}
