//! Writing to the terminal. Colours go to terminals only, and not where NO_COLOR is set.

use std::{fmt::Display, io::Write};

use anstyle::{AnsiColor, Style};

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

/// Writes a line. A reader who has gone away is no error.
pub(crate) fn line(text: impl Display) {
    let _ = writeln!(anstream::stdout().lock(), "{text}");
}

/// Writes an error.
pub(crate) fn error(text: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "{BAD}error:{BAD:#} {text}");
}

/// Writes what deserves a look and is no error.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "{NOTE}note:{NOTE:#} {text}");
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
