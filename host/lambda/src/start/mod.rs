//! From a configuration to a host that takes events.

mod error;
mod policies;
mod sets;
pub(crate) mod standard;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use signalbox_aws::{Aws, AwsSettings, Target};
use signalbox_tasker::{Options, PolicySet, Ports, Tasker, ports::SystemClock};
use tracing::level_filters::LevelFilter;

pub use self::{
    error::StartError,
    policies::{load_policies, load_policies_metered},
    sets::{loader, loader_metered},
};
use crate::{
    config::Config,
    dispatch::Host,
    records::{Lines, Records},
    set::Refresher,
};

/// The longest an invocation on AWS Lambda can take.
const LONGEST_INVOCATION: Duration = Duration::from_secs(15 * 60);

impl Host {
    /// A host on AWS, as configured. Policies are loaded here. AWS is not asked for anything before the first event,
    /// unless there is a policy set: then for that and its revision, and it is no error if it cannot be had.
    ///
    /// # Errors
    /// A policy cannot be loaded.
    pub async fn on_aws(config: &Config) -> Result<Self, StartError> {
        // The level of a record's line is INFO.
        let shows = config.log_level.filter() >= LevelFilter::INFO;
        let lines = shows.then(|| -> Lines { Box::new(std::io::stdout()) });
        Self::logging(config, aws(config), lines).await
    }

    /// A host over other ports than AWS, or over some of them. Its decisions are no lines of a log.
    ///
    /// # Errors
    /// A policy cannot be loaded.
    pub async fn start(config: &Config, ports: Ports) -> Result<Self, StartError> {
        Self::logging(config, ports, None).await
    }

    async fn logging(
        config: &Config,
        ports: Ports,
        lines: Option<Lines>,
    ) -> Result<Self, StartError> {
        let records = Records::new(&config.records, lines);
        let tasker = |policies| {
            let tasker = Tasker::new(ports, options(config), policies);
            match &records {
                Some(records) => tasker.witnessed(Arc::<Records>::clone(records)),
                None => tasker,
            }
        };
        if let Some(set) = &config.policy_set {
            let tasker = tasker(PolicySet::unavailable("it is not loaded yet"));
            let loader = loader(config, set)?;
            let refresher = Refresher::new(tasker.clone(), loader, set.timing);
            refresher.start().await;
            let host = Self::new(tasker).refreshed(refresher, set.status_for.clone());
            return Ok(host.recording(records));
        }
        let policies = load_policies(config).await?;
        Ok(Self::new(tasker(policies)).recording(records))
    }
}

/// The ports as adapters to AWS. Clients are made when they are first needed: half of a start's work is theirs, and
/// many an invocation needs only one.
#[must_use]
pub fn aws(config: &Config) -> Ports {
    let aws = Aws::new(AwsSettings {
        targets: config.targets.clone(),
        table: config.ledger.table.clone(),
        response_origins: config.response_origins.clone(),
    });
    Ports {
        warehouse: aws.warehouse(),
        callbacks: aws.callbacks(),
        custom_resources: aws.custom_resources(),
        ledger: aws.ledger(),
        clock: Arc::new(SystemClock),
    }
}

/// As whom each target is asked, and where: under the target's own role, or that of the function if its name is known.
fn asks_as(config: &Config) -> BTreeMap<String, String> {
    let of = |target: &Target| {
        let own = target.role.as_ref().map(|role| &role.arn);
        let role = own.or(config.role.as_ref())?;
        let region = target.region.as_deref();
        Some(region.map_or_else(|| role.clone(), |region| format!("{role} in {region}")))
    };
    let known = |(name, target): (&String, &Target)| Some((name.clone(), of(target)?));
    config.targets.iter().filter_map(known).collect()
}

/// The settings of the domain.
#[must_use]
pub fn options(config: &Config) -> Options {
    let others = config
        .targets
        .keys()
        .filter(|name| **name != config.default_target);
    Options {
        deployment: config.deployment.clone(),
        retention: config.retention,
        sweep_after: config.sweep.after,
        longest_invocation: LONGEST_INVOCATION,
        targets: std::iter::once(&config.default_target)
            .chain(others)
            .cloned()
            .collect(),
        unknown_fields: config.unknown_fields,
        rates: config.sweep.rates,
        describe_denied: config.sweep.describe_denied,
        asks_as: asks_as(config),
    }
}
