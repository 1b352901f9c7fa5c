//! Payloads that cost more than their size, one after another in one process.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    runtime_api::FUNCTION_TIME,
    stage::{Setting, Stage, batch, failures},
};

/// Payloads of so many bytes, and by which names they may be refused.
fn payloads(bytes: usize) -> Vec<(&'static str, String)> {
    let many = |part: &str| part.repeat(bytes / part.len());
    // Lambda passes on nothing that is no JSON: what is opened is closed.
    let deep = |open: &str, end: &str| {
        let times = bytes / (open.len() + end.len());
        format!("{}0{}", open.repeat(times), end.repeat(times))
    };
    let sql = |sql: String| json!({ "sqlStatement": sql }).to_string();
    vec![
        ("lists", format!("[{}[]]", many("[],"))),
        (
            "lists in a field",
            format!(
                "{{\"sqlStatement\":\"select 1\",\"x\":[{}[]]}}",
                many("[],")
            ),
        ),
        (
            "objects",
            format!(
                "{{\"sqlStatement\":\"select 1\",\"x\":[{}{{}}]}}",
                many("{\"\":0},")
            ),
        ),
        ("depth", deep("[", "]")),
        (
            "depth in a field",
            format!("{{\"sqlStatement\":{}}}", deep("{\"a\":", "}")),
        ),
        ("a text", sql(many("x"))),
        (
            "escapes",
            format!("{{\"sqlStatement\":\"{}\"}}", many("\\u0000")),
        ),
        ("dollar quotes", sql(many("$a$$b$"))),
        (
            "tags",
            sql((0..bytes / 9).map(|n| format!("$t{n}$ ")).collect()),
        ),
        ("comments", sql(many("/*"))),
        ("access keys", sql(many("AKIAIOSFODNN7EXAMPLE "))),
        ("prefixes of access keys", sql(many("AKIA"))),
        ("signatures", sql(many("signature=aaaaaaaaaaaaaaaaaaaa&"))),
        ("passwords", sql(many("password 'x' "))),
        ("nested passwords", sql(many("'password ''x'' "))),
        ("digits", format!("{{\"sqlStatement\":{}}}", many("9"))),
        ("fields", {
            let fields: String = (0..bytes / 14).map(|n| format!("\"f{n:08}\":0,")).collect();
            format!("{{{fields}\"sqlStatement\":\"select 1\"}}")
        }),
    ]
}

/// What the process took at most, in bytes.
fn peak(stage: &Stage) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", stage.lambda.id()));
    let status = status.expect("the status of bootstrap");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes
        .and_then(|kb| kb.parse::<u64>().ok())
        .expect("VmHWM")
        * 1024
}

/// Payloads just within the bounds, whose costly part is beside the SQL: all of it is read, masked and shown to a policy.
fn largest() -> Vec<(&'static str, String)> {
    let beside = |x: &Value| json!({"sqlStatement": "select 1", "x": x}).to_string();
    let text = |part: &str| beside(&json!(part.repeat(1_000_000 / part.len())));
    let values = |value: Value| beside(&Value::Array(vec![value; 49_990]));
    vec![
        ("access keys", text("AKIAIOSFODNN7EXAMPLE ")),
        ("prefixes of access keys", text("AKIA")),
        ("signatures", text("X-Amz-Signature=aaaaaaaaaaaaaaaaaaaa&")),
        ("passwords", text("password 'x' ")),
        ("lists", values(json!([]))),
        ("short texts", values(json!("AKIAIOSFODN"))),
    ]
}

/// How many in a row, and of how many bytes.
fn amount(name: &str, default: usize) -> usize {
    let given = std::env::var(name).ok();
    given
        .and_then(|given| given.parse().ok())
        .unwrap_or(default)
}

