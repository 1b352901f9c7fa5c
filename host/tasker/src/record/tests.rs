//! The form in which records lie in the ledger: as before the phases had types, and without contradictions.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use signalbox_policy::{Answer, contract::StatementStatus};

use super::{Ending, Life, Phase, Ran, Record, Refusal, items};

/// The members that every record here has.
fn common() -> Value {
    json!({
        "schema": 1,
        "recordId": "0123456789abcdef".repeat(4),
        "deployment": "etl",
        "phase": "reserved",
        "requestId": "request",
        "waiting": true,
        "statement": {
            "target": "analytics",
            "action": "executeStatement",
            "output": "Event",
            "memo": "",
            "payloadDigest": "p",
            "requestDigest": "r",
            "sqlHead": "select 1",
            "heartbeat": false
        },
        "recordedAt": 1_800_000_000_000_i64
    })
}

/// A record's item with these members, which may be of its statement (`statement/id`). Null takes one away.
fn with(members: &[(&str, Value)]) -> Value {
    let mut item = common();
    for (name, value) in members {
        let (object, name) = match name.split_once('/') {
            Some((object, name)) => (&mut item[object], name),
            None => (&mut item, *name),
        };
        let object = object.as_object_mut().unwrap();
        match value {
            Value::Null => drop(object.remove(name)),
            value => drop(object.insert(name.to_owned(), value.clone())),
        }
    }
    item
}

fn decode(body: &Value) -> Result<Record, String> {
    let body: Map<String, Value> = body.as_object().unwrap().clone();
    let template = decoded_template();
    let item = items::encode(&template, 1, None, "writer").unwrap();
    items::decode(&crate::ports::Item { body, ..item })
}

fn decoded_template() -> Record {
    let body = common().as_object().unwrap().clone();
    let key = crate::ports::Key::new("task", "record");
    let item = crate::ports::Item {
        key,
        revision: 1,
        expires_at: None,
        body,
    };
    items::decode(&item).unwrap()
}

fn encode(record: &Record) -> Value {
    let mut item = items::encode(record, 1, None, "writer").unwrap();
    assert_eq!(item.body.remove("writer"), Some(json!("writer")));
    Value::Object(item.body)
}

fn answer() -> Value {
    json!({"kind": "succeed", "output": "{}"})
}

/// A record of each phase, as versions wrote it whose phases had no types.
fn as_before() -> Vec<(Phase, Value)> {
    let asked = ("startingAt", json!(1_800_000_000_001_i64));
    let id = ("statement/id", json!("d9b6c0c9"));
    let status = |status: &str| ("statement/status", json!(status));
    let refusal = json!({"error": "ValidationException", "message": "no"});
    vec![
        (Phase::Reserved, with(&[])),
        (
            Phase::Starting,
            with(&[("phase", json!("starting")), asked.clone()]),
        ),
        (
            Phase::Started,
            with(&[
                ("phase", json!("started")),
                asked.clone(),
                id.clone(),
                status("Submitted"),
                ("reply", json!("{\"Id\":\"d9b6c0c9\"}")),
            ]),
        ),
        (
            Phase::Decided,
            with(&[
                ("phase", json!("decided")),
                ("statement", Value::Null),
                ("answer", answer()),
            ]),
        ),
        (
            Phase::Decided,
            with(&[
                ("phase", json!("decided")),
                asked.clone(),
                ("answer", answer()),
                ("refusal", refusal.clone()),
                ("ending", json!("found-closed")),
            ]),
        ),
        (
            Phase::Closed,
            with(&[
                ("phase", json!("closed")),
                asked.clone(),
                id,
                status("Finished"),
                ("answer", answer()),
                ("ending", json!("answered")),
            ]),
        ),
        (
            Phase::Closed,
            with(&[
                ("phase", json!("closed")),
                asked,
                ("refusal", refusal),
                ("ending", json!("refused")),
            ]),
        ),
    ]
}

#[test]
fn the_form_is_the_one_that_it_was() {
    for (phase, before) in as_before() {
        let record = decode(&before).unwrap();
        assert_eq!(record.phase(), phase);
        assert_eq!(encode(&record), before, "{phase:?}");
    }
}

