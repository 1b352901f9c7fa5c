//! Pauses between tries of a write that met another transaction.

use std::time::Duration;

use crate::signed::halved_by_chance;

/// How often such a write is tried.
pub(super) const TRIES: u32 = 4;
/// The first pause; each further one is twice as long, and half of each is chance.
const FIRST: Duration = Duration::from_millis(20);

/// Waits after try `number`, counted from 1.
pub(super) async fn pause(number: u32) {
    let whole = FIRST.saturating_mul(1 << number.saturating_sub(1).min(6));
    tokio::time::sleep(halved_by_chance(whole)).await;
}
