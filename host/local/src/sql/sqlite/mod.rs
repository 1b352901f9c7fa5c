//! The embedded engine: SQLite, with what everyday Redshift SQL needs beside it.

mod catalog;
mod connection;
mod database;
mod functions;
mod open;
mod reading;
mod rewrite;

pub use database::Sqlite;
