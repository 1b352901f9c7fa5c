//! Looks at a policy set that take long, or come to nothing.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use signalbox_lambda::set::{
    FetchError, Fetched, FileSource, Loader, Refresher, Source, Terms, Timing,
};
use signalbox_policy::{
    CompileLimits, EngineOptions, Metering, PolicyEngine, Target, artifact, compile::Compiler,
    digest,
};
use signalbox_test_guests::HOSTILE;
use tokio::time::Instant;

use crate::{config, engine, in_force, manifest, ports, put_in_force, tasker};

/// Looks at a source that nobody signs, for a tasker that reaches nothing.
fn refresher(engine: PolicyEngine, source: Arc<dyn Source>, max_age: Duration) -> Refresher {
    let config = config();
    let terms = Terms {
        allow_unsigned: true,
        ..Terms::default()
    };
    let timing = Timing {
        max_age,
        within: Duration::from_secs(60),
    };
    let tasker = tasker(&config, ports(&config, "http://127.0.0.1:9"));
    Refresher::new(tasker, Loader::new(engine, source, terms), timing)
}

/// Has one revision, and then answers no more until it is told to.
#[derive(Default)]
struct Hanging {
    looks: AtomicU64,
    answers: AtomicBool,
}

#[async_trait]
impl Source for Hanging {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn manifest(&self, _: Option<&str>) -> Result<Option<Fetched>, FetchError> {
        let look = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
        if look > 1 && !self.answers.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        Ok(Some(Fetched {
            bytes: manifest(look).into_bytes(),
            tag: None,
        }))
    }

    async fn file(&self, name: &str, _: &str, _: usize) -> Result<Vec<u8>, FetchError> {
        panic!("no file is named, and {name} was asked for")
    }
}

/// A set of revision 1 in force, from a source that hangs from then on; time stands still but for what waits.
async fn hanging(max_age: Duration) -> (Refresher, Arc<Hanging>) {
    let source = Arc::new(Hanging::default());
    let refresher = refresher(engine(), Arc::<Hanging>::clone(&source), max_age);
    put_in_force(&refresher).await;
    tokio::time::pause();
    (refresher, source)
}

#[tokio::test]
async fn a_look_leaves_an_invocation_time_to_answer() {
    let (refresher, _) = hanging(Duration::ZERO).await;
    let began = Instant::now();
    refresher.head(began + Duration::from_secs(2)).await;
    assert!(began.elapsed() <= Duration::from_millis(1_100));
    assert_eq!(in_force(&refresher), Some(1));
}

#[tokio::test]
async fn a_look_that_came_to_nothing_is_soon_made_again() {
    let day = Duration::from_secs(24 * 60 * 60);
    let (refresher, source) = hanging(day).await;
    tokio::time::advance(day).await;
    refresher
        .head(Instant::now() + Duration::from_secs(2))
        .await;
    // As a frozen environment of Lambda thaws: the time of the look is over, and it never ran.
    tokio::time::advance(Duration::from_secs(600)).await;
    source.answers.store(true, Ordering::Relaxed);
    let mut heads = 0;
    while in_force(&refresher) == Some(1) {
        heads += 1;
        assert!(heads < 100, "{:?}", refresher.status());
        tokio::time::advance(Duration::from_secs(1)).await;
        refresher
            .head(Instant::now() + Duration::from_secs(120))
            .await;
    }
    assert_eq!(refresher.status().problem, None);
}

/// A compiler that waits for a file `go` and then has this machine code.
fn slow_compiler(folder: &Path, code: &[u8]) -> PathBuf {
    std::fs::write(folder.join("code"), code).expect("written");
    let program = folder.join("compiler");
    let script = format!(
        "#!/bin/sh\ncd '{}'\ncat >component\necho >>starts\nwhile [ ! -e go ]; do sleep 0.01; done\ncat code\n",
        folder.display()
    );
    // Another process writes it: this one may be forked meanwhile, and what is open for writing cannot be run.
    let written = Command::new("sh")
        .args(["-c", "printf %s \"$1\" >\"$2\" && chmod 700 \"$2\"", "sh"])
        .arg(script)
        .arg(&program)
        .status();
    assert!(written.expect("a shell").success());
    program
}

/// A look has a minute. What takes longer to compile goes on without it.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_set_whose_component_takes_longer_than_a_look_is_in_force_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let code = artifact::compile(HOSTILE, &Target::host(), Metering::Off).expect("compiled");
    let engine = PolicyEngine::new(EngineOptions {
        compiler: Some(Compiler::new(
            slow_compiler(folder.path(), &code),
            CompileLimits::default(),
        )),
        ..EngineOptions::default()
    });
    let manifest = format!(
        "schema = 1\nrevision = 1\n\n[policies.team]\ncomponent = \"team.wasm\"\nsha256 = \"{}\"\n\
         grants = {{ targets = [\"even\"], actions = [\"execute-statement\"] }}\n\n\
         [[routes]]\nname = \"all\"\nfunction = \"*\"\npolicies = [\"team\"]\n",
        digest::hex(HOSTILE)
    );
    std::fs::write(path("team.wasm"), HOSTILE).expect("written");
    std::fs::write(path("set.toml"), manifest).expect("written");
    let source = Arc::new(FileSource::new(path("set.toml")));
    let refresher = refresher(engine.expect("an engine"), source, Duration::ZERO);

    let waiting = tokio::spawn({
        let refresher = refresher.clone();
        async move { refresher.start().await }
    });
    while !path("starts").exists() {
        tokio::task::yield_now().await;
    }
    // Time stands still while the compiler runs, and passes by this alone.
    while refresher.status().looked_at.is_none() {
        tokio::time::advance(Duration::from_secs(61)).await;
    }
    waiting.await.expect("a start");
    let problem = refresher.status().problem.map(|why| why.reason);
    assert_eq!(
        problem.as_deref(),
        Some("it was not loaded within 60 seconds")
    );
    assert_eq!(in_force(&refresher), None);

    std::fs::write(path("go"), "").expect("written");
    while in_force(&refresher).is_none() {
        refresher.start().await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(refresher.status().problem, None);
    let starts = std::fs::read(path("starts")).expect("starts");
    assert_eq!(starts.len(), 1, "it is compiled once");
}
