//! The environment and the file become one configuration.

use std::{collections::BTreeMap, path::Path, time::Duration};

use signalbox_aws::{Target, TargetConfig};
use signalbox_policy::contract::UnknownFields;

use super::{
    Config, DEFAULT_TARGET, LedgerConfig, ReadFile,
    environment::{self, RETENTION_DAYS_MAX, Variables},
    error::{ConfigError, Problem},
    file::File,
    limits,
    policies::{self, PolicyConfig},
    policy_set::{self, PolicySetConfig},
    records::{self, RecordsConfig},
    sweep::{self, SweepConfig},
};

/// The two sources on their way to a configuration.
pub(super) struct Merge<'f> {
    pub(super) variables: Variables,
    pub(super) name: String,
    pub(super) file: File,
    pub(super) read_file: &'f ReadFile<'f>,
    pub(super) problems: Vec<Problem>,
}

impl Merge<'_> {
    pub(super) fn finish(mut self) -> Result<Config, ConfigError> {
        let targets = self.targets();
        let default_target = self.default_target(&targets);
        let ledger = self.ledger();
        let policy_set = self.policy_set();
        let policies = self.policies(&targets);
        let default_policy = self.default_policy(&policies);
        let unknown_fields = self.unknown_fields();
        let retention = self.retention();
        let sweep = self.sweep();
        let records = self.records();
        match (
            default_target,
            ledger,
            default_policy,
            self.problems.is_empty(),
        ) {
            (Some(default_target), Some(ledger), Some(default_policy), true) => Ok(Config {
                deployment: self
                    .variables
                    .deployment
                    .unwrap_or_else(|| "local".to_owned()),
                role: self.variables.role,
                log_level: self.variables.log_level.unwrap_or_default(),
                retention,
                sweep,
                records,
                unknown_fields,
                targets,
                default_target,
                ledger,
                policies,
                default_policy,
                policy_set,
                response_origins: self.variables.response_origins,
                cache_dir: self.variables.cache_dir,
                compile: self.variables.compile,
                in_function: self.variables.in_function,
                file: self.variables.config,
                warnings: self.variables.warnings,
            }),
            _ => Err(ConfigError {
                problems: self.problems,
            }),
        }
    }

    fn note(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(Problem::key(&self.name, key, message));
    }

    fn targets(&mut self) -> BTreeMap<String, Target> {
        let mut targets = BTreeMap::new();
        for (name, config) in std::mem::take(&mut self.file.targets) {
            if let Err(rule) = name_rule(&name) {
                self.note(&format!("targets.{name}"), rule);
            }
            match config.check() {
                Ok(target) => {
                    targets.insert(name, target);
                }
                Err(error) => {
                    for problem in error.0 {
                        self.note(
                            &format!("targets.{name}.{}", problem.field),
                            problem.message,
                        );
                    }
                }
            }
        }
        if let Some(original) = self.variables.target.take() {
            let config = TargetConfig {
                cluster_identifier: Some(original.cluster_identifier),
                database: Some(original.database),
                db_user: Some(original.db_user),
                ..TargetConfig::default()
            };
            match config.check() {
                Ok(target) => {
                    if targets.insert(DEFAULT_TARGET.to_owned(), target).is_some() {
                        self.variables.warnings.push(format!(
                            "{}, targets.{DEFAULT_TARGET}: not used: CLUSTER_IDENTIFIER, DATABASE and DB_USER are set \
                             and take its place",
                            self.name
                        ));
                    }
                }
                Err(error) => {
                    for problem in error.0 {
                        self.problems.push(Problem::variable(
                            &problem.field.to_uppercase(),
                            problem.message,
                        ));
                    }
                }
            }
        }
        if targets.is_empty() && self.problems.is_empty() {
            self.problems.push(Problem::variable(
                "CLUSTER_IDENTIFIER",
                "is not set, and there is no other target: set CLUSTER_IDENTIFIER, DATABASE and DB_USER, or name a \
                 file with [targets.NAME] in SIGNALBOX_CONFIG",
            ));
        }
        targets
    }

    fn default_target(&mut self, targets: &BTreeMap<String, Target>) -> Option<String> {
        let names = || {
            targets
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        if let Some(name) = self.file.default_target.take() {
            if targets.contains_key(&name) {
                return Some(name);
            }
            // A target that is itself wrong was reported already.
            if self.problems.is_empty() {
                self.note(
                    "default_target",
                    format!("there is no target `{name}`; the targets are {}", names()),
                );
            }
            return None;
        }
        if targets.contains_key(DEFAULT_TARGET) {
            return Some(DEFAULT_TARGET.to_owned());
        }
        let mut all = targets.keys();
        match (all.next(), all.next()) {
            (Some(only), None) => Some(only.clone()),
            (Some(_), Some(_)) => {
                self.note(
                    "default_target",
                    format!(
                        "is missing: say which of {} is meant if none is named",
                        names()
                    ),
                );
                None
            }
            _ => None,
        }
    }

    fn ledger(&mut self) -> Option<LedgerConfig> {
        let file = self.file.ledger.take().unwrap_or_default();
        let from_file = file.table.filter(|table| !table.is_empty());
        let Some(table) = self.variables.table.take().or(from_file) else {
            self.problems.push(Problem::variable(
                "DDB_TABLE_NAME",
                "is not set: give the name of the DynamoDB table that keeps the record (`signalbox ledger create` \
                 makes it), here or as `table` in [ledger] of the file of SIGNALBOX_CONFIG",
            ));
            return None;
        };
        Some(LedgerConfig { table })
    }

    fn policies(&mut self, targets: &BTreeMap<String, Target>) -> BTreeMap<String, PolicyConfig> {
        let ceilings = self.file.ceilings.unwrap_or_default();
        let mut problems = Vec::new();
        limits::check_range(&ceilings, &mut |key, message| {
            problems.push(Problem::key(
                &self.name,
                &format!("ceilings.{key}"),
                message,
            ));
        });
        let targets: Vec<&str> = targets.keys().map(String::as_str).collect();
        let around = policies::Surroundings {
            file: &self.name,
            folder: self
                .variables
                .config
                .as_deref()
                .and_then(Path::parent)
                .unwrap_or(Path::new("")),
            read: self.read_file,
            targets: &targets,
            ceilings,
        };
        let mut policies = policies::standard_only(&around);
        if !self.file.policies.is_empty() {
            policies.clear();
        }
        for (name, policy) in &self.file.policies {
            if let Err(rule) = name_rule(name) {
                problems.push(Problem::key(&self.name, &format!("policies.{name}"), rule));
            }
            if let Some(policy) = policies::check(name, policy, &around, &mut problems) {
                policies.insert(name.clone(), policy);
            }
        }
        self.problems.append(&mut problems);
        policies
    }

    fn policy_set(&mut self) -> Option<PolicySetConfig> {
        let mut problems = Vec::new();
        let folder = self
            .variables
            .config
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""));
        let file = match self.name.as_str() {
            "" => "the file of SIGNALBOX_CONFIG",
            name => name,
        };
        let set = policy_set::check(
            self.variables.policy_set.as_deref(),
            self.file.policy_set.take(),
            folder,
            self.file.ceilings.unwrap_or_default(),
            &mut |key, message| {
                problems.push(match key {
                    Some(key) => Problem::key(file, &format!("policy_set.{key}"), message),
                    None => Problem::variable("SIGNALBOX_POLICY_SET", message),
                });
            },
        );
        if set.is_some() && !(self.file.policies.is_empty() && self.file.default_policy.is_none()) {
            problems.push(Problem::key(
                &self.name,
                "policies",
                "is given together with a policy set, which has policies of its own: keep one of the two",
            ));
        }
        self.problems.append(&mut problems);
        set
    }

    fn default_policy(&mut self, policies: &BTreeMap<String, PolicyConfig>) -> Option<String> {
        let names = || {
            policies
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mut all = policies.keys();
        match (self.file.default_policy.take(), all.next(), all.next()) {
            (Some(name), ..) if policies.contains_key(&name) => Some(name),
            (Some(name), ..) => {
                if self.problems.is_empty() {
                    self.note(
                        "default_policy",
                        format!("there is no policy `{name}`; the policies are {}", names()),
                    );
                }
                None
            }
            (None, Some(only), None) => Some(only.clone()),
            (None, Some(_), Some(_)) => {
                self.note(
                    "default_policy",
                    format!(
                        "is missing: say which of {} is meant if none is named",
                        names()
                    ),
                );
                None
            }
            (None, None, _) => None,
        }
    }

    fn sweep(&mut self) -> SweepConfig {
        let mut problems = Vec::new();
        let after = self.variables.sweep_after;
        let sweep = sweep::check(&self.file.sweep, after, &mut |key, message| {
            problems.push(Problem::key(&self.name, &format!("sweep.{key}"), message));
        });
        self.problems.append(&mut problems);
        sweep
    }

    fn records(&mut self) -> RecordsConfig {
        let mut problems = Vec::new();
        let folder = self.variables.config.as_deref().and_then(Path::parent);
        let folder = folder.unwrap_or(Path::new(""));
        let records = records::check(&self.file.records, folder, &mut |key, message| {
            problems.push(Problem::key(&self.name, &format!("records.{key}"), message));
        });
        self.problems.append(&mut problems);
        records
    }

    fn unknown_fields(&mut self) -> UnknownFields {
        if let Some(text) = self.file.unknown_fields.take() {
            match environment::parse_unknown_fields(&text) {
                Some(choice) => return self.variables.unknown_fields.unwrap_or(choice),
                None => self.note(
                    "unknown_fields",
                    format!("{text:?} is none of refuse, warn, ignore"),
                ),
            }
        }
        self.variables.unknown_fields.unwrap_or(UnknownFields::Warn)
    }

    fn retention(&mut self) -> Duration {
        if let Some(days) = self.file.retention_days {
            match u64::try_from(days)
                .ok()
                .filter(|days| (1..=RETENTION_DAYS_MAX).contains(days))
            {
                Some(days) => return self.variables.retention.unwrap_or(environment::days(days)),
                None => self.note(
                    "retention_days",
                    format!("{days} is out of range: 1 to {RETENTION_DAYS_MAX} days"),
                ),
            }
        }
        self.variables.retention.unwrap_or(environment::days(1))
    }
}

/// Names of targets and policies: they stand in payloads, logs and records.
pub(crate) fn name_rule(name: &str) -> Result<(), &'static str> {
    let good = (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if good {
        Ok(())
    } else {
        Err("is no name: 1 to 64 letters, digits and -_., a letter or digit first")
    }
}
