//! Signed sets: in S3, and with artifacts.

use std::time::Duration;

use serde_json::json;

use crate::{
    sets::{drop_table, folder, from_file, key, publish, set, sign, status},
    sources::{Place, invocations_are_not_held_up, yesterday_s_policies_hold},
    support::{
        bucket::Bucket,
        lambda::Lambda,
        mood::Mood,
        stage::{Setting, Stage},
    },
};

struct InBucket {
    bucket: Bucket,
    key: &'static str,
}

impl Place for InBucket {
    fn publish(&self, set: String) {
        self.bucket.put(self.key, set);
    }

    fn is(&self, mood: Mood) {
        self.bucket.is(mood);
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL_S3", self.bucket.url()),
            ("SIGNALBOX_POLICY_SET", format!("s3://{}", self.key)),
        ]
    }
}

#[tokio::test]
async fn a_set_in_s3_is_signed_and_whatever_s3_does_yesterday_s_policies_hold() {
    let place = InBucket {
        bucket: Bucket::start().await,
        key: "sets/team/set.toml",
    };
    let faults = [
        (Mood::Denied, "s3:GetObject"),
        (Mood::Half, "its end is missing"),
    ];
    let stage = yesterday_s_policies_hold(&place, &faults).await;
    let before = place.bucket.sent(place.key);
    assert_eq!(drop_table(&stage).await, Ok(()));
    assert_eq!(
        place.bucket.sent(place.key),
        before,
        "what is unchanged is not sent again"
    );
    stage.check(&[]);
}

#[tokio::test]
async fn a_slow_source_does_not_hold_up_invocations_and_is_not_given_up() {
    let place = InBucket {
        bucket: Bucket::start().await,
        key: "sets/set.toml",
    };
    // The look itself would take half a minute.
    invocations_are_not_held_up(&place, Duration::from_secs(20)).await;
}

#[tokio::test]
async fn an_artifact_is_run_if_it_is_the_one_that_was_signed_and_no_other() {
    let workshop = Stage::set(from_file(&set(1, None))).await;
    let (public, private) = key(&workshop, "key.pem").await;
    let file = folder(&workshop).join("p.cwasm");
    let made = workshop
        .signalbox(&[
            "policy",
            "compile",
            "standard",
            "-o",
            &file.display().to_string(),
        ])
        .await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let artifact = std::fs::read(file).expect("an artifact");
    let digest = |bytes: &[u8]| signalbox_policy::digest::hex(bytes);
    let of = |revision: u32, sha256: String| {
        let artifact =
            format!("artifacts.{ARCHITECTURE} = {{ file = \"p.cwasm\", sha256 = \"{sha256}\" }}");
        set(revision, None).replace("builtin = \"standard\"", &artifact)
    };
    let config = format!(
        "[policy_set]\nsource = \"set.toml\"\nmax_age_seconds = 0\nwithin_ms = 30000\nstatus_for = [\"*\"]\n\
         trusted_keys = [\"{public}\"]\n"
    );
    let signed = sign(&workshop, &of(1, digest(&artifact)), &private).await;
    let stage = Stage::set(Setting {
        config: Some(config),
        files: vec![
            ("set.toml", signed.into_bytes()),
            ("p.cwasm", artifact.clone()),
        ],
        ..Setting::default()
    })
    .await;
    assert_eq!(drop_table(&stage).await, Ok(()));

    // Whoever can write the file cannot have it run by a process that starts.
    let middle = artifact.len() / 2;
    let mut tampered = artifact.clone();
    tampered[middle] ^= 1;
    let there = folder(&stage).join("p.cwasm");
    for (what, bytes) in [
        ("tampered", tampered.as_slice()),
        ("cut off", &artifact[..middle]),
    ] {
        std::fs::write(&there, bytes).expect("written");
        let cold = Lambda::start(stage.variables.clone()).await;
        let failed = cold
            .api
            .invoke(&json!({"sqlStatement": "select 1"}))
            .await
            .expect_err(what);
        assert_eq!(failed.error_type, "PolicyUnavailable", "{what}");
        assert!(
            failed.message.contains("Nothing of it was run"),
            "{what}: {}",
            failed.message
        );
        assert_eq!(
            drop_table(&stage).await,
            Ok(()),
            "{what}: it is loaded already"
        );
    }
    // One that is signed and does not fit is no crash either.
    let foreign = other_version(&artifact);
    std::fs::write(&there, &foreign).expect("written");
    publish(
        &stage,
        &sign(&workshop, &of(2, digest(&foreign)), &private).await,
    );
    assert_eq!(drop_table(&stage).await, Ok(()), "yesterday's");
    let told = status(&stage).await;
    assert_eq!(told["inForce"]["revision"], 1);
    let reason = told["problem"]["reason"].to_string();
    assert!(reason.contains("does not fit this host"), "{reason}");
    stage.check(&[]);

    // Where sets need no signature, nobody has said whose machine code it is.
    let mut setting = from_file(&of(1, digest(&artifact)));
    setting.files.push(("p.cwasm", artifact));
    let unsigned = Stage::set(setting).await;
    let refused = drop_table(&unsigned).await.expect_err("machine code");
    assert!(
        refused.contains("PolicyUnavailable") && refused.contains("only a signed set may bring"),
        "{refused}"
    );
}

/// This machine in AWS Lambda's words.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    "x86_64"
};

/// The artifact as if wasmtime's next version had made it.
fn other_version(artifact: &[u8]) -> Vec<u8> {
    // The section that begins with the form of its header (0) holds the length and the text of the major version.
    let version = [0, 2, b'4', b'8'];
    let at = artifact
        .windows(version.len())
        .position(|window| window == version)
        .expect("an artifact says which version made it");
    let mut other = artifact.to_vec();
    other[at + 3] = b'9';
    other
}
