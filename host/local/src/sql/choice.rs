//! Which engine runs the SQL.

use super::engine::{Engine, Limits};
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use crate::time::TimeScale;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// Which engine runs the SQL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// SQLite, which is built in.
    #[default]
    Sqlite,
    /// A throwaway server of the PostgreSQL that is installed.
    Postgres,
    /// The server of PostgreSQL that a URL leads to.
    PostgresAt(String),
}

impl EngineChoice {
    /// Opens it; an error says what to do. A data directory is for SQLite only: the databases of a throwaway server end with it.
    pub async fn open(
        &self,
        data_directory: Option<&Path>,
        limits: Limits,
        scale: TimeScale,
    ) -> Result<Arc<dyn Engine>, String> {
        Ok(match self {
            Self::Sqlite => {
                let made = Sqlite::new(data_directory, limits, scale);
                Arc::new(made.map_err(|error| format!("no place for the databases: {error}"))?)
            }
            Self::Postgres => Arc::new(Postgres::throwaway(limits, scale).await?),
            Self::PostgresAt(url) => Arc::new(Postgres::at(url, limits, scale).await?),
        })
    }
}

impl FromStr for EngineChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::PostgresAt(url.to_owned()))
            }
            other => Err(format!(
                "`{other}` is no engine; there are `sqlite`, `postgres`, and a URL such as \
                 `postgres://user@localhost:5432/dev`"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_a_name_or_a_url() {
        assert_eq!("sqlite".parse(), Ok(EngineChoice::Sqlite));
        assert_eq!("postgres".parse(), Ok(EngineChoice::Postgres));
        let url = "postgresql://u@h/d";
        assert_eq!(url.parse(), Ok(EngineChoice::PostgresAt(url.to_owned())));
        let error = "oracle".parse::<EngineChoice>().expect_err("none");
        assert!(error.contains("`sqlite`, `postgres`"), "{error}");
    }
}
