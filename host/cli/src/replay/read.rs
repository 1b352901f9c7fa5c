//! Decision records, wherever they are.

use std::{
    io::{BufRead as _, BufReader, Cursor, Read},
    path::{Path, PathBuf},
};

use serde_json::Value;
use signalbox_policy::{DecisionRecord, record::FORMAT};
use signalbox_tasker::bounds::RECORD;

/// The path that means standard input.
const STDIN: &str = "-";

/// How many records are handed on together.
const BATCH: usize = 64;
/// How many reasons are kept.
const REASONS: usize = 1_000;

/// Takes records, and says whether it takes more.
pub(super) type Sink = Box<dyn FnMut(Vec<DecisionRecord>) -> bool + Send>;

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    /// Those that were not handed on yet.
    pub(super) records: Vec<DecisionRecord>,
    /// Why others are left out, as far as that is kept.
    pub(super) skipped: Vec<String>,
    /// How many are left out.
    pub(super) left_out: usize,
    sink: Option<Sink>,
    handed_on: usize,
}

/// Reads all records of files and folders, in the order in which they are named, of folders by name.
pub(super) fn records(paths: &[PathBuf], sink: Option<Sink>) -> Result<Found, String> {
    let mut found = Found {
        sink,
        ..Found::default()
    };
    for path in paths {
        if path == Path::new(STDIN) {
            found
                .read(std::io::stdin().lock(), "standard input")
                .map_err(|error| format!("standard input cannot be read: {error}"))?;
        } else {
            found.path(path)?;
        }
    }
    found.hand_on();
    // Whoever takes them waits for more as long as it is there.
    found.sink = None;
    Ok(found)
}

impl Found {
    fn skip(&mut self, reason: String) {
        self.left_out += 1;
        if self.skipped.len() < REASONS {
            self.skipped.push(reason);
        }
    }

    fn push(&mut self, record: DecisionRecord) {
        self.records.push(record);
        if self.records.len() >= BATCH {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        if let Some(sink) = &mut self.sink {
            let records = std::mem::take(&mut self.records);
            self.handed_on += records.len();
            if !sink(records) {
                // Nobody waits for the rest, and what is not handed on is dropped.
                self.sink = None;
            }
        }
    }

    fn path(&mut self, path: &Path) -> Result<(), String> {
        let shown = path.display();
        let refused = |error: std::io::Error| format!("{shown} cannot be read: {error}");
        if path.is_dir() {
            let entries = std::fs::read_dir(path).map_err(refused)?;
            let mut paths = Vec::new();
            for entry in entries {
                paths.push(entry.map_err(refused)?.path());
            }
            paths.sort();
            for path in paths {
                // Beside records there may be anything, such as one that is being written.
                if path.is_dir() || path.extension().is_some_and(|end| end == "json") {
                    self.path(&path)?;
                }
            }
            return Ok(());
        }
        let file = std::fs::File::open(path).map_err(refused)?;
        self.read(file, &shown.to_string()).map_err(refused)
    }

    /// Reads documents or lines, at once if they are no longer than one record may be, else line by line.
    fn read(&mut self, mut reader: impl Read, place: &str) -> std::io::Result<()> {
        let most = u64::try_from(RECORD.bytes).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        reader.by_ref().take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() <= RECORD.bytes {
            self.take(&String::from_utf8_lossy(&bytes), place);
            return Ok(());
        }
        let mut lines = BufReader::new(Cursor::new(bytes).chain(reader));
        let found = |all: &Self| (all.records.len() + all.handed_on, all.left_out);
        let before = found(self);
        for number in 1_usize.. {
            let mut line = Vec::new();
            lines.by_ref().take(most + 1).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                break;
            }
            let is_whole = line.pop_if(|byte| *byte == b'\n').is_some();
            if line.len() > RECORD.bytes {
                self.skip(format!(
                    "{place}, line {number}: it has more than {most} bytes"
                ));
                if !is_whole {
                    lines.skip_until(b'\n')?;
                }
            } else {
                self.line(&String::from_utf8_lossy(&line), place, number);
            }
        }
        if found(self) == before {
            self.skip(format!(
                "{place}: no line of it is a record. A file of more than {most} bytes is read line by line: write each record in \
                 one line (`jq -c`), or split it up"
            ));
        }
        Ok(())
    }

