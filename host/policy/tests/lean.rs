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

#[tokio::test]
async fn what_the_full_host_compiled_loads_here() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile.artifact");
    let bytes = fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; run `cargo test -p signalbox-policy` first, which makes it",
            path.display()
        )
    });
    let sha256 = digest::hex(&bytes);
    let engine = PolicyEngine::new(EngineOptions::default()).unwrap();
    let source = Source::Artifact {
        bytes: bytes.into(),
        sha256,
        component: None,
    };
    let policy = engine.load(loading(source)).await.unwrap();
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
