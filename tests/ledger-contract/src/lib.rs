//! What every [`Ledger`] does, as checks that an adapter's tests run.
//!
//! Each check asserts, and so panics where an adapter differs. All keys begin with `scope`, so that several runs
//! can share one store.

use serde_json::{Map, Value, json};

mod ranges;

pub use ranges::{ranges, ranges_with_expired_items};

use signalbox_tasker::ports::{Expect, Item, Key, Ledger, LedgerError, Query, Write, WriteError};

/// The time of all checks: seconds since the Unix epoch.
const NOW: i64 = 1_700_000_000;

/// Runs every check.
pub async fn all(ledger: &dyn Ledger, scope: &str) {
    values(ledger, scope).await;
    revisions(ledger, scope).await;
    rows_without_a_revision(ledger, scope).await;
    expiry(ledger, scope).await;
    deletion(ledger, scope).await;
    transactions(ledger, scope).await;
    ranges(ledger, scope).await;
    ranges_with_expired_items(ledger, scope).await;
    one_of_many_writers_wins(ledger, scope).await;
    one_of_many_transactions_wins(ledger, scope).await;
    sizes(ledger, scope).await;
}

/// An item comes back as it was written, whatever JSON its body holds.
pub async fn values(ledger: &dyn Ledger, scope: &str) {
    let key = key(scope, "values", "1");
    assert_eq!(ledger.get(NOW, &key).await, Ok(None));
    let body = json!({
        "text": "grün \u{1F600} \"quoted\"\n",
        "empty": "",
        "null": null,
        "yes": true,
        "no": false,
        "zero": 0,
        "least": i64::MIN,
        "greatest": u64::MAX,
        "fraction": 0.1,
        "small": -1.5e-7,
        "list": [1, "two", null, [], {}],
        "map": {" ": 0, "id": "not the key", "TTL": 5, "deep": {"er": [{"a": 1}]}},
        "name": "a reserved word",
        "with-hyphen.and.dot #:": 1,
    });
    let item = Item {
        key: key.clone(),
        revision: 7,
        expires_at: Some(NOW + 1),
        body: object(body),
    };
    assert_eq!(put(ledger, &item, Expect::Absent).await, Ok(()));
    assert_eq!(ledger.get(NOW, &key).await, Ok(Some(item)));
    // Both parts of the key count.
    assert_eq!(
        ledger.get(NOW, &self::key(scope, "values", "2")).await,
        Ok(None)
    );
    assert_eq!(
        ledger.get(NOW, &self::key(scope, "other", "1")).await,
        Ok(None)
    );
    // A write replaces the whole item.
    let bare = Item {
        key: key.clone(),
        revision: 8,
        expires_at: None,
        body: Map::new(),
    };
    assert_eq!(put(ledger, &bare, Expect::Revision(7)).await, Ok(()));
    assert_eq!(ledger.get(NOW, &key).await, Ok(Some(bare)));
}

/// A write happens only if what it expects of the item holds.
pub async fn revisions(ledger: &dyn Ledger, scope: &str) {
    let key = key(scope, "revisions", "1");
    let of = |revision| item(&key, revision, None);
    assert_eq!(
        put(ledger, &of(2), Expect::Revision(1)).await,
        conflict(),
        "revision of an item that is not there"
    );
    assert_eq!(
        put(ledger, &of(1), Expect::Revision(0)).await,
        conflict(),
        "revision 0 of an item that is not there"
    );
    assert_eq!(ledger.get(NOW, &key).await, Ok(None));
    assert_eq!(put(ledger, &of(1), Expect::Absent).await, Ok(()));
    assert_eq!(put(ledger, &of(1), Expect::Absent).await, conflict());
    assert_eq!(put(ledger, &of(2), Expect::Revision(2)).await, conflict());
    assert_eq!(put(ledger, &of(2), Expect::Revision(0)).await, conflict());
    assert_eq!(put(ledger, &of(2), Expect::Revision(1)).await, Ok(()));
    assert_eq!(put(ledger, &of(9), Expect::Any).await, Ok(()));
    assert_eq!(ledger.get(NOW, &key).await, Ok(Some(of(9))));
    // Revision 0 is that of an item without the attribute, such as the original wrote.
    assert_eq!(put(ledger, &of(0), Expect::Any).await, Ok(()));
    assert_eq!(ledger.get(NOW, &key).await, Ok(Some(of(0))));
    assert_eq!(put(ledger, &of(1), Expect::Revision(1)).await, conflict());
    assert_eq!(put(ledger, &of(1), Expect::Revision(0)).await, Ok(()));
    assert_eq!(ledger.get(NOW, &key).await, Ok(Some(of(1))));
}

