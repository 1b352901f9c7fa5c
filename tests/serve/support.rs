//! The built `signalbox serve`, as a process, and plain HTTP.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use signalbox_aws::Session;

/// How long a test waits for something to happen before it fails.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A running `signalbox serve`. Dropped, it is killed.
pub struct Serve {
    child: Child,
    pub addresses: Value,
    pub log: Arc<Mutex<Vec<String>>>,
    /// Its temporary files: killed, it leaves them.
    _temporary: tempfile::TempDir,
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command, without the variables of whoever runs the tests.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    command
        .arg("serve")
        .args(args)
        .env_clear()
        .env("SIGNALBOX_CACHE_DIR", cache())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn cache() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled-policies")
}

impl Serve {
    /// Starts it and waits until it serves.
    pub fn start(args: &[&str]) -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut child = command(args)
            .arg("--json")
            .env("TMPDIR", temporary.path())
            .spawn()
            .expect("it starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                lines.lock().expect("lock").push(line);
            }
        });
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut first)
            .expect("a line");
        let addresses = serde_json::from_str(&first)
            .unwrap_or_else(|error| panic!("{error}: {first:?}: {:?}", log.lock()));
        Self {
            child,
            addresses,
            log,
            _temporary: temporary,
        }
    }

    pub fn in_directory(directory: &Path, more: &[&str]) -> Self {
        let directory = directory.to_str().expect("a name");
        Self::start(&[&["--data-dir", directory], more].concat())
    }

    pub fn url(&self, name: &str) -> &str {
        self.addresses[name].as_str().expect("an address")
    }

    /// A client of the Data API as users have it.
    pub async fn redshift(&self) -> aws_sdk_redshiftdata::Client {
        let session = Session::at(self.url("redshiftDataUrl"));
        aws_sdk_redshiftdata::Client::new(session.config().await)
    }

    /// Asks it to end, by a signal, and waits for that. Returns the exit code.
    pub fn signal(mut self, name: &str) -> Option<i32> {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
        for _ in 0..PATIENCE.as_millis() / 20 {
            if let Some(status) = self.child.try_wait().expect("a status") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it goes on");
    }

    /// Invokes the function by a name, with headers.
    pub fn invoke(&self, name: &str, headers: &str, body: &[u8]) -> Reply {
        let target = format!("/2015-03-31/functions/{name}/invocations");
        post(self.url("lambdaUrl"), &target, headers, body)
    }

    /// Calls an operation of the Data API with plain HTTP.
    pub fn call(&self, operation: &str, body: &[u8]) -> Reply {
        let headers = format!(
            "X-Amz-Target: RedshiftData.{operation}\r\nContent-Type: application/x-amz-json-1.1\r\n"
        );
        post(self.url("redshiftDataUrl"), "/", &headers, body)
    }
}

/// A reply of HTTP.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// A connection to a server.
pub fn connect(url: &str) -> TcpStream {
    let address = url.strip_prefix("http://").expect("an address");
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

/// Sends a request and reads the reply.
pub fn post(url: &str, target: &str, headers: &str, body: &[u8]) -> Reply {
    let mut stream = connect(url);
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream.write_all(body).expect("sent");
    read(stream)
}

/// Reads a reply up to the end of the connection.
pub fn read(mut stream: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("a reply");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split_whitespace()
        .nth(1)
        .and_then(|status| status.parse().ok());
    Reply {
        status: status.unwrap_or_else(|| panic!("no reply: {text:?}")),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
