//! What runs SQL. The engine that is always there is SQLite.

mod engine;
mod sqlite;
mod stop;
mod text;
pub mod tokenizer;
mod value;

pub use engine::{Connection, Engine, Limits, SqlError};
pub use sqlite::Sqlite;
pub use stop::Stop;
pub use text::{is_read_only, named_parameters, split};
pub use value::{Cell, Column, Outcome, ResultSet};
