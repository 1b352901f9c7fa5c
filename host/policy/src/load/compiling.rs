//! From a component's bytes to one that runs: found in the cache, or compiled and kept there.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::spawn_blocking,
};
use wasmtime::component::Component;

use crate::load_error::LoadError;
use crate::{
    cache::Cache,
    compile::{Compiler, failures},
    engine::{Metering, Target},
};

/// The most jobs at a time: each holds its component. Of results that nobody took as many are kept.
const JOBS: usize = 8;

/// One compiler at a time: more would share the time and add up the memory.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

type Compiled = Result<Component, LoadError>;
type Running = watch::Receiver<Option<Compiled>>;
type Key = (String, String);

/// What is being compiled, and what was compiled and nobody took, by policy and digest.
///
/// A look at a policy set is given up after a minute, and a component may take longer. So a job does not end when its
/// caller stops to wait: the next caller for the same component waits for the same job, or gets its result.
pub(crate) struct UnderWay {
    jobs: Mutex<HashMap<Key, Running>>,
    places: Arc<Semaphore>,
}

impl Default for UnderWay {
    fn default() -> Self {
        Self {
            jobs: Mutex::default(),
            places: Arc::new(Semaphore::new(JOBS)),
        }
    }
}

impl UnderWay {
    /// The component of a job: of the one that is under way, if there is one.
    pub(crate) async fn result_of(&self, job: Job) -> Compiled {
        let key = (job.policy.clone(), job.digest.clone());
        let known = self.with(|jobs| known(jobs, &key));
        let mut running = match known {
            Some(running) => running,
            None => {
                // It is never closed.
                let place = Arc::clone(&self.places).acquire_owned().await.ok();
                self.begin(&key, job, place)
            }
        };
        let compiled = match running.wait_for(Option::is_some).await {
            Ok(compiled) => compiled.clone(),
            Err(_) => None,
        };
        self.with(|all| {
            if all
                .get(&key)
                .is_some_and(|known| known.same_channel(&running))
            {
                all.remove(&key);
            }
        });
        compiled.unwrap_or_else(|| {
            Err(LoadError::NoChild {
                policy: key.0,
                reason: "compiling ended without a result".to_owned(),
            })
        })
    }

    /// Begins a job, unless another caller has begun the same meanwhile. It keeps its place to its end.
    fn begin(&self, key: &Key, job: Job, place: Option<OwnedSemaphorePermit>) -> Running {
        self.with(|jobs| {
            if let Some(running) = known(jobs, key) {
                return running;
            }
            if jobs.len() >= JOBS {
                // The sender is gone when the job has ended, by a panic too.
                jobs.retain(|_, running| running.has_changed().is_ok());
            }
            let (done, running) = watch::channel(None);
            tokio::spawn(async move {
                let compiled = job.run().await;
                drop(place);
                done.send(Some(compiled))
            });
            jobs.insert(key.clone(), running.clone());
            running
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<Key, Running>) -> T) -> T {
        act(&mut self.jobs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The job for this component, if there is one. What failed while nobody waited is tried anew: what it lacked may be there now.
fn known(jobs: &HashMap<Key, Running>, key: &Key) -> Option<Running> {
    let running = jobs.get(key)?;
    let has_failed = matches!(&*running.borrow(), Some(Err(_)));
    (!has_failed).then(|| running.clone())
}

/// One component to compile.
pub(crate) struct Job {
    pub(crate) policy: String,
    pub(crate) bytes: Cow<'static, [u8]>,
    pub(crate) digest: String,
    pub(crate) cache: Cache,
    pub(crate) metering: Metering,
    /// None compiles in this process, without limits.
    pub(crate) compiler: Option<Compiler>,
    /// Whether to say that it was compiled.
    pub(crate) warns: bool,
}

impl Job {
    async fn run(mut self) -> Compiled {
        if let Some(found) = self.find().await {
            return Ok(found);
        }
        let Some(compiler) = self.compiler.take() else {
            let (engine, bytes) = (self.cache.engine.clone(), self.take_bytes());
            let code = spawn_blocking(move || engine.precompile_component(&bytes)).await;
            let code = match code {
                Ok(code) => code.map_err(|error| self.invalid(format!("{error:#}")))?,
                Err(error) => return Err(self.invalid(error.to_string())),
            };
            return self.keep(code).await;
        };
        failures::check(&self.policy, &self.digest)?;
        let _turn = TURN.lock().await;
        // Another one may have compiled it, or failed to, while this one waited.
        if let Some(found) = self.find().await {
            return Ok(found);
        }
        failures::check(&self.policy, &self.digest)?;
        let bytes = self.take_bytes().into_owned();
        let code = compiler
            .compile(&self.policy, bytes, &Target::host(), self.metering)
            .await;
        if let Err(error) = &code
            && !matches!(error, LoadError::NoChild { .. })
        {
            failures::note(&self.digest, error);
        }
        self.keep(code?).await
    }

    fn take_bytes(&mut self) -> Cow<'static, [u8]> {
        std::mem::take(&mut self.bytes)
    }

    async fn find(&self) -> Option<Component> {
        let (cache, digest) = (self.cache.clone(), self.digest.clone());
        let found = spawn_blocking(move || cache.find(&digest)).await;
        found.ok().flatten()
    }

    async fn keep(&self, code: Vec<u8>) -> Compiled {
        if self.warns {
            tracing::warn!(
                policy = self.policy,
                digest = self.digest,
                "the policy was compiled, as in every new environment of this function: deploy it compiled, see \
                 `signalbox policy compile`"
            );
        }
        let (cache, digest) = (self.cache.clone(), self.digest.clone());
        match spawn_blocking(move || cache.keep(&digest, &code)).await {
            Ok(kept) => kept.map_err(|error| self.invalid(format!("{error:#}"))),
            Err(error) => Err(self.invalid(error.to_string())),
        }
    }

    fn invalid(&self, reason: String) -> LoadError {
        LoadError::Invalid {
            policy: self.policy.clone(),
            reason,
        }
    }
}
