//! PostgreSQL as the engine: a throwaway server of the installed binaries, or one that is reached by a URL.

mod catalog;
mod connection;
mod engine;
mod error;
mod rewrite;
mod server;
mod types;

pub use engine::Postgres;
