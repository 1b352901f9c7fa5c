use std::sync::{Arc, Mutex};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::DefaultGuard,
};

/// The alarms that are logged while it lives, on this thread.
pub struct Alarms {
    seen: Arc<Mutex<Vec<String>>>,
    _guard: DefaultGuard,
}

impl Alarms {
    pub fn listen() -> Self {
        let seen = Arc::default();
        let listener = Listener(Arc::clone(&seen));
        Self {
            seen,
            _guard: tracing::subscriber::set_default(listener),
        }
    }

    /// The alarms since the last time.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

struct Listener(Arc<Mutex<Vec<String>>>);

impl Visit for Listener {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "alarm" {
            self.0.lock().unwrap().push(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Listener(Arc::clone(&self.0)));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
