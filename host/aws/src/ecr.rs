//! Amazon ECR: what lets one into its registries, for twelve hours.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::Deserialize;

use crate::{
    call::Fault,
    reply,
    session::Session,
    signed::{self, Call, MayPass, Signed, TRIES, again},
};

/// The longest reply that is read: a token is some 2.5 KB.
const REPLY_MAX: usize = 64 * 1024;
const OPERATION: &str = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";

/// Asks for logins.
#[derive(Debug)]
pub struct Ecr {
    signed: Signed,
    endpoint: Option<String>,
}

/// What lets one in.
#[derive(Clone, PartialEq, Eq)]
pub struct EcrLogin {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for EcrLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EcrLogin")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// There is no login.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EcrError {
    /// No credentials.
    #[error("Amazon ECR cannot be asked for a login: {0}")]
    Setting(String),
    /// ECR refused.
    #[error("Amazon ECR refused a login: {code} (HTTP {status}){}", help(code))]
    Refused {
        /// The error's name.
        code: String,
        /// The reply's status.
        status: u16,
    },
    /// It did not answer, or not in time.
    #[error("Amazon ECR did not answer: {0}")]
    Unavailable(String),
}

fn help(code: &str) -> &'static str {
    match code {
        "AccessDeniedException" => {
            "; allow ecr:GetAuthorizationToken on `*` to the function's role, and on the repository ecr:BatchGetImage and \
             ecr:GetDownloadUrlForLayer"
        }
        _ => "",
    }
}

impl From<Fault> for EcrError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unsent { message, .. } => Self::Setting(message),
            Fault::Lost { message, .. } => Self::Unavailable(message),
            Fault::Refused { code, status, .. } => Self::Refused { code, status },
        }
    }
}

impl MayPass for EcrError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Refused { status, code } => {
                *status >= 500 || *status == 429 || code == "ThrottlingException"
            }
            Self::Setting(_) => false,
        }
    }
}

impl Ecr {
    /// Asks by the standard AWS environment. `AWS_ENDPOINT_URL_ECR` holds.
    #[must_use]
    pub fn from_environment() -> Self {
        Self {
            signed: Signed::new(Arc::new(Session::from_environment())),
            endpoint: signed::endpoint("AWS_ENDPOINT_URL_ECR"),
        }
    }

    /// Asks a server at this address.
    #[must_use]
    pub fn at(session: Arc<Session>, endpoint: &str) -> Self {
        Self {
            signed: Signed::new(session),
            endpoint: Some(endpoint.to_owned()),
        }
    }

    /// The region of a registry of ECR: of `123456789012.dkr.ecr.eu-west-1.amazonaws.com`, `eu-west-1`. None if it is a
    /// registry of somebody else.
    #[must_use]
    pub fn region_of(registry: &str) -> Option<&str> {
        let (account, rest) = registry.split_once(".dkr.ecr")?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let rest = rest.strip_prefix("-fips").unwrap_or(rest);
        let rest = rest.strip_prefix('.')?;
        let region = rest
            .strip_suffix(".amazonaws.com")
            .or_else(|| rest.strip_suffix(".amazonaws.com.cn"))?;
        let is_region = region
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        (is_account && is_region && !region.is_empty()).then_some(region)
    }

    /// A login for all registries of a region that the credentials of the environment let in.
    ///
    /// # Errors
    /// There is none. What may pass was tried again.
    pub async fn login(&self, region: &str) -> Result<EcrLogin, EcrError> {
        again(TRIES, || self.try_login(region)).await
    }

    async fn try_login(&self, region: &str) -> Result<EcrLogin, EcrError> {
        let suffix = if region.starts_with("cn-") {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        let url = match &self.endpoint {
            Some(endpoint) => format!("{}/", endpoint.trim_end_matches('/')),
            None => format!("https://api.ecr.{region}.{suffix}/"),
        };
        let call = Call {
            method: "POST",
            url: &url,
            service: "ecr",
            region,
            headers: &[
                ("content-type", "application/x-amz-json-1.1"),
                ("x-amz-target", OPERATION),
            ],
            content: b"{}",
        };
        let reply = self.signed.send(&call).await?;
        let status = reply.status().as_u16();
        let body = reply::body(reply, REPLY_MAX)
            .await
            .map_err(|error| EcrError::Unavailable(error.to_string()))?;
        if status != 200 {
            let code = serde_json::from_slice::<Refusal>(&body).ok();
            let code = code.and_then(|refusal| refusal.name());
            return Err(EcrError::Refused {
                code: code.unwrap_or_else(|| "no reason".to_owned()),
                status,
            });
        }
        login_in(&body).ok_or_else(|| {
            EcrError::Unavailable("the reply has no authorization token in it".to_owned())
        })
    }
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type")]
    kind: String,
}

impl Refusal {
    /// Without the namespace that some services put before it.
    fn name(&self) -> Option<String> {
        reply::error_name(self.kind.rsplit('#').next()?)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    authorization_data: Vec<Authorization>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authorization {
    authorization_token: String,
}

/// The login of a reply: its token is `NAME:PASSWORD` in Base64.
fn login_in(body: &[u8]) -> Option<EcrLogin> {
    let reply: Reply = serde_json::from_slice(body).ok()?;
    let token = &reply.authorization_data.first()?.authorization_token;
    let text = String::from_utf8(BASE64.decode(token).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some(EcrLogin {
        username: username.to_owned(),
        password: password.to_owned(),
    })
}
