//! Pauses between tries of a write that met another transaction.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// How often such a write is tried.
pub(super) const TRIES: u32 = 4;
/// The first pause; each further one is twice as long, and half of each is chance.
const FIRST: Duration = Duration::from_millis(20);

/// Waits after try `number`, counted from 1.
pub(super) async fn pause(number: u32) {
    let whole = FIRST.saturating_mul(1 << number.saturating_sub(1).min(6));
    // The seed of a new `RandomState` differs from call to call; two hosts must not meet in step.
    let chance = RandomState::new().hash_one(number) % 1000;
    let half = whole / 2;
    tokio::time::sleep(half + half.saturating_mul(u32::try_from(chance).unwrap_or(0)) / 1000).await;
}
