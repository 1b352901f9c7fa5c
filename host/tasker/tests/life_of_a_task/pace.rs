//! How often and how long the sweep works: pauses, rates, slices, and two at once.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use signalbox_policy::contract::StatementStatus;
use signalbox_tasker::{Call, Options, Rates, record::Phase};
use tokio::time::Instant;

use crate::support::{MemoryLedger, StartFault, World, standard};

const TOKEN: &str = "token-of-a-task-0123456789";

fn token(number: u32) -> String {
    format!("token-of-task-number-{number:010}")
}

async fn running(options: Options, count: u32) -> World {
    let world = World::with(standard(), options);
    for number in 0..count {
        let sql = format!("select {number}");
        world.invoke_waiting(&token(number), &sql).await.unwrap();
    }
    world
}

/// The times of the sweeps that looked, in seconds since the start, of one sweep a minute.
async fn looks(hours: u64) -> Vec<u64> {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    let mut looks = Vec::new();
    for minute in 1..=hours * 60 {
        world.push(60);
        if world.sweep().await.examined > 0 {
            looks.push(minute * 60);
        }
    }
    looks
}

#[tokio::test(start_paused = true)]
async fn a_running_statement_is_looked_at_less_and_less_often() {
    let seen = looks(3).await;
    let pauses: Vec<u64> = seen.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let expected = [2, 4, 8, 15, 15, 15].map(|minutes| minutes * 60);
    for (pause, expected) in pauses.iter().zip(expected) {
        // A tenth for the jitter, and up to the next minute's sweep.
        let most = expected + expected / 10 + 60;
        assert!((expected..=most).contains(pause), "{pauses:?}");
    }
    assert!(
        pauses.len() >= 10 && pauses.iter().all(|pause| *pause <= 17 * 60),
        "{pauses:?}"
    );
    assert_eq!(looks(3).await, seen, "the jitter is the record's own");
}

#[tokio::test(start_paused = true)]
async fn records_that_were_made_together_do_not_stay_together() {
    let world = running(Options::default(), 50).await;
    world.push(121);
    assert_eq!(world.sweep().await.examined, 50);
    world.push(120);
    let at_once = world.sweep().await.examined;
    world.push(6);
    let later = world.sweep().await.examined;
    assert!(at_once < 50 && later > 0, "{at_once}, then {later}");
}

