//! The embedded SQL engine: SQLite, with what everyday Redshift SQL needs beside it.

mod connection;
mod database;
mod functions;
mod rewrite;
mod stop;
pub mod tokenizer;
mod value;

pub use connection::{Connection, Limits, SqlError};
pub use database::Databases;
pub use rewrite::{is_read_only, named_parameters, rewrite, split};
pub use stop::Stop;
pub use value::{Cell, Column, Outcome, ResultSet};
