//! What is done when the answer was sent: shadows are asked, and records written.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use signalbox_policy::{
    record::MaskRule,
    replay::{Conceal as _, Outcome},
    shadow::{Comparison, Shaded},
};
use tokio::time::Instant;

use super::Host;
use crate::records::{Concealed, Unkept};

/// What shadows may take of an invocation, all of them together.
const SHADOWS: Duration = Duration::from_millis(500);
/// How long is waited for records. A store that answers takes a few hundredths of a second.
const RECORDS: Duration = Duration::from_secs(5);
/// What is left of an invocation's time. One that is out of time costs its environment, though its answer was sent.
const RESERVE: Duration = Duration::from_millis(500);
/// How many effects of a difference are logged.
const EFFECTS: usize = 4;
/// The longest text of effects, and of a decision, in a line of the log, in bytes.
const SHOWN: usize = 12 * 1024;

/// What the shadows of one process came to so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Decisions on which a shadow was asked.
    pub compared: u64,
    /// It would have done the same.
    pub same: u64,
    /// It would have done something else.
    pub changed: u64,
    /// It read what the acting policy did not read, so it is not known.
    pub diverged: u64,
    /// The record of the decision does not have what it needs.
    pub incomplete: u64,
    /// Decisions for which there was no time or no room.
    pub skipped: u64,
}

impl Totals {
    fn add(&mut self, shaded: &Shaded) {
        self.skipped += shaded.skipped;
        for comparison in &shaded.compared {
            self.compared += 1;
            *match comparison.replay.outcome {
                Outcome::Same => &mut self.same,
                Outcome::Changed => &mut self.changed,
                Outcome::Diverged { .. } => &mut self.diverged,
                Outcome::Incomplete { .. } => &mut self.incomplete,
            } += 1;
        }
    }
}

/// Counts.
#[derive(Debug, Default)]
pub(super) struct Counter(Mutex<Totals>);

impl Counter {
    pub(super) fn totals(&self) -> Totals {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, shaded: &Shaded) {
        let mut totals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        totals.add(shaded);
    }
}

impl Host {
    /// Asks the shadows and waits for records to be written: to be called when the answer was sent, with the deadline
    /// of the invocation. A host that was not told that its caller does this does it by itself.
    pub async fn afterwards(&self, deadline: Instant) {
        let left = || {
            deadline
                .saturating_duration_since(Instant::now())
                .saturating_sub(RESERVE)
        };
        let shaded = self.tasker.shadows().run(SHADOWS.min(left())).await;
        if !shaded.compared.is_empty() || shaded.skipped > 0 {
            tell(&shaded);
            self.shaded.add(&shaded);
        }
        if let Some(records) = &self.records {
            records.flush(RECORDS.min(left())).await;
        }
    }

    /// The whole records that are kept nowhere, as far as is known when they were waited for.
    #[must_use]
    pub fn unkept(&self) -> Option<Unkept> {
        self.records.as_ref()?.unkept()
    }
}

fn tell(shaded: &Shaded) {
    for comparison in &shaded.compared {
        differs(comparison);
    }
    let mut now = Totals::default();
    now.add(shaded);
    tracing::info!(
        compared = now.compared,
        same = now.same,
        changed = now.changed,
        diverged = now.diverged,
        incomplete = now.incomplete,
        skipped = now.skipped,
        "shadows were asked"
    );
}

/// A value as text, or its size where that is too long for a log's line. The record of who acted has the event, and
/// `signalbox replay` the whole difference.
fn shortened(value: &serde_json::Value) -> String {
    let text = value.to_string();
    if text.len() <= SHOWN {
        text
    } else {
        format!("({} bytes)", text.len())
    }
}

/// Logs a difference, without literals: SQL is in it.
fn differs(comparison: &Comparison) {
    let replay = &comparison.replay;
    let outcome = match &replay.outcome {
        Outcome::Same => return,
        Outcome::Changed => "changed".to_owned(),
        Outcome::Diverged { call, function, .. } => {
            format!("diverged at call {call}, {function}")
        }
        Outcome::Incomplete { reason } => format!("incomplete: {reason}"),
    };
    let concealed = Concealed(MaskRule::Literals);
    let effects: Vec<_> = replay
        .effects
        .iter()
        .take(EFFECTS)
        .map(|change| {
            let hidden = |arguments: &Option<serde_json::Value>| {
                arguments.clone().map(|all| concealed.arguments(all))
            };
            serde_json::json!({
                "function": change.function,
                "acting": hidden(&change.recorded),
                "shadow": hidden(&change.replayed),
            })
        })
        .collect();
    let decision = serde_json::to_value(&replay.decision).unwrap_or_default();
    let decision = concealed.decision(decision, true);
    tracing::warn!(
        subject = comparison.subject,
        export = comparison.export,
        acting = comparison.acting.name,
        shadow = comparison.shadow.name,
        shadow_digest = comparison.shadow.digest,
        outcome,
        effects = shortened(&serde_json::Value::from(effects)),
        decision = shortened(&decision),
        "a shadow would have done otherwise"
    );
}
