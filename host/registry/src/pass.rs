//! How one gets into a registry: the challenge, and the token that it asks for.
//!
//! The library would do this too, but sends a login to any address that it is told, without TLS as well, and bounds
//! nothing that it reads of the answer.

use http_auth::ChallengeParser;
use reqwest::{RequestBuilder, StatusCode, Url, header};
use serde::Deserialize;

use crate::{Login, error::RegistryError, http::Http};

/// The longest reply of a token server that is read, in bytes: tokens are some kilobytes.
const TOKEN_MAX: usize = 64 * 1024;

/// What is going to be done there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Pull,
    Push,
}

/// What lets one in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Pass {
    Nothing,
    Basic(Login),
    Bearer(String),
}

impl Pass {
    /// Shows it with a request.
    pub(crate) fn show(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Nothing => request,
            Self::Basic(Login { username, password }) => {
                request.basic_auth(username, Some(password))
            }
            Self::Bearer(token) => request.bearer_auth(token),
        }
    }
}

/// Asks the registry what it wants, and gets it.
pub(crate) async fn get(
    http: &Http,
    repository: &str,
    deed: Deed,
    login: Option<Login>,
) -> Result<Pass, RegistryError> {
    let reply = http.send(http.get("")?).await?;
    let challenges: Vec<_> = reply
        .headers()
        .get_all(header::WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let plain = |login: Option<Login>| login.map_or(Pass::Nothing, Pass::Basic);
    let Some(bearer) = challenges.iter().find_map(|text| bearer(text)) else {
        return Ok(plain(login));
    };
    let mut url = http.check(&bearer.realm, login.is_some())?;
    let actions = match deed {
        Deed::Pull => "pull",
        Deed::Push => "pull,push",
    };
    url.query_pairs_mut()
        .append_pair("scope", &format!("repository:{repository}:{actions}"));
    if let Some(service) = &bearer.service {
        url.query_pairs_mut().append_pair("service", service);
    }
    let reply = http
        .send(plain(login).show(http.at(url)))
        .await
        .and_then(|reply| match reply.status() {
            StatusCode::OK => Ok(reply),
            status => Err(RegistryError::of(status)),
        })?;
    let text = http.read(reply, TOKEN_MAX).await?;
    let token: Token = serde_json::from_slice(&text)
        .map_err(|_| RegistryError::Unavailable("its token cannot be read".to_owned()))?;
    Ok(Pass::Bearer(token.token))
}

#[derive(Deserialize)]
struct Token {
    #[serde(alias = "access_token")]
    token: String,
}

/// A challenge to get a token.
#[derive(Debug, PartialEq, Eq)]
struct Bearer {
    realm: String,
    service: Option<String>,
}

fn bearer(header: &str) -> Option<Bearer> {
    let challenge = ChallengeParser::new(header)
        .filter_map(Result::ok)
        .find(|challenge| challenge.scheme.eq_ignore_ascii_case("bearer"))?;
    let parameter = |wanted: &str| {
        let mut all = challenge.params.iter();
        let (_, value) = all.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        Some(value.to_unescaped())
    };
    Some(Bearer {
        realm: parameter("realm")?,
        service: parameter("service"),
    })
}

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
        let host = url.host_str().unwrap_or_default();
        let near = crate::reference::is_loopback(crate::reference::host(&self.registry));
        let good = match url.scheme() {
            "https" => true,
            "http" => near && crate::reference::is_loopback(host),
            _ => false,
        };
        if !good {
            // Whatever else is in it may be a secret.
            return Err(RegistryError::Realm(format!("{}://{host}", url.scheme())));
        }
        let mut known = self.others.iter().chain([&self.registry]);
        if has_login && !known.any(|known| is_at(&url, known)) {
            let host = match url.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
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

    #[test]
    fn the_challenge_is_found_among_others() {
        let wanted = |service: Option<&str>| {
            Some(Bearer {
                realm: "https://auth.example/token".to_owned(),
                service: service.map(str::to_owned),
            })
        };
        for (header, found) in [
            (
                r#"Bearer realm="https://auth.example/token",service="s""#,
                wanted(Some("s")),
            ),
            (
                r#"Basic realm="x", bearer realm="https://auth.example/token""#,
                wanted(None),
            ),
            (r#"Basic realm="https://auth.example/token""#, None),
            (r#"Bearer service="s""#, None),
            ("Bearer", None),
            ("\"", None),
        ] {
            assert_eq!(bearer(header), found, "{header}");
        }
    }

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
