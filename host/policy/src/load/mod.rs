//! From bytes to a policy that may be called.

mod check;
#[cfg(feature = "compiler")]
mod compiling;
mod source;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::time::Instant;
use wasmtime::{
    Engine,
    component::{Component, Linker},
};

pub use source::Source;

use crate::{
    call::{Identity, Policy as _},
    digest,
    engine::{self, Metering, Target, Ticker},
    generation::{self, Generation},
    instance::{Redact, state::State},
    limits::Limits,
    load_error::LoadError,
    machine_code::{deserialize, map, name_of, sealed},
    magic::is_component,
    policy::{ComponentPolicy, Parts},
    services::Denied,
};
#[cfg(feature = "compiler")]
use crate::{compile::Compiler, outline::Outline};

/// How long `describe` and `validate-settings` may take together, beside each one's guest time.
const LOADING: std::time::Duration = std::time::Duration::from_secs(30);

/// Loads policies and runs them. One per process and kind of metering is enough; it is shared by reference.
///
/// While a policy loaded by it runs, a thread ticks every five milliseconds.
pub struct PolicyEngine {
    pub(crate) engine: Engine,
    linker: Linker<State>,
    generations: &'static [Generation],
    pub(crate) metering: Metering,
    pub(crate) ticker: Arc<Ticker>,
    #[cfg(feature = "compiler")]
    cache: Option<PathBuf>,
    #[cfg(feature = "compiler")]
    compiler: Option<Compiler>,
    #[cfg(feature = "compiler")]
    warns_of_compiling: bool,
    #[cfg(feature = "compiler")]
    under_way: compiling::UnderWay,
}

/// What an engine is made with.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// Whether fuel is metered.
    pub metering: Metering,
    /// The folder for compiled components: `/tmp/…` on AWS Lambda, the user's cache folder on a laptop. It is
    /// made if it is missing. Without one every process compiles for itself.
    pub cache: Option<PathBuf>,
    /// What compiles components that are no part of this program. Without one they are compiled in this process, without
    /// limits: for tests, and for components of one's own.
    #[cfg(feature = "compiler")]
    pub compiler: Option<Compiler>,
    /// Whether to compile is worth a warning: each new environment of a function would do it again.
    #[cfg(feature = "compiler")]
    pub warns_of_compiling: bool,
}

/// An engine could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// This machine, or this build, cannot run components.
    #[error("this machine cannot run policies: {0:#}")]
    Engine(wasmtime::Error),
    /// No thread for the clock.
    #[error("the thread that interrupts policies did not start: {0}")]
    Ticker(#[from] io::Error),
}

/// A policy to load.
pub struct Loading {
    /// Its name in the configuration.
    pub name: String,
    /// Its code.
    pub source: Source,
    /// Its settings, a JSON text.
    pub settings: String,
    /// What it may use.
    pub limits: Limits,
    /// Takes out of its log lines what must not be logged.
    pub redact: Option<Redact>,
}

