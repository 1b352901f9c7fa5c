//! Components that mean harm, written by hand where no toolchain would make them.
//!
//! All attacks run one after another in one process: what one of them leaves behind would be seen at the next.
//! `cargo test -p signalbox-policy --test hostile -- --nocapture` prints what each came to.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing
)]

mod attack;
mod calls;
#[path = "../component/common.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod common;
mod guest;
mod handles;
mod imports;
mod memory;
mod stack;
mod time;
mod values;
#[cfg(feature = "wasi")]
mod wasi;

use signalbox_policy::{
    ComponentPolicy, EngineOptions, Limits, LoadError, Loading, PolicyEngine, Source,
};

use tokio::sync::Mutex;

use crate::{
    attack::{Attack, Figures},
    guest::Guest,
};

#[tokio::test]
async fn every_attack_is_stopped_and_the_next_event_is_served() {
    let _alone = ALONE.lock().await;
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let good = load(&engine, Guest::default().build()).await.unwrap();
    attack::serves(&good, "nothing").await;

    println!("{}", Figures::HEAD);
    let mut failures = Vec::new();
    for attack in attacks() {
        match attack.run(&engine, &good).await {
            Ok(figures) => println!("{}", figures.line()),
            Err(failure) => failures.push(failure),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[tokio::test]
async fn what_was_stopped_leaves_nothing_behind() {
    let _alone = ALONE.lock().await;
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let quick: Vec<_> = attacks().filter(Attack::is_quick).collect();
    // What the allocator and the compiler keep for good they have after this.
    for attack in &quick {
        attack.repeat(&engine, 2).await;
    }
    let before = attack::resident();
    for attack in &quick {
        attack.repeat(&engine, ROUNDS).await;
    }
    let grown = attack::resident().saturating_sub(before);
    println!(
        "{} attacks, {ROUNDS} times each: the host grew by {grown} KiB",
        quick.len()
    );
    // One instance of 16 MiB that stayed in each round would be 400 MiB.
    assert!(grown < 100 * 1024, "the host grew by {grown} KiB");
}

#[tokio::test]
async fn what_is_not_linked_does_not_load() {
    let _alone = ALONE.lock().await;
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let good = load(&engine, Guest::default().build()).await.unwrap();
    for import in imports::foreign() {
        let outcome = load(&engine, import.component).await;
        let error = outcome.err().unwrap_or_else(|| panic!("{}", import.name));
        let said = error.to_string();
        println!("{:<50} {said}", import.name);
        assert!(said.contains(import.says), "{}: {said}", import.name);
        attack::serves(&good, import.name).await;
    }
}

/// The process's memory is measured, so one test runs at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// How often an attack is repeated where leaks are looked for.
const ROUNDS: usize = 25;

fn attacks() -> impl Iterator<Item = Attack> {
    let families = [
        time::attacks(),
        memory::attacks(),
        stack::attacks(),
        calls::attacks(),
        values::attacks(),
        handles::attacks(),
        #[cfg(feature = "wasi")]
        wasi::attacks(),
    ];
    families.into_iter().flatten()
}

async fn load(engine: &PolicyEngine, component: Vec<u8>) -> Result<ComponentPolicy, LoadError> {
    engine
        .load(Loading {
            name: "team".to_owned(),
            source: Source::Component(component.into()),
            settings: "{}".to_owned(),
            limits: Limits::default(),
            redact: None,
        })
        .await
}
