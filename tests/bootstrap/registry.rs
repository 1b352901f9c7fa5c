//! Policy sets from a registry of OCI artifacts.

use std::time::{Duration, Instant};

use serde_json::json;
use signalbox_test_guests::{HOSTILE, KEPT};

use crate::{
    policies::set_of,
    policy_sets::{drop_table, from_file, key, set, sign, status},
    support::{
        lambda::Lambda,
        registry::{Mood, PASSWORD, Registry, USER},
        stage::{Setting, Stage},
    },
};

/// A function whose set is in a registry.
fn from_registry(source: String, config: &str) -> Setting {
    Setting {
        config: Some(format!(
            "[policy_set]\nmax_age_seconds = 0\nstatus_for = [\"*\"]\n{config}\n"
        )),
        variables: vec![
            ("SIGNALBOX_POLICY_SET", source),
            ("SIGNALBOX_REGISTRY_USERNAME", USER.to_owned()),
            ("SIGNALBOX_REGISTRY_PASSWORD", PASSWORD.to_owned()),
        ],
        ..Setting::default()
    }
}

#[tokio::test]
async fn a_set_in_a_registry_is_signed_and_whatever_the_registry_does_yesterday_s_policies_hold() {
    let workshop = Stage::set(from_file(&set(1, None))).await;
    let (public, private) = key(&workshop, "key.pem").await;
    let (_, foreign) = key(&workshop, "foreign.pem").await;
    let registry = Registry::start().await;
    let first = sign(&workshop, &set(1, None), &private).await;
    registry.push("live", first.clone(), &[]);
    let config = format!("within_ms = 30000\ntrusted_keys = [\"{public}\"]");
    let stage = Stage::set(from_registry(registry.reference("live"), &config)).await;
    assert_eq!(drop_table(&stage).await, Ok(()));
    assert_eq!(status(&stage).await["inForce"]["signedBy"], json!(public));
    let before = registry.count("live");
    assert_eq!(drop_table(&stage).await, Ok(()));
    assert_eq!(
        registry.count("live"),
        before + 1,
        "a look resolves the tag once"
    );
    assert_eq!(
        registry.asked(first.as_bytes()),
        1,
        "what is unchanged is not sent again"
    );
    assert_eq!(
        registry.count("token"),
        1,
        "a token is used as long as it is good"
    );

    registry.push(
        "live",
        sign(&workshop, &set(2, Some("No.")), &private).await,
        &[],
    );
    let is_denied = |dropped: Result<(), String>| dropped.is_err_and(|why| why.contains("No."));
    assert!(is_denied(drop_table(&stage).await), "the tag was moved");

    let next = sign(&workshop, &set(3, None), &private).await;
    for (what, text) in [
        ("unsigned", set(3, None)),
        (
            "by a stranger",
            sign(&workshop, &set(3, None), &foreign).await,
        ),
        ("tampered", next.replace("revision = 3", "revision = 4")),
    ] {
        registry.push("live", text, &[]);
        assert!(is_denied(drop_table(&stage).await), "{what}");
        let told = status(&stage).await;
        assert_eq!(told["inForce"]["revision"], 2, "{what}: {told}");
        assert!(told["problem"]["reason"].is_string(), "{what}");
    }
    registry.push("live", next, &[]);
    for (mood, why) in [
        (Mood::Denied, "HTTP 403"),
        (Mood::Lies, "Nothing of it was used"),
        (Mood::Half, "Nothing of it was used"),
    ] {
        registry.is(mood);
        assert!(is_denied(drop_table(&stage).await), "{mood:?}");
        let told = status(&stage).await["problem"]["reason"].to_string();
        assert!(told.contains(why), "{mood:?}: {told}");
    }
    registry.is(Mood::Good);
    assert_eq!(drop_table(&stage).await, Ok(()));
    let log = stage.lambda.log().join("\n");
    for secret in [PASSWORD, "a-token-of-the-registry", "cHVsbGVy"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    stage.check(&[]);
}

#[tokio::test]
async fn a_slow_registry_does_not_hold_up_invocations_and_is_not_given_up() {
    let registry = Registry::start().await;
    registry.push("live", set(1, None), &[]);
    let source = registry.reference("live");
    let stage = Stage::set(from_registry(
        source,
        "within_ms = 100\nallow_unsigned = true",
    ))
    .await;
    assert_eq!(drop_table(&stage).await, Ok(()));
    registry.is(Mood::Gone);
    registry.push("live", set(2, Some("No.")), &[]);
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(drop_table(&stage).await, Ok(()), "it has the set of before");
        // That the registry does not answer is noticed after ten seconds.
        assert!(began.elapsed() < Duration::from_secs(9));
    }
    registry.is(Mood::Slow(Duration::from_millis(400)));
    let mut swapped = false;
    for _ in 0..300 {
        if drop_table(&stage).await.is_err() {
            swapped = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(
        swapped,
        "what was slow came in the end: {:#?}",
        stage.lambda.log()
    );
    stage.check(&[]);
}

#[tokio::test]
async fn components_come_by_digest_and_once() {
    let (_, kept) = KEPT[0];
    let registry = Registry::start().await;
    let two = [("one", "a.wasm", kept), ("two", "b.wasm", kept)];
    let pinned = registry.push("live", set_of(1, &two), &[kept]);
    let source = registry
        .reference("live")
        .replace(":live", &format!("@{pinned}"));
    let config = "within_ms = 30000\nallow_unsigned = true";
    let by_digest = Stage::set(from_registry(source, config)).await;
    let by_tag = Stage::set(from_registry(registry.reference("live"), config)).await;
    let says = async |stage: &Stage, policy: &str| {
        let payload = json!({"sqlStatement": "select 1", "policy": policy});
        match stage.invoke(payload).await {
            Ok(reply) => reply.to_string(),
            Err(failed) => failed.message,
        }
    };
    for stage in [&by_digest, &by_tag] {
        for policy in ["one", "two", "one"] {
            let said = says(stage, policy).await;
            assert!(said.contains("wants nothing"), "{policy}: {said}");
        }
    }
    assert_eq!(registry.asked(kept), 2, "once by each function");

    registry.push(
        "live",
        set_of(2, &[two[0], ("two", "c.wasm", HOSTILE)]),
        &[kept, HOSTILE],
    );
    let said = says(&by_tag, "two").await;
    assert!(said.contains("calls"), "{said}");
    let said = says(&by_digest, "two").await;
    assert!(
        said.contains("wants nothing"),
        "a digest is never another set: {said}"
    );
    assert_eq!((registry.asked(kept), registry.asked(HOSTILE)), (2, 1));
    by_digest.check(&[]);
    by_tag.check(&[]);
}

#[tokio::test]
async fn whoever_is_not_let_in_is_told_what_to_set() {
    let registry = Registry::start().await;
    registry.push("live", set(1, None), &[]);
    let config = "within_ms = 30000\nallow_unsigned = true";
    let stage = Stage::set(from_registry(registry.reference("live"), config)).await;
    let mut variables = stage.variables.clone();
    variables.insert("SIGNALBOX_REGISTRY_PASSWORD".to_owned(), "wrong".to_owned());
    let cold = Lambda::start(variables).await;
    let failed = cold
        .api
        .invoke(&json!({"sqlStatement": "select 1"}))
        .await
        .expect_err("nobody");
    assert_eq!(failed.error_type, "PolicyUnavailable");
    assert!(
        failed.message.contains("SIGNALBOX_REGISTRY_PASSWORD") && !failed.message.contains("wrong"),
        "{}",
        failed.message
    );
    stage.check(&[]);
}