#[tokio::test]
async fn no_payload_costs_more_than_its_size() {
    let stage = Stage::set(Setting::default()).await;
    stage
        .invoke(json!({"sqlStatement": "select 1"}))
        .await
        .expect("a first one");
    let idle = peak(&stage);
    let bytes = amount("SIGNALBOX_TEST_HOSTILE_BYTES", 6_000_000);
    let times = amount("SIGNALBOX_TEST_HOSTILE_PAYLOADS", 1);
    let payloads = payloads(bytes);
    let mut slowest = (Duration::ZERO, "");
    let mut peaks = Vec::new();
    for round in 0..times.div_ceil(payloads.len()).max(1) {
        for (name, payload) in &payloads {
            let began = Instant::now();
            let answer = stage.lambda.api.invoke_text(payload, FUNCTION_TIME).await;
            slowest = slowest.max((began.elapsed(), name));
            let failed = answer.expect_err("nobody runs that");
            assert_eq!(
                failed.error_type, "InvalidRequest",
                "{name}: {}",
                failed.message
            );
        }
        if round < 2 || round % 10 == 0 {
            peaks.push(peak(&stage));
        }
    }
    let most = peak(&stage) - idle;
    println!("slowest {slowest:?}; {most} bytes above {idle}; peaks {peaks:?}");
    assert!(most < 64 << 20, "{most} bytes above {idle}");
    stage
        .invoke(json!({"sqlStatement": "select 1"}))
        .await
        .expect("it goes on");
}

/// The most that is taken: what is worked on in earnest.
#[tokio::test]
async fn payloads_within_their_bounds_are_answered_in_time() {
    let stage = Stage::set(Setting::default()).await;
    stage
        .invoke(json!({"sqlStatement": "select 1"}))
        .await
        .expect("a first one");
    let idle = peak(&stage);
    for (name, payload) in payloads(90_000) {
        let answer = stage.lambda.api.invoke_text(&payload, FUNCTION_TIME).await;
        if let Err(failed) = answer {
            assert!(
                !matches!(
                    failed.error_type.as_str(),
                    "HostFault" | "PolicyFault" | "PolicyTimeout"
                ),
                "{name}: {} {}",
                failed.error_type,
                failed.message
            );
        }
    }
    let most = peak(&stage) - idle;
    assert!(most < 128 << 20, "{most} bytes above {idle}");
    stage
        .invoke(json!({"sqlStatement": "select 1"}))
        .await
        .expect("it goes on");
}

/// Alone, and as many at once as an event of a queue holds.
#[tokio::test]
async fn the_largest_payloads_that_are_taken_cost_no_more_than_their_size() {
    let stage = Stage::set(Setting::default()).await;
    stage
        .invoke(json!({"sqlStatement": "select 1"}))
        .await
        .expect("a first one");
    let idle = peak(&stage);
    // A busy machine is slow; what is bounded here is memory.
    let time = 10 * FUNCTION_TIME;
    let payloads = largest();
    for (name, payload) in &payloads {
        let answer = stage.lambda.api.invoke_text(payload, time).await;
        answer.unwrap_or_else(|failed| panic!("{name}: {} {}", failed.error_type, failed.message));
    }
    let alone = peak(&stage) - idle;
    for (name, payload) in &payloads {
        let payload: Value = serde_json::from_str(payload).expect("JSON");
        let event = batch(&[&payload; 6]).to_string();
        let answer = stage.lambda.api.invoke_text(&event, time).await;
        assert_eq!(answer, Ok(failures(&[])), "{name}");
    }
    let together = peak(&stage) - idle;
    println!("{alone} bytes above {idle}; six at once {together}");
    assert!(alone < 64 << 20, "{alone} bytes above {idle}");
    assert!(together < 160 << 20, "{together} bytes above {idle}");
}

/// One message that holds too much is its sender's alone.
#[tokio::test]
async fn a_batch_does_not_suffer_from_one_message() {
    let stage = Stage::set(Setting::default()).await;
    let mut waiting = stage.states.waiting_task();
    let mut hostile =
        json!({"taskToken": waiting.token(), "executionArn": "arn:e", "sqlStatement": "select 1"});
    hostile["x"] = vec![json!([]); 60_000].into();
    let good = json!({"sqlStatement": "select 1"});
    let deep = format!("{{\"sqlStatement\":{}", "[".repeat(100_000));
    let mut event = batch(&[&hostile, &good, &good]);
    event["Records"][2]["body"] = deep.into();
    let answer = stage.invoke(event).await.expect("a batch");
    assert_eq!(
        answer,
        failures(&["3"]),
        "nobody waits for it, so it goes to the dead letters"
    );
    let error = waiting.answer().await.expect_err("refused");
    assert_eq!(error.error, "InvalidRequest");
    assert!(
        error.cause.contains("more than 50000 values"),
        "{}",
        error.cause
    );
}
