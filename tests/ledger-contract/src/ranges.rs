//! Ranges of a partition: order, bounds, limits.

use super::{NOW, item, key, put};
use signalbox_tasker::ports::{Expect, Ledger, LedgerError, Page, Query};

/// A query reads its range of its partition, in its order, up to its limit.
pub async fn ranges(ledger: &dyn Ledger, scope: &str) {
    // Sort keys compare as bytes: digits, capitals, small letters, then what is not ASCII.
    let sorts = ["1", "10", "2", "B", "a", "b", "ä"];
    for sort in sorts {
        assert_eq!(
            put(
                ledger,
                &item(&key(scope, "ranges", sort), 1, None),
                Expect::Absent
            )
            .await,
            Ok(())
        );
    }
    assert_eq!(
        put(
            ledger,
            &item(&key(scope, "ranges-not", "5"), 1, None),
            Expect::Absent
        )
        .await,
        Ok(())
    );

    let all: Vec<&str> = sorts.to_vec();
    let reversed: Vec<&str> = sorts.iter().rev().copied().collect();
    check_range(ledger, scope, (None, None, false, 100), &all, false).await;
    check_range(ledger, scope, (None, None, true, 100), &reversed, false).await;
    check_range(ledger, scope, (None, None, false, 7), &all, false).await;
    check_range(ledger, scope, (None, None, false, 2), &["1", "10"], true).await;
    check_range(ledger, scope, (None, None, true, 1), &["ä"], true).await;
    check_range(
        ledger,
        scope,
        (Some("10"), None, false, 100),
        &["2", "B", "a", "b", "ä"],
        false,
    )
    .await;
    check_range(ledger, scope, (Some("0"), None, false, 1), &["1"], true).await;
    check_range(
        ledger,
        scope,
        (None, Some("B"), false, 100),
        &["1", "10", "2", "B"],
        false,
    )
    .await;
    check_range(ledger, scope, (None, Some("B"), true, 2), &["B", "2"], true).await;
    check_range(
        ledger,
        scope,
        (Some("1"), Some("a"), false, 100),
        &["10", "2", "B", "a"],
        false,
    )
    .await;
    check_range(
        ledger,
        scope,
        (Some("1"), Some("a"), true, 100),
        &["a", "B", "2", "10"],
        false,
    )
    .await;
    check_range(
        ledger,
        scope,
        (Some("1"), Some("2"), false, 1),
        &["10"],
        true,
    )
    .await;
    check_range(
        ledger,
        scope,
        (Some("1"), Some("10"), false, 1),
        &["10"],
        false,
    )
    .await;
    check_range(
        ledger,
        scope,
        (Some("11"), Some("12"), false, 100),
        &[],
        false,
    )
    .await;
    check_range(
        ledger,
        scope,
        (Some("b"), Some("a"), false, 100),
        &[],
        false,
    )
    .await;
    check_range(
        ledger,
        scope,
        (Some("a"), Some("a"), false, 100),
        &[],
        false,
    )
    .await;
    let nobody = Query {
        id: format!("{scope}-nobody"),
        after: None,
        up_to: None,
        descending: false,
        limit: 3,
    };
    assert_eq!(ledger.query(NOW, &nobody).await, Ok(Page::default()));
}

/// Expired items do not count towards the limit of a query.
pub async fn ranges_with_expired_items(ledger: &dyn Ledger, scope: &str) {
    for n in 0..30 {
        let expires_at = (n % 10 != 9).then_some(NOW - 1);
        let item = item(&key(scope, "expired", &format!("{n:02}")), 1, expires_at);
        assert_eq!(put(ledger, &item, Expect::Absent).await, Ok(()));
    }
    let query = |limit, descending| Query {
        id: format!("{scope}-expired"),
        after: None,
        up_to: None,
        descending,
        limit,
    };
    let sorts = |page: Result<Page, LedgerError>| {
        page.map(|page| {
            (
                page.items
                    .into_iter()
                    .map(|item| item.key.invocation_id)
                    .collect::<Vec<_>>(),
                page.more,
            )
        })
    };
    let of = |sorts: &[&str], more| {
        Ok((
            sorts
                .iter()
                .map(|sort| (*sort).to_owned())
                .collect::<Vec<_>>(),
            more,
        ))
    };
    assert_eq!(
        sorts(ledger.query(NOW, &query(2, false)).await),
        of(&["09", "19"], true)
    );
    assert_eq!(
        sorts(ledger.query(NOW, &query(2, true)).await),
        of(&["29", "19"], true)
    );
    assert_eq!(
        sorts(ledger.query(NOW, &query(3, false)).await),
        of(&["09", "19", "29"], false)
    );
}

async fn check_range(
    ledger: &dyn Ledger,
    scope: &str,
    (after, up_to, descending, limit): (Option<&str>, Option<&str>, bool, usize),
    sorts: &[&str],
    more: bool,
) {
    let query = Query {
        id: format!("{scope}-ranges"),
        after: after.map(str::to_owned),
        up_to: up_to.map(str::to_owned),
        descending,
        limit,
    };
    let items = sorts
        .iter()
        .map(|sort| item(&key(scope, "ranges", sort), 1, None))
        .collect();
    assert_eq!(
        ledger.query(NOW, &query).await,
        Ok(Page { items, more }),
        "{query:?}"
    );
}
