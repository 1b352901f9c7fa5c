//! What `serve`, `invoke` and `step` can be told about the machine.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use signalbox_lambda::Config;
use signalbox_local::{TimeScale, data_api::DataApiOptions, lambda_api::FunctionName};

use crate::{engine::EngineArgs, out};

use super::config::{self, Sources, process_environment};

/// Options of the machine.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The machine")]
pub(crate) struct MachineArgs {
    /// The function's name; for `invoke` and `step` with an alias, NAME:ALIAS, as whoever invokes it names it
    #[arg(long, value_name = "NAME", default_value = "tasker", value_parser = function_name)]
    pub(crate) function: FunctionName,
    /// The configuration file; without it the environment's, with defaults for one machine
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The policy, in place of the default one or of the whole policy set: a component, or `standard`
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The settings of that policy, also in place of a policy set: a JSON file
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    /// Where databases, statements and the ledger are kept; without it they go with the process
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// So many seconds of sleeping SQL, waits and time-outs pass in one
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
}

impl MachineArgs {
    /// The function and its configuration, whose oddities are told.
    pub(crate) fn functions(&self) -> Result<BTreeMap<String, Config>, String> {
        let settings = self.settings.as_deref().map(config::settings_file);
        let sources = Sources {
            environment: process_environment(),
            config: self.config.clone(),
            policy: self.policy.clone(),
            settings: settings.transpose()?,
        };
        let config = config::read(&self.function.name, &sources)?;
        config.warnings.iter().for_each(out::note);
        Ok(BTreeMap::from([(self.function.name.clone(), config)]))
    }

    /// The Redshift Data API, on a free port.
    pub(crate) fn redshift(&self) -> DataApiOptions {
        DataApiOptions {
            engine: self.engine.engine.clone(),
            data_directory: self.data_dir.clone(),
            time_scale: self.time_scale(),
            ..DataApiOptions::default()
        }
    }

    /// How fast time passes.
    pub(crate) fn time_scale(&self) -> TimeScale {
        TimeScale::new(self.speed)
    }
}

fn function_name(text: &str) -> Result<FunctionName, String> {
    FunctionName::parse(text).ok_or_else(|| {
        "a function's name has 1 to 140 letters, digits and -_. and may have an alias or version behind a colon"
            .to_owned()
    })
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(factor),
        _ => Err("it is no number above 0".to_owned()),
    }
}
