//! The configuration: the environment and, where it names one, a TOML file.
//!
//! [`Config::read`] is pure: it is given the variables and a way to read a file. What every key means is said in
//! `docs/config.md`; the examples there are read by a test.

mod documents;
mod environment;
mod error;
mod file;
mod level;
mod limits;
mod merge;
mod policies;
mod policy_set;
mod records;
mod sweep;
#[cfg(test)]
mod tests;
mod toml_bounds;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use signalbox_aws::Target;
use signalbox_policy::{CompileLimits, contract::UnknownFields};

pub use self::{
    documents::{document, place_in},
    environment::{Environment, OWN_VARIABLES, compile_cache, compile_limits},
    error::{ConfigError, Problem},
    file::LimitsFile,
    level::LogLevel,
    policies::{PolicyConfig, PolicySource, STANDARD},
    policy_set::{EXPIRY_NOTICE, PolicySetConfig, SetSource},
    records::{RecordsConfig, RecordsPlace},
    sweep::SweepConfig,
};
pub(crate) use self::{
    environment::deployment_rule, file::read_toml, limits::check as check_limits, merge::name_rule,
    policies::to_json, toml_bounds::TOML_BYTES_MAX,
};
use self::{file::File, merge::Merge};

/// The name of the target that the original's three variables make.
pub const DEFAULT_TARGET: &str = "default";

/// Reads a text file.
pub type ReadFile<'f> = dyn Fn(&Path) -> io::Result<String> + 'f;

/// What the deployer decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Whose statements and records these are.
    pub deployment: String,
    /// The name of the role that the function has, where the deployer gives it; none if not.
    pub role: Option<String>,
    /// How much is logged.
    pub log_level: LogLevel,
    /// How long a record stays after its end.
    pub retention: Duration,
    /// How the sweep works.
    pub sweep: SweepConfig,
    /// Which decisions are written down, and where.
    pub records: RecordsConfig,
    /// What policies are to do about unknown fields of a payload.
    pub unknown_fields: UnknownFields,
    /// Where statements can run; at least one.
    pub targets: BTreeMap<String, Target>,
    /// The target of a payload that names none; one of `targets`.
    pub default_target: String,
    /// The durable record.
    pub ledger: LedgerConfig,
    /// The policies; at least one. Where there is a policy set it is the standard one, for those who try a payload
    /// without the set.
    pub policies: BTreeMap<String, PolicyConfig>,
    /// The policy of a payload that names none; one of `policies`.
    pub default_policy: String,
    /// The policy set, in place of `policies`.
    pub policy_set: Option<PolicySetConfig>,
    /// Where responses of custom resources may go beside CloudFormation's own addresses: for tests.
    pub response_origins: Vec<String>,
    /// Where compiled policies are kept; none if they are not.
    pub cache_dir: Option<PathBuf>,
    /// What compiling one component may take.
    pub compile: CompileLimits,
    /// Whether this is a function on AWS Lambda, where compiling is a waste that the log warns of.
    pub in_function: bool,
    /// The file that was read, if one was named.
    pub file: Option<PathBuf>,
    /// What is odd and no error.
    pub warnings: Vec<String>,
}

/// The durable record's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerConfig {
    /// The DynamoDB table's name or ARN, in the host's own region.
    pub table: String,
}

impl Config {
    /// Reads the process's environment and the file that it names.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place and what to do.
    pub fn from_process() -> Result<Self, ConfigError> {
        Self::read(&Self::process_environment(), &|path| {
            std::fs::read_to_string(path)
        })
    }

    /// The process's environment. A variable that is no UTF-8 cannot be one of ours and is left out.
    #[must_use]
    pub fn process_environment() -> Environment {
        std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect()
    }

    /// Reads a configuration.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place and what to do.
    pub fn read(environment: &Environment, read_file: &ReadFile<'_>) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let variables = environment::read(environment, &mut problems);
        let (name, file) = match &variables.config {
            None => (String::new(), File::default()),
            Some(path) => {
                let name = path.display().to_string();
                match read_file(path) {
                    Ok(text) => match file::parse(&name, &text) {
                        Ok(file) => (name, file),
                        Err(problem) => {
                            problems.push(problem);
                            return Err(ConfigError { problems });
                        }
                    },
                    Err(error) => {
                        problems.push(Problem::variable(
                            "SIGNALBOX_CONFIG",
                            format!("cannot read {name}: {error}"),
                        ));
                        return Err(ConfigError { problems });
                    }
                }
            }
        };
        Merge {
            variables,
            name,
            file,
            read_file,
            problems,
        }
        .finish()
    }
}
