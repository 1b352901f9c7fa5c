//! Policies as the configuration names them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value;
use signalbox_policy::Limits;
use signalbox_tasker::bounds;

use super::{
    ReadFile,
    error::Problem,
    file::{LimitsFile, PolicyFile},
    limits,
};

/// The name of the policy that is built in.
pub const STANDARD: &str = "standard";

/// One policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyConfig {
    /// Where its code is.
    pub source: PolicySource,
    /// Its settings: the text of a JSON object.
    pub settings: String,
    /// What it may use up.
    pub limits: Limits,
    /// The targets it may use, the default one first; empty for every target.
    pub targets: Vec<String>,
}

/// Where a policy's code is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySource {
    /// The standard policy, which comes with the host.
    Standard,
    /// A component, to be compiled by the host.
    Component(PathBuf),
    /// A component that was compiled ahead of time. It is native code: what is loaded must have this digest.
    Artifact {
        /// The file.
        path: PathBuf,
        /// SHA-256 of the file's bytes: 64 hexadecimal digits, lower case.
        sha256: String,
    },
}

/// The standard policy without settings: everything runs.
pub(super) fn standard_only(around: &Surroundings<'_>) -> BTreeMap<String, PolicyConfig> {
    let standard = PolicyConfig {
        source: PolicySource::Standard,
        settings: "{}".to_owned(),
        limits: limits::check(LimitsFile::default(), around.ceilings, &mut |_, _| {}),
        targets: Vec::new(),
    };
    BTreeMap::from([(STANDARD.to_owned(), standard)])
}

/// What checking a policy needs to know of the rest.
pub(super) struct Surroundings<'a> {
    pub(super) file: &'a str,
    pub(super) folder: &'a Path,
    pub(super) read: &'a ReadFile<'a>,
    pub(super) targets: &'a [&'a str],
    pub(super) ceilings: LimitsFile,
}

/// Checks one policy of the file; notes what is wrong.
pub(super) fn check(
    name: &str,
    policy: &PolicyFile,
    around: &Surroundings<'_>,
    problems: &mut Vec<Problem>,
) -> Option<PolicyConfig> {
    let before = problems.len();
    let mut note = |key: &str, message: String| {
        problems.push(Problem::key(
            around.file,
            &format!("policies.{name}{key}"),
            message,
        ));
    };
    let source = source(policy, around, &mut note);
    let settings = settings(policy, around, &mut note);
    let limits = limits::check(
        policy.limits.unwrap_or_default(),
        around.ceilings,
        &mut |key, message| {
            note(&format!(".limits.{key}"), message);
        },
    );
    let targets = policy
        .grants
        .as_ref()
        .and_then(|grants| grants.targets.clone());
    if let Some(targets) = &targets {
        if targets.is_empty() {
            note(
                ".grants.targets",
                "is empty: name at least one target, or leave it out for all of them".to_owned(),
            );
        }
        for target in targets
            .iter()
            .filter(|target| !around.targets.contains(&target.as_str()))
        {
            let known = around.targets.join(", ");
            note(
                ".grants.targets",
                format!("there is no target `{target}`; the targets are {known}"),
            );
        }
    }
    if problems.len() > before {
        return None;
    }
    Some(PolicyConfig {
        source: source?,
        settings: settings?,
        limits,
        targets: targets.unwrap_or_default(),
    })
}

fn source(
    policy: &PolicyFile,
    around: &Surroundings<'_>,
    note: &mut impl FnMut(&str, String),
) -> Option<PolicySource> {
    if policy.sha256.is_some() && policy.artifact.is_none() {
        note(".sha256", "goes only with `artifact`".to_owned());
    }
    match (&policy.builtin, &policy.component, &policy.artifact) {
        (Some(builtin), None, None) if builtin == STANDARD => Some(PolicySource::Standard),
        (Some(builtin), None, None) => {
            note(
                ".builtin",
                format!("{builtin:?} is not built in; the only one is \"{STANDARD}\""),
            );
            None
        }
        (None, Some(component), None) => {
            Some(PolicySource::Component(around.folder.join(component)))
        }
        (None, None, Some(artifact)) => {
            let sha256 = policy.sha256.as_deref().map(str::to_ascii_lowercase);
            match sha256.filter(|digest| {
                digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit())
            }) {
                Some(sha256) => Some(PolicySource::Artifact {
                    path: around.folder.join(artifact),
                    sha256,
                }),
                None => {
                    note(
                        ".sha256",
                        "an artifact is native code and is loaded only under its digest: give the 64 hexadecimal \
                         digits that `sha256sum` prints for the file"
                            .to_owned(),
                    );
                    None
                }
            }
        }
        (None, None, None) => {
            note(
                "",
                format!(
                    "does not say where its code is: give `component = \"file.wasm\"`, `artifact = \"file.cwasm\"` with \
                     `sha256`, or `builtin = \"{STANDARD}\"`"
                ),
            );
            None
        }
        _ => {
            note(
                "",
                "gives more than one of `builtin`, `component` and `artifact`: keep one".to_owned(),
            );
            None
        }
    }
}

fn settings(
    policy: &PolicyFile,
    around: &Surroundings<'_>,
    note: &mut impl FnMut(&str, String),
) -> Option<String> {
    match (&policy.settings, &policy.settings_file) {
        (None, None) => Some("{}".to_owned()),
        (Some(_), Some(_)) => {
            note(
                ".settings_file",
                "is given together with `settings`: keep one of the two".to_owned(),
            );
            None
        }
        (Some(table), None) => match to_json(&toml::Value::Table(table.clone())) {
            Some(settings) => Some(settings.to_string()),
            None => {
                note(
                    ".settings",
                    "contains a number that JSON does not have (nan or inf)".to_owned(),
                );
                None
            }
        },
        (None, Some(file)) => {
            let path = around.folder.join(file);
            let text = match (around.read)(&path) {
                Ok(text) => text,
                Err(error) => {
                    note(
                        ".settings_file",
                        format!("cannot read {}: {error}", path.display()),
                    );
                    return None;
                }
            };
            if let Err(why) = bounds::SETTINGS.check(&text) {
                note(".settings_file", format!("{}: {why}", path.display()));
                return None;
            }
            match serde_json::from_str::<Value>(&text) {
                Ok(Value::Object(_)) => Some(text),
                Ok(_) => {
                    note(
                        ".settings_file",
                        format!("{} must hold a JSON object", path.display()),
                    );
                    None
                }
                Err(error) => {
                    note(
                        ".settings_file",
                        format!("{} is no JSON: {error}", path.display()),
                    );
                    None
                }
            }
        }
    }
}

/// The same value in JSON; dates become texts. None if a number has no counterpart.
pub(crate) fn to_json(value: &toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::Number(serde_json::Number::from_f64(*number)?),
        toml::Value::Boolean(truth) => Value::from(*truth),
        toml::Value::Datetime(time) => Value::from(time.to_string()),
        toml::Value::Array(values) => {
            Value::Array(values.iter().map(to_json).collect::<Option<_>>()?)
        }
        toml::Value::Table(table) => Value::Object(
            table
                .iter()
                .map(|(key, value)| Some((key.clone(), to_json(value)?)))
                .collect::<Option<_>>()?,
        ),
    })
}
