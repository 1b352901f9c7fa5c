//! A registry of OCI artifacts as a source.

use std::sync::Arc;

use async_trait::async_trait;
use signalbox_aws::Ecr;
use signalbox_registry::{Login, Logins, Registry, RegistryError};

use super::{
    manifest::MANIFEST_MAX,
    source::{FetchError, Fetched, Source},
};

const USERNAME: &str = "SIGNALBOX_REGISTRY_USERNAME";
const PASSWORD: &str = "SIGNALBOX_REGISTRY_PASSWORD";

/// The artifact of a reference, with a login of the environment: `SIGNALBOX_REGISTRY_USERNAME` and
/// `SIGNALBOX_REGISTRY_PASSWORD`; without them, for a registry of Amazon ECR, one for the role's credentials. The login goes
/// to the registry, and to one of `login_hosts` if the registry asks for that.
///
/// # Errors
/// It is no reference, or half of the login is missing.
pub fn registry(reference: &str, login_hosts: &[String]) -> Result<Registry, RegistryError> {
    let read = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let logins: Arc<dyn Logins> = match chosen(reference, read(USERNAME), read(PASSWORD))? {
        Chosen::Named(login) => Arc::new(Some(login)),
        Chosen::Ecr(region) => Arc::new(EcrLogins {
            ecr: Ecr::from_environment(),
            region,
        }),
        Chosen::Nobody => Arc::new(None),
    };
    Registry::new(reference, logins, login_hosts.to_vec())
}

/// As whom one comes.
#[derive(Debug, PartialEq, Eq)]
enum Chosen {
    Named(Login),
    /// Whoever the role is, in this region.
    Ecr(String),
    Nobody,
}

fn chosen(
    reference: &str,
    username: Option<String>,
    password: Option<String>,
) -> Result<Chosen, RegistryError> {
    let missing = |name: &str| {
        Err(RegistryError::Setting(format!(
            "{name} is not set: {USERNAME} and {PASSWORD} go together"
        )))
    };
    let host = reference.split(['/', ':']).next().unwrap_or_default();
    match (username, password) {
        (Some(username), Some(password)) => Ok(Chosen::Named(Login { username, password })),
        (Some(_), None) => missing(PASSWORD),
        (None, Some(_)) => missing(USERNAME),
        (None, None) => Ok(match Ecr::region_of(host) {
            Some(region) => Chosen::Ecr(region.to_owned()),
            None => Chosen::Nobody,
        }),
    }
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
    pub fn new(reference: &str, login_hosts: &[String]) -> Result<Self, RegistryError> {
        Ok(Self {
            registry: registry(reference, login_hosts)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_whom_one_comes() {
        const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        let some = |text: &str| Some(text.to_owned());
        let named = || {
            Ok(Chosen::Named(Login {
                username: "me".to_owned(),
                password: "p".to_owned(),
            }))
        };
        for registry in [ECR, "r.example", "127.0.0.1:5000"] {
            let reference = format!("{registry}/p:live");
            assert_eq!(chosen(&reference, some("me"), some("p")), named());
            for (username, password, missing) in
                [(some("me"), None, PASSWORD), (None, some("p"), USERNAME)]
            {
                let told = chosen(&reference, username, password).expect_err("half");
                assert!(told.to_string().starts_with(missing), "{told}");
            }
        }
        for reference in [format!("{ECR}/p:live"), format!("{ECR}:443/p:live")] {
            let found = chosen(&reference, None, None);
            assert_eq!(found, Ok(Chosen::Ecr("eu-west-1".to_owned())));
        }
        assert_eq!(chosen("r.example/p:live", None, None), Ok(Chosen::Nobody));
    }
}
