//! What a task with Redshift SQL needs around it, on one machine and without an AWS account.
//!
//! - [`data_api`]: the Redshift Data API over an embedded SQL engine. SQL is really executed.
//! - [`step_functions`]: the Step Functions side of a callback task, and a runner of state machines.
//! - [`lambda_api`]: Lambda's side of an invocation.
//! - [`ledger`]: the tasker's ledger in a SQLite file, or in memory.
//!
//! The servers are reached over HTTP, in the wire form of AWS, so that the AWS SDK is a client like any other.
//! They are stand-ins to try flows on: SQLite is not Redshift.

mod aws_json;
pub mod data_api;
mod http;
pub mod lambda_api;
pub mod ledger;
mod private;
pub mod sql;
pub mod step_functions;
mod time;

pub use aws_json::faults::{CallFault, Faults, ServiceFault};
pub use time::TimeScale;

/// The account in ARNs and events.
pub const ACCOUNT: &str = "000000000000";
/// The region in ARNs and events.
pub const REGION: &str = "us-east-1";
