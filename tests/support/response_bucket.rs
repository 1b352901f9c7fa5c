//! The bucket to which CloudFormation has responses put.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::put,
};
use serde_json::Value;

/// What the bucket does with one PUT.
#[derive(Debug, Clone, Copy)]
pub enum Turn {
    /// Takes it, and answers with this status all the same.
    Status(u16),
    /// Says that it is elsewhere.
    Redirect,
    /// Never answers.
    Hang,
}

#[derive(Default)]
struct Shared {
    turns: VecDeque<Turn>,
    puts: Vec<(String, String)>,
}

/// The server. It takes every PUT, unless it was told otherwise.
pub struct ResponseBucket {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

impl ResponseBucket {
    /// Starts it on a free port of loopback.
    pub async fn start() -> Self {
        let shared = Arc::<Mutex<Shared>>::default();
        let router = Router::new()
            .route("/{*key}", put(take))
            .with_state(Arc::clone(&shared));
        let address = super::serve(router).await;
        Self { address, shared }
    }

    /// For `SIGNALBOX_RESPONSE_ORIGINS`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Does this with the next PUTs, in order.
    pub fn next(&self, turns: &[Turn]) {
        self.shared.lock().expect("lock").turns.extend(turns);
    }

    /// The bodies that were put under a key, in order.
    pub fn put(&self, key: &str) -> Vec<String> {
        let shared = self.shared.lock().expect("lock");
        let of_key = shared.puts.iter().filter(|(at, _)| at == key);
        of_key.map(|(_, body)| body.clone()).collect()
    }

    /// The one response under a key.
    pub fn response(&self, key: &str) -> Value {
        let put = self.put(key);
        assert_eq!(put.len(), 1, "{put:?}");
        assert!(put[0].len() <= 4_096, "{}", put[0].len());
        serde_json::from_str(&put[0]).expect("a response in JSON")
    }
}

async fn take(
    State(shared): State<Arc<Mutex<Shared>>>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    assert!(headers.contains_key("content-length"), "S3 takes no chunks");
    let turn = {
        let mut shared = shared.lock().expect("lock");
        let key = uri.path().trim_start_matches('/').to_owned();
        shared.puts.push((key, body));
        shared.turns.pop_front()
    };
    match turn {
        None => StatusCode::OK.into_response(),
        Some(Turn::Status(status)) => StatusCode::from_u16(status)
            .expect("a status")
            .into_response(),
        Some(Turn::Redirect) => (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
        Some(Turn::Hang) => std::future::pending().await,
    }
}
