//! A line on the terminal that says what is under way, and for how long.

use std::{
    io::{IsTerminal as _, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::FAINT;

/// What is shorter is not worth a line.
const PATIENCE: Duration = Duration::from_millis(400);
/// How often the line is written anew.
const PERIOD: Duration = Duration::from_millis(200);
/// Back to the first column, and away with what stands there.
const CLEAR: &str = "\r\x1b[2K";

/// Whether the line is on the terminal now.
static SHOWN: Mutex<bool> = Mutex::new(false);

/// Something is under way, until this is dropped. Nothing is shown unless standard error is a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    over: Arc<AtomicBool>,
}

impl Progress {
    /// Says what is under way, such as `waiting for the statement`.
    pub(crate) fn of(what: impl Into<String>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        if std::io::stderr().is_terminal() {
            tokio::spawn(show(what.into(), Arc::clone(&over)));
        }
        Self { over }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        clear();
    }
}

async fn show(what: String, over: Arc<AtomicBool>) {
    let began = Instant::now();
    tokio::time::sleep(PATIENCE).await;
    loop {
        {
            let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
            // Looked at while nobody else writes: what is over has been cleared, or is cleared after this.
            if over.load(Ordering::SeqCst) {
                return;
            }
            let line = line(&what, began.elapsed());
            let mut terminal = anstream::stderr().lock();
            // A terminal that has gone away is nobody's loss.
            let _ = write!(terminal, "{CLEAR}{FAINT}{line}{FAINT:#}");
            let _ = terminal.flush();
            *shown = true;
        }
        tokio::time::sleep(PERIOD).await;
    }
}

fn line(what: &str, time: Duration) -> String {
    format!("… {what} ({} s)", time.as_secs())
}

/// Takes the line away, before something else is written.
pub(super) fn clear() {
    let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if std::mem::take(&mut *shown) {
        let mut terminal = anstream::stderr().lock();
        let _ = write!(terminal, "{CLEAR}");
        let _ = terminal.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_and_how_long() {
        assert_eq!(
            line("waiting for the statement", Duration::from_millis(12_900)),
            "… waiting for the statement (12 s)"
        );
    }

    #[tokio::test]
    async fn nothing_is_left_behind() {
        drop(Progress::of("nothing"));
        assert!(!*SHOWN.lock().unwrap());
    }
}
