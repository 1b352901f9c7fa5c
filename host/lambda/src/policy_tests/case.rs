//! The form of a case: a payload with what is around it, and what is expected.

use serde_json::{Map, Value, json};
use signalbox_aws::warehouse::replies;
use signalbox_policy::contract::{ClosingReason, OnStop};
use signalbox_tasker::dry_run::{Ended, NO_ID, Scripted};

use super::{
    answers,
    calls::CALL_FIELDS,
    fields::{Fields, Note, Notes},
    time::{moment, test_time},
};

/// Keys of a case in a policy set.
pub(crate) const SET_KEYS: &[&str] = &[
    "name",
    "at",
    "payload",
    "services",
    "statement",
    "closed",
    "expect",
];
/// Keys of a case in a file of its own.
pub(crate) const FILE_KEYS: &[&str] = &[
    "name",
    "at",
    "payload",
    "event",
    "policy",
    "settings",
    "targets",
    "services",
    "statement",
    "closed",
    "expect",
];
/// Keys of what is expected.
pub(crate) const EXPECT_KEYS: &[&str] = &[
    "error", "message", "sql", "target", "reply", "calls", "task", "onStop", "rule", "warnings",
];
const TASK_KEYS: &[&str] = &["output", "error", "cause"];
/// What DescribeStatement says, and when the policy is asked.
pub(super) const STATEMENT_KEYS: &[&str] = &[
    "at",
    "Status",
    "Error",
    "Duration",
    "HasResultSet",
    "ResultRows",
    "ResultSize",
    "ResultFormat",
    "SessionId",
    "SubStatements",
    "CreatedAt",
    "UpdatedAt",
    "Id",
    "QueryString",
    "QueryParameters",
    "RedshiftQueryId",
    "RedshiftPid",
    "ClusterIdentifier",
    "WorkgroupName",
    "Database",
    "DbUser",
    "SecretArn",
];
const FINAL: [&str; 3] = ["FINISHED", "FAILED", "ABORTED"];
const REASONS: &[(&str, ClosingReason)] = &[
    ("aborted", ClosingReason::Aborted),
    ("timedOut", ClosingReason::TimedOut),
    ("failed", ClosingReason::Failed),
    ("taskClosed", ClosingReason::TaskClosed),
];
const ON_STOP: &[(&str, OnStop)] = &[("cancel", OnStop::Cancel), ("leave", OnStop::Leave)];

/// One test of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// When the payload comes, in milliseconds since the Unix epoch.
    pub at: u64,
    /// The payload.
    pub payload: Value,
    /// The file with the payload, in place of it.
    pub event: Option<String>,
    /// The policy: a file, or its name in a set.
    pub policy: Option<String>,
    /// The policy's settings: a table, or the name of a file.
    pub settings: Option<Value>,
    /// The targets that the policy may use.
    pub targets: Option<Vec<String>>,
    /// What the services answer.
    pub services: Vec<Scripted>,
    /// How the statement ended.
    pub statement: Option<Ended>,
    /// Why nobody waits any more.
    pub closed: Option<ClosingReason>,
    /// What is expected.
    pub expect: Expect,
}

/// What is expected. What is not given is not looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expect {
    /// The error that the payload is refused with; without it the payload has to be served.
    pub error: Option<String>,
    /// The error's message, in which `*` stands for any characters.
    pub message: Option<String>,
    /// The SQL of the one statement that is started.
    pub sql: Option<String>,
    /// The target of the one statement that is started.
    pub target: Option<String>,
    /// The function's reply, or a part of it.
    pub reply: Option<Value>,
    /// All calls of services, each with some of its fields.
    pub calls: Option<Vec<Value>>,
    /// What the waiting task is told.
    pub task: Option<ExpectedTask>,
    /// What becomes of a statement whose task is gone.
    pub on_stop: Option<OnStop>,
    /// The rule without which the outcome would be another.
    pub rule: Option<String>,
    /// All lines of the log at level WARN, in which `*` stands for any characters.
    pub warnings: Option<Vec<String>>,
}

/// What a waiting task is told.
#[derive(Debug, Clone, PartialEq)]
pub enum ExpectedTask {
    /// It succeeds, with this output or with more than it.
    Output(Value),
    /// It fails.
    Error {
        /// The error's name.
        error: String,
        /// The cause: a text in which `*` stands for any characters, or a part of a JSON document.
        cause: Option<Value>,
    },
}

