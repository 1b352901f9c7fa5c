//! Loads the policies of a configuration.

use std::{borrow::Cow, sync::Arc};

#[cfg(feature = "compiler")]
use signalbox_policy::compile::Compiler;
use signalbox_policy::{EngineOptions, Loading, Metering, Policy as _, PolicyEngine, Source};
use signalbox_tasker::{Granted, PolicySet, secrets::secrets_out};

use super::{StartError, standard};
use crate::config::{Config, PolicySource};

/// Loads every policy: each is compiled or read, checked, and asked whether it accepts its settings. Those of a policy
/// set are loaded once, whatever its revision.
///
/// # Errors
/// The first one that does not load.
pub async fn load_policies(config: &Config) -> Result<PolicySet, StartError> {
    load_policies_metered(config, Metering::Off).await
}

/// Loads every policy, and says whether instructions are counted: in production nothing is.
///
/// # Errors
/// As [`load_policies`]. Artifacts that were compiled for the other kind of metering do not load.
pub async fn load_policies_metered(
    config: &Config,
    metering: Metering,
) -> Result<PolicySet, StartError> {
    if let Some(set) = &config.policy_set {
        return Ok(super::loader_metered(config, set, metering)?
            .load_now()
            .await?
            .set());
    }
    let engine = engine(config, metering)?;
    let mut policies = Vec::with_capacity(config.policies.len());
    for (name, policy) in &config.policies {
        let loading = Loading {
            name: name.clone(),
            source: source(name, &policy.source)?,
            settings: policy.settings.clone(),
            limits: policy.limits,
            redact: Some(Arc::new(secrets_out)),
        };
        let loaded = engine.load(loading).await?;
        for finding in loaded.warnings() {
            tracing::warn!(
                policy = name,
                path = finding.path,
                finding = finding.message,
                help = finding.help,
                "the policy says something about its settings"
            );
        }
        let identity = loaded.identity();
        tracing::info!(
            policy = name,
            version = identity.version,
            digest = identity.digest,
            "policy loaded"
        );
        policies.push(Granted::new(Arc::new(loaded), policy.targets.clone(), None));
    }
    PolicySet::new(&config.default_policy, policies)
        .ok_or_else(|| StartError::NoDefault(config.default_policy.clone()))
}

/// The engine of a host, with its cache.
pub(super) fn engine(config: &Config, metering: Metering) -> Result<PolicyEngine, StartError> {
    Ok(PolicyEngine::new(EngineOptions {
        metering,
        cache: config.cache_dir.clone(),
        #[cfg(feature = "compiler")]
        warns_of_compiling: config.in_function,
        #[cfg(feature = "compiler")]
        compiler: Compiler::of_this_program(config.compile),
    })?)
}

fn source(name: &str, source: &PolicySource) -> Result<Source, StartError> {
    let read = |path: &std::path::Path| {
        std::fs::read(path)
            .map(Cow::Owned)
            .map_err(|error| StartError::Read {
                policy: name.to_owned(),
                path: path.to_owned(),
                error,
            })
    };
    match source {
        PolicySource::Standard => standard::source(name),
        PolicySource::Component(path) => Ok(Source::Component(read(path)?)),
        PolicySource::Artifact { path, sha256 } => Ok(Source::Artifact {
            bytes: read(path)?,
            sha256: sha256.clone(),
            component: None,
        }),
    }
}
