//! The built `bootstrap`, as a process.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use super::runtime_api::{Failed, RuntimeApi};

/// Environment variables of the process: it gets these and no others.
pub type Variables = BTreeMap<String, String>;

/// What Lambda sets for every function, and a region with credentials of nobody.
pub fn lambda_variables() -> Variables {
    [
        ("AWS_LAMBDA_FUNCTION_NAME", "tasker"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDOFNOBODY"),
        ("AWS_SECRET_ACCESS_KEY", "secret-of-nobody"),
    ]
    .into_iter()
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    // Policies are compiled once for all tests, and not into the folder that Lambda gives.
    .chain([(
        "SIGNALBOX_CACHE_DIR".to_owned(),
        cache().display().to_string(),
    )])
    .collect()
}

fn cache() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled-policies")
}

/// A running function: the process and its Runtime API. Dropped, it is ended.
pub struct Lambda {
    /// Where it is invoked.
    pub api: RuntimeApi,
    process: Mutex<Process>,
    readers: Mutex<Vec<JoinHandle<()>>>,
    lines: Arc<Mutex<Vec<String>>>,
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The `bootstrap` to start: the one that was built with the tests, or another, such as the lean one.
pub fn binary() -> PathBuf {
    std::env::var_os("SIGNALBOX_TEST_BOOTSTRAP").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_bootstrap")),
        PathBuf::from,
    )
}

impl Lambda {
    /// Starts `bootstrap` with these variables (empty ones are left out), and does not wait for anything.
    pub async fn spawn(variables: Variables) -> Self {
        Self::spawn_program(&binary(), variables).await
    }

    /// Starts a `bootstrap` that is elsewhere.
    pub async fn spawn_program(program: &Path, mut variables: Variables) -> Self {
        let api = RuntimeApi::start().await;
        variables
            .entry("AWS_LAMBDA_RUNTIME_API".to_owned())
            .or_insert_with(|| api.address().to_string());
        let mut child = Command::new(program)
            .env_clear()
            .envs(variables.iter().filter(|(_, value)| !value.is_empty()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("bootstrap starts");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let readers = vec![
            collect(child.stdout.take().expect("piped"), &lines),
            collect(child.stderr.take().expect("piped"), &lines),
        ];
        Self {
            api,
            process: Mutex::new(Process(child)),
            readers: Mutex::new(readers),
            lines,
        }
    }

    /// Starts `bootstrap` and waits until it asks for events.
    ///
    /// The first one of a run compiles the policy; the others wait for that instead of compiling beside it.
    pub async fn start(variables: Variables) -> Self {
        static COMPILED: tokio::sync::Mutex<bool> = tokio::sync::Mutex::const_new(false);
        let mut compiled = COMPILED.lock().await;
        let lambda = Self::spawn(variables).await;
        if *compiled {
            drop(compiled);
            lambda.started().await;
        } else {
            lambda.started().await;
            *compiled = true;
        }
        lambda
    }

    /// Waits until it asks for events.
    pub async fn started(&self) {
        if let Err(failed) = self.api.started().await {
            panic!(
                "bootstrap did not start: {}: {}",
                failed.error_type, failed.message
            );
        }
    }

    /// Waits for the end of a process that should not go on: what it reported and everything that it wrote.
    pub async fn not_started(self) -> (Failed, Vec<String>) {
        let failed = self.api.started().await.expect_err("the start should fail");
        let (code, log) = self.ended().await;
        assert_eq!(code, Some(1));
        (failed, log)
    }

    /// Waits for the end of a process: its exit code and everything that it wrote.
    pub async fn ended(self) -> (Option<i32>, Vec<String>) {
        for _ in 0..3_000 {
            let status = self.process.lock().expect("lock").0.try_wait();
            if let Some(status) = status.expect("a status") {
                return (status.code(), self.whole_log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("bootstrap goes on: {:#?}", self.log());
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.process.lock().expect("lock").0.id()
    }

    /// Ends the process: everything that it wrote.
    pub fn end(&self) -> Vec<String> {
        let mut process = self.process.lock().expect("lock");
        // It may have ended by itself.
        let _ = process.0.kill();
        process.0.wait().expect("a status");
        self.whole_log()
    }

    /// What an ended process wrote.
    fn whole_log(&self) -> Vec<String> {
        for reader in self.readers.lock().expect("lock").drain(..) {
            reader.join().expect("a reader");
        }
        self.log()
    }

    /// What it wrote up to now.
    pub fn log(&self) -> Vec<String> {
        self.lines.lock().expect("lock").clone()
    }
}

fn collect(stream: impl Read + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    let lines = Arc::clone(lines);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.lock().expect("lock").push(line);
        }
    })
}
