//! What lets one in.

use std::fmt;

use async_trait::async_trait;

use crate::RegistryError;

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password, or a token in its place.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Gives logins. It is asked again when a registry does not take the last one any more.
#[async_trait]
pub trait Logins: Send + Sync {
    /// One that is good now; none to come as nobody.
    ///
    /// # Errors
    /// There is none, and one would be needed.
    async fn login(&self) -> Result<Option<Login>, RegistryError>;
}

/// Always the same.
#[async_trait]
impl Logins for Option<Login> {
    async fn login(&self) -> Result<Option<Login>, RegistryError> {
        Ok(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let login = Login {
            username: "me".to_owned(),
            password: "hunter2".to_owned(),
        };
        assert!(!format!("{login:?}").contains("hunter2"));
    }
}
