//! A plain HTTP client for services that speak AWS JSON.

#![allow(dead_code, reason = "each test file uses a part of it")]

use serde_json::Value;
use signalbox_local::sql::{EngineChoice, Postgres};
use std::io::Write as _;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The engine that this test program is for, by its name. None where PostgreSQL is not installed and may be missing.
pub(crate) fn engine() -> Option<EngineChoice> {
    if env!("CARGO_CRATE_NAME").ends_with("_on_postgres") {
        postgres()
    } else {
        Some(EngineChoice::Sqlite)
    }
}

/// PostgreSQL, if it is installed. With `SIGNALBOX_TEST_POSTGRES=required` it must be.
pub(crate) fn postgres() -> Option<EngineChoice> {
    match Postgres::installed() {
        Ok(()) => Some(EngineChoice::Postgres),
        Err(why) => {
            let is_required =
                std::env::var("SIGNALBOX_TEST_POSTGRES").is_ok_and(|v| v == "required");
            assert!(!is_required, "{why}");
            // Not by a macro, whose text the test harness would keep to itself.
            let _ = writeln!(std::io::stderr(), "SKIPPED, nothing was tested: {why}");
            None
        }
    }
}

/// A reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Reply {
    /// The body of a reply that succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// The name of the error.
    #[track_caller]
    pub(crate) fn error(&self) -> &str {
        assert_ne!(self.status, 200, "{}", self.body);
        self.body["__type"].as_str().expect("__type")
    }

    /// The text of the error.
    pub(crate) fn message(&self) -> &str {
        let body = &self.body;
        let text = body.get("Message").or_else(|| body.get("message"));
        text.and_then(Value::as_str).expect("a message")
    }
}

/// Sends bytes as they are and returns all that comes back, if anything does and the connection holds.
pub(crate) async fn raw(address: SocketAddr, request: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    // The server may answer and hang up before it has read everything.
    let _ = stream.write_all(request).await;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.ok()?;
    (!bytes.is_empty()).then_some(bytes)
}

/// Calls an operation with a body as it is. None: the connection broke.
pub(crate) async fn call_raw(address: SocketAddr, target: &str, body: &str) -> Option<Reply> {
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Amz-Target: {target}\r\n\
         Content-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let text = String::from_utf8(raw(address, request.as_bytes()).await?).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some(Reply {
        status: head.split(' ').nth(1)?.parse().ok()?,
        head: head.to_ascii_lowercase(),
        body: serde_json::from_str(body).ok()?,
    })
}

/// Calls an operation.
pub(crate) async fn call(address: SocketAddr, target: &str, body: Value) -> Reply {
    call_raw(address, target, &body.to_string())
        .await
        .expect("a reply")
}
