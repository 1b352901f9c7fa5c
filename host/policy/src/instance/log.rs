//! A policy's lines in the host's log.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{contract::Level, shadow::shadow_of};

/// Takes out of a text what must not be logged.
pub type Redact = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// How much more of a line than is shown is searched for secrets, in bytes: one that begins within what is shown is
/// known by its end too.
const MARGIN: usize = 16 * 1024;

/// A line of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How loud.
    pub level: Level,
    /// The message with its fields, as the host's log has it.
    pub text: String,
}

tokio::task_local! {
    /// The lines of the policies that run within this task, for whoever wants to see them.
    static GATHERED: Arc<Mutex<Vec<Line>>>;
}

/// Runs something, and gathers what policies write to the log meanwhile, in the same task.
pub async fn gather<T>(run: impl Future<Output = T>) -> (T, Vec<Line>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let done = GATHERED.scope(Arc::clone(&lines), run).await;
    let gathered = std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner));
    (done, gathered)
}

/// The lines of one call. Clones of it write to the same log.
#[derive(Clone)]
pub(crate) struct Log(Arc<Mutex<Lines>>);

struct Lines {
    policy: Arc<str>,
    /// The policy that acted, where this one is its shadow.
    shadow_of: Option<Arc<str>>,
    redact: Option<Redact>,
    left: u32,
    line: usize,
    dropped: u64,
}

impl Log {
    pub(crate) fn new(policy: Arc<str>, redact: Option<Redact>, lines: u32, line: usize) -> Self {
        Self(Arc::new(Mutex::new(Lines {
            policy,
            shadow_of: shadow_of(),
            redact,
            left: lines,
            line,
            dropped: 0,
        })))
    }

    /// As much of a line as is looked at, in bytes.
    #[cfg(feature = "wasi")]
    pub(crate) fn most(&self) -> usize {
        self.with(|lines| lines.most())
    }

    /// Writes one line, unless there were enough.
    pub(crate) fn write<'a>(
        &self,
        level: Level,
        message: &str,
        fields: impl Iterator<Item = (&'a str, &'a str)>,
    ) {
        self.with(|lines| lines.write(level, message, fields));
    }

    fn with<T>(&self, act: impl FnOnce(&mut Lines) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Lines {
    fn most(&self) -> usize {
        self.line.saturating_add(MARGIN)
    }

    fn write<'a>(
        &mut self,
        level: Level,
        message: &str,
        fields: impl Iterator<Item = (&'a str, &'a str)>,
    ) {
        let Some(left) = self.left.checked_sub(1) else {
            self.dropped += 1;
            return;
        };
        self.left = left;
        // A guest may hand over megabytes of which nobody sees more than some kilobytes.
        let most = self.most();
        let mut length = message.len();
        let mut line = head(message, most).to_owned();
        for (name, value) in fields {
            length = length
                .saturating_add(name.len())
                .saturating_add(value.len());
            if line.len() < most {
                let (name, value) = (head(name, most), head(value, most));
                // Writing to a `String` does not fail.
                let _ = write!(line, " {name}={value:?}");
            }
        }
        line.truncate(line.floor_char_boundary(most));
        if let Some(redact) = &self.redact {
            line = redact(&line);
        }
        let line = shorten(&line, self.line, length);
        let _ = GATHERED.try_with(|gathered| {
            let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
            gathered.push(Line {
                level,
                text: line.to_string(),
            });
        });
        let (policy, shadow_of) = (&*self.policy, self.shadow_of.as_deref());
        match level {
            Level::Debug => {
                tracing::debug!(target: "signalbox::policy", policy, shadow_of, "{line}")
            }
            Level::Info => tracing::info!(target: "signalbox::policy", policy, shadow_of, "{line}"),
            Level::Warn => tracing::warn!(target: "signalbox::policy", policy, shadow_of, "{line}"),
            Level::Error => {
                tracing::error!(target: "signalbox::policy", policy, shadow_of, "{line}")
            }
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if self.dropped > 0 {
            let (policy, dropped) = (&*self.policy, self.dropped);
            let shadow_of = self.shadow_of.as_deref();
            tracing::warn!(target: "signalbox::policy", policy, shadow_of, dropped, "the policy wrote more lines than it may");
        }
    }
}

/// The beginning of a text, at a boundary of characters.
fn head(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// The beginning of what was once so long, and how long it was.
fn shorten(text: &str, bytes: usize, length: usize) -> String {
    match head(text, bytes) {
        head if head.len() < text.len() => format!("{head}… ({} bytes)", length.max(text.len())),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_between_characters() {
        assert_eq!(shorten("añb", 2, 4), "a… (4 bytes)");
        assert_eq!(shorten("añb", 2, 9), "a… (9 bytes)");
        assert_eq!(shorten("añb", 4, 4), "añb");
    }

    #[test]
    fn what_is_cut_off_anyway_is_not_searched_for_secrets() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let searched = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&searched);
        let redact: Redact = Arc::new(move |line: &str| {
            counter.fetch_max(line.len(), Ordering::SeqCst);
            line.replace("secret", "***")
        });
        let log = Log::new("p".into(), Some(redact), 10, 100);
        let long = "é".repeat(1 << 20);
        log.write(Level::Debug, &long, std::iter::empty());
        log.write(
            Level::Debug,
            "x",
            [(long.as_str(), long.as_str())].into_iter(),
        );
        log.write(Level::Debug, "x", std::iter::repeat_n(("n", "v"), 1 << 20));
        let searched = searched.load(Ordering::SeqCst);
        assert!((100..=100 + 2 * MARGIN).contains(&searched), "{searched}");
    }

    #[test]
    fn lines_beyond_the_limit_are_counted() {
        let log = Log::new("p".into(), None, 2, 10);
        for _ in 0..5 {
            log.write(Level::Debug, "x", std::iter::empty());
        }
        assert_eq!(log.with(|lines| lines.dropped), 3);
    }
}
