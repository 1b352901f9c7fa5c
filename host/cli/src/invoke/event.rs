//! The event that a function is invoked with.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use serde_json::Value;
use signalbox_local::step_functions::{StepFunctionsServer, WaitingTask};
use signalbox_tasker::bounds::{self, Bounds};

/// How much is read, and whose bound that is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    pub(crate) bytes: u64,
    /// Ends the sentence "…, which is the most that".
    pub(crate) of: &'static str,
}

/// As much as Lambda takes in one synchronous invocation.
const EVENT: Most = Most {
    bytes: 6 * 1024 * 1024,
    of: "Lambda takes in an invocation",
};
/// What of a file becomes a tree. How long it may be depends on what it is.
const EVENT_TREE: Bounds = Bounds {
    bytes: usize::MAX,
    ..bounds::EVENT
};
/// The path that means standard input.
const STDIN: &str = "-";

/// The files of events: of a folder those in JSON, by name.
pub(crate) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let refused = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(refused)? {
            let file = entry.map_err(refused)?.path();
            if file.extension().is_some_and(|end| end == "json") && file.is_file() {
                found.push(file);
            }
        }
        if found.is_empty() {
            return Err(format!(
                "{} has no events: they are files that end with .json",
                path.display()
            ));
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

/// Reads the event from a file, or from standard input.
pub(crate) fn read(path: &Path) -> Result<Value, String> {
    read_json("the event", path, EVENT)
}

/// Reads JSON within a bound; `what` it is begins the messages.
pub(crate) fn read_json(what: &str, path: &Path, most: Most) -> Result<Value, String> {
    let (bytes, name) = if path == Path::new(STDIN) {
        (
            bounded(std::io::stdin().lock(), most),
            format!("{what} on standard input"),
        )
    } else {
        let file = std::fs::File::open(path);
        (
            file.and_then(|file| bounded(file, most)),
            format!("{what} {}", path.display()),
        )
    };
    let bytes = bytes.map_err(|error| format!("{name} cannot be read: {error}"))?;
    parse(&bytes, &name, most)
}

/// Reads one byte more than is taken, which shows what is too long.
fn bounded(reader: impl std::io::Read, most: Most) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most.bytes + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parse(bytes: &[u8], name: &str, most: Most) -> Result<Value, String> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most.bytes {
        return Err(format!(
            "{name} has more than {} bytes, which is the most that {}",
            most.bytes, most.of
        ));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(format!("{name} is empty; it has to be JSON"));
    }
    // What is no UTF-8 the parser refuses by its place.
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Err(why) = EVENT_TREE.check(text)
    {
        return Err(format!("{name} is too large: {why}"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        format!(
            "{name} is not JSON: line {}, column {}: {}",
            error.line(),
            error.column(),
            reason(&error)
        )
    })
}

/// The reason without the place, which is said before it.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

/// Gives every task token of the event a task that waits: the tokens are replaced by those of the tasks, in a payload
/// and in the payloads of a queue's records.
pub(crate) fn let_wait(event: &mut Value, states: &StepFunctionsServer) -> Vec<WaitingTask> {
    let mut tasks = Vec::new();
    let mut replace = |payload: &mut Value| {
        if let Some(token) = payload
            .get_mut("taskToken")
            .filter(|token| token.as_str().is_some_and(|token| !token.is_empty()))
        {
            let task = states.waiting_task();
            *token = Value::from(task.token());
            tasks.push(task);
            return true;
        }
        false
    };
    replace(event);
    let records = event.get_mut("Records").and_then(Value::as_array_mut);
    for body in records
        .into_iter()
        .flatten()
        .filter_map(|record| record.get_mut("body"))
    {
        let payload = body
            .as_str()
            .and_then(|body| serde_json::from_str(body).ok());
        if let Some(mut payload) = payload
            && replace(&mut payload)
        {
            *body = Value::from(payload.to_string());
        }
    }
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use signalbox_local::step_functions::{StepFunctions, StepFunctionsOptions};

    #[test]
    fn what_is_no_event_is_named_with_its_place() {
        for (text, wanted) in [
            ("", "the event e.json is empty; it has to be JSON"),
            (
                "{\n  \"a\": 1,\n  b\n}",
                "the event e.json is not JSON: line 3, column 3: key must be a string",
            ),
            (
                "{\"a\": ",
                "the event e.json is not JSON: line 1, column 6: EOF while parsing a value",
            ),
        ] {
            assert_eq!(
                parse(text.as_bytes(), "the event e.json", EVENT).unwrap_err(),
                wanted
            );
        }
        let large = vec![b' '; 7 * 1024 * 1024];
        let error =
            parse(&bounded(&*large, EVENT).unwrap(), "the event e.json", EVENT).unwrap_err();
        assert!(error.contains("more than 6291456 bytes"), "{error}");
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let error = read(Path::new("/nowhere/event.json")).unwrap_err();
        assert!(
            error.starts_with("the event /nowhere/event.json cannot be read: "),
            "{error}"
        );
    }

    #[tokio::test]
    async fn tokens_are_replaced_wherever_a_payload_is() {
        let states = StepFunctions::start(StepFunctionsOptions::default())
            .await
            .unwrap();
        let mut payload = json!({"taskToken": "mine", "sqlStatement": "select 1"});
        let tasks = let_wait(&mut payload, &states);
        assert_eq!(payload["taskToken"], tasks[0].token());

        let mut batch = json!({"Records": [
            {"body": "{\"taskToken\": \"a\"}"}, {"body": "{\"sqlStatement\": \"b\"}"}, {"body": "{"}, {}
        ]});
        let tasks = let_wait(&mut batch, &states);
        assert_eq!(tasks.len(), 1);
        assert!(
            batch["Records"][0]["body"]
                .as_str()
                .unwrap()
                .contains(tasks[0].token())
        );

        let mut other = json!({"taskToken": null});
        assert!(let_wait(&mut other, &states).is_empty());
        states.shutdown().await;
    }
}
