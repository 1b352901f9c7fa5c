//! Why the host stops a guest.

use std::time::Duration;

/// The host stopped a guest.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Stop {
    #[error("it ran for more than the {} ms of guest time that it may have", .0.as_millis())]
    GuestTime(Duration),
    #[error("the event's time was up")]
    Deadline,
    #[error("it made more than the {0} host calls that it may make")]
    HostCalls(u32),
}
