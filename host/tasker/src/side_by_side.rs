//! Pieces of work side by side, of which none keeps the others waiting.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{
    sync::{AcquireError, Semaphore, SemaphorePermit},
    time::{Instant, timeout, timeout_at},
};

/// Places for work: so many pieces run at once. A piece that takes longer than the patience gives its place to the next
/// one and goes on, so that what hangs takes no place.
#[derive(Debug)]
pub struct Places {
    free: Semaphore,
    patience: Duration,
}

impl Places {
    /// So many places.
    #[must_use]
    pub fn new(places: usize, patience: Duration) -> Self {
        Self {
            free: Semaphore::new(places.max(1)),
            patience,
        }
    }

    /// Runs a piece of work when there is a place for it. Places are given in the order in which they were asked for.
    pub async fn run<F: Future>(&self, work: F) -> F::Output {
        let place = self.free.acquire().await;
        self.hold(place, work).await
    }

    /// Runs a piece of work if there is a place for it by `end`.
    pub async fn run_by<F: Future>(&self, end: Instant, work: F) -> Option<F::Output> {
        let place = timeout_at(end, self.free.acquire()).await.ok()?;
        Some(self.hold(place, work).await)
    }

    async fn hold<F: Future>(
        &self,
        place: Result<SemaphorePermit<'_>, AcquireError>,
        work: F,
    ) -> F::Output {
        let mut work = pin!(work);
        if let Ok(output) = timeout(self.patience, &mut work).await {
            return output;
        }
        drop(place);
        work.await
    }

    /// Runs all of these, and gives their outputs in the same order.
    pub async fn run_all<F: Future>(&self, work: impl IntoIterator<Item = F>) -> Vec<F::Output> {
        join_all(work.into_iter().map(|work| self.run(work))).await
    }
}

/// Places by name: what is stuck under one name takes none of the places of the others.
#[derive(Debug)]
pub struct Lanes {
    places: usize,
    patience: Duration,
    lanes: Mutex<HashMap<String, Arc<Places>>>,
}

impl Lanes {
    /// So many places for each name.
    #[must_use]
    pub fn new(places: usize, patience: Duration) -> Self {
        Self {
            places,
            patience,
            lanes: Mutex::default(),
        }
    }

    /// Runs a piece of work when there is a place for it under its name.
    pub async fn run<F: Future>(&self, name: &str, work: F) -> F::Output {
        self.lane(name).run(work).await
    }

    /// Runs a piece of work if there is a place for it under its name by `end`.
    pub async fn run_by<F: Future>(&self, name: &str, end: Instant, work: F) -> Option<F::Output> {
        self.lane(name).run_by(end, work).await
    }

    fn lane(&self, name: &str) -> Arc<Places> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(Places::new(self.places, self.patience));
        Arc::clone(lanes.entry(name.to_owned()).or_insert_with(make))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn so_many_run_at_once_and_outputs_keep_their_order() {
        let begun = Instant::now();
        let work = (0..10).map(|number| async move {
            sleep(SECOND / (number + 1)).await;
            number
        });
        let outputs = Places::new(10, SECOND * 9).run_all(work).await;
        assert_eq!(outputs, (0..10).collect::<Vec<_>>());
        assert_eq!(begun.elapsed(), SECOND);

        let begun = Instant::now();
        let work = (0..10).map(|_| async { sleep(SECOND).await });
        Places::new(2, SECOND * 9).run_all(work).await;
        assert_eq!(begun.elapsed(), SECOND * 5);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_no_place_by_its_end_is_not_begun() {
        let lanes = Lanes::new(1, SECOND * 9);
        let begun = Instant::now();
        let of = |name: &'static str| lanes.run_by(name, begun + SECOND, sleep(SECOND * 3));
        let done = tokio::join!(of("a"), of("a"), of("b"));
        assert_eq!(done, (Some(()), None, Some(())));
        assert_eq!(begun.elapsed(), SECOND * 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_hangs_takes_no_place() {
        let places = Places::new(4, SECOND);
        let work = (0..40).map(|number| {
            let places = &places;
            async move {
                let begun = Instant::now();
                let hangs = number % 2 == 0;
                let work = async {
                    if hangs {
                        sleep(SECOND * 100).await;
                    }
                };
                places.run(work).await;
                (hangs, begun.elapsed())
            }
        });
        for (hangs, took) in join_all(work).await {
            assert!(hangs || took <= SECOND * 10, "{took:?}");
        }
    }
}
