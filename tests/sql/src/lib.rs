//! An oracle for SQL facts that is not ours: statements are made from a grammar and by mutation, run in transactions
//! of a throwaway PostgreSQL, and what the server says that they touched is held against what Signalbox says.
//!
//! A *find* is a statement whose facts claim to be complete and do not name what was touched.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "it is a test, and fails as tests do"
)]

pub mod corpus;
pub mod facts;
pub mod fuzz;
pub mod grammar;
pub mod minimise;
pub mod mutate;
pub mod probe;
pub mod rng;
pub mod server;
pub mod text;
pub mod verdict;
pub mod wire;
pub mod world;
