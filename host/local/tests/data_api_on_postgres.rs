//! The tests of `data_api` again, on PostgreSQL.

#[path = "data_api/main.rs"]
mod data_api;
