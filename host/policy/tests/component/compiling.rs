//! Compiling in a process of its own: what becomes of it when nobody waits, and what its ends mean.
//!
//! Compilers here are scripts, so that each test decides when and how one ends.

#![cfg(unix)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::common::loading;
use signalbox_policy::{
    CompileLimits, EngineOptions, Limits, LoadError, Loading, Metering, PolicyEngine, Source,
    Target, artifact, compile::Compiler,
};
use signalbox_test_guests::HOSTILE;

/// A compiler that notes each start, and then does what a test wants.
struct Script {
    folder: tempfile::TempDir,
}

impl Script {
    fn new(then: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = Self { folder };
        let here = script.folder.path().display();
        let text = format!("#!/bin/sh\ncd '{here}'\ncat >component\necho >>starts\n{then}\n");
        let program = script.program();
        // Another process writes it: this one may be forked meanwhile, and what is open for writing cannot be run.
        let written = Command::new("sh")
            .args(["-c", "printf %s \"$1\" >\"$2\" && chmod 700 \"$2\"", "sh"])
            .arg(text)
            .arg(program)
            .status();
        assert!(written.unwrap().success());
        script
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("compiler")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn starts(&self) -> usize {
        fs::read(self.path("starts")).map_or(0, |starts| starts.len())
    }

    /// An engine that compiles by it.
    fn engine(&self, cache: Option<&Path>) -> PolicyEngine {
        PolicyEngine::new(EngineOptions {
            metering: Metering::Off,
            cache: cache.map(Path::to_owned),
            compiler: Some(Compiler::new(self.program(), CompileLimits::default())),
            warns_of_compiling: false,
        })
        .unwrap()
    }
}

/// A component that is no part of this program and that no other test has.
fn foreign(name: &str) -> Loading {
    let mut bytes = HOSTILE.to_vec();
    let length = u8::try_from(name.len()).unwrap();
    bytes.extend([0, length + 1, length]);
    bytes.extend(name.as_bytes());
    Loading {
        source: Source::Component(bytes.into()),
        ..loading(HOSTILE, "{}", Limits::default())
    }
}

async fn refused(engine: &PolicyEngine, name: &str) -> LoadError {
    match engine.load(foreign(name)).await {
        Ok(_) => panic!("{name} loads"),
        Err(error) => error,
    }
}

async fn exists(path: &Path) {
    while !path.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A look at a policy set is given up after a minute, whatever a component still takes.
#[tokio::test]
async fn compiling_goes_on_when_nobody_waits_any_more() {
    let code = artifact::compile(HOSTILE, &Target::host(), Metering::Off).unwrap();
    let cache = tempfile::tempdir().unwrap();
    for cache in [None, Some(cache.path())] {
        let script = Script::new("while [ ! -e go ]; do sleep 0.01; done\ncat code");
        fs::write(script.path("code"), &code).unwrap();
        let engine = script.engine(cache);
        let starts = script.path("starts");
        for _ in 0..3 {
            tokio::select! {
                _ = engine.load(foreign("slow")) => panic!("it is not compiled yet"),
                () = exists(&starts) => {}
            }
        }
        fs::write(script.path("go"), "").unwrap();
        // Two at once, and both have it.
        let (one, other) = tokio::join!(engine.load(foreign("slow")), engine.load(foreign("slow")));
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(script.starts(), 1, "with a cache: {}", cache.is_some());
    }
}

#[tokio::test]
async fn a_compiler_that_does_not_get_to_the_end_is_not_tried_again_at_once() {
    for (end, wanted) in [
        (
            "echo 'the stack is full' >&2; kill -ABRT $$",
            "the stack is full",
        ),
        (
            "echo 'a defect' >&2; exit 101",
            "exit status: 101: a defect",
        ),
        ("kill -KILL $$", "signal: 9"),
        ("cat /dev/zero", "its machine code is longer than "),
    ] {
        let script = Script::new(end);
        let engine = script.engine(None);
        let name = format!("ends by {end}");
        let error = refused(&engine, &name).await;
        assert!(matches!(&error, LoadError::TooCostly { .. }), "{error:?}");
        assert!(error.to_string().contains(wanted), "{error}");
        let error = refused(&engine, &name).await;
        assert!(matches!(&error, LoadError::TriedBefore { .. }), "{error:?}");
        assert!(error.to_string().contains(wanted), "{error}");
        assert_eq!(script.starts(), 1);
    }
}

#[tokio::test]
async fn a_compiler_that_cannot_work_says_nothing_of_the_component() {
    let script = Script::new("echo 'no room' >&2; exit 4");
    let engine = script.engine(None);
    for starts in [1, 2] {
        let error = refused(&engine, "unusable").await;
        assert!(matches!(&error, LoadError::NoChild { .. }), "{error:?}");
        assert!(error.to_string().contains("no room"), "{error}");
        assert_eq!(script.starts(), starts);
    }
    fs::remove_file(script.program()).unwrap();
    let error = refused(&engine, "unusable").await;
    assert!(matches!(&error, LoadError::NoChild { .. }), "{error:?}");
}

#[tokio::test]
async fn a_broken_component_is_said_to_be_broken() {
    let script = Script::new("echo 'no type 7' >&2; exit 3");
    let error = refused(&script.engine(None), "broken").await;
    assert!(
        matches!(&error, LoadError::Invalid { reason, .. } if reason == "no type 7"),
        "{error:?}"
    );
}
