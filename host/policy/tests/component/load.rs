//! What loads, what does not, and what is said about it.

use crate::common::{engine, hostile, loading, try_hostile};
use signalbox_policy::{FaultKind, Limits, LoadError, Policy, PolicyEngine, inspect::Interfaces};

async fn refused(engine: &PolicyEngine, bytes: &'static [u8]) -> LoadError {
    match engine.load(loading(bytes, "{}", Limits::default())).await {
        Ok(_) => panic!("it loaded"),
        Err(error) => error,
    }
}

/// A component of some world: its imports and exports are right and its code traps.
fn of_world(wit: &str, world: &str) -> &'static [u8] {
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("test.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let mut module = wit_component::dummy_module(
        &resolve,
        world,
        wit_parser::ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync),
    );
    wit_component::embed_component_metadata(
        &mut module,
        &resolve,
        world,
        wit_component::StringEncoding::UTF8,
    )
    .unwrap();
    let encoder = wit_component::ComponentEncoder::default()
        .module(&module)
        .unwrap();
    encoder.validate(true).encode().unwrap().leak()
}

#[tokio::test]
async fn what_is_no_component_is_named() {
    let engine = engine();
    let core: &[u8] = b"\0asm\x01\0\0\0";
    let broken: &[u8] = b"\0asm\x0d\0\x01\0\xff\xff\xff";
    for (bytes, says) in [
        (core, "this is no component but a core module"),
        (
            b"SELECT 1",
            "this is no component but an unknown kind of file",
        ),
        (b"", "this is no component but an empty file"),
        (broken, "the component does not compile"),
    ] {
        let error = refused(&engine, bytes).await.to_string();
        assert!(
            error.starts_with("policy `team`: ") && error.contains(says),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_component_of_another_world_is_told_what_it_lacks() {
    let engine = engine();
    let empty = refused(&engine, b"\0asm\x0d\0\x01\0").await.to_string();
    assert_eq!(
        empty,
        "policy `team`: it is not of the world `signalbox:policy/policy@0.1.0`: it exports nothing; \
         `signalbox:policy/handler@0.1.0` is missing"
    );
    let other = of_world(
        "package other:thing@1.0.0; world w { export run: func() -> string; }",
        "w",
    );
    let error = refused(&engine, other).await;
    assert!(matches!(error, LoadError::World { .. }));
    assert!(error.to_string().contains("it exports `run`"), "{error}");
}

#[tokio::test]
async fn foreign_imports_are_named() {
    let engine = engine();
    let nosy = of_world(
        "package wasi:http@0.2.6; interface types { connect: func(to: string) -> bool; } world w { import types; }",
        "w",
    );
    let error = refused(&engine, nosy).await;
    assert!(
        matches!(&error, LoadError::Imports { imports, .. } if imports == &["wasi:http/types@0.2.6"]),
        "{error}"
    );
    assert!(
        error.to_string().contains("which no policy is given"),
        "{error}"
    );
}

#[tokio::test]
async fn a_handler_of_the_same_name_with_other_functions_is_refused() {
    let engine = engine();
    let partial = of_world(
        "package signalbox:policy@0.1.0; interface handler { invoke: func(a: u32) -> u32; } world w { export handler; }",
        "w",
    );
    let error = refused(&engine, partial).await.to_string();
    assert!(
        error.contains("lacks `describe`, `validate-settings`, `settle`, `closed`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_policy_says_what_it_is() {
    let engine = engine();
    let policy = hostile(&engine, r#"{"validate":"warn"}"#, Limits::default()).await;
    assert_eq!(policy.identity().version, env!("CARGO_PKG_VERSION"));
    assert_eq!(policy.identity().digest.len(), 64);
    assert_eq!(policy.description().unwrap().name, "hostile");
    assert_eq!(policy.warnings()[0].message, "this is odd");
}

#[tokio::test]
async fn refused_settings_are_listed() {
    let engine = engine();
    let error = try_hostile(&engine, r#"{"validate":"refuse"}"#, Limits::default())
        .await
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "policy `team`: it refused its settings:\n  - /validate: this is wrong (say `warn`)\n  - /validate: and this too"
    );
    let error = try_hostile(&engine, "{", Limits::default())
        .await
        .err()
        .unwrap();
    assert!(matches!(error, LoadError::SettingsSyntax { .. }), "{error}");
}

#[tokio::test]
async fn a_policy_that_misbehaves_at_load_does_not_load() {
    let engine = engine();
    let limits = Limits {
        guest_time_ms: 100,
        ..Limits::default()
    };
    for (deed, expected) in [("trap", FaultKind::Trap), ("loop", FaultKind::Timeout)] {
        let error = try_hostile(&engine, &format!(r#"{{"validate":"{deed}"}}"#), limits)
            .await
            .err()
            .unwrap();
        assert!(
            matches!(error, LoadError::Fault { kind, .. } if kind == expected),
            "{error}"
        );
        assert!(error.to_string().contains("`validate-settings`"), "{error}");
    }
}

#[tokio::test]
async fn a_component_that_is_too_long_or_too_greedy_does_not_load() {
    let engine = engine();
    let error = try_hostile(
        &engine,
        "{}",
        Limits {
            component: 100,
            ..Limits::default()
        },
    )
    .await
    .err()
    .unwrap();
    assert!(
        matches!(error, LoadError::TooLarge { allowed: 100, .. }),
        "{error}"
    );
    let error = try_hostile(
        &engine,
        "{}",
        Limits {
            memory: 1 << 16,
            ..Limits::default()
        },
    )
    .await
    .err()
    .unwrap();
    assert!(
        matches!(
            error,
            LoadError::Fault {
                kind: FaultKind::Memory,
                ..
            }
        ),
        "{error}"
    );
    let error = try_hostile(
        &engine,
        "{}",
        Limits {
            instances: 1,
            ..Limits::default()
        },
    )
    .await
    .err()
    .unwrap();
    assert!(
        matches!(
            error,
            LoadError::Fault {
                kind: FaultKind::Memory,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_component_can_be_looked_into() {
    let found = Interfaces::of("team", signalbox_test_guests::HOSTILE).unwrap();
    assert!(
        found
            .imports
            .iter()
            .all(|import| import.starts_with("signalbox:policy/")),
        "{found:?}"
    );
    assert_eq!(found.exports, ["signalbox:policy/handler@0.1.0"]);
}
