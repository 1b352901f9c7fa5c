//! A policy's lines in the host's log.

use std::{fmt::Write as _, sync::Arc};

use crate::contract::Level;

/// Takes out of a text what must not be logged.
pub type Redact = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// The lines of one call.
pub(crate) struct Log {
    policy: Arc<str>,
    redact: Option<Redact>,
    left: u32,
    line: usize,
    dropped: u64,
}

impl Log {
    pub(crate) fn new(policy: Arc<str>, redact: Option<Redact>, lines: u32, line: usize) -> Self {
        Self {
            policy,
            redact,
            left: lines,
            line,
            dropped: 0,
        }
    }

    /// Writes one line, unless there were enough.
    pub(crate) fn write<'a>(
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
        let mut line = message.to_owned();
        for (name, value) in fields {
            // Writing to a `String` does not fail.
            let _ = write!(line, " {name}={value:?}");
        }
        if let Some(redact) = &self.redact {
            line = redact(&line);
        }
        let line = shorten(&line, self.line);
        let policy = &*self.policy;
        match level {
            Level::Debug => tracing::debug!(target: "signalbox::policy", policy, "{line}"),
            Level::Info => tracing::info!(target: "signalbox::policy", policy, "{line}"),
            Level::Warn => tracing::warn!(target: "signalbox::policy", policy, "{line}"),
            Level::Error => tracing::error!(target: "signalbox::policy", policy, "{line}"),
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if self.dropped > 0 {
            let (policy, dropped) = (&*self.policy, self.dropped);
            tracing::warn!(target: "signalbox::policy", policy, dropped, "the policy wrote more lines than it may");
        }
    }
}

/// The beginning of a text, at a boundary of characters.
fn shorten(text: &str, bytes: usize) -> String {
    match text.get(..text.floor_char_boundary(bytes)) {
        Some(head) if head.len() < text.len() => format!("{head}… ({} bytes)", text.len()),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_between_characters() {
        assert_eq!(shorten("añb", 2), "a… (4 bytes)");
        assert_eq!(shorten("añb", 4), "añb");
    }

    #[test]
    fn lines_beyond_the_limit_are_counted() {
        let mut log = Log::new("p".into(), None, 2, 10);
        for _ in 0..5 {
            log.write(Level::Debug, "x", std::iter::empty());
        }
        assert_eq!(log.dropped, 3);
    }
}
