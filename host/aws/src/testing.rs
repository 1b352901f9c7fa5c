//! A service on loopback that answers by a script, for the tests of the adapters.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_http_client::proxy::ProxyConfig;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::session::{Session, http_client};

/// What the service does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Turn {
    /// Answers with this status and body.
    Reply(u16, String),
    /// Answers with an error's name in a header.
    Typed(u16, &'static str, String),
    /// Answers with this status and the place to look at instead.
    Redirect(u16, String),
    /// Answers with the head of a reply, and closes the connection before the body is whole.
    Cut(String),
    /// Closes the connection.
    Close,
    /// Does not answer.
    Hang,
}

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    /// The operation: `x-amz-target` without its prefix.
    pub(crate) fn operation(&self) -> &str {
        let line = self
            .head
            .lines()
            .find_map(|line| line.strip_prefix("x-amz-target: "));
        line.and_then(|target| target.split('.').nth(1))
            .unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }
}

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    turns: VecDeque<Turn>,
    requests: Vec<Request>,
}

impl Service {
    /// Answers the requests that come with these turns, in order; a request beyond them is an error in the script.
    pub(crate) async fn start(turns: impl IntoIterator<Item = Turn>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let turns = turns.into_iter().collect();
        let state = Arc::new(Mutex::new(State {
            turns,
            requests: Vec::new(),
        }));
        let service = Self {
            url,
            state: Arc::clone(&state),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&state)));
            }
        });
        service
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The requests that came so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().expect("state").requests.clone()
    }

    pub(crate) async fn config(&self) -> SdkConfig {
        let keys = Credentials::new("AKIDEXAMPLE", "not-a-secret", None, None, "test");
        aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(keys)
            .endpoint_url(&self.url)
            .http_client(http_client(ProxyConfig::disabled()))
            .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
            .load()
            .await
    }

    pub(crate) async fn session(&self) -> Arc<Session> {
        Arc::new(Session::of(self.config().await))
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    while let Some(request) = read(&mut stream).await {
        let turn = {
            let mut state = state.lock().expect("state");
            state.requests.push(request);
            state.turns.pop_front()
        };
        let mut place = String::new();
        let is_cut = matches!(turn, Some(Turn::Cut(_)));
        let (status, name, body) = match turn {
            Some(Turn::Reply(status, body)) => (status, None, body),
            Some(Turn::Typed(status, name, body)) => (status, Some(name), body),
            Some(Turn::Redirect(status, to)) => {
                place = format!("location: {to}\r\n");
                (status, None, String::new())
            }
            Some(Turn::Cut(body)) => (200, None, body),
            Some(Turn::Close) => return,
            Some(Turn::Hang) => std::future::pending().await,
            None => (400, Some("ScriptIsOver"), "{}".to_owned()),
        };
        let name = name
            .map(|name| format!("x-amzn-errortype: {name}\r\n"))
            .unwrap_or_default();
        let length = body.len() + usize::from(is_cut);
        let reply =
            format!("HTTP/1.1 {status} X\r\n{name}{place}content-length: {length}\r\n\r\n{body}");
        if stream.write_all(reply.as_bytes()).await.is_err() || is_cut {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = lower_case_names(&String::from_utf8_lossy(&bytes[..end]));
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned();
                return Some(Request { head, body });
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

fn lower_case_names(head: &str) -> String {
    let lines = head.lines().map(|line| match line.split_once(':') {
        Some((name, value)) => format!("{}:{value}\n", name.to_lowercase()),
        None => format!("{line}\n"),
    });
    lines.collect()
}
