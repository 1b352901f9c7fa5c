//! The environment: names and pointers.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use signalbox_policy::{CompileLimits, contract::UnknownFields};

use super::{
    error::{ConfigError, Problem},
    level::LogLevel,
};
use crate::nearest::nearest;

/// Environment variables by name.
pub type Environment = BTreeMap<String, String>;

/// The longest time a record can be kept: ten years.
pub(super) const RETENTION_DAYS_MAX: u64 = 3_650;
/// The longest time the sweep may wait: a statement's own longest run, 24 hours.
pub(super) const SWEEP_SECONDS_MAX: u64 = 86_400;
/// The most processor time that a component may have to compile.
const COMPILE_SECONDS_MAX: u64 = 600;
/// The least memory that a component may be said to have to compile, and the most, in megabytes.
const COMPILE_MEMORY_MB: [u64; 2] = [64, 65_536];
/// What of a function's memory is left to the host while a component is compiled, in megabytes.
const HOST_MEMORY_MB: u64 = 96;
/// The variables of our own, apart from those that only tests read (`SIGNALBOX_TEST_…`).
pub const OWN_VARIABLES: [&str; 12] = [
    "SIGNALBOX_CONFIG",
    "SIGNALBOX_DEPLOYMENT",
    "SIGNALBOX_ROLE",
    "SIGNALBOX_UNKNOWN_FIELDS",
    "SIGNALBOX_SWEEP_AFTER_SECONDS",
    "SIGNALBOX_RESPONSE_ORIGINS",
    "SIGNALBOX_CACHE_DIR",
    "SIGNALBOX_COMPILE_SECONDS",
    "SIGNALBOX_COMPILE_MEMORY_MB",
    "SIGNALBOX_POLICY_SET",
    "SIGNALBOX_REGISTRY_USERNAME",
    "SIGNALBOX_REGISTRY_PASSWORD",
];

/// What the environment says, each value checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Variables {
    pub(super) target: Option<OriginalTarget>,
    pub(super) table: Option<String>,
    pub(super) retention: Option<Duration>,
    pub(super) log_level: Option<LogLevel>,
    pub(super) config: Option<PathBuf>,
    pub(super) deployment: Option<String>,
    pub(super) unknown_fields: Option<UnknownFields>,
    pub(super) sweep_after: Option<Duration>,
    pub(super) response_origins: Vec<String>,
    pub(super) cache_dir: Option<PathBuf>,
    pub(super) compile: CompileLimits,
    pub(super) in_function: bool,
    pub(super) policy_set: Option<String>,
    pub(super) role: Option<String>,
    pub(super) warnings: Vec<String>,
}

/// The original's target: a cluster with a database user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OriginalTarget {
    pub(super) cluster_identifier: String,
    pub(super) database: String,
    pub(super) db_user: String,
}

/// Reads the variables; notes each bad one. An empty value counts as not set.
pub(super) fn read(environment: &Environment, problems: &mut Vec<Problem>) -> Variables {
    let reader = Reader { environment };
    let mut note = |name: &str, message: String| problems.push(Problem::variable(name, message));

    let target = original_target(&reader, &mut note);
    let retention = reader.whole("TTL", 1, RETENTION_DAYS_MAX, "days", &mut note);
    let sweep_after = reader.whole(
        "SIGNALBOX_SWEEP_AFTER_SECONDS",
        1,
        SWEEP_SECONDS_MAX,
        "seconds",
        &mut note,
    );
    let log_level = reader.named("LOG_LEVEL", &LogLevel::NAMES, LogLevel::parse, &mut note);
    let unknown_fields = reader.named(
        "SIGNALBOX_UNKNOWN_FIELDS",
        &UNKNOWN_FIELDS,
        parse_unknown_fields,
        &mut note,
    );
    let deployment = match (
        reader.get("SIGNALBOX_DEPLOYMENT"),
        reader.get("AWS_LAMBDA_FUNCTION_NAME"),
    ) {
        (Some(given), _) => {
            if let Err(rule) = deployment_rule(given) {
                note("SIGNALBOX_DEPLOYMENT", format!("{given:?} {rule}"));
            }
            Some(given.to_owned())
        }
        (None, function) => function.map(str::to_owned),
    };
    let response_origins = response_origins(&reader, &mut note);
    let compile = compile(&reader, &mut note);
    let warnings = reader.strangers(&mut note);
    let path = |name: &str| reader.get(name).map(PathBuf::from);
    Variables {
        target,
        table: reader.get("DDB_TABLE_NAME").map(str::to_owned),
        retention: retention.map(days),
        log_level,
        config: path("SIGNALBOX_CONFIG"),
        deployment,
        unknown_fields,
        sweep_after: sweep_after.map(Duration::from_secs),
        response_origins,
        cache_dir: path("SIGNALBOX_CACHE_DIR").or_else(|| cache_dir(&reader)),
        compile,
        in_function: is_function(&reader),
        policy_set: reader.get("SIGNALBOX_POLICY_SET").map(str::to_owned),
        role: reader.get("SIGNALBOX_ROLE").map(str::to_owned),
        warnings,
    }
}

