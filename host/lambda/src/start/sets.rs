//! From a configuration to what loads its policy set.

use std::sync::Arc;

use signalbox_aws::S3Objects;
use signalbox_policy::Metering;

use super::{StartError, policies};
use crate::{
    config::{Config, PolicySetConfig, SetSource},
    set::{FileSource, Loader, S3Source, Source, Terms},
};

/// What loads the policy set of a configuration.
///
/// # Errors
/// This machine cannot run policies.
pub fn loader(config: &Config, set: &PolicySetConfig) -> Result<Loader, StartError> {
    loader_metered(config, set, Metering::Off)
}

/// As [`loader`], and says whether instructions are counted.
///
/// # Errors
/// As [`loader`].
pub fn loader_metered(
    config: &Config,
    set: &PolicySetConfig,
    metering: Metering,
) -> Result<Loader, StartError> {
    let source: Arc<dyn Source> = match &set.source {
        SetSource::File(path) => Arc::new(FileSource::new(path)),
        SetSource::S3 { bucket, key, owner } => Arc::new(S3Source::new(
            S3Objects::from_environment().owned_by(owner.as_deref()),
            bucket,
            key,
        )),
        #[cfg(feature = "registry")]
        SetSource::Registry(reference) => Arc::new(
            crate::set::RegistrySource::new(reference, &set.login_hosts)
                .map_err(|error| StartError::Registry(error.to_string()))?,
        ),
    };
    let terms = Terms {
        targets: Some(config.targets.keys().cloned().collect()),
        ceilings: set.ceilings,
        trusted_keys: set.trusted_keys.clone(),
        allow_unsigned: set.allow_unsigned,
        unknown_fields: Some(config.unknown_fields),
        deployment: Some(config.deployment.clone()),
        refuse_expired: set.refuse_expired,
        expiry_notice: set.expiry_notice,
        review_tests: false,
        is_draft: false,
    };
    Ok(Loader::new(
        policies::engine(config, metering)?,
        source,
        terms,
    ))
}
