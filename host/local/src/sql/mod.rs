//! What runs SQL: SQLite, which is always there, or PostgreSQL.

mod choice;
mod engine;
mod postgres;
mod sqlite;
mod stop;
mod text;
mod value;

pub use choice::EngineChoice;
pub use engine::{Connection, Engine, Limits, SqlError};
pub use postgres::Postgres;
pub use sqlite::Sqlite;
pub use stop::Stop;
pub use text::{is_read_only, named_parameters, split};
pub use value::{Cell, Column, Outcome, ResultSet, Table, TableKind};
