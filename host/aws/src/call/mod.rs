//! One call of an AWS service: what was seen of its tries, and what its end means whatever the service.

mod fault;
mod meaning;
mod watch;

pub(crate) use fault::{Fault, fault, lost, no_credentials, timed_out};
pub(crate) use meaning::{Meaning, meaning, wrapped};
pub(crate) use watch::Watch;
