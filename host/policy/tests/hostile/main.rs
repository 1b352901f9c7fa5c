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
mod memory;
mod stack;
mod time;
mod values;

use signalbox_policy::{EngineOptions, Limits, Loading, PolicyEngine, Source};

use crate::{attack::Figures, guest::Guest};

#[tokio::test]
async fn every_attack_is_stopped_and_the_next_event_is_served() {
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let good = engine
        .load(Loading {
            name: "good".to_owned(),
            source: Source::Component(Guest::default().build().into()),
            settings: "{}".to_owned(),
            limits: Limits::default(),
            redact: None,
        })
        .await
        .unwrap();
    attack::serves(&good, "nothing").await;

    let families = [
        time::attacks(),
        memory::attacks(),
        stack::attacks(),
        calls::attacks(),
        values::attacks(),
        handles::attacks(),
    ];
    println!("{}", Figures::HEAD);
    for attack in families.into_iter().flatten() {
        println!("{}", attack.run(&engine, &good).await.line());
    }
}
