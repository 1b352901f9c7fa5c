//! A registry of OCI artifacts as a source.

use async_trait::async_trait;
use signalbox_registry::{Credentials, Registry, RegistryError};

use super::{
    manifest::MANIFEST_MAX,
    source::{FetchError, Fetched, Source},
};

/// An artifact in a registry.
pub struct RegistrySource {
    registry: Registry,
    reference: String,
}

impl RegistrySource {
    /// The set of the artifact of this reference, with the credentials of the environment.
    ///
    /// # Errors
    /// It is no reference.
    pub fn new(reference: &str) -> Result<Self, RegistryError> {
        Ok(Self {
            registry: Registry::new(reference, Credentials::from_environment())?,
            reference: reference.to_owned(),
        })
    }
}

#[async_trait]
impl Source for RegistrySource {
    fn place(&self) -> String {
        format!("oci://{}", self.reference)
    }

    async fn manifest(&self, tag: Option<&str>) -> Result<Option<Fetched>, FetchError> {
        let pulled = self.registry.manifest(tag, MANIFEST_MAX).await;
        let pulled = pulled.map_err(|error| FetchError {
            what: self.place(),
            reason: error.to_string(),
        })?;
        Ok(pulled.map(|pulled| Fetched {
            bytes: pulled.bytes,
            tag: Some(pulled.digest),
        }))
    }

    async fn file(&self, name: &str, sha256: &str, most: usize) -> Result<Vec<u8>, FetchError> {
        // What the manifest pins is the address too; the name is for people.
        let blob = self.registry.blob(&format!("sha256:{sha256}"), most).await;
        blob.map_err(|error| FetchError {
            what: format!("{name} of {}", self.place()),
            reason: error.to_string(),
        })
    }
}
