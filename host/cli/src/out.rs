//! Writing to the terminal: text for people, or one JSON document for programs.
//!
//! Colours go to terminals only, and not where NO_COLOR is set. What is still under way goes to standard error, and
//! only where that is a terminal.

mod progress;
mod safe;

use std::{
    fmt::Display,
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

pub(crate) use progress::Progress;
use safe::{Safe, safe_json};

/// What is good.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What is bad.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// What deserves a look.
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();
/// Names of things.
pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
/// What is beside the point.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// Headings.
pub(crate) const HEAD: Style = Style::new().bold();

/// Whether standard output is for programs.
static JSON: AtomicBool = AtomicBool::new(false);

/// Whether the command has written its document.
static HAS_DOCUMENT: AtomicBool = AtomicBool::new(false);

/// From now on [`line()`] is silent and [`json`] speaks.
pub(crate) fn speak_json() {
    JSON.store(true, Ordering::Relaxed);
}

/// Whether standard output is for programs.
pub(crate) fn speaks_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// Writes a line for people. A reader who has gone away is no error.
pub(crate) fn line(text: impl Display) {
    if !speaks_json() {
        raw(text);
    }
}

/// Writes the document for programs unless there was one already.
pub(crate) fn json_once(document: &impl Serialize) {
    if !HAS_DOCUMENT.load(Ordering::Relaxed) {
        json(document);
    }
}

/// Writes the document for programs, of which a command has one.
pub(crate) fn json(document: &impl Serialize) {
    HAS_DOCUMENT.store(true, Ordering::Relaxed);
    if speaks_json() {
        match serde_json::to_string_pretty(document) {
            Ok(text) => raw(safe_json(&text)),
            Err(why) => error(format_args!("the result cannot be written as JSON: {why}")),
        }
    }
}

/// Writes a line whoever reads it: what was asked for is itself a document.
pub(crate) fn raw(text: impl Display) {
    progress::clear();
    let _ = writeln!(anstream::stdout().lock(), "{}", Safe(text));
}

/// Writes a document of JSON, whoever reads it.
pub(crate) fn raw_json(text: &str) {
    raw(safe_json(text));
}

/// Writes an error.
pub(crate) fn error(text: impl Display) {
    progress::clear();
    let _ = writeln!(
        anstream::stderr().lock(),
        "{BAD}error:{BAD:#} {}",
        Safe(text)
    );
}

/// Writes what deserves a look and is no error, whoever reads standard output.
pub(crate) fn note(text: impl Display) {
    progress::clear();
    let _ = writeln!(
        anstream::stderr().lock(),
        "{NOTE}note:{NOTE:#} {}",
        Safe(text)
    );
}

/// A text in a style.
pub(crate) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Why a server does not start at an address, and what to do.
pub(crate) fn cannot_listen(
    what: &str,
    address: std::net::SocketAddr,
    error: &std::io::Error,
) -> String {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        format!(
            "{what} does not start: port {} is in use by another program; give another port, or none for a free one",
            address.port()
        )
    } else {
        format!("{what} does not start on {address}: {error}")
    }
}
