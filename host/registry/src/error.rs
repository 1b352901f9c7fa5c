//! Why something cannot be had from a registry, or not be put there.

/// What was asked of a registry was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The reference is wrong.
    #[error("{0}")]
    Setting(String),
    /// There is no login.
    #[error("{0}")]
    Login(String),
    /// The registry refused.
    #[error("the registry refused it (HTTP {status}){}", help(*.status))]
    Refused {
        /// The reply's status.
        status: u16,
    },
    /// It sends whoever has a login to an address where that is not safe.
    #[error(
        "the registry asks for the login to be sent to {0}, where it would not be safe: the realm of its challenge has to \
         begin with https://. Nothing was sent there"
    )]
    Realm(String),
    /// It sends whoever has a login to a host that nobody named.
    #[error(
        "the registry {registry} asks for the login to be sent to another host, {host}. Nothing was sent there. If that is \
         right, name it in the configuration: `login_hosts = [\"{host}\"]` in [policy_set]"
    )]
    ForeignRealm {
        /// Where the login was to go.
        host: String,
        /// Who asked.
        registry: String,
    },
    /// It did not answer, or not in time.
    #[error("the registry did not answer: {0}")]
    Unavailable(String),
    /// It is longer than what is read.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    /// The registry sent something else than what was asked for.
    #[error(
        "the registry was asked for {asked} and sent what has {found}: it was changed, is not whole, or is another \
         file. Nothing of it was used"
    )]
    Digest {
        /// The digest that was asked for.
        asked: String,
        /// The digest of what came.
        found: String,
    },
    /// It is no policy set.
    #[error("it is no policy set: {0}")]
    Form(String),
    /// The registry does not take what was pushed.
    #[error("the registry does not take it: {0}")]
    NotTaken(String),
}

impl RegistryError {
    /// What a reply with a status that is no success means.
    pub(crate) fn of(status: reqwest::StatusCode) -> Self {
        let status = status.as_u16();
        if status >= 500 {
            Self::Unavailable(format!("HTTP {status}"))
        } else {
            Self::Refused { status }
        }
    }
}

fn help(status: u16) -> &'static str {
    match status {
        401 | 403 => {
            ": SIGNALBOX_REGISTRY_USERNAME and SIGNALBOX_REGISTRY_PASSWORD have to be a login that it lets in there, and \
             are not set or are another; at Amazon ECR without them, the role has to be allowed to use the repository"
        }
        404 => ": there is no such repository, tag or digest, or it is hidden from this login",
        429 => ": it is asked too often",
        _ => "",
    }
}
