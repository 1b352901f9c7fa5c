//! Standard output and standard error, as lines of the policy's log.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

use crate::{contract::Level, instance::log::Log};

/// What may be written at once, in bytes: the host holds it meanwhile.
const PERMIT: usize = 16 * 1024;

/// One of the two streams. All of the guest's handles of it write to the same line.
#[derive(Clone)]
pub(super) struct Output(Arc<Mutex<Line>>);

struct Line {
    log: Log,
    level: Level,
    begun: Vec<u8>,
}

impl Output {
    pub(super) fn new(log: Log, level: Level) -> Self {
        let begun = Vec::new();
        Self(Arc::new(Mutex::new(Line { log, level, begun })))
    }

    fn take(&self, bytes: &[u8]) {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(end) => {
                    line.append(end);
                    line.end();
                }
                None => line.append(part),
            }
        }
    }
}

impl Line {
    /// A line without an end would be the host's memory without an end: what nobody would see is left out.
    fn append(&mut self, bytes: &[u8]) {
        let room = self.log.most().saturating_sub(self.begun.len());
        self.begun
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn end(&mut self) {
        let line = std::mem::take(&mut self.begun);
        let line = String::from_utf8_lossy(&line);
        self.log.write(self.level, &line, std::iter::empty());
    }
}

/// The last line may lack its end.
impl Drop for Line {
    fn drop(&mut self) {
        if !self.begun.is_empty() {
            self.end();
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    /// For WASI 0.3, which is not linked.
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::log::Redact;

    /// What is written to the log, and an output that leads there.
    fn output() -> (Arc<Mutex<Vec<String>>>, Output) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&lines);
        let redact: Redact = Arc::new(move |line: &str| {
            seen.lock().unwrap().push(line.to_owned());
            line.to_owned()
        });
        let log = Log::new("p".into(), Some(redact), 100, 10);
        (lines, Output::new(log, Level::Info))
    }

    #[test]
    fn lines_are_lines_of_the_log_whoever_writes_them() {
        let (lines, output) = output();
        let mut one = output.p2_stream();
        let mut other = output.p2_stream();
        one.write(Bytes::from_static(b"a\nb\n\nc ")).unwrap();
        other.write(Bytes::from_static(b"d\xff\ne")).unwrap();
        drop((one, other, output));
        assert_eq!(*lines.lock().unwrap(), ["a", "b", "", "c d\u{fffd}", "e"]);
    }

    #[test]
    fn a_line_without_an_end_takes_no_memory() {
        let (lines, output) = output();
        let mut stream = output.p2_stream();
        for _ in 0..1000 {
            stream.write(Bytes::from_static(&[b'x'; 4096])).unwrap();
        }
        let kept = output.0.lock().unwrap().begun.len();
        assert!(kept < 20_000, "{kept}");
        stream.write(Bytes::from_static(b"\nnext\n")).unwrap();
        assert_eq!(lines.lock().unwrap().last().unwrap(), "next");
    }
}
