//! The form of a manifest: what TOML is read into.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::LimitsFile;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManifestFile {
    pub(super) schema: i64,
    pub(super) revision: i64,
    pub(super) deployments: Option<Vec<String>>,
    pub(super) not_after: Option<toml::Value>,
    #[serde(default)]
    pub(super) policies: BTreeMap<String, PolicyFile>,
    #[serde(default)]
    pub(super) routes: Vec<RouteFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyFile {
    pub(super) builtin: Option<String>,
    pub(super) component: Option<String>,
    pub(super) sha256: Option<String>,
    #[serde(default)]
    pub(super) artifacts: BTreeMap<String, ArtifactFile>,
    #[serde(default)]
    pub(super) settings: toml::Table,
    #[serde(default)]
    pub(super) limits: LimitsFile,
    #[serde(default)]
    pub(super) grants: GrantsFile,
    #[serde(default)]
    pub(super) tests: Vec<toml::Table>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ArtifactFile {
    pub(super) file: String,
    pub(super) sha256: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantsFile {
    #[serde(default)]
    pub(super) targets: Vec<String>,
    #[serde(default)]
    pub(super) actions: Vec<String>,
    pub(super) sql_bytes: Option<i64>,
    pub(super) statements_per_minute: Option<i64>,
    pub(super) calls_per_minute: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteFile {
    pub(super) name: String,
    pub(super) function: String,
    pub(super) policies: Vec<String>,
    pub(super) targets: Option<Vec<String>>,
    #[serde(default)]
    pub(super) state_machines: Vec<StateMachineFile>,
    pub(super) mode: Option<String>,
    pub(super) baseline: Option<String>,
    pub(super) shadow: Option<String>,
    pub(super) sample: Option<f64>,
    pub(super) percent: Option<f64>,
    pub(super) fail_open: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StateMachineFile {
    pub(super) arn: String,
    pub(super) policy: String,
}