/// A row that somebody else wrote has no revision, and none is given to it when it is changed.
pub async fn rows_without_a_revision(ledger: &dyn Ledger, scope: &str) {
    let key = key(scope, "rows", "1633024800.123456");
    let row = |expires_at| Item {
        body: object(json!({"sqlStatement": "select 1", "callback_details": "{}"})),
        ..item(&key, 0, expires_at)
    };
    assert_eq!(put(ledger, &row(None), Expect::Absent).await, Ok(()));
    assert_eq!(
        put(ledger, &row(None), Expect::Revision(1)).await,
        conflict()
    );
    let marked = row(Some(NOW));
    assert_eq!(put(ledger, &marked, Expect::Revision(0)).await, Ok(()));
    assert_eq!(ledger.get(NOW, &key).await, Ok(Some(marked)));
    assert_eq!(put(ledger, &row(None), Expect::Revision(0)).await, Ok(()));
    assert_eq!(ledger.get(NOW, &key).await, Ok(Some(row(None))));
}

/// An item that has expired is not there, whether the store has removed it or not.
pub async fn expiry(ledger: &dyn Ledger, scope: &str) {
    let key = key(scope, "expiry", "1");
    let item = item(&key, 1, Some(NOW));
    assert_eq!(put(ledger, &item, Expect::Absent).await, Ok(()));
    assert_eq!(
        ledger.get(NOW, &key).await,
        Ok(Some(item.clone())),
        "the last second of its life"
    );
    assert_eq!(put(ledger, &item, Expect::Absent).await, conflict());
    let later = NOW + 1;
    assert_eq!(ledger.get(later, &key).await, Ok(None));
    let change = |expect| {
        vec![Write::Put {
            item: item.clone(),
            expect,
        }]
    };
    assert_eq!(
        ledger.write(later, change(Expect::Revision(1))).await,
        conflict(),
        "an expired item has no revision"
    );
    let deletion = vec![Write::Delete {
        key: key.clone(),
        expect: Expect::Revision(1),
    }];
    assert_eq!(ledger.write(later, deletion).await, conflict());
    assert_eq!(
        ledger.write(later, change(Expect::Absent)).await,
        Ok(()),
        "an expired item is no obstacle"
    );
}

/// Removing items, under conditions.
pub async fn deletion(ledger: &dyn Ledger, scope: &str) {
    let key = key(scope, "deletion", "1");
    let delete = |expect| {
        vec![Write::Delete {
            key: key.clone(),
            expect,
        }]
    };
    assert_eq!(
        ledger.write(NOW, delete(Expect::Any)).await,
        Ok(()),
        "of nothing"
    );
    assert_eq!(
        ledger.write(NOW, delete(Expect::Revision(1))).await,
        conflict()
    );
    assert_eq!(
        put(ledger, &item(&key, 1, None), Expect::Absent).await,
        Ok(())
    );
    assert_eq!(ledger.write(NOW, delete(Expect::Absent)).await, conflict());
    assert_eq!(
        ledger.write(NOW, delete(Expect::Revision(2))).await,
        conflict()
    );
    assert_eq!(ledger.write(NOW, delete(Expect::Revision(1))).await, Ok(()));
    assert_eq!(ledger.get(NOW, &key).await, Ok(None));
}

/// Several writes happen together or not at all, and a conflict says which of them were in the way.
pub async fn transactions(ledger: &dyn Ledger, scope: &str) {
    let keys: Vec<Key> = (0..25)
        .map(|n| {
            key(
                scope,
                &format!("transactions-{}", n % 3),
                &format!("{n:02}"),
            )
        })
        .collect();
    let writes = |expect| -> Vec<Write> {
        keys.iter()
            .map(|key| Write::Put {
                item: item(key, 1, None),
                expect,
            })
            .collect()
    };
    assert_eq!(ledger.write(NOW, writes(Expect::Absent)).await, Ok(()));
    for key in &keys {
        assert_eq!(ledger.get(NOW, key).await, Ok(Some(item(key, 1, None))));
    }
    let everyone = Err(WriteError::Conflict((0..25).collect()));
    assert_eq!(ledger.write(NOW, writes(Expect::Absent)).await, everyone);

    let (Some(first), Some(second), Some(third)) = (keys.first(), keys.get(1), keys.get(2)) else {
        return;
    };
    let fresh = key(scope, "transactions-0", "new");
    let mixed = vec![
        Write::Put {
            item: item(first, 2, None),
            expect: Expect::Revision(1),
        },
        Write::Put {
            item: item(second, 2, None),
            expect: Expect::Revision(5),
        },
        Write::Put {
            item: item(&fresh, 1, None),
            expect: Expect::Absent,
        },
        Write::Delete {
            key: third.clone(),
            expect: Expect::Revision(5),
        },
    ];
    assert_eq!(
        ledger.write(NOW, mixed).await,
        Err(WriteError::Conflict(vec![1, 3]))
    );
    assert_eq!(
        ledger.get(NOW, first).await,
        Ok(Some(item(first, 1, None))),
        "nothing of it was written"
    );
    assert_eq!(ledger.get(NOW, &fresh).await, Ok(None));

    let good = vec![
        Write::Put {
            item: item(first, 2, None),
            expect: Expect::Revision(1),
        },
        Write::Put {
            item: item(&fresh, 1, None),
            expect: Expect::Absent,
        },
        Write::Delete {
            key: third.clone(),
            expect: Expect::Revision(1),
        },
        Write::Delete {
            key: key(scope, "transactions-0", "never"),
            expect: Expect::Any,
        },
    ];
    assert_eq!(ledger.write(NOW, good).await, Ok(()));
    assert_eq!(ledger.get(NOW, first).await, Ok(Some(item(first, 2, None))));
    assert_eq!(
        ledger.get(NOW, &fresh).await,
        Ok(Some(item(&fresh, 1, None)))
    );
    assert_eq!(ledger.get(NOW, third).await, Ok(None));
}