/// What compiling a component may take, by these variables alone: for commands that need no configuration.
///
/// # Errors
/// One of them is no number in its range.
pub fn compile_limits(environment: &Environment) -> Result<CompileLimits, ConfigError> {
    let mut problems = Vec::new();
    let limits = compile(&Reader { environment }, &mut |name, message| {
        problems.push(Problem::variable(name, message));
    });
    if problems.is_empty() {
        Ok(limits)
    } else {
        Err(ConfigError { problems })
    }
}

/// The folder for compiled components, by these variables alone: for commands that need no configuration.
#[must_use]
pub fn compile_cache(environment: &Environment) -> Option<PathBuf> {
    let reader = Reader { environment };
    let named = reader.get("SIGNALBOX_CACHE_DIR").map(PathBuf::from);
    named.or_else(|| cache_dir(&reader))
}

/// What compiling a component may take. On AWS Lambda the compiler gets the memory that the host does not need.
fn compile(reader: &Reader<'_>, note: &mut impl FnMut(&str, String)) -> CompileLimits {
    let default = CompileLimits::default();
    let seconds = reader.whole(
        "SIGNALBOX_COMPILE_SECONDS",
        1,
        COMPILE_SECONDS_MAX,
        "seconds",
        note,
    );
    let [least, most] = COMPILE_MEMORY_MB;
    let given = reader.whole(
        "SIGNALBOX_COMPILE_MEMORY_MB",
        least,
        most,
        "megabytes",
        note,
    );
    let left = || {
        let name = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
        let function: u64 = reader.get(name)?.parse().ok()?;
        // The smallest functions have little beside the host; the compiler then says what it lacked.
        let megabytes = function.saturating_sub(HOST_MEMORY_MB).max(function / 4);
        Some(megabytes.saturating_mul(1 << 20))
    };
    CompileLimits {
        seconds: seconds.unwrap_or(default.seconds),
        memory: match given {
            Some(megabytes) => megabytes << 20,
            None => left().map_or(default.memory, |left| left.min(default.memory)),
        },
    }
}

/// So many days.
pub(super) const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 24 * 60 * 60)
}

const UNKNOWN_FIELDS: [&str; 3] = ["refuse", "warn", "ignore"];

/// Reads a value of `unknown_fields`.
pub(super) fn parse_unknown_fields(text: &str) -> Option<UnknownFields> {
    match text.to_ascii_lowercase().as_str() {
        "refuse" => Some(UnknownFields::Refuse),
        "warn" => Some(UnknownFields::Warn),
        "ignore" => Some(UnknownFields::Ignore),
        _ => None,
    }
}

/// A deployment's name is part of every statement's name, up to a colon.
pub(crate) fn deployment_rule(name: &str) -> Result<(), &'static str> {
    let good = (1..=140).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if good {
        Ok(())
    } else {
        Err("is no name of a deployment: 1 to 140 letters, digits and -_.")
    }
}

