//! What end-to-end tests need around the built binaries: AWS, on this machine.

pub mod bucket;
pub mod dynamodb;
pub mod lambda;
pub mod registry;
pub mod response_bucket;
pub mod runtime_api;
pub mod stage;
pub mod surroundings;
