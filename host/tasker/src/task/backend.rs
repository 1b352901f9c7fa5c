//! What every part of the domain works with: the services, the ledger, the time, and how often Redshift is asked. It knows
//! no policy.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Ports, pace::Paces};
use crate::{options::Options, record::Store};

/// Cheap to clone; clones share everything.
#[derive(Clone)]
pub(super) struct Backend {
    pub(super) ports: Ports,
    pub(super) options: Arc<Options>,
    pub(super) store: Store,
    pub(super) paces: Arc<Paces>,
}

impl Backend {
    pub(super) fn new(ports: Ports, options: Options) -> Self {
        let paces = Arc::new(Paces::new(&options.rates));
        let options = Arc::new(options);
        let store = Store::new(
            Arc::clone(&ports.ledger),
            Arc::clone(&ports.clock),
            Arc::clone(&options),
        );
        Self {
            ports,
            options,
            store,
            paces,
        }
    }

    /// The same, for an event that has to be answered by then: no read of the ledger outlasts it.
    pub(super) fn until(&self, deadline: Instant) -> Self {
        Self {
            store: self.store.until(deadline),
            ..self.clone()
        }
    }

    /// The time, in milliseconds since the Unix epoch.
    pub(super) fn now(&self) -> i64 {
        self.store.now()
    }

    /// The age at which an open record is looked at, in milliseconds.
    pub(super) fn sweep_after_ms(&self) -> i64 {
        i64::try_from(self.options.sweep_after.as_millis()).unwrap_or(i64::MAX)
    }
}