#[test]
fn a_record_that_contradicts_itself_is_not_read() {
    let phase = |phase: &str| ("phase", json!(phase));
    let asked = || ("startingAt", json!(1));
    let id = || ("statement/id", json!("d9b6c0c9"));
    for (members, expected) in [
        (vec![("phase", Value::Null)], "it has no `phase`"),
        (
            vec![phase("reserved"), asked()],
            "it is `reserved`, and has `startingAt`",
        ),
        (
            vec![phase("starting")],
            "it is `starting`, and has no `startingAt`",
        ),
        (
            vec![phase("starting"), asked(), id()],
            "it is `starting`, and has `statement.id`",
        ),
        (
            vec![phase("starting"), asked(), ("ending", json!("answered"))],
            "it is `starting`, and has `ending`",
        ),
        (
            vec![phase("started"), asked()],
            "it is `started`, and has no `statement.id`",
        ),
        (
            vec![phase("started"), id()],
            "it is `started`, and has no `startingAt`",
        ),
        (
            vec![phase("started"), asked(), id(), ("answer", answer())],
            "it is `started`, and has `answer`",
        ),
        (
            vec![phase("decided")],
            "it is `decided`, and has no `answer`",
        ),
        (vec![phase("closed")], "it is `closed`, and has no `ending`"),
        (
            vec![("statement", Value::Null)],
            "it has neither a `statement` nor an `answer`",
        ),
    ] {
        let error = decode(&with(&members)).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

fn status() -> impl Strategy<Value = StatementStatus> {
    prop::sample::select(vec![
        StatementStatus::Submitted,
        StatementStatus::Picked,
        StatementStatus::Started,
        StatementStatus::Finished,
        StatementStatus::Failed,
        StatementStatus::Aborted,
        StatementStatus::Unknown,
    ])
}

fn ran() -> impl Strategy<Value = Ran> {
    (".{0,12}", status()).prop_map(|(id, status)| Ran { id, status })
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        ".*".prop_map(|output| Answer::Succeed { output }),
        (".*", ".*").prop_map(|(error, cause)| Answer::Fail { error, cause }),
    ]
}

fn ending() -> impl Strategy<Value = Ending> {
    prop::sample::select(vec![
        Ending::Answered,
        Ending::FoundClosed,
        Ending::NoCallback,
        Ending::Refused,
        Ending::Abandoned,
    ])
}

fn refusal() -> impl Strategy<Value = Refusal> {
    (".*", ".*").prop_map(|(error, message)| Refusal { error, message })
}

fn life() -> impl Strategy<Value = Life> {
    use prop::option::of;
    prop_oneof![
        Just(Life::Reserved),
        any::<i64>().prop_map(|at| Life::Starting { at }),
        (any::<i64>(), ran()).prop_map(|(at, ran)| Life::Started { at, ran }),
        (
            of(any::<i64>()),
            of(ran()),
            any_answer(),
            of(refusal()),
            of(ending())
        )
            .prop_map(|(at, ran, answer, refusal, told)| Life::Decided {
                at,
                ran,
                answer,
                refusal,
                told
            }),
        (
            of(any::<i64>()),
            of(ran()),
            of(any_answer()),
            of(refusal()),
            ending()
        )
            .prop_map(|(at, ran, answer, refusal, ending)| Life::Closed {
                at,
                ran,
                answer,
                refusal,
                ending
            }),
    ]
}

proptest! {
    #[test]
    fn every_life_is_read_back(life in life()) {
        let record = Record { life, ..decoded_template() };
        prop_assert_eq!(decode(&encode(&record)), Ok(record));
    }

    #[test]
    fn what_is_decided_or_closed_keeps_what_was_known(life in life(), answer in any_answer(), ending in ending()) {
        let record = Record { life, ..decoded_template() };
        let decided = record.clone().decided(answer.clone());
        prop_assert_eq!(decided.phase(), Phase::Decided);
        prop_assert_eq!(decided.life.answer(), Some(&answer));
        prop_assert_eq!(decided.life.ran(), record.life.ran());
        let closed = decided.closed(ending);
        prop_assert_eq!(closed.phase(), Phase::Closed);
        prop_assert_eq!((closed.life.ending(), closed.life.answer()), (Some(ending), Some(&answer)));
        prop_assert_eq!(closed.life.starting_at(), record.life.starting_at());
    }
}
