use std::{
    io,
    path::Path,
    sync::{Arc, Mutex},
};

use proptest::prelude::*;
use serde_json::{Value, json};
use signalbox_policy::{DecisionRecord, Witness as _, record::MaskRule, replay::Conceal as _};

use super::*;
use crate::config::RecordsPlace;

/// A record of `invoke` with this payload and these calls.
fn record(payload: &Value, calls: Value, decision: Value) -> DecisionRecord {
    serde_json::from_value(json!({
        "format": 1, "host": "0.1.0", "at": 1_795_608_000_007_u64,
        "policy": {"name": "standard", "version": "1", "digest": "d", "settings_digest": "s"},
        "export": "invoke", "event": {"waiter": "StepFunctions", "invocation": {
            "request_id": "r", "source": "Invocation", "payload": payload.to_string(),
            "execution_arn": "arn:aws:states:eu-west-1:123456789012:execution:m:1", "function_arn": null,
            "targets": ["default"], "unknown_fields": "Warn"
        }},
        "calls": calls, "decision": decision, "durationUs": 5,
        "usage": {"guestTimeUs": 3, "hostTimeUs": 1, "hostCalls": 1, "memory": 9, "fuel": null}
    }))
    .unwrap()
}

fn started(sql: &str) -> Value {
    let options = json!({"target": null, "parameters": [{"name": "p", "value": "V4LUE"}, {"name": "password", "value": "HUNTER2"}], "memo": ""});
    json!([{
        "function": "redshift-data/execute-statement", "durationUs": 1,
        "arguments": {"task": true, "request": {"sql": sql, "options": options}},
        "reply": {"ok": {"id": "d9b6c0c9-0747-4bf4-b142-e8883122f766", "target": "default", "document": "{\"Id\":\"d9b6c0c9\"}"}}
    }])
}

fn invoked(reply: Value) -> Value {
    json!({"invoked": {"reply": reply, "answer": null, "bound": true}})
}

fn masked(record: &DecisionRecord, rule: MaskRule) -> Value {
    mask::masked(record, rule)
}

const BOTH: [MaskRule; 2] = [MaskRule::Secrets, MaskRule::Literals];

const SIGNATURE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Wherever a secret hides, and however deep, no record shows it.
#[test]
fn no_secret_is_in_a_record() {
    let url = format!(
        "https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261125&X-Amz-Signature={SIGNATURE}"
    );
    let password = "create user u password 'HUNTER2'";
    for (secret, text) in [
        (SIGNATURE, url.clone()),
        ("AKIAIOSFODNN7EXAMPLE", url.clone()),
        (
            "AKIAIOSFODNN7EXAMPLE",
            "key AKIAIOSFODNN7EXAMPLE".to_owned(),
        ),
        (SIGNATURE, format!("select 1 /* see {url} */")),
        (SIGNATURE, format!("select 1 -- {url}")),
        ("HUNTER2", password.to_owned()),
        ("HUNTER2", format!("select 1; /* no */ {password}")),
        (
            "HUNTER2",
            "copy t from 's3://b' credentials 'aws_access_key_id=x;aws_secret_access_key=HUNTER2'"
                .to_owned(),
        ),
        (
            "HUNTER2",
            "ERROR: syntax error at or near \"x\" in: alter user u password 'HUNTER2'".to_owned(),
        ),
        (
            "HUNTER2",
            "not sql at all: secret_access_key=HUNTER2, sorry".to_owned(),
        ),
        ("HUNTER2", "create user u password $$HUNTER2$$ (".to_owned()),
    ] {
        let nested = json!({"a": [{"b": json!({"c": text}).to_string()}]}).to_string();
        let payload =
            json!({"sqlStatement": text, "x": {"y": [text, nested]}, "parameters": {"q": text}});
        let failure = json!([{
            "function": "redshift-data/describe-statement", "durationUs": 1,
            "arguments": {"request": {"id": "i", "note": text}},
            "reply": {"err": {"ExecutionFailed": {"code": "E", "message": text, "document": json!({"Message": text}).to_string()}}}
        }]);
        let fail = json!({"settled": {"answer": {"kind": "fail", "error": "FAILED", "cause": json!({"detail": {"error": text}}).to_string()}}});
        let rejected = json!({"rejected": {"error": "E", "message": text}});
        let fault = json!({"fault": {"kind": "trap", "message": text}});
        for calls in [started(&text), failure] {
            for decision in [
                invoked(json!({"echo": [text, nested]})),
                fail.clone(),
                rejected.clone(),
                fault.clone(),
            ] {
                let record = record(&payload, calls.clone(), decision);
                assert!(serde_json::to_string(&record).unwrap().contains(secret));
                for rule in BOTH {
                    let masked = masked(&record, rule);
                    assert!(
                        !masked.to_string().contains(secret),
                        "{secret} of {text}: {masked:#}"
                    );
                    assert!(
                        masked["masked"]["places"]
                            .as_array()
                            .is_some_and(|places| !places.is_empty())
                    );
                    serde_json::from_value::<DecisionRecord>(masked).unwrap();
                }
            }
        }
    }
}