/// Of writers that all want to be the first, one is.
pub async fn one_of_many_writers_wins(ledger: &dyn Ledger, scope: &str) {
    let key = key(scope, "race", "1");
    let write = || async {
        settled(
            ledger,
            vec![Write::Put {
                item: item(&key, 1, None),
                expect: Expect::Absent,
            }],
        )
        .await
    };
    let (a, b, c, d, e) = tokio::join!(write(), write(), write(), write(), write());
    assert_eq!(winners([a, b, c, d, e]), 1);
    let write = || async {
        settled(
            ledger,
            vec![Write::Put {
                item: item(&key, 2, None),
                expect: Expect::Revision(1),
            }],
        )
        .await
    };
    let (a, b, c, d, e) = tokio::join!(write(), write(), write(), write(), write());
    assert_eq!(winners([a, b, c, d, e]), 1);
}

/// The same for transactions: a lock and a record of one's own.
pub async fn one_of_many_transactions_wins(ledger: &dyn Ledger, scope: &str) {
    let lock = key(scope, "lock", "1");
    let take = |owner: &'static str| {
        let (lock, own) = (lock.clone(), key(scope, "owner", owner));
        async move {
            settled(
                ledger,
                vec![
                    Write::Put {
                        item: item(&own, 1, None),
                        expect: Expect::Absent,
                    },
                    Write::Put {
                        item: item(&lock, 1, None),
                        expect: Expect::Absent,
                    },
                ],
            )
            .await
        }
    };
    let (a, b, c, d) = tokio::join!(take("a"), take("b"), take("c"), take("d"));
    assert_eq!(winners([a, b, c, d]), 1);
    let owners = Query {
        id: format!("{scope}-owner"),
        after: None,
        up_to: None,
        descending: false,
        limit: 9,
    };
    let count = ledger
        .query(NOW, &owners)
        .await
        .map(|page| page.items.len());
    assert_eq!(count, Ok(1), "a loser's record must not be there");
}

/// An item over DynamoDB's 400 KB is refused by every store, so that what runs on one runs on the other.
pub async fn sizes(ledger: &dyn Ledger, scope: &str) {
    let of = |sort, length| Item {
        body: object(json!({ "text": "x".repeat(length) })),
        ..item(&key(scope, "sizes", sort), 1, None)
    };
    let large = of("large", 390 * 1024);
    assert_eq!(put(ledger, &large, Expect::Absent).await, Ok(()));
    assert_eq!(ledger.get(NOW, &large.key).await, Ok(Some(large)));
    let larger = of("larger", 410 * 1024);
    assert!(matches!(
        put(ledger, &larger, Expect::Absent).await,
        Err(WriteError::TooLarge(_))
    ));
    let together = vec![
        Write::Put {
            item: of("other", 1),
            expect: Expect::Absent,
        },
        Write::Put {
            item: larger.clone(),
            expect: Expect::Absent,
        },
    ];
    assert!(matches!(
        ledger.write(NOW, together).await,
        Err(WriteError::TooLarge(_))
    ));
    assert_eq!(ledger.get(NOW, &larger.key).await, Ok(None));
    assert_eq!(
        ledger.get(NOW, &key(scope, "sizes", "other")).await,
        Ok(None)
    );
}

/// Writes, again as long as the store only says that it was busy.
async fn settled(ledger: &dyn Ledger, writes: Vec<Write>) -> Result<(), WriteError> {
    let mut outcome = ledger.write(NOW, writes.clone()).await;
    for _ in 0..20 {
        if !matches!(
            outcome,
            Err(WriteError::Ledger(LedgerError::Unavailable(_)))
        ) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        outcome = ledger.write(NOW, writes.clone()).await;
    }
    outcome
}

fn winners<const N: usize>(outcomes: [Result<(), WriteError>; N]) -> usize {
    for outcome in &outcomes {
        assert!(
            matches!(outcome, Ok(()) | Err(WriteError::Conflict(_))),
            "{outcome:?}"
        );
    }
    outcomes.iter().filter(|outcome| outcome.is_ok()).count()
}

async fn put(ledger: &dyn Ledger, item: &Item, expect: Expect) -> Result<(), WriteError> {
    ledger
        .write(
            NOW,
            vec![Write::Put {
                item: item.clone(),
                expect,
            }],
        )
        .await
}

fn conflict() -> Result<(), WriteError> {
    Err(WriteError::Conflict(vec![0]))
}

fn key(scope: &str, id: &str, sort: &str) -> Key {
    Key::new(format!("{scope}-{id}"), sort)
}

fn item(key: &Key, revision: u64, expires_at: Option<i64>) -> Item {
    Item {
        key: key.clone(),
        revision,
        expires_at,
        body: object(json!({ "state": "open", "n": revision })),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
