//! How a server of the tests behaves.

use std::time::Duration;

/// How a server behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    /// It answers.
    #[default]
    Good,
    /// It denies everything.
    Denied,
    /// It answers after so long.
    Slow(Duration),
    /// It does not answer at all.
    Gone,
    /// It sends half of everything.
    Half,
    /// It sends something else than what was asked for.
    Lies,
}

impl Mood {
    /// Waits as long as the mood is.
    pub async fn wait(self) {
        match self {
            Self::Gone => std::future::pending().await,
            Self::Slow(time) => tokio::time::sleep(time).await,
            _ => {}
        }
    }

    /// What is sent in place of these bytes.
    pub fn sent(self, bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Half => bytes[..bytes.len() / 2].to_vec(),
            Self::Lies => [bytes.as_slice(), b"\n"].concat(),
            _ => bytes,
        }
    }
}