    /// Takes the records out of a text: documents one after another, or lines of a log among other lines.
    fn take(&mut self, text: &str, place: &str) {
        // Where one holds too much, those of the lines that do not are read.
        if RECORD.check_each(text).is_err() {
            return self.lines(text, place);
        }
        let documents = serde_json::Deserializer::from_str(text)
            .into_iter::<Value>()
            .collect::<Result<Vec<_>, _>>();
        match documents {
            Ok(documents) => {
                let several = documents.len() > 1;
                for (n, document) in documents.into_iter().enumerate() {
                    let place = if several {
                        format!("{place}, document {}", n + 1)
                    } else {
                        place.to_owned()
                    };
                    self.document(document, &place);
                }
            }
            Err(_) => self.lines(text, place),
        }
    }

    fn lines(&mut self, text: &str, place: &str) {
        for (n, line) in text.lines().enumerate() {
            self.line(line, place, n + 1);
        }
    }

    fn line(&mut self, line: &str, place: &str, number: usize) {
        let place = format!("{place}, line {number}");
        if let Err(why) = RECORD.check(line) {
            self.skip(format!("{place}: {why}"));
            return;
        }
        // Tools that print logs put the time before a line.
        let document = line
            .find('{')
            .and_then(|at| line.get(at..))
            .and_then(|line| serde_json::from_str(line).ok());
        if let Some(document) = document {
            self.document(document, &place);
        }
    }

    fn document(&mut self, document: Value, place: &str) {
        let Value::Object(mut fields) = document else {
            return;
        };
        let is_record = ["format", "export", "decision"]
            .iter()
            .all(|name| fields.contains_key(*name));
        if is_record {
            return self.record(Value::Object(fields), place);
        }
        // A line of the log.
        if fields.get("target").and_then(Value::as_str) == Some("signalbox::record") {
            let shortened = fields.get("shortened").and_then(Value::as_bool);
            match fields.remove("record") {
                Some(record) if shortened == Some(false) => self.record(record, place),
                _ => {
                    let file = fields.get("whole").and_then(|whole| whole.get("file"));
                    let whole = match file.and_then(Value::as_str) {
                        Some(file) => format!("the whole one is {file}"),
                        None => "the whole one was kept nowhere".to_owned(),
                    };
                    self.skip(format!("{place}: the record was shortened; {whole}"));
                }
            }
            return;
        }
        // `signalbox invoke --json`.
        if let Some(Value::Array(happenings)) = fields.remove("happenings") {
            for happening in happenings {
                if let Some(record) = happening.get("evaluation") {
                    self.record(record.clone(), place);
                }
            }
            return;
        }
        // `aws logs filter-log-events`.
        if let Some(Value::Array(events)) = fields.remove("events") {
            for message in events.iter().filter_map(|event| event.get("message")) {
                if let Some(message) = message.as_str() {
                    self.lines(message, place);
                }
            }
        }
    }

