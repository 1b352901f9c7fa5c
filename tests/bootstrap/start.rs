//! Starts that fail, and how they say so.

use crate::support::{
    lambda::{Lambda, Variables, lambda_variables},
    stage::original,
};

pub(super) fn variables(more: &[(&str, &str)]) -> Variables {
    let mut all = lambda_variables();
    all.extend(original("table"));
    all.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    all
}

/// Starts with these variables, which should fail; the message, which Lambda and people get.
pub(super) async fn not_started(variables: Variables) -> String {
    let (failed, log) = Lambda::spawn(variables).await.not_started().await;
    assert_eq!(failed.error_type, "ConfigurationError");
    let said = |line: &String| {
        line.starts_with("bootstrap: ")
            && line.contains(failed.message.lines().next().unwrap_or_default())
    };
    assert!(log.iter().any(said), "standard error says it too: {log:#?}");
    failed.message
}

#[tokio::test]
async fn a_missing_setting_is_named() {
    for name in [
        "CLUSTER_IDENTIFIER",
        "DATABASE",
        "DB_USER",
        "DDB_TABLE_NAME",
    ] {
        let message = not_started(variables(&[(name, "")])).await;
        assert!(
            message.starts_with(&format!("environment variable {name}: is not set")),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_bad_setting_is_named() {
    for (name, value) in [
        ("TTL", "soon"),
        ("TTL", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("SIGNALBOX_UNKNOWN_FIELDS", "perhaps"),
        ("SIGNALBOX_CONFIG", "no/such/file.toml"),
        ("CLUSTER_IDENTIFIER", "No_Cluster"),
    ] {
        let message = not_started(variables(&[(name, value)])).await;
        assert!(
            message.starts_with(&format!("environment variable {name}: ")),
            "{message}"
        );
        assert!(message.contains(value), "{message}");
    }
}

#[tokio::test]
async fn a_registry_that_cannot_be_meant_is_named() {
    let message = not_started(variables(&[("SIGNALBOX_POLICY_SET", "oci://policies")])).await;
    // The bootstrap that is named there is the lean one.
    let told = match std::env::var_os("SIGNALBOX_TEST_BOOTSTRAP") {
        None => "oci://REGISTRY/REPOSITORY:TAG",
        Some(_) => "without the feature `registry`",
    };
    assert!(
        message.starts_with("environment variable SIGNALBOX_POLICY_SET: ")
            && message.contains(told),
        "{message}"
    );
}

#[tokio::test]
async fn a_bad_file_is_named_with_its_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("signalbox.toml");
    for (name, bytes) in [
        ("junk.wasm", &b"junk"[..]),
        // The smallest core module.
        ("core.wasm", b"\0asm\x01\0\0\0"),
    ] {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    }
    for (text, part) in [
        ("[targets.a]\nregoin = 'x'\n", "did you mean `region`?"),
        ("[policies.p]\ncomponent = 'gone.wasm'\n", "gone.wasm"),
        (
            "[policies.p]\ncomponent = 'junk.wasm'\n",
            "policy `p`: this is no component",
        ),
        ("[policies.p]\ncomponent = 'core.wasm'\n", "a core module"),
        (
            "[policies.p]\nbuiltin = 'standard'\nsettings = { rulez = [] }\n",
            "rulez",
        ),
        ("[policies.p]\nartifact = 'junk.wasm'\n", "sha256"),
    ] {
        std::fs::write(&path, text).expect("written");
        let message = not_started(variables(&[(
            "SIGNALBOX_CONFIG",
            &path.display().to_string(),
        )]))
        .await;
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn outside_of_lambda_it_says_so() {
    let mut variables = variables(&[]);
    // An empty variable is not given to the process.
    variables.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), String::new());
    let (code, log) = Lambda::spawn(variables).await.ended().await;
    assert_eq!(code, Some(1));
    assert!(
        log.iter()
            .any(|line| line.contains("AWS_LAMBDA_RUNTIME_API") && line.contains("`signalbox`")),
        "{log:#?}"
    );
}
