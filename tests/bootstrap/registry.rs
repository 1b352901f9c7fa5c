//! Policy sets from a registry of OCI artifacts.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use signalbox_test_guests::{HOSTILE, KEPT};

use crate::{
    policies::set_of,
    sets::{drop_table, set, status},
    sources::{Place, function, invocations_are_not_held_up, yesterday_s_policies_hold},
    support::{
        lambda::Lambda,
        mood::Mood,
        registry::{BASIC, PASSWORD, Registry, TOKEN, USER},
        stage::{Setting, Stage},
    },
};

impl Place for Registry {
    fn publish(&self, set: String) {
        self.push("live", set, &[]);
    }

    fn is(&self, mood: Mood) {
        Registry::is(self, mood);
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        from(self.reference("live"))
    }
}

/// What leads a function to a reference.
fn from(reference: String) -> Vec<(&'static str, String)> {
    vec![
        ("SIGNALBOX_POLICY_SET", reference),
        ("SIGNALBOX_REGISTRY_USERNAME", USER.to_owned()),
        ("SIGNALBOX_REGISTRY_PASSWORD", PASSWORD.to_owned()),
    ]
}

#[tokio::test]
async fn a_login_goes_to_another_host_only_if_the_configuration_names_it() {
    let registry = Registry::start().await;
    let other = registry.send_logins_elsewhere().await;
    registry.push("live", set(1, None), &[]);
    let unnamed = Stage::set(function(&registry, "allow_unsigned = true")).await;
    let refused = drop_table(&unnamed).await.expect_err("no set");
    assert!(
        refused.contains("PolicyUnavailable")
            && refused.contains(&format!("login_hosts = [\"{other}\"]")),
        "{refused}"
    );
    assert_eq!(registry.count("token"), 0, "nothing was sent there");

    let named = format!("allow_unsigned = true\nwithin_ms = 30000\nlogin_hosts = [\"{other}\"]");
    let named = Stage::set(function(&registry, &named)).await;
    assert_eq!(drop_table(&named).await, Ok(()));
    assert!(registry.count("token") > 0);
    named.check(&[]);
}

#[tokio::test]
async fn a_set_in_a_registry_is_signed_and_whatever_that_does_yesterday_s_policies_hold() {
    let registry = Registry::start().await;
    let faults = [
        (Mood::Denied, "HTTP 403"),
        (Mood::Lies, "Nothing of it was used"),
        (Mood::Half, "Nothing of it was used"),
    ];
    let stage = yesterday_s_policies_hold(&registry, &faults).await;
    let (looks, sent) = (registry.count("live"), registry.sent());
    assert_eq!(drop_table(&stage).await, Ok(()));
    assert_eq!(
        registry.count("live"),
        looks + 1,
        "a look resolves the tag once"
    );
    assert_eq!(registry.sent(), sent, "what is unchanged is not sent again");
    let log = stage.lambda.log().join("\n");
    for secret in [PASSWORD, TOKEN, BASIC] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    stage.check(&[]);
}

#[tokio::test]
async fn a_login_is_asked_for_when_the_last_one_is_not_taken_any_more() {
    let registry = Registry::start().await;
    registry.publish(set(1, None));
    let config = "within_ms = 30000\nallow_unsigned = true";
    let stage = Stage::set(function(&registry, config)).await;
    for _ in 0..2 {
        assert_eq!(drop_table(&stage).await, Ok(()));
    }
    assert_eq!(
        registry.count("token"),
        1,
        "a token is used as long as it is good"
    );
    // Amazon ECR answers the second way.
    for (status, tokens) in [(StatusCode::UNAUTHORIZED, 2), (StatusCode::FORBIDDEN, 3)] {
        registry.expire(status);
        registry.publish(set(tokens, Some("No.")));
        assert!(drop_table(&stage).await.is_err());
        let told = self::status(&stage).await;
        assert_eq!(told["inForce"]["revision"], tokens, "{status}: {told}");
        assert_eq!(registry.count("token"), tokens, "{status}");
    }
    stage.check(&[]);
}

#[tokio::test]
async fn a_registry_may_be_silent_or_send_elsewhere_but_not_lie_about_a_layer() {
    let registry = Registry::start().await;
    registry.say_no_digests();
    registry.send_elsewhere().await;
    registry.publish(set(1, None));
    let config = "within_ms = 30000\nallow_unsigned = true";
    let stage = Stage::set(function(&registry, config)).await;
    assert_eq!(drop_table(&stage).await, Ok(()));

    let denies = set(2, Some("No."));
    let endless = format!("{denies}{}", "# and so on\n".repeat(100_000));
    for (text, spoiled, why) in [
        (&denies, true, "Nothing of it was used"),
        (&endless, false, "longer than 1048576 bytes"),
    ] {
        registry.publish(text.clone());
        if spoiled {
            registry.spoil(text.as_bytes());
        }
        assert_eq!(drop_table(&stage).await, Ok(()), "{why}");
        let told = status(&stage).await["problem"]["reason"].to_string();
        assert!(told.contains(why), "{told}");
    }
    registry.publish(set(3, Some("No.")));
    assert!(drop_table(&stage).await.is_err(), "it goes on");
    let log = stage.lambda.log().join("\n");
    assert!(!log.contains("SECRET"), "an address is in the log");
    stage.check(&[]);
}

#[tokio::test]
async fn a_slow_registry_does_not_hold_up_invocations_and_is_not_given_up() {
    let registry = Registry::start().await;
    // The look itself would take half a minute.
    invocations_are_not_held_up(&registry, Duration::from_secs(20)).await;
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
    let by_digest = Stage::set(Setting {
        variables: from(source),
        ..function(&registry, config)
    })
    .await;
    let by_tag = Stage::set(function(&registry, config)).await;
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
    let stage = Stage::set(function(&registry, config)).await;
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
