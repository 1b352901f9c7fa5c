//! The function's own settings, for commands that work on a deployment from outside.

use std::path::PathBuf;

use clap::Args;
use signalbox_lambda::{Config, config::Environment};

use crate::out;

/// Where the settings of the deployment are.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Settings {
    /// The function's configuration file; by default the one that SIGNALBOX_CONFIG names, if any
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Whose tasks: the function's name, or its SIGNALBOX_DEPLOYMENT
    #[arg(long, value_name = "NAME")]
    pub(crate) deployment: Option<String>,
}

impl Settings {
    /// Those of the environment and this file.
    pub(crate) fn of_file(path: &std::path::Path) -> Self {
        Self {
            config: Some(path.to_owned()),
            deployment: None,
        }
    }

    /// Reads them as the function does: the environment, and the file that it or `--config` names.
    pub(crate) fn read(&self) -> Result<Config, String> {
        let config = Config::read(&self.environment(), &|path| std::fs::read_to_string(path))
            .map_err(|error| error.to_string())?;
        for warning in &config.warnings {
            out::note(warning);
        }
        Ok(config)
    }

    /// As [`Settings::read`], where a deployment is named: by `--deployment`, or by the function's own variables. Of one that
    /// nobody named nothing can be said.
    pub(crate) fn read_named(&self) -> Result<Config, String> {
        let environment = self.environment();
        let is_named = |name: &str| environment.get(name).is_some_and(|value| !value.is_empty());
        if is_named("SIGNALBOX_DEPLOYMENT") || is_named("AWS_LAMBDA_FUNCTION_NAME") {
            return self.read();
        }
        Err("no deployment is named: add `--deployment` with the function's name, or set SIGNALBOX_DEPLOYMENT as the function has it".to_owned())
    }

    fn environment(&self) -> Environment {
        let mut environment = Config::process_environment();
        let given = [
            (
                "SIGNALBOX_CONFIG",
                self.config.as_ref().map(|path| path.display().to_string()),
            ),
            ("SIGNALBOX_DEPLOYMENT", self.deployment.clone()),
        ];
        for (name, value) in given {
            environment.extend(value.map(|value| (name.to_owned(), value)));
        }
        environment
    }
}
