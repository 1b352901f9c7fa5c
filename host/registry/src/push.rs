//! A policy set into a registry.

use std::time::Duration;

use oci_client::{
    Client, Reference, RegistryOperation, client::ClientConfig, errors::OciDistributionError,
    secrets::RegistryAuth,
};
use reqwest::header::HeaderValue;

use crate::{
    artifact, digest_of,
    error::RegistryError,
    transport::{CONNECT_TIMEOUT, not_let_in, protocol, unavailable},
};

/// How long a registry may think about a chunk, which are 4 MiB: the time to send it counts.
const READ_TIMEOUT: Duration = Duration::from_secs(120);

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
    auth: &RegistryAuth,
    set: &PolicySet,
) -> Result<String, RegistryError> {
    if image.tag().is_none() {
        return Err(RegistryError::Setting(
            "a set is pushed under a tag, REGISTRY/REPOSITORY:TAG: its digest follows from its content".to_owned(),
        ));
    }
    let client = Client::try_from(ClientConfig {
        protocol: protocol(image.resolve_registry()),
        connect_timeout: Some(CONNECT_TIMEOUT),
        read_timeout: Some(READ_TIMEOUT),
        ..ClientConfig::default()
    })
    .map_err(not_let_in)?;
    client
        .auth(image, auth, RegistryOperation::Push)
        .await
        .map_err(not_let_in)?;

    let manifest = artifact::of(set)?;
    let all = set.files.iter().chain([&set.manifest]);
    let blobs = all.map(|file| file.bytes.as_slice());
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
    let media_type = HeaderValue::from_static(oci_client::manifest::OCI_IMAGE_MEDIA_TYPE);
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
            Some(status) if !status.is_server_error() => RegistryError::Refused {
                status: status.as_u16(),
            },
            _ => unavailable(error),
        },
        OciDistributionError::RegistryError { envelope, .. } => {
            let reasons: Vec<_> = envelope
                .errors
                .iter()
                .map(|error| format!("{:?}: {}", error.code, error.message))
                .collect();
            RegistryError::NotTaken(reasons.join("; "))
        }
        OciDistributionError::ServerError { code, .. } => {
            RegistryError::Unavailable(format!("HTTP {code}"))
        }
        OciDistributionError::SpecViolationError(what) => RegistryError::NotTaken(what),
        other => not_let_in(other),
    }
}