    fn record(&mut self, record: Value, place: &str) {
        let format = record.get("format").and_then(Value::as_u64);
        if format.is_some_and(|format| format > u64::from(FORMAT)) {
            self.skip(format!(
                "{place}: the record was made by a newer version of Signalbox"
            ));
            return;
        }
        match serde_json::from_value(record) {
            Ok(record) => self.push(record),
            Err(error) => self.skip(format!("{place}: the record is broken: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn record(subject: &str) -> Value {
        json!({
            "format": 1, "host": "0.1.0", "at": 0, "calls": [], "durationUs": 0,
            "policy": {"name": "p", "version": "1", "digest": "d", "settings_digest": "s"},
            "export": "invoke", "event": {"waiter": null, "invocation": {
                "request_id": subject, "source": "Invocation", "payload": "{}", "execution_arn": null,
                "function_arn": null, "targets": [], "unknown_fields": "Warn"
            }},
            "decision": {"rejected": {"error": "E", "message": "m"}},
            "usage": {"guestTimeUs": 0, "hostTimeUs": 0, "hostCalls": 0, "memory": 0, "fuel": null}
        })
    }

    fn line(subject: &str) -> Value {
        json!({"target": "signalbox::record", "shortened": false, "whole": {}, "record": record(subject)})
    }

    fn found(text: &str) -> (Vec<String>, Vec<String>) {
        let mut found = Found::default();
        found.take(text, "x");
        let subjects = found.records.iter();
        let subjects = subjects.map(|record| record.asked.subject().to_owned());
        (subjects.collect(), found.skipped)
    }

    fn read(begin: usize, rest: &str) -> Found {
        let begin = std::io::repeat(b' ').take(begin as u64);
        let mut found = Found::default();
        found.read(begin.chain(rest.as_bytes()), "x").unwrap();
        found
    }

    #[test]
    fn of_what_is_too_long_to_be_read_at_once_no_line_is_lost() {
        let good = line("a").to_string();
        for (begin, skipped) in [(RECORD.bytes, 0), (RECORD.bytes + 1, 1)] {
            let found = read(begin, &format!("\n{good}\n{good}"));
            assert_eq!((found.records.len(), found.skipped.len()), (2, skipped));
        }
        let pretty = serde_json::to_string_pretty(&record("a")).unwrap();
        let found = read(RECORD.bytes, &format!("\n{pretty}"));
        assert_eq!(found.records.len(), 0);
        assert!(found.skipped[0].contains("`jq -c`"), "{:?}", found.skipped);
    }

    #[test]
    fn records_are_handed_on_as_they_come() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.jsonl");
        let lines: Vec<_> = (0..BATCH * 2 + 1)
            .map(|n| record(&n.to_string()).to_string())
            .collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        let batches = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink: Sink = {
            let batches = std::sync::Arc::clone(&batches);
            Box::new(move |records| {
                batches.lock().unwrap().push(records.len());
                true
            })
        };
        let found = records(&[path], Some(sink)).unwrap();
        assert_eq!((found.records.len(), found.left_out), (0, 0));
        assert_eq!(*batches.lock().unwrap(), [BATCH, BATCH, 1]);
    }

    #[test]
    fn records_are_found_in_every_form() {
        let pretty = serde_json::to_string_pretty(&record("a")).unwrap();
        let invoked = json!({"happenings": [{"evaluation": record("a")}, {"completion": {}}, {"evaluation": record("b")}]});
        let exported = json!({"events": [{"message": format!("{}\n", line("a"))}, {"message": "START"}, {"message": line("b").to_string()}]});
        for (text, subjects) in [
            (pretty, &["a"][..]),
            (format!("{}\n{}\n", record("a"), record("b")), &["a", "b"]),
            (
                format!(
                    "START RequestId: 1\n2026-11-25T12:00:00 {}\n{{\"level\":\"INFO\"}}\n{{\n{}",
                    line("a"),
                    line("b")
                ),
                &["a", "b"],
            ),
            (invoked.to_string(), &["a", "b"]),
            (exported.to_string(), &["a", "b"]),
            ("[1, 2]".to_owned(), &[]),
            (String::new(), &[]),
        ] {
            assert_eq!(
                found(&text),
                (subjects.iter().map(|s| (*s).to_owned()).collect(), vec![]),
                "{text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_made_again_is_named() {
        let mut short = line("a");
        short["shortened"] = json!(true);
        short["whole"]["file"] = json!("r/1.json");
        let mut newer = record("b");
        newer["format"] = json!(2);
        let mut broken = record("c");
        broken["decision"] = json!({"unheard": 1});
        let (subjects, skipped) = found(&format!("{short}\n{newer}\n{broken}\n"));
        assert!(subjects.is_empty());
        assert_eq!(
            skipped[0],
            "x, document 1: the record was shortened; the whole one is r/1.json"
        );
        assert!(
            skipped[1].ends_with("newer version of Signalbox"),
            "{skipped:?}"
        );
        assert!(skipped[2].contains("unheard"), "{skipped:?}");
    }

    #[test]
    fn folders_are_read_in_order_and_what_is_no_record_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("2026-11-25")).unwrap();
        for (name, subject) in [
            ("2026-11-25/2.json", "b"),
            ("2026-11-25/1.json", "a"),
            ("3.json", "c"),
            ("x.part", "d"),
        ] {
            std::fs::write(folder.path().join(name), record(subject).to_string()).unwrap();
        }
        let found = records(&[folder.path().to_owned()], None).unwrap();
        let subjects: Vec<_> = found
            .records
            .iter()
            .map(|record| record.asked.subject())
            .collect();
        assert_eq!(subjects, ["a", "b", "c"]);
        let error = records(&["nowhere.json".into()], None).err().unwrap();
        assert!(error.starts_with("nowhere.json cannot be read"), "{error}");
    }
}
