//! Why something cannot be had from a registry.

/// Something cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The reference is wrong.
    #[error("{0}")]
    Setting(String),
    /// The registry refused.
    #[error("the registry refused it (HTTP {status}){}", help(*.status))]
    Refused {
        /// The reply's status.
        status: u16,
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
}

fn help(status: u16) -> &'static str {
    match status {
        401 | 403 => {
            ": set SIGNALBOX_REGISTRY_USERNAME and SIGNALBOX_REGISTRY_PASSWORD to credentials that may pull it"
        }
        404 => {
            ": there is no such repository, tag or digest, or it is hidden from these credentials"
        }
        429 => ": it is asked too often",
        _ => "",
    }
}
