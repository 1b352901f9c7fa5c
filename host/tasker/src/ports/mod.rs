//! What the domain needs of the world. Adapters implement these traits; none of them calls another.

pub mod callbacks;
pub mod clock;
pub mod custom_resources;
pub mod executions;
pub mod ledger;
pub mod warehouse;

pub use callbacks::{Callbacks, SendError, TaskToken};
pub use clock::{Clock, SystemClock};
pub use custom_resources::{CustomResources, ResponseUrl};
pub use executions::{Execution, ExecutionError, ExecutionStatus};
pub use ledger::{Expect, Item, Key, Ledger, LedgerError, Page, Query, Write, WriteError};
pub use warehouse::{
    Listed, ListedPage, ServiceError, ServiceErrorKind, Sql, StartStatement, Warehouse,
};
