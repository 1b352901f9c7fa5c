//! Decision records: one line of log for every call of a policy, and whole records in a folder or in Amazon S3.
//!
//! What is in a record is said in `docs/records.md`. Nothing here is in the way of a task: what cannot be written
//! is an alarm.

mod line;
mod mask;
mod store;
#[cfg(test)]
mod tests;

use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;
use signalbox_policy::{DecisionRecord, Witness, digest, record::MaskRule};
use tokio::{
    runtime::Handle,
    task::JoinHandle,
    time::{Instant, timeout_at},
};

pub use self::mask::Concealed;
use self::{line::Whole, store::Store};
use crate::config::RecordsConfig;

/// How many records may wait to be written. Where nothing can be written, more would be memory for nothing.
const MOST: usize = 256;
/// A store that did not write in so long is slow.
const PATIENT: Duration = Duration::from_secs(1);

/// Where lines go.
pub type Lines = Box<dyn Write + Send>;

/// Writes records.
pub struct Records {
    /// The log, and what is hidden there.
    log: Option<(Mutex<Lines>, MaskRule)>,
    /// Where whole ones are kept, and what is hidden there.
    store: Option<(Store, MaskRule)>,
    writing: Mutex<Vec<JoinHandle<()>>>,
    /// One waits at a time, so that who waits later waits for all.
    flushing: tokio::sync::Mutex<()>,
}

impl Records {
    /// As configured; none if nothing is to be written. `lines` is the log, where there is one for programs.
    #[must_use]
    pub fn new(config: &RecordsConfig, lines: Option<Lines>) -> Option<Arc<Self>> {
        let lines = lines.filter(|_| config.line);
        let log = lines.map(|lines| (Mutex::new(lines), config.line_mask));
        let place = config.directory.as_ref();
        let store = place.map(|place| (Store::new(place), config.mask));
        (log.is_some() || store.is_some()).then(|| {
            Arc::new(Self {
                log,
                store,
                writing: Mutex::default(),
                flushing: tokio::sync::Mutex::default(),
            })
        })
    }

    /// Waits until what was seen so far is written, but no longer than so long. What is not written then goes on.
    pub async fn flush(&self, patience: Duration) {
        let end = Instant::now() + patience;
        let Ok(_one) = timeout_at(end, self.flushing.lock()).await else {
            return;
        };
        let mut writing = std::mem::take(&mut *self.lock());
        let mut late = Vec::new();
        for mut write in writing.drain(..) {
            // It logs what went wrong itself.
            if timeout_at(end, &mut write).await.is_err() {
                late.push(write);
            }
        }
        if late.is_empty() {
            return;
        }
        // With no time left there is nothing to be said of the store.
        if patience >= PATIENT {
            tracing::warn!(
                records = late.len(),
                alarm = "RecordUnwritten",
                "decision records are not written yet"
            );
        }
        self.lock().append(&mut late);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to write a whole record; where to.
    fn keep(&self, record: &DecisionRecord) -> Option<Whole> {
        let (store, rule) = self.store.as_ref()?;
        let text = text(&mask::masked(record, *rule));
        let whole = whole(&text);
        let name = store::name(record.at, record.asked.export(), &whole.sha256);
        let place = store.place(&name);
        let Ok(runtime) = Handle::try_current() else {
            unwritten(&place, "nothing runs that could write it");
            return Some(whole);
        };
        let mut writing = self.lock();
        writing.retain(|write| !write.is_finished());
        if writing.len() >= MOST {
            unwritten(&place, "too many before it are not written yet");
            return Some(whole);
        }
        let (store, file) = (store.clone(), place.clone());
        writing.push(runtime.spawn(async move {
            if let Err(error) = store.write(&name, text).await {
                unwritten(&place, &error);
            }
        }));
        Some(Whole {
            file: Some(file),
            ..whole
        })
    }
}

impl Witness for Records {
    fn saw(&self, record: DecisionRecord) {
        let kept = self.keep(&record);
        let Some((lines, rule)) = &self.log else {
            return;
        };
        let record = mask::masked(&record, *rule);
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
}

fn unwritten(place: &str, error: &str) {
    tracing::warn!(
        place,
        error,
        alarm = "RecordUnwritten",
        "a decision record could not be written"
    );
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
