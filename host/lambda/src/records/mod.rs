//! Decision records: one line of log for every call of a policy, and whole records in a folder or in Amazon S3.
//!
//! What is in a record is said in `docs/records.md`. Nothing here is in the way of a task: what cannot be written
//! is an alarm.

mod line;
mod mask;
mod repeats;
mod store;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    io::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;
use signalbox_policy::{DecisionRecord, Witness, digest, record::MaskRule};
use tokio::{
    runtime::Handle,
    sync::Semaphore,
    task::JoinHandle,
    time::{Instant, timeout_at},
};

pub use self::mask::Concealed;
use self::{line::Whole, store::Store};
use crate::config::RecordsConfig;

/// How many bytes of records may wait to be written. Where nothing can be written, more would be memory for nothing.
const ROOM: usize = 32 * 1024 * 1024;
/// How many records are written at once.
const TURNS: usize = 4;
/// A store that did not write in so long is slow.
const PATIENT: Duration = Duration::from_secs(1);
/// How long is waited for a store that was slow the last time.
const HURRIED: Duration = Duration::from_millis(100);

/// Where lines go.
pub type Lines = Box<dyn Write + Send>;

/// Writes records.
///
/// A record is taken while a task waits, so all that is done then is to put it into a line. Whoever writes takes them out
/// in the order in which they came, on a thread where that holds up nothing else.
pub struct Records {
    shared: Arc<Shared>,
    /// One waits at a time, so that who waits later waits for all.
    flushing: tokio::sync::Mutex<()>,
}

struct Shared {
    /// The log, and what is hidden there.
    log: Option<(Mutex<Lines>, MaskRule)>,
    /// Where whole ones are kept, and what is hidden there.
    store: Option<(Store, MaskRule)>,
    /// How many bytes may wait.
    room: usize,
    turns: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What was seen and nobody has begun to write.
    seen: VecDeque<(DecisionRecord, Held)>,
    /// Whether somebody takes from that.
    is_drained: bool,
    /// How many bytes are not written.
    held: usize,
    writing: Vec<JoinHandle<()>>,
    /// Whether something was late when it was last waited for.
    was_late: bool,
    /// What could not be written.
    unkept: Option<Unkept>,
}

/// Records that are kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unkept {
    /// How many.
    pub records: usize,
    /// Why the first of them is not kept.
    pub reason: String,
}

/// The memory of a record until it is written.
struct Held {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.held = state.held.saturating_sub(self.bytes);
    }
}

impl Records {
    /// As configured; none if nothing is to be written. `lines` is the log, where there is one for programs.
    #[must_use]
    pub fn new(config: &RecordsConfig, lines: Option<Lines>) -> Option<Arc<Self>> {
        Self::with_room(config, lines, ROOM)
    }

    fn with_room(config: &RecordsConfig, lines: Option<Lines>, room: usize) -> Option<Arc<Self>> {
        let lines = lines.filter(|_| config.line);
        let log = lines.map(|lines| (Mutex::new(lines), config.line_mask));
        let place = config.directory.as_ref();
        let store = place.map(|place| (Store::new(place), config.mask));
        (log.is_some() || store.is_some()).then(|| {
            Arc::new(Self {
                shared: Arc::new(Shared {
                    log,
                    store,
                    room,
                    turns: Arc::new(Semaphore::new(TURNS)),
                    state: Mutex::default(),
                }),
                flushing: tokio::sync::Mutex::default(),
            })
        })
    }

    /// Waits until what was seen so far is written, but no longer than so long, and only for a moment if the store was
    /// slow the last time. What is not written then goes on.
    pub async fn flush(&self, patience: Duration) {
        let patience = if self.shared.state().was_late {
            patience.min(HURRIED)
        } else {
            patience
        };
        let end = Instant::now() + patience;
        let Ok(_one) = timeout_at(end, self.flushing.lock()).await else {
            return;
        };
        let mut late = Vec::new();
        while late.is_empty() {
            // Who takes from what was seen adds to what is written before it ends.
            let writing = std::mem::take(&mut self.shared.state().writing);
            if writing.is_empty() {
                break;
            }
            for mut write in writing {
                // It logs what went wrong itself.
                if timeout_at(end, &mut write).await.is_err() {
                    late.push(write);
                }
            }
        }
        // With no time left there is nothing to be said of the store.
        if !late.is_empty() && patience >= PATIENT {
            tracing::warn!(
                records = late.len(),
                alarm = "RecordUnwritten",
                "decision records are not written yet"
            );
        }
        let mut state = self.shared.state();
        state.was_late = !late.is_empty() && (state.was_late || patience >= PATIENT);
        state.writing.append(&mut late);
    }

