//! How one gets into a registry: the challenge, and the token that it asks for.
//!
//! The library would do this too, but sends a login to any address that it is told, without TLS as well, and bounds
//! nothing that it reads of the answer.

use http_auth::ChallengeParser;
use reqwest::{RequestBuilder, StatusCode, header};
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
}