impl PolicyEngine {
    /// Makes an engine.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub fn new(options: EngineOptions) -> Result<Self, EngineError> {
        Self::of(options, generation::ALL)
    }

    /// An engine for policies of these generations of the contract.
    pub(crate) fn of(
        options: EngineOptions,
        generations: &'static [Generation],
    ) -> Result<Self, EngineError> {
        let engine =
            engine::build(&Target::host(), options.metering).map_err(EngineError::Engine)?;
        let mut linker = Linker::new(&engine);
        for generation in generations {
            (generation.link)(&mut linker).map_err(EngineError::Engine)?;
        }
        #[cfg(feature = "wasi")]
        crate::instance::add_wasi(&mut linker).map_err(EngineError::Engine)?;
        let ticker = Arc::new(Ticker::start(&engine)?);
        Ok(Self {
            engine,
            linker,
            generations,
            metering: options.metering,
            ticker,
            #[cfg(feature = "compiler")]
            cache: options.cache,
            #[cfg(feature = "compiler")]
            compiler: options.compiler,
            #[cfg(feature = "compiler")]
            warns_of_compiling: options.warns_of_compiling,
            #[cfg(feature = "compiler")]
            under_way: compiling::UnderWay::default(),
        })
    }

    /// Loads a policy: checks what it is, asks it to describe itself and to check its settings.
    ///
    /// # Errors
    /// Anything wrong with the component or the settings; see [`LoadError`].
    pub async fn load(&self, loading: Loading) -> Result<ComponentPolicy, LoadError> {
        let Loading {
            name,
            source,
            settings,
            limits,
            redact,
        } = loading;
        check::settings(&name, &settings)?;
        let (component, digest) = self.component(&name, source, limits).await?;
        let generation = check::world(&self.engine, &component, &name, self.generations)?;
        let prepared = self
            .linker
            .instantiate_pre(&component)
            .and_then(generation.prepare)
            .map_err(|error| LoadError::world(&name, format!("{error:#}")))?;

        let identity = Identity {
            name,
            version: String::new(),
            digest,
            settings_digest: digest::hex(settings.as_bytes()),
        };
        let mut policy = ComponentPolicy::new(
            Parts {
                prepared,
                metering: self.metering,
                ticker: Arc::clone(&self.ticker),
                limits,
                redact,
            },
            identity,
            settings,
        );
        policy
            .introduce(Arc::new(Denied), Instant::now() + LOADING)
            .await?;
        Ok(policy)
    }

    /// The component and the digest that names it.
    async fn component(
        &self,
        name: &str,
        source: Source,
        limits: Limits,
    ) -> Result<(Component, String), LoadError> {
        match source {
            Source::Loaded(policy) => Ok((policy.component(), policy.identity().digest.clone())),
            Source::Component(bytes) => {
                check::size(name, bytes.len(), limits.component)?;
                is_component(name, &bytes)?;
                #[cfg(feature = "compiler")]
                if matches!(bytes, std::borrow::Cow::Owned(_)) {
                    check::outline(name, Outline::of(name, &bytes)?, self.generations)?;
                }
                let digest = digest::hex(&bytes);
                Ok((self.compile(name, bytes, &digest).await?, digest))
            }
            Source::Artifact {
                bytes,
                sha256,
                component,
            } => {
                check::size(name, bytes.len(), limits.component.saturating_mul(4))?;
                let found = digest::hex(&bytes);
                if !found.eq_ignore_ascii_case(sha256.trim()) {
                    return Err(LoadError::Digest {
                        policy: name.to_owned(),
                        expected: sha256,
                        found,
                    });
                }
                let loaded = deserialize(&self.engine, &bytes)
                    .map_err(|error| LoadError::artifact(name, format!("{error:#}")))?;
                let component = component.or_else(|| sealed(&bytes));
                Ok((loaded, component.unwrap_or(found)))
            }
            Source::Package {
                path,
                component: None,
            } => {
                let loaded = map(&self.engine, &path)
                    .map_err(|error| LoadError::artifact(name, format!("{error:#}")))?;
                let digest =
                    name_of(&path).map_err(|error| LoadError::artifact(name, error.to_string()))?;
                Ok((loaded, digest))
            }
            Source::Package {
                path,
                component: Some(bytes),
            } => {
                let digest = digest::hex(bytes);
                if let Some(loaded) = self.made_of(&digest, &path) {
                    return Ok((loaded, digest));
                }
                Ok((self.compile(name, bytes.into(), &digest).await?, digest))
            }
        }
    }

    /// The component of a file that says it was made of the component with this digest.
    fn made_of(&self, digest: &str, path: &Path) -> Option<Component> {
        if self.metering != Metering::Off || !path.is_file() {
            return None;
        }
        let found = match name_of(path) {
            Ok(of) if of == digest => map(&self.engine, path).map_err(|error| format!("{error:#}")),
            Ok(of) => Err(format!("it was made of {of}, and not of {digest}")),
            Err(error) => Err(error.to_string()),
        };
        found
            .inspect_err(|reason| {
                tracing::warn!(path = %path.display(), reason, "an artifact beside the program is not used");
            })
            .ok()
    }

    #[cfg(feature = "compiler")]
    async fn compile(
        &self,
        name: &str,
        bytes: std::borrow::Cow<'static, [u8]>,
        digest: &str,
    ) -> Result<Component, LoadError> {
        // What is a part of this program costs what it always costs.
        let is_foreign = matches!(bytes, std::borrow::Cow::Owned(_));
        let job = compiling::Job {
            policy: name.to_owned(),
            bytes,
            digest: digest.to_owned(),
            cache: crate::cache::Cache {
                engine: self.engine.clone(),
                folder: self.cache.clone(),
            },
            metering: self.metering,
            compiler: self.compiler.clone().filter(|_| is_foreign),
            warns: self.warns_of_compiling,
        };
        self.under_way.result_of(job).await
    }

    #[cfg(not(feature = "compiler"))]
    #[allow(clippy::unused_async, reason = "with a compiler it waits")]
    async fn compile(
        &self,
        name: &str,
        _: std::borrow::Cow<'static, [u8]>,
        _: &str,
    ) -> Result<Component, LoadError> {
        Err(LoadError::NoCompiler {
            policy: name.to_owned(),
            target: Target::host().to_string(),
        })
    }
}
