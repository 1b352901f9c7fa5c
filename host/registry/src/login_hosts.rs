//! Who may ask for a login: whoever answers there learns the password.

use reqwest::Url;

use crate::{
    error::RegistryError,
    reference::{host, is_loopback},
};

/// Who may ask for a login.
#[derive(Debug, Clone)]
pub(crate) struct LoginHosts {
    /// The registry: `HOST` or `HOST:PORT`.
    pub(crate) registry: String,
    /// Those that the configuration names beside it.
    pub(crate) others: Vec<String>,
}

impl LoginHosts {
    /// Checks the address that a registry sends its callers to for a token. With a login only the registry's own host and
    /// those that the configuration names are asked: whoever answers there learns the password.
    pub(crate) fn check(&self, realm: &str, has_login: bool) -> Result<Url, RegistryError> {
        let url: Url = realm
            .parse()
            .map_err(|_| RegistryError::Realm("no address at all".to_owned()))?;
        let realm_host = url.host_str().unwrap_or_default();
        let near = is_loopback(host(&self.registry));
        let good = match url.scheme() {
            "https" => true,
            "http" => near && is_loopback(realm_host),
            _ => false,
        };
        if !good {
            // Whatever else is in it may be a secret.
            return Err(RegistryError::Realm(format!(
                "{}://{realm_host}",
                url.scheme()
            )));
        }
        let mut known = self.others.iter().chain([&self.registry]);
        if has_login && !known.any(|known| is_at(&url, known)) {
            let host = match url.port() {
                Some(port) => format!("{realm_host}:{port}"),
                None => realm_host.to_owned(),
            };
            return Err(RegistryError::ForeignRealm {
                host,
                registry: self.registry.clone(),
            });
        }
        Ok(url)
    }
}

/// Whether an address is at `HOST` or `HOST:PORT`. Without a port it is that of the scheme.
fn is_at(url: &Url, place: &str) -> bool {
    format!("{}://{place}", url.scheme())
        .parse::<Url>()
        .is_ok_and(|place| url.origin() == place.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(registry: &str, others: &[&str]) -> LoginHosts {
        LoginHosts {
            registry: registry.to_owned(),
            others: others.iter().map(|&host| host.to_owned()).collect(),
        }
    }

    #[test]
    fn a_login_is_sent_with_tls_or_on_this_machine() {
        for (realm, registry, good) in [
            ("https://auth.example/token", "auth.example", true),
            ("https://auth.example/token", "127.0.0.1:5000", true),
            ("http://auth.example/token?secret=1", "auth.example", false),
            ("http://auth.example/token", "127.0.0.1:5000", false),
            ("http://127.0.0.1:5000/token", "127.0.0.1:5000", true),
            ("http://127.0.0.1:5000/token", "auth.example", false),
            ("file:///etc/passwd", "127.0.0.1:5000", false),
            ("/token", "127.0.0.1:5000", false),
        ] {
            // Nobody's name is asked for here.
            let checked = hosts(registry, &[]).check(realm, false);
            assert_eq!(checked.is_ok(), good, "{realm}");
            if let Err(error) = checked {
                assert!(!error.to_string().contains("secret"), "{error}");
            }
        }
    }

    #[test]
    fn a_login_goes_to_the_registry_or_to_whom_the_configuration_names() {
        let named = hosts("r.example", &["auth.example", "tokens.example:8443"]);
        for good in [
            "https://r.example/token",
            "https://R.example:443/token?x=1",
            "https://auth.example/token",
            "https://tokens.example:8443/token",
        ] {
            assert!(named.check(good, true).is_ok(), "{good}");
        }
        for bad in [
            "https://evil.example/token?secret=1",
            "https://r.example.evil.example/",
            "https://r.example:8443/",
            "https://r.example@evil.example/",
            "https://evil.example/r.example",
            "https://evil.example#@r.example",
            "https://evil.example\\@r.example/",
            "https://auth.example:8443/",
            "https://tokens.example/",
            "https://sub.auth.example/",
        ] {
            let told = named.check(bad, true).expect_err(bad).to_string();
            assert!(
                told.contains("login_hosts = [") && told.contains("r.example"),
                "{told}"
            );
            assert!(!told.contains("secret"), "{told}");
            assert!(named.check(bad, false).is_ok(), "nothing to lose: {bad}");
        }
        let near = hosts("127.0.0.1:5000", &[]);
        assert!(near.check("http://127.0.0.1:5000/token", true).is_ok());
        assert!(near.check("http://127.0.0.1:5001/token", true).is_err());
        assert!(near.check("https://127.0.0.1:5000/token", true).is_ok());
    }
}
