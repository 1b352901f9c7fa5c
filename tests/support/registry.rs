//! A registry of OCI artifacts, as far as somebody pulls from it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::json;
use signalbox_policy::digest;

/// The media type of a policy set's manifest.
const MANIFEST_TYPE: &str = "application/vnd.signalbox.policy-set.v1+toml";
/// What lets one in.
pub const USER: &str = "puller";
/// What lets one in.
pub const PASSWORD: &str = "not-for-everybody";
const TOKEN: &str = "a-token-of-the-registry";

/// How the registry behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    /// It answers whoever has a token, which it gives for name and password.
    #[default]
    Good,
    /// It gives tokens and denies everything.
    Denied,
    /// It answers after so long.
    Slow(Duration),
    /// It does not answer at all.
    Gone,
    /// It sends something else than what has the digest.
    Lies,
    /// It sends the half.
    Half,
}

#[derive(Default)]
struct Shared {
    mood: Mood,
    tags: BTreeMap<String, String>,
    content: BTreeMap<String, Vec<u8>>,
    asked: BTreeMap<String, u32>,
}

/// The server.
pub struct Registry {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

impl Registry {
    /// Starts it on a free port of loopback.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::<Mutex<Shared>>::default();
        let router = Router::new()
            .fallback(serve)
            .with_state((address, Arc::clone(&shared)));
        tokio::spawn(async move { axum::serve(listener, router).await });
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

type Here = (SocketAddr, Arc<Mutex<Shared>>);

async fn serve(
    State((address, shared)): State<Here>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let mood = shared.lock().expect("lock").mood;
    match mood {
        Mood::Gone => std::future::pending().await,
        Mood::Slow(time) => tokio::time::sleep(time).await,
        _ => {}
    }
    let authorization = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if uri.path() == "/token" {
        *shared
            .lock()
            .expect("lock")
            .asked
            .entry("token".to_owned())
            .or_default() += 1;
        assert_eq!(
            uri.query(),
            Some("scope=repository%3Ateam%2Fpolicies%3Apull&service=test"),
            "a pull of this repository and no more"
        );
        return if authorization == basic() {
            json!({"token": TOKEN, "expires_in": 300})
                .to_string()
                .into_response()
        } else {
            StatusCode::UNAUTHORIZED.into_response()
        };
    }
    if authorization != format!("Bearer {TOKEN}") {
        let challenge = format!("Bearer realm=\"http://{address}/token\",service=\"test\"");
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response();
    }
    if mood == Mood::Denied {
        return StatusCode::FORBIDDEN.into_response();
    }
    let asked = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let mut shared = shared.lock().expect("lock");
    *shared.asked.entry(asked.clone()).or_default() += 1;
    let digest = shared.tags.get(&asked).cloned().unwrap_or(asked);
    let Some(bytes) = shared.content.get(&digest).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let bytes = match mood {
        Mood::Half => bytes[..bytes.len() / 2].to_vec(),
        Mood::Lies => [bytes.as_slice(), b"\n"].concat(),
        _ => bytes,
    };
    let told = [("docker-content-digest", digest)];
    match method {
        Method::HEAD => (told, ()).into_response(),
        _ => (told, bytes).into_response(),
    }
}

fn basic() -> String {
    // Of `USER:PASSWORD`.
    "Basic cHVsbGVyOm5vdC1mb3ItZXZlcnlib2R5".to_owned()
}
