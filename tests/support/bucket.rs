//! A bucket of Amazon S3, as far as somebody reads and writes objects of it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::get,
};

use super::mood::Mood;

#[derive(Default)]
struct Shared {
    mood: Mood,
    objects: BTreeMap<String, Vec<u8>>,
    asked: BTreeMap<String, u32>,
    reads: BTreeMap<String, u32>,
}

/// The server.
pub struct Bucket {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

impl Bucket {
    /// Starts it on a free port of loopback.
    pub async fn start() -> Self {
        let shared = Arc::<Mutex<Shared>>::default();
        let router = Router::new()
            .route("/{*key}", get(read).put(write))
            .with_state(Arc::clone(&shared));
        let address = super::serve(router).await;
        Self { address, shared }
    }

    /// For `AWS_ENDPOINT_URL_S3`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts an object under `BUCKET/KEY`.
    pub fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let mut shared = self.shared.lock().expect("lock");
        shared.objects.insert(key.to_owned(), bytes.into());
    }

    /// All objects, by `BUCKET/KEY`.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.shared.lock().expect("lock").objects.clone()
    }

    /// Behaves so from now on.
    pub fn is(&self, mood: Mood) {
        self.shared.lock().expect("lock").mood = mood;
    }

    /// How often an object was asked for, whatever the answer.
    pub fn asked(&self, key: &str) -> u32 {
        let shared = self.shared.lock().expect("lock");
        shared.asked.get(key).copied().unwrap_or_default()
    }

    /// How often an object was sent whole.
    pub fn sent(&self, key: &str) -> u32 {
        let shared = self.shared.lock().expect("lock");
        shared.reads.get(key).copied().unwrap_or_default()
    }
}

fn is_signed(headers: &HeaderMap) -> bool {
    headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 Credential=AKIDOFNOBODY/"))
}

async fn write(
    State(shared): State<Arc<Mutex<Shared>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert!(is_signed(&headers), "a request is not signed");
    let mood = shared.lock().expect("lock").mood;
    if mood == Mood::Denied {
        return error(StatusCode::FORBIDDEN, "AccessDenied");
    }
    mood.wait().await;
    // No upload in parts is ever begun.
    if uri.query().is_some_and(|query| query.contains("uploadId=")) {
        return error(StatusCode::NOT_FOUND, "NoSuchUpload");
    }
    let key = uri.path().trim_start_matches('/').to_owned();
    let mut shared = shared.lock().expect("lock");
    shared.objects.insert(key, body.to_vec());
    StatusCode::OK.into_response()
}

async fn read(State(shared): State<Arc<Mutex<Shared>>>, uri: Uri, headers: HeaderMap) -> Response {
    assert!(is_signed(&headers), "a request is not signed");
    let mood = shared.lock().expect("lock").mood;
    if mood == Mood::Denied {
        return error(StatusCode::FORBIDDEN, "AccessDenied");
    }
    mood.wait().await;
    let mut shared = shared.lock().expect("lock");
    let key = uri.path().trim_start_matches('/').to_owned();
    *shared.asked.entry(key.clone()).or_default() += 1;
    let Some(bytes) = shared.objects.get(&key).cloned() else {
        return error(StatusCode::NOT_FOUND, "NoSuchKey");
    };
    let etag = format!(
        "\"{}\"",
        signalbox_tasker::ids::digest(&[&String::from_utf8_lossy(&bytes)])
    );
    let known = headers
        .get("if-none-match")
        .and_then(|value| value.to_str().ok());
    if known == Some(etag.as_str()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    *shared.reads.entry(key).or_default() += 1;
    ([("etag", etag)], mood.sent(bytes)).into_response()
}

fn error(status: StatusCode, code: &str) -> Response {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    (status, body).into_response()
}
