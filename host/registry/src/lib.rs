//! Policy sets from a registry of OCI artifacts.
//!
//! An artifact is a policy set if one of its layers is of the type [`MANIFEST_TYPE`]: the set's manifest. The files that
//! it names are further layers, and are asked for by their digests. Whatever the registry says, only bytes are handed
//! on whose digest is the one that was asked for.

mod artifact;
mod error;
mod transport;

use oci_client::Reference;

pub use error::RegistryError;
use transport::Transport;

/// The media type of a policy set's manifest.
pub const MANIFEST_TYPE: &str = "application/vnd.signalbox.policy-set.v1+toml";

/// The longest manifest of an artifact, in bytes: what registries take is 4 MiB at most.
const ARTIFACT_MAX: usize = 4 * 1024 * 1024;

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password, or a token in its place.
    pub password: String,
}

impl Credentials {
    /// Those of `SIGNALBOX_REGISTRY_USERNAME` and `SIGNALBOX_REGISTRY_PASSWORD`; none if either is not set.
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        let read = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Some(Self {
            username: read("SIGNALBOX_REGISTRY_USERNAME")?,
            password: read("SIGNALBOX_REGISTRY_PASSWORD")?,
        })
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// An artifact in a registry.
pub struct Registry {
    image: Reference,
    transport: Transport,
}

/// A policy set's manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// Its text.
    pub bytes: Vec<u8>,
    /// The digest of the artifact, which is what its tag stood for.
    pub digest: String,
}

impl Registry {
    /// The artifact of a reference: `REGISTRY/REPOSITORY:TAG` or `REGISTRY/REPOSITORY@sha256:DIGEST`.
    ///
    /// # Errors
    /// It is no reference.
    pub fn new(reference: &str, credentials: Option<Credentials>) -> Result<Self, RegistryError> {
        let image: Reference = reference
            .parse()
            .map_err(|error| RegistryError::Setting(format!("{reference:?}: {error}")))?;
        Ok(Self {
            transport: Transport::new(image.clone(), credentials),
            image,
        })
    }

    /// The manifest of the set, unless the artifact is still the one with this digest.
    ///
    /// # Errors
    /// It cannot be had, or is longer than `most` bytes.
    pub async fn manifest(
        &self,
        known: Option<&str>,
        most: usize,
    ) -> Result<Option<Pulled>, RegistryError> {
        // A tag is resolved once: everything else is asked for by digest.
        let digest = match (self.image.digest(), self.image.tag()) {
            (Some(digest), _) => digest.to_owned(),
            (None, Some(tag)) => self.resolve(tag).await?,
            (None, None) => {
                return Err(RegistryError::Setting(
                    "it has neither a tag nor a digest".to_owned(),
                ));
            }
        };
        if known == Some(digest.as_str()) {
            return Ok(None);
        }
        let path = format!("manifests/{digest}");
        let text = self
            .transport
            .get(&path, artifact::ACCEPT, ARTIFACT_MAX)
            .await?;
        verify(&digest, &text)?;
        let layer = artifact::manifest_layer(&text)?;
        let bytes = self.blob(&layer, most).await?;
        Ok(Some(Pulled { bytes, digest }))
    }

    /// A layer, by its digest: `sha256:…`.
    ///
    /// # Errors
    /// It cannot be had, or is longer than `most` bytes.
    pub async fn blob(&self, digest: &str, most: usize) -> Result<Vec<u8>, RegistryError> {
        let bytes = self
            .transport
            .get(&format!("blobs/{digest}"), "*/*", most)
            .await?;
        verify(digest, &bytes)?;
        Ok(bytes)
    }

    async fn resolve(&self, tag: &str) -> Result<String, RegistryError> {
        let path = format!("manifests/{tag}");
        let told = self.transport.digest_of(&path, artifact::ACCEPT).await?;
        let digest = match told {
            Some(digest) => digest,
            // Registries should say it, and not all do.
            None => {
                let text = self
                    .transport
                    .get(&path, artifact::ACCEPT, ARTIFACT_MAX)
                    .await?;
                digest_of(&text)
            }
        };
        artifact::is_digest(&digest)
            .then_some(digest)
            .ok_or_else(|| RegistryError::Form("the digest of its tag is no SHA-256".to_owned()))
    }
}

fn digest_of(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
}

fn verify(digest: &str, bytes: &[u8]) -> Result<(), RegistryError> {
    let found = digest_of(bytes);
    if found == digest {
        return Ok(());
    }
    Err(RegistryError::Digest {
        asked: digest.to_owned(),
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let credentials = Credentials {
            username: "me".to_owned(),
            password: "hunter2".to_owned(),
        };
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }

    #[test]
    fn bytes_of_another_digest_are_refused() {
        let digest = digest_of(b"a");
        assert_eq!(verify(&digest, b"a"), Ok(()));
        let told = verify(&digest, b"b").expect_err("another");
        assert!(
            told.to_string().contains("Nothing of it was used"),
            "{told}"
        );
    }
}
