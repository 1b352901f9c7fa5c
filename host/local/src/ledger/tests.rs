//! The conditions of the ledger.

use super::*;
use proptest::prelude::*;
use serde_json::json;
use signalbox_tasker::ports::Expect;
use std::collections::BTreeMap;

const NOW: i64 = 1000;

fn key(id: &str, sort: &str) -> Key {
    Key::new(id, sort)
}

fn item(id: &str, sort: &str, revision: u64) -> Item {
    Item {
        key: key(id, sort),
        revision,
        expires_at: None,
        body: json!({"n": revision, "text": "ä"})
            .as_object()
            .expect("object")
            .clone(),
    }
}

fn put(item: Item, expect: Expect) -> Write {
    Write::Put { item, expect }
}

fn ledger() -> EmbeddedLedger {
    EmbeddedLedger::in_memory().expect("ledger")
}

#[tokio::test]
async fn it_is_a_ledger_like_any_other() {
    signalbox_ledger_contract::all(&ledger(), "embedded").await;
}

#[tokio::test]
async fn a_write_is_read_back_and_conditions_hold() {
    let ledger = ledger();
    let first = item("a", "1", 1);
    let write = |item: &Item, expect| ledger.write(NOW, vec![put(item.clone(), expect)]);
    assert_eq!(write(&first, Expect::Absent).await, Ok(()));
    assert_eq!(ledger.get(NOW, &first.key).await, Ok(Some(first.clone())));
    assert_eq!(
        write(&first, Expect::Absent).await,
        Err(WriteError::Conflict(vec![0]))
    );
    let second = item("a", "1", 2);
    assert_eq!(
        write(&second, Expect::Revision(7)).await,
        Err(WriteError::Conflict(vec![0]))
    );
    assert_eq!(write(&second, Expect::Revision(1)).await, Ok(()));
    assert_eq!(write(&first, Expect::Any).await, Ok(()));
    assert_eq!(
        write(&item("a", "2", 1), Expect::Revision(0)).await,
        Err(WriteError::Conflict(vec![0]))
    );
}

#[tokio::test]
async fn a_call_writes_all_or_nothing() {
    let ledger = ledger();
    let writes = vec![put(item("a", "1", 1), Expect::Absent)];
    ledger.write(NOW, writes).await.expect("first");
    let writes = vec![
        put(item("b", "1", 1), Expect::Absent),
        put(item("a", "1", 2), Expect::Absent),
        Write::Delete {
            key: key("c", "1"),
            expect: Expect::Revision(1),
        },
    ];
    assert_eq!(
        ledger.write(NOW, writes).await,
        Err(WriteError::Conflict(vec![1, 2]))
    );
    assert_eq!(ledger.get(NOW, &key("b", "1")).await, Ok(None));
    let writes = vec![
        put(item("b", "1", 1), Expect::Absent),
        Write::Delete {
            key: key("a", "1"),
            expect: Expect::Revision(1),
        },
    ];
    assert_eq!(ledger.write(NOW, writes).await, Ok(()));
    assert_eq!(ledger.get(NOW, &key("a", "1")).await, Ok(None));
}

#[tokio::test]
async fn what_expired_counts_as_gone() {
    let ledger = ledger();
    let mut short = item("a", "1", 1);
    short.expires_at = Some(NOW + 10);
    let writes = vec![put(short.clone(), Expect::Absent)];
    ledger.write(NOW, writes).await.expect("write");
    assert_eq!(
        ledger.get(NOW + 10, &short.key).await,
        Ok(Some(short.clone()))
    );
    assert_eq!(ledger.get(NOW + 11, &short.key).await, Ok(None));
    let page = ledger.query(NOW + 11, &all("a")).await.expect("query");
    assert_eq!(page, Page::default());
    let stale = vec![put(item("a", "1", 2), Expect::Revision(1))];
    assert_eq!(
        ledger.write(NOW + 11, stale).await,
        Err(WriteError::Conflict(vec![0]))
    );
    let fresh = vec![put(item("a", "1", 5), Expect::Absent)];
    assert_eq!(ledger.write(NOW + 11, fresh).await, Ok(()));
}

fn all(id: &str) -> Query {
    Query {
        id: id.to_owned(),
        after: None,
        up_to: None,
        descending: false,
        limit: 100,
    }
}

#[tokio::test]
async fn ranges_have_an_order_and_an_end() {
    let ledger = ledger();
    for sort in ["a", "B", "c", "ä", "b"] {
        let writes = vec![put(item("p", sort, 1), Expect::Absent)];
        ledger.write(NOW, writes).await.expect("write");
    }
    let other = vec![put(item("q", "a", 1), Expect::Absent)];
    ledger.write(NOW, other).await.expect("write");
    let sorts = async |query: Query| {
        let page = ledger.query(NOW, &query).await.expect("query");
        let sorts: Vec<String> = page
            .items
            .into_iter()
            .map(|item| item.key.invocation_id)
            .collect();
        (sorts.join(" "), page.more)
    };
    let whole = || all("p");
    assert_eq!(sorts(whole()).await, ("B a b c ä".to_owned(), false));
    let query = Query {
        limit: 5,
        ..whole()
    };
    assert_eq!(sorts(query).await, ("B a b c ä".to_owned(), false));
    let query = Query {
        limit: 2,
        descending: true,
        ..whole()
    };
    assert_eq!(sorts(query).await, ("ä c".to_owned(), true));
    let query = Query {
        after: Some("a".to_owned()),
        up_to: Some("c".to_owned()),
        ..whole()
    };
    assert_eq!(sorts(query).await, ("b c".to_owned(), false));
}