#[test]
fn what_json_says_twice_is_masked_twice() {
    // Whoever reads it sees the second value; the first is in the text all the same.
    for text in [
        r#"{"password":"HUNTER2","password":null,"sqlStatement":"select 1"}"#,
        r#"{"x":{"y":"HUNTER2","y":1},"sqlStatement":"select 1"}"#,
    ] {
        let mut calls = started("select 1");
        calls[0]["reply"]["ok"]["document"] = json!(text);
        let record = record(&json!({}), calls, invoked(json!({})));
        for rule in BOTH {
            let masked = masked(&record, rule);
            assert!(
                !masked["calls"][0]["reply"].to_string().contains("HUNTER2"),
                "{masked}"
            );
            assert!(masked["masked"].is_object(), "{masked}");
        }
    }
}

#[test]
fn secrets_are_known_by_the_names_of_their_fields() {
    let payload = json!({
        "sqlStatement": "select 1", "password": "HUNTER2", "deep": {"apiKey": 4711, "credentials": {"key": "HUNTER2"}},
        "parameters": [{"name": "secret", "value": "HUNTER2"}], "AKIAIOSFODNN7EXAMPLE": 1,
    });
    let record = record(&payload, started("select 1"), invoked(json!({})));
    for rule in BOTH {
        let text = masked(&record, rule).to_string();
        for secret in ["HUNTER2", "4711", "AKIAIOSFODNN7EXAMPLE"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[test]
fn what_is_no_secret_stays_to_the_letter_and_the_record_says_nothing_of_a_mask() {
    let payload = json!({"sqlStatement": "select 'a''b', 1.50 from t -- x", "n": 1e3});
    let mut calls = started("select 'a'");
    calls[0]["arguments"]["request"]["options"]["parameters"] =
        json!([{"name": "p", "value": "V4LUE"}]);
    let record = record(&payload, calls, invoked(json!({"Id": "1"})));
    assert_eq!(
        masked(&record, MaskRule::Secrets),
        serde_json::to_value(&record).unwrap()
    );
}

#[test]
fn literals_parameters_and_rows_go_on_request() {
    let sql = "select name from people where ssn = '123-45-6789' and age > 41 -- for MÜLLER";
    let payload = json!({"sqlStatement": sql, "parameters": {"p": "V4LUE"}});
    let rows =
        json!({"Records": [[{"stringValue": "MÜLLER"}, {"longValue": 4711}]], "TotalNumRows": 1});
    let mut calls = started(sql);
    calls.as_array_mut().unwrap().push(json!({
        "function": "redshift-data/get-statement-result", "durationUs": 1,
        "arguments": {"request": {"id": "d9b6c0c9-0747-4bf4-b142-e8883122f766"}},
        "reply": {"ok": {"next_token": null, "total_rows": 1, "document": rows.to_string()}}
    }));
    calls.as_array_mut().unwrap().push(json!({
        "function": "redshift-data/describe-statement", "durationUs": 1, "arguments": {"request": {"id": "i"}},
        "reply": {"ok": {"error": "ERROR: invalid value \"MÜLLER\" for '41'", "document": json!({
            "QueryString": sql, "QueryParameters": [{"name": "p", "value": "V4LUE"}], "Error": "ERROR: not \"MÜLLER\""
        }).to_string()}}
    }));
    // A policy can make anything of the rows.
    let record = record(&payload, calls, invoked(json!({"greeting": "Dear MÜLLER"})));
    let masked = masked(&record, MaskRule::Literals);
    let text = masked.to_string();
    for literal in ["123-45", "MÜLLER", "41", "4711", "V4LUE"] {
        assert!(!text.contains(literal), "{literal}: {masked:#}");
    }
    let calls = &masked["calls"];
    assert_eq!(
        calls[0]["arguments"]["request"]["sql"],
        "select name from people where ssn = '***' and age > 0 --"
    );
    assert_eq!(
        calls[1]["arguments"]["request"]["id"], "d9b6c0c9-0747-4bf4-b142-e8883122f766",
        "ids stay"
    );
    assert!(text.contains("arn:aws:states:eu-west-1:123456789012:execution:m:1"));
    assert_eq!(masked["masked"]["rule"], "literals");
}

#[test]
fn the_same_is_hidden_in_what_is_compared_with_a_record() {
    let sql = "select 'MÜLLER' where password = 'HUNTER2'";
    let record = record(
        &json!({"sqlStatement": sql}),
        started(sql),
        invoked(json!({"echo": sql})),
    );
    for rule in BOTH {
        let masked = masked(&record, rule);
        let concealed = Concealed(rule);
        let arguments = record.calls[0].arguments.clone();
        assert_eq!(
            concealed.arguments(arguments),
            masked["calls"][0]["arguments"]
        );
        let decision = serde_json::to_value(&record.decision).unwrap();
        assert_eq!(concealed.decision(decision, false), masked["decision"]);
    }
}

#[test]
fn the_fields_that_are_explained_are_those_that_policies_know() {
    // The host takes these out of a payload before a policy sees it.
    let taken = ["taskToken", "ResponseURL"];
    let mut known = signalbox_kit::payload::FIELDS.to_vec();
    known.retain(|field| !taken.contains(field));
    known.sort_unstable();
    let mut explained = mask::EXPLAINED.to_vec();
    explained.sort_unstable();
    assert_eq!(explained, known);
}

#[test]
fn of_fields_that_nobody_explains_only_the_names_stay_in_the_log() {
    let payload = json!({
        "sqlStatement": "select 1", "colour": "SECRET", "deep": {"x": ["SECRET", 4711]},
        "ResourceProperties": {"sqlStatement": "select 2", "mine": "SECRET"}
    });
    let record = record(&payload, json!([]), invoked(json!({})));
    let hidden = masked(&record, MaskRule::Literals);
    let text = hidden["event"]["invocation"]["payload"].as_str().unwrap();
    let hidden: Value = serde_json::from_str(text).unwrap();
    assert_eq!(
        hidden,
        json!({
            "sqlStatement": "select 0", "colour": "***", "deep": {"x": ["***", 0]},
            "ResourceProperties": {"sqlStatement": "select 0", "mine": "***"}
        })
    );
    let kept = masked(&record, MaskRule::Secrets);
    assert_eq!(kept, serde_json::to_value(&record).unwrap());
}

/// A log that can be read, or that is full.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>, bool);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.1 {
            return Err(io::Error::other("full"));
        }
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn config(directory: Option<&Path>) -> RecordsConfig {
    RecordsConfig {
        directory: directory.map(|path| RecordsPlace::Folder(path.to_owned())),
        ..RecordsConfig::default()
    }
}

#[tokio::test]
async fn the_line_points_to_the_whole_record() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::default();
    let records = Records::new(&config(Some(folder.path())), Some(Box::new(log.clone()))).unwrap();
    let large = json!({"sqlStatement": format!("select '{}'", "é".repeat(80_000))});
    records.saw(record(
        &large,
        started("select 'LITERAL'"),
        invoked(json!({})),
    ));
    records.flush(Duration::from_secs(60)).await;
    let [line] = &log.lines()[..] else {
        panic!("one line")
    };
    assert!(
        !line.to_string().contains("LITERAL"),
        "the log is masked by default"
    );
    let whole = &line["whole"];
    let text = std::fs::read_to_string(whole["file"].as_str().unwrap()).unwrap();
    assert_eq!(whole["bytes"], text.len());
    assert_eq!(whole["sha256"], digest::hex(text.as_bytes()));
    assert!(text.contains("LITERAL") && text.contains(&"é".repeat(80_000)));
    assert!(!text.contains("HUNTER2"), "secrets are masked everywhere");
    serde_json::from_str::<DecisionRecord>(&text).unwrap();
}

#[tokio::test]
async fn what_cannot_be_written_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let full = Log(Arc::default(), true);
    let records = Records::new(&config(Some(&file)), Some(Box::new(full))).unwrap();
    assert_eq!(records.unkept(), None);
    for _ in 0..2 {
        records.saw(record(&json!({}), json!([]), invoked(json!({}))));
    }
    records.flush(Duration::from_secs(60)).await;
    let unkept = records.unkept().unwrap();
    assert_eq!(unkept.records, 2);
    let place = file.display().to_string();
    assert!(unkept.reason.starts_with(&place), "{unkept:?}");
}

