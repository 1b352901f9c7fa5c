//! The clock that interrupts guests.

use std::{io, sync::mpsc, thread, time::Duration};

use wasmtime::{Engine, EngineWeak};

/// How often a running guest is looked at.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// A thread that advances the engine's epoch once per tick, until it is dropped.
///
/// It sleeps between ticks and never catches up: after a frozen process thaws there is one tick, not a burst
/// that would end calls which have hardly begun.
#[derive(Debug)]
pub(crate) struct Ticker {
    stop: Option<mpsc::Sender<()>>,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let engine = engine.weak();
        thread::Builder::new()
            .name("policy-epochs".to_owned())
            .stack_size(64 * 1024)
            .spawn(move || run(&engine, &stopped))?;
        Ok(Self { stop: Some(stop) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        // Closing the channel ends the wait. The thread is not joined: it holds nothing.
        self.stop.take();
    }
}

fn run(engine: &EngineWeak, stopped: &mpsc::Receiver<()>) {
    while let Err(mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
        let Some(engine) = engine.upgrade() else {
            return;
        };
        engine.increment_epoch();
    }
}