#[tokio::test(start_paused = true)]
async fn a_step_of_its_life_begins_the_pauses_anew() {
    let world = World::new(standard());
    world.invoke_waiting(TOKEN, "select 1").await.unwrap();
    for _ in 0..3 {
        world.push(16 * 60);
        world.sweep().await;
    }
    assert_eq!(world.record(TOKEN).await.unwrap().watch.looks, 3);
    world.end(TOKEN, StatementStatus::Finished);
    world.push(17 * 60);
    world.sweep().await;
    let record = world.record(TOKEN).await.unwrap();
    assert_eq!((record.phase(), record.watch.looks), (Phase::Closed, 0));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_due_records_are_worked_off_in_slices() {
    let world = running(Options::default(), 1_000).await;
    for number in 0..1_000 {
        world.end(&token(number), StatementStatus::Finished);
    }
    *world.warehouse.describe_takes.lock().unwrap() = Duration::from_millis(50);
    world.push(200);
    let (mut sweeps, mut settled) = (0, 0);
    loop {
        let begun = Instant::now();
        let call = Call {
            deadline: begun + Duration::from_secs(12),
            ..world.call()
        };
        let summary = world.tasker.sweep(&call).await.unwrap();
        assert!(
            begun.elapsed() <= Duration::from_secs(12),
            "{:?}",
            begun.elapsed()
        );
        sweeps += 1;
        settled += summary.settled;
        assert_eq!(summary.postponed, 0, "{summary:?}");
        if !summary.unfinished {
            break;
        }
        assert!(summary.settled > 100, "{summary:?}");
    }
    assert_eq!(settled, 1_000, "none twice");
    assert!((2..=4).contains(&sweeps), "{sweeps}");
    for number in 0..1_000 {
        assert_eq!(world.callbacks.sent(&token(number)).len(), 1);
    }
    assert_eq!(world.sweep().await.examined, 0);
}

#[tokio::test(start_paused = true)]
async fn one_sweep_with_time_takes_more_than_one_slice_of_each_list() {
    let world = running(Options::default(), 500).await;
    world.push(200);
    assert_eq!(world.sweep().await.examined, 500);
}

#[tokio::test(start_paused = true)]
async fn records_that_cannot_be_read_do_not_block_their_list() {
    let world = running(Options::default(), 400).await;
    for number in 0..300 {
        let id = crate::support::id(&token(number));
        world.ledger.spoil(&format!("task#{id}"));
    }
    for number in 300..400 {
        world.end(&token(number), StatementStatus::Finished);
    }
    world.push(200);
    let summary = world.sweep().await;
    assert_eq!(
        (summary.settled, summary.postponed),
        (100, 300),
        "{summary:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn redshift_is_asked_no_more_often_than_was_set() {
    let options = Options {
        rates: Rates {
            describes: 10.0,
            lists: 1.0,
            cancels: 1.0,
        },
        ..Options::default()
    };
    let world = running(options, 200).await;
    world.push(200);
    let begun = Instant::now();
    let summary = world.sweep().await;
    assert_eq!((summary.examined, summary.unfinished), (200, false));
    assert!(
        begun.elapsed() >= Duration::from_secs(18),
        "{:?}",
        begun.elapsed()
    );

    // Look-ups by name wait for their turn, and what had none stays due.
    let lost = World::with(
        standard(),
        Options {
            rates: Rates {
                lists: 1.0,
                ..Rates::default()
            },
            ..Options::default()
        },
    );
    for number in 0..40 {
        *lost.warehouse.start_faults.lock().unwrap() = vec![StartFault::Hang; 100];
        lost.invoke_waiting(&token(number), "select 1")
            .await
            .unwrap();
    }
    lost.push(200);
    let first = lost.sweep().await;
    assert!(
        first.unfinished && (10..40).contains(&first.adopted),
        "{first:?}"
    );
    let lists = lost.warehouse.count("list_named");
    assert!(lists <= 31, "{lists} in 29 s");
    let mut adopted = first.adopted;
    for _ in 0..5 {
        adopted += lost.sweep().await.adopted;
    }
    assert_eq!(adopted, 40);
}

#[tokio::test(start_paused = true)]
async fn two_sweeps_at_once_do_no_harm() {
    let world = running(Options::default(), 60).await;
    for number in 0..30 {
        world.end(&token(number), StatementStatus::Finished);
    }
    *world.warehouse.describe_takes.lock().unwrap() = Duration::from_millis(20);
    world.push(200);
    let (a, b, c) = tokio::join!(world.sweep(), world.sweep(), world.sweep());
    for summary in [a, b, c] {
        assert!(!summary.unfinished, "{summary:?}");
    }
    for number in 0..30 {
        assert_eq!(world.callbacks.told(&token(number)).len(), 1);
        let record = world.record(&token(number)).await.unwrap();
        assert_eq!(record.phase(), Phase::Closed);
    }
    for number in 30..60 {
        let record = world.record(&token(number)).await.unwrap();
        assert_eq!(record.phase(), Phase::Started);
        assert!(record.due_at.is_some(), "it is looked at again");
    }
    assert_eq!(
        world.warehouse.count("start"),
        60,
        "the sweep never starts SQL"
    );
    assert_eq!(due_items(&world.ledger), 30, "one for each that is open");
}

#[tokio::test(start_paused = true)]
async fn a_sweep_whose_writes_are_not_acknowledged_leaves_one_due_item_each() {
    let world = Arc::new(running(Options::default(), 8).await);
    world.push(200);
    world.ledger.lose_replies.store(5, Ordering::Relaxed);
    world.sweep().await;
    assert_eq!(due_items(&world.ledger), 8);
}

fn due_items(ledger: &MemoryLedger) -> usize {
    let keys = ledger.keys();
    keys.iter().filter(|key| key.starts_with("due#")).count()
}
