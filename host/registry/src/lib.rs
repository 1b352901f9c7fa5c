//! Policy sets in a registry of OCI artifacts.
//!
//! An artifact is a policy set if one of its layers is of the type [`MANIFEST_TYPE`]: the set's manifest. The files that
//! it names are further layers, and are asked for by their digests. Whatever the registry says, only bytes are handed
//! on whose digest is the one that was asked for.

mod artifact;
mod error;
mod http;
mod login;
mod login_hosts;
mod pass;
mod push;
mod reference;
mod transport;

use std::sync::Arc;

use oci_client::Reference;
use tokio::sync::Mutex;

pub use error::RegistryError;
pub use login::{Login, Logins};
use pass::Deed;
pub use push::{File, FileKind, PolicySet};
use transport::Transport;

/// The media type of a policy set's manifest.
pub const MANIFEST_TYPE: &str = "application/vnd.signalbox.policy-set.v1+toml";

/// The longest manifest of an artifact, in bytes: what registries take is 4 MiB at most.
const ARTIFACT_MAX: usize = 4 * 1024 * 1024;

/// An artifact in a registry.
pub struct Registry {
    image: Reference,
    transport: Transport,
    /// The last one that was read.
    known: Mutex<Option<Pulled>>,
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
    /// The artifact of a reference: `REGISTRY/REPOSITORY:TAG` or `REGISTRY/REPOSITORY@sha256:DIGEST`. A login is sent to
    /// the registry, and to a host of `login_hosts` (`HOST` or `HOST:PORT`) if the registry asks for that.
    ///
    /// # Errors
    /// It is no reference.
    pub fn new(
        reference: &str,
        logins: Arc<dyn Logins>,
        login_hosts: Vec<String>,
    ) -> Result<Self, RegistryError> {
        let image = reference::read(reference)?;
        Ok(Self {
            transport: Transport::new(image.clone(), logins, login_hosts),
            image,
            known: Mutex::new(None),
        })
    }

    /// Whether a text is a reference.
    ///
    /// # Errors
    /// It is none.
    pub fn check(reference: &str) -> Result<(), RegistryError> {
        reference::read(reference).map(drop)
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
        let mut held = self.known.lock().await;
        // A look that broke off behind here goes on where it was.
        if let Some(pulled) = held.as_ref().filter(|pulled| pulled.digest == digest) {
            return Ok(Some(pulled.clone()));
        }
        let path = format!("manifests/{digest}");
        let text = self
            .transport
            .get(&path, artifact::ACCEPT, ARTIFACT_MAX)
            .await?;
        verify(&digest, &text)?;
        let layer = artifact::manifest_layer(&text)?;
        let bytes = self.blob(&layer, most).await?;
        let pulled = Pulled { bytes, digest };
        *held = Some(pulled.clone());
        Ok(Some(pulled))
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

    /// Pushes a set under the reference's tag; the artifact's digest. Files that are there already are not sent, and the
    /// tag is moved when all is there.
    ///
    /// # Errors
    /// The registry does not take it, or the reference has no tag.
    pub async fn push(&self, set: &PolicySet) -> Result<String, RegistryError> {
        let pass = self.transport.pass(Deed::Push).await?;
        push::push(&self.image, pass, set).await
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
        is_digest(&digest)
            .then_some(digest)
            .ok_or_else(|| RegistryError::Form("the digest of its tag is no SHA-256".to_owned()))
    }
}

/// Whether a text is `sha256:` and 64 hexadecimal digits in lower case.
fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() == 64
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
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