#[tokio::test]
async fn what_dynamodb_would_refuse_is_refused() {
    let ledger = ledger();
    let mut large = item("a", "1", 1);
    large
        .body
        .insert("x".to_owned(), json!("x".repeat(400 * 1024)));
    let refused = ledger.write(NOW, vec![put(large, Expect::Any)]).await;
    assert!(
        matches!(refused, Err(WriteError::TooLarge(_))),
        "{refused:?}"
    );
    let twice = vec![put(item("a", "1", 1), Expect::Any); 2];
    let many = (0..26).map(|n| put(item("a", &n.to_string(), 1), Expect::Any));
    for writes in [
        twice,
        many.collect(),
        vec![],
        vec![put(item("", "1", 1), Expect::Any)],
    ] {
        let refused = ledger.write(NOW, writes).await;
        assert!(
            matches!(refused, Err(WriteError::Ledger(LedgerError::Refused(_)))),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_file_keeps_its_items_and_is_shared() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("ledger.sqlite");
    let first = EmbeddedLedger::open(&path).expect("open");
    let second = EmbeddedLedger::open(&path).expect("open again");
    let writes = vec![put(item("a", "1", 1), Expect::Absent)];
    first.write(NOW, writes.clone()).await.expect("write");
    assert_eq!(
        second.write(NOW, writes).await,
        Err(WriteError::Conflict(vec![0]))
    );
    drop((first, second));
    let third = EmbeddedLedger::open(&path).expect("open later");
    assert_eq!(
        third.get(NOW, &key("a", "1")).await,
        Ok(Some(item("a", "1", 1)))
    );
    let nowhere = EmbeddedLedger::open(&directory.path().join("no/such/place"));
    assert!(matches!(nowhere, Err(LedgerError::Refused(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_contenders_wins() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("ledger.sqlite");
    let mut contenders = tokio::task::JoinSet::new();
    for n in 0..8 {
        let ledger = EmbeddedLedger::open(&path).expect("open");
        contenders.spawn(async move {
            let writes = vec![put(item("lock", "1", n), Expect::Absent)];
            ledger.write(NOW, writes).await
        });
    }
    let results = contenders.join_all().await;
    let won = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(won, 1, "{results:?}");
    let refused = Err(WriteError::Conflict(vec![0]));
    assert!(
        results
            .iter()
            .all(|result| result.is_ok() || *result == refused)
    );
}

/// A step of the model test: which key, the condition, and whether to remove.
fn step() -> impl Strategy<Value = (u8, Expect, bool, Option<i64>)> {
    let expect = prop_oneof![
        Just(Expect::Absent),
        Just(Expect::Any),
        (0_u64..4).prop_map(Expect::Revision),
    ];
    let expires = prop::option::of(NOW..NOW + 40);
    (0_u8..3, expect, any::<bool>(), expires)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn it_behaves_like_a_map(calls in prop::collection::vec(prop::collection::vec(step(), 1..4), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
        let ledger = ledger();
        let mut model: BTreeMap<String, Item> = BTreeMap::new();
        for (at, call) in calls.into_iter().enumerate() {
            let now = NOW + i64::try_from(at).expect("small");
            model.retain(|_, item| item.expires_at.is_none_or(|end| end >= now));
            let mut writes = Vec::new();
            for (n, expect, removes, expires_at) in call {
                let sort = n.to_string();
                if writes.iter().any(|write| table::key_of(write).invocation_id == sort) {
                    continue;
                }
                let revision = model.get(&sort).map_or(0, |item| item.revision + 1);
                writes.push(if removes {
                    Write::Delete { key: key("p", &sort), expect }
                } else {
                    put(Item { expires_at, ..item("p", &sort, revision) }, expect)
                });
            }
            let conflicts: Vec<usize> = writes.iter().enumerate().filter(|(_, write)| {
                let there = model.get(&table::key_of(write).invocation_id);
                let (Write::Put { expect, .. } | Write::Delete { expect, .. }) = write;
                !match expect {
                    Expect::Any => true,
                    Expect::Absent => there.is_none(),
                    Expect::Revision(revision) => there.is_some_and(|item| item.revision == *revision),
                }
            }).map(|(at, _)| at).collect();
            let result = runtime.block_on(ledger.write(now, writes.clone()));
            if conflicts.is_empty() {
                prop_assert_eq!(result, Ok(()));
                for write in writes {
                    match write {
                        Write::Put { item, .. } => { model.insert(item.key.invocation_id.clone(), item); }
                        Write::Delete { key, .. } => { model.remove(&key.invocation_id); }
                    }
                }
                model.retain(|_, item| item.expires_at.is_none_or(|end| end >= now));
            } else {
                prop_assert_eq!(result, Err(WriteError::Conflict(conflicts)));
            }
            let page = runtime.block_on(ledger.query(now, &all("p"))).expect("query");
            prop_assert_eq!(page.items, model.values().cloned().collect::<Vec<_>>());
        }
    }
}
