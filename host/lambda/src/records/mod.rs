//! Decision records: one line of log for every call of a policy, and whole records in a directory.
//!
//! What is in a record is said in `docs/decision-records.md`. Nothing here is in the way of a task: what cannot be written
//! is an alarm.

mod line;
mod mask;
mod store;
#[cfg(test)]
mod tests;

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;
use signalbox_policy::{DecisionRecord, Witness, digest, record::MaskRule};
use tokio::task::JoinHandle;

use self::line::Whole;
pub use self::mask::Concealed;
use crate::config::RecordsConfig;

/// How long an answer waits for files: a file system that hangs does not keep it.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where lines go.
pub type Lines = Box<dyn Write + Send>;

/// Writes records.
pub struct Records {
    /// The log, and what is hidden there.
    log: Option<(Mutex<Lines>, MaskRule)>,
    /// The directory, and what is hidden there.
    directory: Option<(PathBuf, MaskRule)>,
    writing: Mutex<Vec<JoinHandle<()>>>,
}

impl Records {
    /// As configured; none if nothing is to be written. `lines` is the log, where there is one for programs.
    #[must_use]
    pub fn new(config: &RecordsConfig, lines: Option<Lines>) -> Option<Arc<Self>> {
        let lines = lines.filter(|_| config.line);
        let log = lines.map(|lines| (Mutex::new(lines), config.line_mask));
        let directory = config.directory.clone().map(|path| (path, config.mask));
        (log.is_some() || directory.is_some()).then(|| {
            Arc::new(Self {
                log,
                directory,
                writing: Mutex::default(),
            })
        })
    }

    /// Waits until the files of what was seen so far are written, but not for long.
    pub async fn flush(&self) {
        let writing = std::mem::take(&mut *self.lock());
        let all = async {
            for write in writing {
                // It logs what went wrong itself.
                let _ = write.await;
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            tracing::error!(
                alarm = "RecordUnwritten",
                "decision records are not written yet; the answer does not wait for them any longer"
            );
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to write a whole record; where to.
    fn keep(&self, record: &DecisionRecord) -> Option<Whole> {
        let (directory, rule) = self.directory.as_ref()?;
        let text = text(&mask::masked(record, *rule));
        let whole = whole(&text);
        let path = store::path(directory, record.at, record.asked.export(), &whole.sha256);
        let file = Some(path.display().to_string());
        let write = move || {
            if let Err(error) = store::write(&path, &text) {
                unwritten(&path, &error);
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => self.lock().push(runtime.spawn_blocking(write)),
            Err(_) => write(),
        }
        Some(Whole { file, ..whole })
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
            tracing::error!(%error, alarm = "RecordUnwritten", "a decision record could not be logged");
        }
    }
}

fn unwritten(path: &Path, error: &std::io::Error) {
    tracing::error!(path = %path.display(), %error, alarm = "RecordUnwritten", "a decision record could not be written");
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
