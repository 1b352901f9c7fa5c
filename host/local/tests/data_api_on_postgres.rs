//! The tests of `data_api.rs` again, on PostgreSQL.

#[path = "data_api.rs"]
mod data_api;