impl Case {
    /// Reads a case; `keys` are those that it may have.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn read(value: &Value, keys: &[&str]) -> Result<Self, Vec<Note>> {
        let mut notes = Notes::default();
        let case = read(value, keys, &mut notes);
        match case {
            Some(case) if notes.0.is_empty() => Ok(case),
            _ => Err(notes.0),
        }
    }

    /// Reads a case of a file of its own, whose name it has unless it says another.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn of_file(value: &Value, name: &str) -> Result<Self, Vec<Note>> {
        let mut value = value.clone();
        if let Some(fields) = value.as_object_mut() {
            // Editors know the keys by it.
            fields.remove("$schema");
            fields.entry("name").or_insert_with(|| json!(name));
        }
        Self::read(&value, FILE_KEYS)
    }
}

fn read(value: &Value, keys: &[&str], notes: &mut Notes) -> Option<Case> {
    let fields = Fields::of(value, "", keys, notes)?;
    let name = fields.text("name", notes);
    if name.is_none() && fields.get("name").is_none() {
        notes.add("", "has no `name`: say in it what the test shows");
    }
    let at = time(&fields, notes);
    let payload = fields.table("payload", notes);
    let event = fields.text("event", notes);
    let may_have_event = keys.contains(&"event");
    match (fields.get("payload"), fields.get("event")) {
        (None, None) if may_have_event => notes.add(
            "",
            "has neither `payload` nor `event`: give the payload as a table, or the name of a JSON file with it",
        ),
        (None, None) => notes.add("", "has no `payload`: give the event's payload as a table"),
        (Some(_), Some(_)) => notes.add(
            fields.path("event"),
            "is given together with `payload`: keep one of the two",
        ),
        _ => {}
    }
    let settings = fields.get("settings").cloned();
    if let Some(other) = settings
        .as_ref()
        .filter(|it| !it.is_object() && !it.is_string())
    {
        notes.add(
            fields.path("settings"),
            format!(
                "is {}, and has to be a table, or the name of a file",
                super::fields::type_of(other)
            ),
        );
    }
    let services = fields.list("services", notes).unwrap_or_default();
    let services = services
        .iter()
        .enumerate()
        .filter_map(|(number, answer)| {
            answers::read(
                answer,
                &format!("{}/{number}", fields.path("services")),
                notes,
            )
        })
        .collect();
    let statement = fields
        .table("statement", notes)
        .and_then(|value| ended(value, &fields.path("statement"), at, notes));
    let closed = fields.word("closed", REASONS, notes);
    let expect = match fields.table("expect", notes) {
        Some(value) => expect(value, &fields.path("expect"), notes),
        None => Expect::default(),
    };
    if expect.task.is_some() && fields.get("statement").is_none() && !waits(payload) {
        notes.add(
            fields.path("expect/task").replace("~1", "/"),
            "nobody waits in this test: say with `statement` how the statement ended, such as { Status = \"FINISHED\" }",
        );
    }
    if expect.on_stop.is_some() && closed.is_none() {
        notes.add(
            fields.path("expect/onStop").replace("~1", "/"),
            "is decided when the task is gone: say why with `closed`: aborted, timedOut, failed or taskClosed",
        );
    }
    Some(Case {
        name: name.unwrap_or_default(),
        at,
        payload: payload.cloned().unwrap_or_default(),
        event,
        policy: fields.text("policy", notes),
        settings,
        targets: fields.texts("targets", notes),
        services,
        statement,
        closed,
        expect,
    })
}

/// Whether the payload says that somebody waits.
fn waits(payload: Option<&Value>) -> bool {
    // That of a file is not known here.
    payload.is_none_or(|payload| {
        ["taskToken", "ResponseURL"]
            .iter()
            .any(|name| payload.get(name).is_some())
    })
}

fn time(fields: &Fields<'_>, notes: &mut Notes) -> u64 {
    let text = fields.text("at", notes);
    let at = text.and_then(|text| match moment(&text) {
        Ok(at) => Some(at),
        Err(message) => {
            notes.add(fields.path("at"), message);
            None
        }
    });
    test_time(at)
}