/// A log that takes nothing until it is let go.
struct Stuck(std::sync::mpsc::Receiver<()>, Log);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Whoever held it is gone: so is what held it up.
        let _ = self.0.recv();
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn whoever_is_recorded_does_not_wait_and_what_waits_has_a_bound() {
    let (release, stuck) = std::sync::mpsc::channel();
    let log = Log::default();
    let lines = Stuck(stuck, log.clone());
    let records =
        Records::with_room(&config(None), Some(Box::new(lines)), 32 * 1024).expect("a log");
    let kilobyte = "x".repeat(1024);
    let mut seen = record(
        &json!({"sqlStatement": kilobyte}),
        json!([]),
        invoked(json!({})),
    );
    for at in 0..100 {
        seen.at = at;
        records.saw(seen.clone());
    }
    records.flush(Duration::from_millis(10)).await;
    drop(release);
    records.flush(Duration::from_secs(60)).await;
    let lines = log.lines();
    assert!((20..=32).contains(&lines.len()), "{} lines", lines.len());
    // One that the writer took out meanwhile made room for one more, whenever that was.
    let order: Vec<_> = lines
        .iter()
        .map(|line| line["record"]["at"].as_u64())
        .collect();
    assert!(
        order.is_sorted(),
        "in the order in which they came: {order:?}"
    );
    // There is room again.
    records.saw(record(&json!({}), json!([]), invoked(json!({}))));
    records.flush(Duration::from_secs(60)).await;
    assert_eq!(log.lines().len(), lines.len() + 1);
}

