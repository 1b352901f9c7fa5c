//! A registry of OCI artifacts, as far as somebody pulls from it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderName, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::json;
use signalbox_policy::digest;

use super::mood::Mood;

/// The media type of a policy set's manifest.
const MANIFEST_TYPE: &str = "application/vnd.signalbox.policy-set.v1+toml";
/// What lets one in.
pub const USER: &str = "puller";
/// What lets one in.
pub const PASSWORD: &str = "not-for-everybody";
/// The two as they are sent.
pub const BASIC: &str = "cHVsbGVyOm5vdC1mb3ItZXZlcnlib2R5";
/// What a token begins with.
pub const TOKEN: &str = "a-token-of-the-registry";

#[derive(Default)]
struct Shared {
    mood: Mood,
    tags: BTreeMap<String, String>,
    content: BTreeMap<String, Vec<u8>>,
    asked: BTreeMap<String, u32>,
    sent: u32,
    is_silent: bool,
    storage: Option<SocketAddr>,
    /// Where logins are to be sent instead of here.
    token_server: Option<SocketAddr>,
    /// How often tokens have gone out of date, and what is answered to them since.
    expired: (u32, StatusCode),
}

impl Shared {
    fn token(&self) -> String {
        format!("{TOKEN}-{}", self.expired.0)
    }
}

/// The server.
pub struct Registry {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

impl Registry {
    /// Starts it on a free port of loopback.
    pub async fn start() -> Self {
        let shared = Arc::<Mutex<Shared>>::default();
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let address = super::serve(router).await;
        Self { address, shared }
    }

    /// The reference of a tag.
    pub fn reference(&self, tag: &str) -> String {
        format!("oci://{}/team/policies:{tag}", self.address)
    }

    /// Pushes a set and the files that it names under a tag; the artifact's digest.
    pub fn push(&self, tag: &str, set: impl Into<Vec<u8>>, files: &[&[u8]]) -> String {
        let mut shared = self.shared.lock().expect("lock");
        let mut put = |bytes: Vec<u8>| {
            let digest = format!("sha256:{}", digest::hex(&bytes));
            shared.content.insert(digest.clone(), bytes);
            digest
        };
        let mut layers =
            vec![json!({"mediaType": MANIFEST_TYPE, "digest": put(set.into()), "size": 1})];
        for file in files {
            layers.push(
                json!({"mediaType": "application/wasm", "digest": put(file.to_vec()), "size": 1}),
            );
        }
        let artifact = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": put(b"{}".to_vec()), "size": 2},
            "layers": layers,
        });
        let digest = put(artifact.to_string().into_bytes());
        shared.tags.insert(tag.to_owned(), digest.clone());
        digest
    }

    /// Behaves so from now on.
    pub fn is(&self, mood: Mood) {
        self.shared.lock().expect("lock").mood = mood;
    }

    /// No token of before is good any more: this is what it is answered with.
    pub fn expire(&self, status: StatusCode) {
        let expired = &mut self.shared.lock().expect("lock").expired;
        *expired = (expired.0 + 1, status);
    }

    /// Says no digests with what it sends, as some do.
    pub fn say_no_digests(&self) {
        self.shared.lock().expect("lock").is_silent = true;
    }

    /// Has other content where this is.
    pub fn spoil(&self, bytes: &[u8]) {
        let digest = format!("sha256:{}", digest::hex(bytes));
        let mut shared = self.shared.lock().expect("lock");
        let content = shared.content.get_mut(&digest).expect("it was pushed");
        content.push(b'\n');
    }

    /// Sends whoever asks for a blob to a storage elsewhere, which takes no logins.
    pub async fn send_elsewhere(&self) {
        let storage = Router::new()
            .fallback(stored)
            .with_state(Arc::clone(&self.shared));
        let address = super::serve(storage).await;
        self.shared.lock().expect("lock").storage = Some(address);
    }

    /// Wants logins to be sent to another host from now on, which gives tokens for them; where that is.
    pub async fn send_logins_elsewhere(&self) -> SocketAddr {
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&self.shared));
        let address = super::serve(router).await;
        self.shared.lock().expect("lock").token_server = Some(address);
        address
    }

    /// How often content was sent, whatever it was.
    pub fn sent(&self) -> u32 {
        self.shared.lock().expect("lock").sent
    }

    /// How often the content of a digest was asked for.
    pub fn asked(&self, bytes: &[u8]) -> u32 {
        self.count(&format!("sha256:{}", digest::hex(bytes)))
    }

    /// How often a tag, or `token`, was asked for.
    pub fn count(&self, what: &str) -> u32 {
        let shared = self.shared.lock().expect("lock");
        shared.asked.get(what).copied().unwrap_or_default()
    }
}

async fn answer(
    State(shared): State<Arc<Mutex<Shared>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let mood = shared.lock().expect("lock").mood;
    mood.wait().await;
    let text = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    };
    let authorization = text("authorization");
    let mut shared = shared.lock().expect("lock");
    if uri.path() == "/token" {
        *shared.asked.entry("token".to_owned()).or_default() += 1;
        assert_eq!(
            uri.query(),
            Some("scope=repository%3Ateam%2Fpolicies%3Apull&service=test"),
            "a pull of this repository and no more"
        );
        return if authorization == format!("Basic {BASIC}") {
            json!({"token": shared.token(), "expires_in": 300})
                .to_string()
                .into_response()
        } else {
            StatusCode::UNAUTHORIZED.into_response()
        };
    }
    if authorization != format!("Bearer {}", shared.token()) {
        let status = match shared.expired {
            (count, status) if count > 0 && !authorization.is_empty() => status,
            _ => StatusCode::UNAUTHORIZED,
        };
        let host = shared
            .token_server
            .map_or_else(|| text("host").to_owned(), |address| address.to_string());
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"test\"");
        return (status, [("www-authenticate", challenge)]).into_response();
    }
    if mood == Mood::Denied {
        return StatusCode::FORBIDDEN.into_response();
    }
    let asked = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    *shared.asked.entry(asked.clone()).or_default() += 1;
    let digest = shared.tags.get(&asked).cloned().unwrap_or(asked);
    let Some(bytes) = shared.content.get(&digest).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if let (Some(storage), true) = (shared.storage, uri.path().contains("/blobs/")) {
        let location = format!("http://{storage}/{digest}?signature=SECRET");
        return (StatusCode::TEMPORARY_REDIRECT, [("location", location)]).into_response();
    }
    let told = match shared.is_silent {
        true => HeaderMap::new(),
        false => HeaderMap::from_iter([(
            HeaderName::from_static("docker-content-digest"),
            digest.parse().expect("a digest"),
        )]),
    };
    match method {
        Method::HEAD => (told, ()).into_response(),
        _ => {
            shared.sent += 1;
            (told, mood.sent(bytes)).into_response()
        }
    }
}

async fn stored(
    State(shared): State<Arc<Mutex<Shared>>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    assert!(
        !headers.contains_key("authorization"),
        "a storage elsewhere gets the login"
    );
    let mut shared = shared.lock().expect("lock");
    let content = shared.content.get(uri.path().trim_start_matches('/'));
    match content.cloned() {
        Some(bytes) => {
            shared.sent += 1;
            bytes.into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