/// How a statement ended: as DescribeStatement says it.
fn ended(value: &Value, path: &str, at: u64, notes: &mut Notes) -> Option<Ended> {
    let fields = Fields::of(value, path, STATEMENT_KEYS, notes)?;
    let status = fields.text("Status", notes);
    match status.as_deref() {
        Some(status) if FINAL.contains(&status) => {}
        Some(status) => notes.add(
            fields.path("Status"),
            format!(
                "{status:?} is no state in which a statement has ended; those are {}",
                FINAL.join(", ")
            ),
        ),
        None => notes.add(
            path,
            format!(
                "has no `Status`: how the statement ended is one of {}",
                FINAL.join(", ")
            ),
        ),
    }
    let now = match fields.get("at") {
        Some(_) => time(&fields, notes),
        None => at,
    };
    let mut reply: Map<String, Value> = value.as_object().cloned().unwrap_or_default();
    reply.remove("at");
    reply.insert("Id".to_owned(), json!(NO_ID));
    let seconds = |millis: u64| json!(millis / 1_000);
    reply.entry("CreatedAt").or_insert_with(|| seconds(at));
    reply.entry("UpdatedAt").or_insert_with(|| seconds(now));
    match replies::description(&Value::Object(reply).to_string()) {
        Ok(statement) => Some(Ended { statement, now }),
        Err(why) => {
            notes.add(path, why);
            None
        }
    }
}

fn expect(value: &Value, path: &str, notes: &mut Notes) -> Expect {
    let Some(fields) = Fields::of(value, path, EXPECT_KEYS, notes) else {
        return Expect::default();
    };
    let expect = Expect {
        error: fields.text("error", notes),
        message: fields.text("message", notes),
        sql: fields.text("sql", notes),
        target: fields.text("target", notes),
        reply: fields.get("reply").cloned(),
        calls: calls(&fields, notes),
        task: fields
            .table("task", notes)
            .and_then(|value| task(value, &fields.path("task"), notes)),
        on_stop: fields.word("onStop", ON_STOP, notes),
        rule: fields.text("rule", notes),
        warnings: fields.texts("warnings", notes),
    };
    let refused = expect.error.is_some();
    if expect.message.is_some() && !refused {
        notes.add(
            fields.path("message"),
            "is that of an error: give its name in `error`",
        );
    }
    for (name, served) in [
        ("sql", expect.sql.is_some()),
        ("target", expect.target.is_some()),
        ("reply", expect.reply.is_some()),
        ("task", expect.task.is_some()),
        ("onStop", expect.on_stop.is_some()),
    ] {
        if refused && served {
            notes.add(
                fields.path(name),
                "is that of a payload that is served, and `error` that of one that is not: keep one of the two",
            );
        }
    }
    expect
}

fn calls(fields: &Fields<'_>, notes: &mut Notes) -> Option<Vec<Value>> {
    let calls = fields.list("calls", notes)?;
    for (number, call) in calls.iter().enumerate() {
        let path = format!("{}/{number}", fields.path("calls"));
        let Some(call) = Fields::of(call, &path, CALL_FIELDS, notes) else {
            continue;
        };
        if call.get("call").is_none() {
            notes.add(
                &path,
                "has no `call`: name the function, such as \"execute-statement\"",
            );
        } else {
            call.word("call", &answers::functions(), notes);
        }
    }
    Some(calls.to_vec())
}

fn task(value: &Value, path: &str, notes: &mut Notes) -> Option<ExpectedTask> {
    let fields = Fields::of(value, path, TASK_KEYS, notes)?;
    match (fields.get("output"), fields.text("error", notes)) {
        (Some(output), None) => {
            if fields.get("cause").is_some() {
                notes.add(
                    fields.path("cause"),
                    "goes with `error`, and not with `output`",
                );
            }
            Some(ExpectedTask::Output(output.clone()))
        }
        (None, Some(error)) => Some(ExpectedTask::Error {
            error,
            cause: fields.get("cause").cloned(),
        }),
        _ => {
            notes.add(
                path,
                "give either `output`, with which the task succeeds, or `error`, with which it fails",
            );
            None
        }
    }
}

impl Expect {
    /// Whether nothing is expected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
