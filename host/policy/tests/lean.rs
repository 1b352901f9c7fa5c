//! The host without a compiler. Only `cargo test -p signalbox-policy --no-default-features --test lean` builds
//! these tests, and `cargo test -p signalbox-policy` before it makes the artifact that they load.

#![cfg(not(feature = "compiler"))]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{fs, path::Path};

use signalbox_policy::{
    EngineOptions, Limits, LoadError, Loading, Policy, PolicyEngine, Source, digest,
};

fn loading(source: Source) -> Loading {
    Loading {
        name: "team".to_owned(),
        source,
        settings: "{}".to_owned(),
        limits: Limits::default(),
        redact: None,
    }
}

/// What the tests of the full host made.
fn artifact(name: &str) -> Source {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let bytes = fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; run `cargo test -p signalbox-policy` first, which makes it",
            path.display()
        )
    });
    Source::Artifact {
        sha256: digest::hex(&bytes),
        bytes: bytes.into(),
        component: None,
    }
}

#[cfg(not(feature = "wasi"))]
#[tokio::test]
async fn a_policy_that_needs_wasi_is_told_so() {
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let loaded = engine.load(loading(artifact("wasi.artifact"))).await;
    let error = loaded.err().unwrap().to_string();
    assert!(
        error.contains("it needs WASI (`wasi:cli/exit@0.2.6`, ")
            && error.contains("cargo feature `wasi`"),
        "{error}"
    );
}

#[tokio::test]
async fn what_the_full_host_compiled_loads_here() {
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let policy = engine
        .load(loading(artifact("hostile.artifact")))
        .await
        .unwrap();
    assert_eq!(policy.identity().version, env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn a_component_is_refused_with_what_to_do() {
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let source = Source::Component(signalbox_test_guests::HOSTILE.into());
    let error = engine.load(loading(source)).await.err().unwrap();
    assert!(matches!(error, LoadError::NoCompiler { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("signalbox policy compile --target"),
        "{error}"
    );
}