/// Where responses of custom resources may go beside CloudFormation's own addresses, separated by commas.
fn response_origins(reader: &Reader<'_>, note: &mut impl FnMut(&str, String)) -> Vec<String> {
    const NAME: &str = "SIGNALBOX_RESPONSE_ORIGINS";
    let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let origins = reader.get(NAME).unwrap_or_default().split(',');
    let origins: Vec<_> = origins
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .collect();
    for origin in &origins {
        let known = matches!(
            origin.split_once("://"),
            Some(("http" | "https", authority)) if !authority.is_empty() && authority.chars().all(host)
        );
        if !known {
            note(
                NAME,
                format!("{origin:?} is no origin such as http://127.0.0.1:9000"),
            );
        }
    }
    origins.into_iter().map(str::to_owned).collect()
}

/// Whether this is a function on AWS Lambda.
fn is_function(reader: &Reader<'_>) -> bool {
    reader.get("AWS_LAMBDA_FUNCTION_NAME").is_some()
}

/// Where compiled policies are kept if nobody says: Lambda lets a function write to `/tmp` only; elsewhere it is the
/// user's cache folder, by the conventions of Linux, Windows and macOS.
fn cache_dir(reader: &Reader<'_>) -> Option<PathBuf> {
    if is_function(reader) {
        return Some(PathBuf::from("/tmp/signalbox"));
    }
    let folder = |name: &str| {
        reader
            .get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let home = || {
        let inside = if cfg!(target_os = "macos") {
            "Library/Caches"
        } else {
            ".cache"
        };
        folder("HOME").map(|home| home.join(inside))
    };
    Some(
        folder("XDG_CACHE_HOME")
            .or_else(|| folder("LOCALAPPDATA"))
            .or_else(home)?
            .join("signalbox"),
    )
}

fn original_target(
    reader: &Reader<'_>,
    note: &mut impl FnMut(&str, String),
) -> Option<OriginalTarget> {
    const NAMES: [&str; 3] = ["CLUSTER_IDENTIFIER", "DATABASE", "DB_USER"];
    let [cluster, database, user] = NAMES.map(|name| reader.get(name));
    if let (Some(cluster), Some(database), Some(user)) = (cluster, database, user) {
        return Some(OriginalTarget {
            cluster_identifier: cluster.to_owned(),
            database: database.to_owned(),
            db_user: user.to_owned(),
        });
    }
    let (given, missing): (Vec<_>, Vec<_>) = NAMES
        .into_iter()
        .partition(|name| reader.get(name).is_some());
    if !given.is_empty() {
        for name in missing {
            note(
                name,
                format!(
                    "is not set, but {} is: the three make the target `default` together; set all of them or none",
                    given.join(" and ")
                ),
            );
        }
    }
    None
}

struct Reader<'e> {
    environment: &'e Environment,
}

impl<'e> Reader<'e> {
    fn get(&self, name: &str) -> Option<&'e str> {
        self.environment
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    fn whole(
        &self,
        name: &str,
        from: u64,
        to: u64,
        unit: &str,
        note: &mut impl FnMut(&str, String),
    ) -> Option<u64> {
        let text = self.get(name)?;
        let value = text
            .parse()
            .ok()
            .filter(|value| (from..=to).contains(value));
        if value.is_none() {
            note(
                name,
                format!("{text:?} is no whole number of {unit} from {from} to {to}"),
            );
        }
        value
    }

    fn named<T>(
        &self,
        name: &str,
        known: &[&str],
        parse: impl Fn(&str) -> Option<T>,
        note: &mut impl FnMut(&str, String),
    ) -> Option<T> {
        let text = self.get(name)?;
        let value = parse(text);
        if value.is_none() {
            note(name, format!("{text:?} is none of {}", known.join(", ")));
        }
        value
    }

    /// Variables that look like ours and are not. A near miss is refused; another name may belong to a
    /// newer version, so it is only a warning.
    fn strangers(&self, note: &mut impl FnMut(&str, String)) -> Vec<String> {
        let mut warnings = Vec::new();
        for name in self.environment.keys() {
            let ours = name.starts_with("SIGNALBOX_") && !name.starts_with("SIGNALBOX_TEST_");
            if !ours || OWN_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            match nearest(name, OWN_VARIABLES) {
                Some(meant) => note(
                    name,
                    format!("there is no such setting; did you mean {meant}?"),
                ),
                None => warnings.push(format!(
                    "environment variable {name}: no setting of this version; ignored"
                )),
            }
        }
        warnings
    }
}
