//! A policy set into a registry.

use std::time::Duration;

use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol},
    errors::{OciDistributionError, OciEnvelope},
    manifest::OCI_IMAGE_MEDIA_TYPE,
    secrets::RegistryAuth,
};
use reqwest::{StatusCode, header::HeaderValue};

use crate::{
    artifact, digest_of,
    error::RegistryError,
    http::{unavailable, use_ring},
    pass::Pass,
    reference::{host, is_loopback},
};

/// How long a registry may think about a file.
const PATIENCE: Duration = Duration::from_secs(60);
/// A line that is slower than this, in bytes a second, is none.
const SLOWEST: usize = 64 * 1024;
/// The longest reason of a registry that is shown, in characters.
const REASON_MAX: usize = 500;

/// A policy set with all files that its manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySet {
    /// The manifest.
    pub manifest: File,
    /// The files.
    pub files: Vec<File>,
}

/// A file of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, for people: a host asks for it by digest.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// The manifest.
    Manifest,
    /// A WebAssembly component.
    Component,
    /// A component, compiled ahead of time.
    Artifact,
}

impl FileKind {
    /// The media type of a layer of it.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Manifest => crate::MANIFEST_TYPE,
            Self::Component => "application/wasm",
            Self::Artifact => "application/vnd.signalbox.policy.v1+cwasm",
        }
    }
}

/// Pushes a set; the artifact's digest. Files that are there already are not sent, and the tag is moved last.
pub(crate) async fn push(
    image: &Reference,
    pass: Pass,
    set: &PolicySet,
) -> Result<String, RegistryError> {
    if image.tag().is_none() {
        return Err(RegistryError::Setting(
            "a set is pushed under a tag, REGISTRY/REPOSITORY:TAG: its digest follows from its content".to_owned(),
        ));
    }
    let registry = image.resolve_registry();
    let all = || set.files.iter().chain([&set.manifest]);
    let longest = all().map(|file| file.bytes.len()).max().unwrap_or_default();
    let sending = Duration::from_secs(u64::try_from(longest / SLOWEST).unwrap_or(u64::MAX));
    let near = is_loopback(host(registry));
    use_ring();
    let client = Client::try_from(ClientConfig {
        protocol: match near {
            true => ClientProtocol::Http,
            false => ClientProtocol::Https,
        },
        // This machine's own registry is spoken to without TLS, and no proxy is to see the login. Where a proxy is named,
        // those of the environment do not count, and one for TLS is never used there.
        https_proxy: near.then(|| format!("http://{registry}")),
        // Amazon ECR takes no chunks, and everybody takes a file as a whole.
        use_monolithic_push: true,
        // Nothing comes while a file is sent.
        read_timeout: Some(PATIENCE + sending),
        connect_timeout: Some(PATIENCE),
        ..ClientConfig::default()
    })
    .map_err(not_taken)?;
    let auth = match pass {
        Pass::Nothing => RegistryAuth::Anonymous,
        Pass::Basic(login) => RegistryAuth::Basic(login.username, login.password),
        Pass::Bearer(token) => RegistryAuth::Bearer(token),
    };
    client.store_auth_if_needed(registry, &auth).await;

    let manifest = artifact::of(set)?;
    let blobs = all().map(|file| file.bytes.as_slice());
    for bytes in blobs.chain([artifact::EMPTY]) {
        let digest = digest_of(bytes);
        if client
            .blob_exists(image, &digest)
            .await
            .map_err(not_taken)?
        {
            continue;
        }
        let pushed = client.push_blob(image, bytes.to_vec(), &digest).await;
        pushed.map_err(not_taken)?;
    }
    let digest = digest_of(&manifest);
    let media_type = HeaderValue::from_static(OCI_IMAGE_MEDIA_TYPE);
    client
        .push_manifest_raw(image, manifest, media_type)
        .await
        .map_err(not_taken)?;
    Ok(digest)
}

/// The library's own words have addresses in them, and such an address lets in whoever knows it.
fn not_taken(error: OciDistributionError) -> RegistryError {
    match error {
        OciDistributionError::RequestError(error) => match error.status() {
            Some(status) => RegistryError::of(status),
            None => unavailable(error),
        },
        OciDistributionError::ServerError { code, message, .. } => refused(code, &message),
        OciDistributionError::RegistryError { envelope, .. } => {
            RegistryError::NotTaken(reasons(&envelope))
        }
        OciDistributionError::AuthenticationFailure(_)
        | OciDistributionError::UnauthorizedError { .. } => RegistryError::Refused { status: 401 },
        OciDistributionError::SpecViolationError(what) => RegistryError::NotTaken(what),
        _ => RegistryError::NotTaken("it answers otherwise than registries do".to_owned()),
    }
}

/// What the library calls an error of the server is any reply that is no success.
fn refused(code: u16, message: &str) -> RegistryError {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let told = serde_json::from_str(message).map(|envelope| reasons(&envelope));
    match (RegistryError::of(status), told) {
        (error @ RegistryError::Refused { .. }, Ok(reasons)) if !reasons.is_empty() => {
            RegistryError::NotTaken(format!("{error} ({reasons})"))
        }
        (error, _) => error,
    }
}

/// What a registry says, for a terminal.
fn reasons(envelope: &OciEnvelope) -> String {
    let all: Vec<_> = envelope
        .errors
        .iter()
        .map(|error| format!("{:?}: {}", error.code, error.message))
        .collect();
    let text = all.join("; ");
    let plain = text.chars().filter(|c| !c.is_control());
    plain.take(REASON_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_why() {
        let immutable = r#"{"errors":[{"code":"DENIED","message":"tag is \u001b[31mimmutable"}]}"#;
        for (code, message, says) in [
            (403, immutable, "HTTP 403): SIGNALBOX_REGISTRY_USERNAME"),
            (403, immutable, "immutable)"),
            (429, "<html>", "asked too often"),
            (503, immutable, "did not answer: HTTP 503"),
        ] {
            let told = refused(code, message).to_string();
            assert!(told.contains(says), "{told}");
            assert!(!told.contains('\u{1b}'), "{told}");
        }
        let long = format!(
            r#"{{"errors":[{{"code":"DENIED","message":"{}"}}]}}"#,
            "x".repeat(9000)
        );
        assert!(refused(400, &long).to_string().len() < 1000);
    }
}
