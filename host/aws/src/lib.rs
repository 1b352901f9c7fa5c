//! Adapters of the ports of the domain to AWS.
//!
//! [`Aws`] has them all. Each is by itself too: [`RedshiftData`] is the warehouse, [`StepFunctions`] the callbacks,
//! [`CloudFormation`] the custom resources, [`DynamoLedger`] the ledger. They share a [`Session`] and make their clients when first used.

mod call;
pub mod callbacks;
pub mod cloudformation;
#[cfg(feature = "registries")]
mod ecr;
mod facade;
mod json;
pub mod ledger;
pub mod objects;
mod reply;
pub mod session;
mod signed;
#[cfg(feature = "surroundings")]
pub mod surroundings;
pub mod targets;
#[cfg(test)]
mod testing;
pub mod warehouse;

pub use callbacks::StepFunctions;
pub use cloudformation::CloudFormation;
#[cfg(feature = "registries")]
pub use ecr::{Ecr, EcrError, EcrLogin};
pub use facade::{Aws, AwsSettings};
pub use ledger::table::{Outcome, TableError, TableReport};
pub use ledger::{DynamoLedger, Inspection};
pub use objects::{Object, ObjectError, S3Objects};
pub use session::Session;
pub use targets::{Location, Login, Role, Target, TargetConfig, TargetError, TargetProblem};
pub use warehouse::RedshiftData;
