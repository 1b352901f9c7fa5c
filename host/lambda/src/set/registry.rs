//! A registry of OCI artifacts as a source.

use std::sync::Arc;

use async_trait::async_trait;
use signalbox_aws::Ecr;
use signalbox_registry::{Login, Logins, Registry, RegistryError};

use super::{
    manifest::MANIFEST_MAX,
    source::{FetchError, Fetched, Source},
};

/// The artifact of a reference, with a login of the environment: `SIGNALBOX_REGISTRY_USERNAME` and
/// `SIGNALBOX_REGISTRY_PASSWORD`; without them, for a registry of Amazon ECR, one for the role's credentials.
///
/// # Errors
/// It is no reference.
pub fn registry(reference: &str) -> Result<Registry, RegistryError> {
    let read = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let named = read("SIGNALBOX_REGISTRY_USERNAME").zip(read("SIGNALBOX_REGISTRY_PASSWORD"));
    let host = reference.split('/').next().unwrap_or_default();
    let logins: Arc<dyn Logins> = match (named, Ecr::region_of(host)) {
        (Some((username, password)), _) => Arc::new(Some(Login { username, password })),
        (None, Some(region)) => Arc::new(EcrLogins {
            ecr: Ecr::from_environment(),
            region: region.to_owned(),
        }),
        (None, None) => Arc::new(None),
    };
    Registry::new(reference, logins)
}

struct EcrLogins {
    ecr: Ecr,
    region: String,
}

#[async_trait]
impl Logins for EcrLogins {
    async fn login(&self) -> Result<Option<Login>, RegistryError> {
        match self.ecr.login(&self.region).await {
            Ok(login) => Ok(Some(Login {
                username: login.username,
                password: login.password,
            })),
            Err(error) => Err(RegistryError::Login(error.to_string())),
        }
    }
}

/// An artifact in a registry.
pub struct RegistrySource {
    registry: Registry,
    reference: String,
}

impl RegistrySource {
    /// The set of the artifact of this reference, with a login of the environment.
    ///
    /// # Errors
    /// It is no reference.
    pub fn new(reference: &str) -> Result<Self, RegistryError> {
        Ok(Self {
            registry: registry(reference)?,
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