#[test]
fn nothing_is_watched_where_nothing_is_written() {
    assert!(Records::new(&config(None), None).is_none());
    let off = RecordsConfig {
        line: false,
        ..config(None)
    };
    assert!(Records::new(&off, Some(Box::new(Log::default()))).is_none());
}

proptest! {
    #[test]
    fn any_text_is_masked_once_and_for_all(text in "\\PC{0,80}") {
        let record = record(&json!({"sqlStatement": text, "x": {text.clone(): [text]}}), started(&text), invoked(json!({"x": text})));
        for rule in BOTH {
            serde_json::from_value::<DecisionRecord>(masked(&record, rule)).unwrap();
        }
    }

    #[test]
    fn a_password_is_hidden_whatever_stands_around_it(before in "[ -&(-~]{0,30}", after in "[ -&(-~é]{0,30}", depth in 0_usize..4) {
        prop_assume!(!before.contains(['$', '"', '\\']));
        let mut payload = json!({"sqlStatement": format!("{before} PASSWORD 'HUNTER2' {after}")});
        for _ in 0..depth {
            payload = json!({"x": [payload.to_string()]});
        }
        let record = record(&payload, json!([]), invoked(payload.clone()));
        for rule in BOTH {
            let text = masked(&record, rule).to_string();
            prop_assert!(!text.contains("HUNTER2"), "{}", text);
        }
    }
}
