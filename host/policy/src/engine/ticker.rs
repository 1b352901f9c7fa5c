//! The clock that interrupts guests.

use std::{
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use wasmtime::Engine;

/// How often a running guest is looked at.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// A thread that advances the engine's epoch once per tick while a guest runs, until it is dropped.
///
/// It sleeps between ticks and never catches up: after a frozen process thaws there is one tick, not a burst
/// that would end calls which have hardly begun. While no guest runs it does not wake at all.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many guests run.
    running: usize,
    /// Whether the thread waits for a guest that runs.
    is_idle: bool,
    is_over: bool,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> io::Result<Self> {
        let engine = engine.weak();
        Self::every(TICK, move || {
            if let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
            }
        })
    }

    fn every(period: Duration, tick: impl FnMut() + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        // The thread is not joined: it holds nothing.
        thread::Builder::new()
            .name("policy-epochs".to_owned())
            .stack_size(64 * 1024)
            .spawn(move || of_thread.run(period, tick))?;
        Ok(Self { shared })
    }

    /// Runs a call of a guest, which runs while the call is polled.
    pub(crate) async fn run<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        poll_fn(|context| {
            let _running = self.running();
            call.as_mut().poll(context)
        })
        .await
    }

    fn running(&self) -> Running<'_> {
        let mut state = self.shared.state();
        state.running += 1;
        if state.is_idle {
            self.shared.changed.notify_one();
        }
        Running(self)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        self.shared.changed.notify_one();
    }
}

/// A guest runs as long as this lives.
struct Running<'t>(&'t Ticker);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.shared.state().running -= 1;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, period: Duration, mut tick: impl FnMut()) {
        let mut state = self.state();
        while !state.is_over {
            state.is_idle = state.running == 0;
            if state.is_idle {
                let woken = self.changed.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let woken = self.changed.wait_timeout(state, period);
            let (guard, waited) = woken.unwrap_or_else(PoisonError::into_inner);
            state = guard;
            if waited.timed_out() && state.running > 0 {
                tick();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Ticks of a clock that is a hundred times as fast, as they come.
    fn clock() -> (Ticker, mpsc::Receiver<()>) {
        let (ticked, ticks) = mpsc::channel();
        let ticker = Ticker::every(TICK / 100, move || {
            let _ = ticked.send(());
        });
        (ticker.unwrap(), ticks)
    }

    #[test]
    fn it_ticks_while_a_guest_runs_and_only_then() {
        let (ticker, ticks) = clock();
        for _ in 0..3 {
            let running = ticker.running();
            let another = ticker.running();
            drop(another);
            for _ in 0..3 {
                ticks.recv().unwrap();
            }
            drop(running);
            // The thread says under the lock that nothing runs: from then on it waits.
            while !ticker.shared.state().is_idle {
                thread::yield_now();
            }
            while ticks.try_recv().is_ok() {}
            thread::sleep(TICK);
            assert!(ticks.try_recv().is_err(), "it ticks while nothing runs");
        }
    }

    #[tokio::test]
    async fn a_guest_runs_only_while_its_call_is_polled() {
        let (ticker, _ticks) = clock();
        let running = || ticker.shared.state().running;
        ticker
            .run(async {
                assert_eq!(running(), 1);
                tokio::join!(
                    async {
                        tokio::task::yield_now().await;
                        assert_eq!(running(), 1);
                    },
                    async { assert_eq!(running(), 1) },
                );
            })
            .await;
        assert_eq!(running(), 0);
    }

    #[test]
    fn it_ends_with_its_owner() {
        let (ticker, ticks) = clock();
        let running = ticker.running();
        ticks.recv().unwrap();
        drop(running);
        drop(ticker);
        // The thread owned the sender.
        while ticks.recv().is_ok() {}
    }
}
