//! The embedded engine: SQLite, with what everyday Redshift SQL needs beside it.

mod connection;
mod database;
mod functions;
mod reading;
mod rewrite;

pub use database::Sqlite;
