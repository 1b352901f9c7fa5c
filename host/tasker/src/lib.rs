//! The domain: the life of a task and its statement.
//!
//! [`Tasker::invoke`] serves one payload, [`Tasker::settle`] one completion event, [`Tasker::stopped`] an execution that
//! stopped, [`Tasker::sweep`] whatever is overdue. What must hold whatever happens (every accepted task ends, a statement
//! starts at most once, one answer) rests on the record ([`record`]): it is written before Redshift is asked, and every
//! step is a conditional write.

pub mod bounds;
mod completion_event;
pub mod custom_resource;
pub mod dry_run;
pub mod grants;
pub mod ids;
pub mod intake;
pub mod operate;
pub mod options;
pub mod original;
pub mod pattern;
pub mod policies;
pub mod ports;
pub mod raised;
pub mod record;
pub mod revision;
mod scope;
pub mod secrets;
mod shorten;
pub mod side_by_side;
pub mod task;
pub mod waiting;

pub use custom_resource::CustomResource;
pub use grants::{Action, Grants};
pub use options::{DescribeDenied, Options, Rates};
pub use pattern::Pattern;
pub use policies::{Caller, Granted, Mode, PolicySet, Route, Shadow};
pub use raised::Raised;
pub use task::{Call, Ports, Settled, SettledNow, Settling, SweepSummary, Tasker};
pub use waiting::Waiting;