    /// The whole records that could not be written, or are not written yet: for who ends when it has waited.
    #[must_use]
    pub fn unkept(&self) -> Option<Unkept> {
        let state = self.shared.state();
        let late = state.writing.iter().filter(|write| !write.is_finished());
        let late = late.count();
        match &state.unkept {
            Some(unkept) => Some(Unkept {
                records: unkept.records + late,
                reason: unkept.reason.clone(),
            }),
            None => (late > 0).then(|| Unkept {
                records: late,
                reason: "they were not written in the time that there was".to_owned(),
            }),
        }
    }
}

impl Shared {
    /// Says that a record is not kept.
    fn unwritten(&self, place: &str, error: &str) {
        tracing::warn!(
            place,
            error,
            alarm = "RecordUnwritten",
            "a decision record could not be written"
        );
        let mut state = self.state();
        let unkept = state.unkept.get_or_insert_with(|| Unkept {
            records: 0,
            reason: format!("{place}: {error}"),
        });
        unkept.records += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes all that was seen.
    fn drain(&self) {
        loop {
            let next = {
                let mut state = self.state();
                let next = state.seen.pop_front();
                state.is_drained = next.is_some();
                next
            };
            let Some((record, held)) = next else {
                return;
            };
            self.write(&record, held);
        }
    }

    fn write(&self, record: &DecisionRecord, held: Held) {
        let kept = self.keep(record, held);
        let Some((lines, rule)) = &self.log else {
            return;
        };
        let record = mask::masked(record, *rule);
        let whole = kept.unwrap_or_else(|| whole(&text(&record)));
        let line = line::line(record, &whole, &Timestamp::now().to_string());
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        // In one piece, so that nothing of another line comes between.
        let written = lines
            .write_all(line.as_bytes())
            .and_then(|()| lines.flush());
        if let Err(error) = written {
            tracing::warn!(%error, alarm = "RecordUnwritten", "a decision record could not be logged");
        }
    }

    /// Begins to write a whole record; where to.
    fn keep(&self, record: &DecisionRecord, held: Held) -> Option<Whole> {
        let (store, rule) = self.store.as_ref()?;
        let text = text(&mask::masked(record, *rule));
        let whole = whole(&text);
        let name = store::name(record.at, record.asked.export(), &whole.sha256);
        let place = store.place(&name);
        let Ok(runtime) = Handle::try_current() else {
            self.unwritten(&place, "nothing runs that could write it");
            return Some(whole);
        };
        let (store, file) = (store.clone(), place.clone());
        let turns = Arc::clone(&self.turns);
        let write = runtime.spawn(async move {
            // It is never closed.
            let _turn = turns.acquire().await;
            if let Err(error) = store.write(&name, text).await {
                held.shared.unwritten(&place, &error);
            }
            drop(held);
        });
        self.state().writing.push(write);
        Some(Whole {
            file: Some(file),
            ..whole
        })
    }
}

impl Witness for Records {
    fn saw(&self, record: DecisionRecord) {
        let shared = &self.shared;
        let bytes = record.size();
        {
            let mut state = shared.state();
            if state.held.saturating_add(bytes) > shared.room {
                drop(state);
                tracing::warn!(
                    subject = record.asked.subject(),
                    alarm = "RecordUnwritten",
                    "a decision record is dropped: too much before it is not written yet"
                );
                return;
            }
            state.held += bytes;
            let held = Held {
                shared: Arc::clone(shared),
                bytes,
            };
            state.seen.push_back((record, held));
            if std::mem::replace(&mut state.is_drained, true) {
                return;
            }
            state.writing.retain(|write| !write.is_finished());
        }
        let drained = Arc::clone(shared);
        match Handle::try_current() {
            Ok(runtime) => {
                let drain = runtime.spawn_blocking(move || drained.drain());
                shared.state().writing.push(drain);
            }
            Err(_) => drained.drain(),
        }
    }
}

fn text(record: &Value) -> String {
    format!("{record}\n")
}

fn whole(text: &str) -> Whole {
    Whole {
        bytes: text.len(),
        sha256: digest::hex(text.as_bytes()),
        file: None,
    }
}
