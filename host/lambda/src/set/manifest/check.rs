//! What is checked of policies, without loading any.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use signalbox_tasker::{Action, Pattern};

use super::{
    Around, Code, Entry, GrantsEntry, Manifest, Pinned, Place,
    file::{GrantsFile, ManifestFile, PolicyFile},
    modes,
};
use crate::{
    config::{Problem, STANDARD, check_limits, deployment_rule, name_rule, to_json},
    nearest::nearest,
    policy_tests::{Case, SET_KEYS, read_time},
    set::lines::Path,
};

/// The form that this version reads.
const SCHEMA: i64 = 1;
/// The architectures that artifacts are for, in AWS Lambda's words.
const ARCHITECTURES: [&str; 2] = ["x86_64", "arm64"];
/// The longest SQL that Redshift takes, in bytes; a batch has up to 40 of them.
const SQL_BYTES_MAX: i64 = 40 * 102_400;
/// A bound against slips of the pen.
const RATE_MAX: i64 = 1_000_000;

/// Checks a manifest, and notes all that is wrong.
pub(super) struct Check<'a> {
    pub(super) place: Place<'a>,
    pub(super) around: &'a Around<'a>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl Check<'_> {
    pub(super) fn note(&mut self, path: &Path, message: impl Into<String>) {
        self.problems.push(self.place.problem(path, message));
    }

    pub(super) fn warn(&mut self, path: &Path, message: impl Into<String>) {
        self.warnings.push(self.place.problem(path, message));
    }

    pub(super) fn manifest(&mut self, file: ManifestFile) -> Manifest {
        if file.schema != SCHEMA {
            self.note(
                &Path::of(&["schema"]),
                format!("{} is not known; this version reads {SCHEMA}", file.schema),
            );
        }
        let revision = u64::try_from(file.revision).unwrap_or_default();
        if revision == 0 {
            self.note(
                &Path::of(&["revision"]),
                format!(
                    "{} is no revision: 1, 2, 3 and so on, higher with every change",
                    file.revision
                ),
            );
        }
        let deployments = self.deployments(file.deployments);
        let not_after = self.moment(&Path::of(&["not_after"]), file.not_after.as_ref());
        if file.policies.is_empty() {
            self.note(
                &Path::default(),
                "there are no policies: give at least one [policies.NAME]",
            );
        }
        let names: Vec<String> = file.policies.keys().cloned().collect();
        let routes = self.routes(file.routes, &names);
        let mut policies = BTreeMap::new();
        for (name, policy) in file.policies {
            let path = Path::of(&["policies", &name]);
            if let Err(rule) = name_rule(&name) {
                self.note(&path, rule);
            }
            if !routes.iter().any(|route| modes::uses(route, &name)) {
                self.warn(&path, "no route leads to this policy");
            }
            let entry = self.policy(&path, policy);
            policies.insert(name, entry);
        }
        self.narrower(&routes, &policies);
        Manifest {
            revision,
            deployments,
            not_after,
            policies,
            routes,
            warnings: Vec::new(),
        }
    }

    fn deployments(&mut self, named: Option<Vec<String>>) -> Option<Vec<Pattern>> {
        let named = named?;
        let path = Path::of(&["deployments"]);
        if named.is_empty() {
            self.note(
                &path,
                "is empty, so no deployment would take the set: give names, or patterns such as \"prod-*\"",
            );
        }
        for (index, name) in named.iter().enumerate() {
            // What a deployment can be called, and stars.
            if deployment_rule(&name.replace('*', "x")).is_err() {
                self.note(
                    &path.clone().item(index),
                    format!(
                        "{name:?} is no name of a deployment: letters, digits and -_., in which `*` stands for any characters"
                    ),
                );
            }
        }
        Some(named.into_iter().map(Pattern::new).collect())
    }

    fn moment(&mut self, path: &Path, value: Option<&toml::Value>) -> Option<Timestamp> {
        match read_time(value?) {
            Ok(time) => Some(time),
            Err(message) => {
                self.note(path, message);
                None
            }
        }
    }

    fn policy(&mut self, path: &Path, policy: PolicyFile) -> Entry {
        let code = self.code(path, &policy);
        let settings = match to_json(&toml::Value::Table(policy.settings)) {
            Some(settings) => settings.to_string(),
            None => {
                self.note(
                    &path.clone().name("settings"),
                    "contains a number that JSON does not have (nan or inf)",
                );
                String::new()
            }
        };
        let mut wrong = Vec::new();
        let limits = check_limits(policy.limits, self.around.ceilings, &mut |key, message| {
            wrong.push((key.to_owned(), message));
        });
        for (key, message) in wrong {
            self.note(&path.clone().name("limits").name(&key), message);
        }
        let (targets, grants) = self.grants(&path.clone().name("grants"), policy.grants);
        let tests = self.tests(path, policy.tests);
        Entry {
            code,
            settings,
            limits,
            targets,
            grants,
            tests,
        }
    }

    fn code(&mut self, path: &Path, policy: &PolicyFile) -> Code {
        if let Some(builtin) = &policy.builtin {
            if builtin != STANDARD {
                self.note(
                    &path.clone().name("builtin"),
                    format!("{builtin:?} is not built in; the only one is \"{STANDARD}\""),
                );
            }
            if policy.component.is_some() || policy.sha256.is_some() || !policy.artifacts.is_empty()
            {
                self.note(
                    &path.clone().name("builtin"),
                    "is given together with files: keep one of the two",
                );
            }
            return Code::Standard;
        }
        let component = match (&policy.component, &policy.sha256) {
            (Some(file), Some(sha256)) => self.pinned(path, "component", file, sha256),
            (Some(_), None) => {
                self.note(
                    path,
                    "`component` without `sha256`: give the digest that `sha256sum` prints for the file",
                );
                None
            }
            (None, Some(_)) => {
                self.note(&path.clone().name("sha256"), "goes only with `component`");
                None
            }
            (None, None) if policy.artifacts.is_empty() => {
                self.note(
                    path,
                    format!(
                        "does not say where its code is: give `component = \"file.wasm\"` with `sha256`, `artifacts`, or \
                         `builtin = \"{STANDARD}\"`"
                    ),
                );
                None
            }
            (None, None) => None,
        };
        let mut artifacts = BTreeMap::new();
        for (architecture, artifact) in &policy.artifacts {
            let path = path.clone().name("artifacts").name(architecture);
            if !ARCHITECTURES.contains(&architecture.as_str()) {
                self.note(
                    &path,
                    format!(
                        "is no architecture of AWS Lambda: {}",
                        ARCHITECTURES.join(", ")
                    ),
                );
            }
            if let Some(pinned) = self.pinned(&path, "file", &artifact.file, &artifact.sha256) {
                artifacts.insert(architecture.clone(), pinned);
            }
        }
        Code::Files {
            component,
            artifacts,
        }
    }

    fn pinned(&mut self, path: &Path, key: &str, file: &str, sha256: &str) -> Option<Pinned> {
        let inside = !file.is_empty()
            && !file.starts_with('/')
            && !file.contains(['\\', ':', '\0'])
            && file.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !inside {
            self.note(
                &path.clone().name(key),
                format!("{file:?} is no file beside the manifest: a relative path without `..`"),
            );
        }
        let digest = sha256.to_ascii_lowercase();
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_digest {
            self.note(
                &path.clone().name("sha256"),
                "is no SHA-256: 64 hexadecimal digits",
            );
        }
        (inside && is_digest).then(|| Pinned {
            file: file.to_owned(),
            sha256: digest,
        })
    }

    fn grants(&mut self, path: &Path, file: GrantsFile) -> (Vec<String>, GrantsEntry) {
        if file.targets.is_empty() || file.actions.is_empty() {
            self.warn(
                path,
                "without `targets` and `actions` the policy may do nothing",
            );
        }
        self.known_targets(&path.clone().name("targets"), &file.targets);
        let mut actions = BTreeSet::new();
        for (index, name) in file.actions.iter().enumerate() {
            match Action::ALL.into_iter().find(|action| action.name() == name) {
                Some(action) => {
                    actions.insert(action);
                }
                None => {
                    let known = Action::ALL.map(Action::name);
                    let message = match nearest(name, known) {
                        Some(meant) => {
                            format!("there is no action `{name}`; did you mean `{meant}`?")
                        }
                        None => format!(
                            "there is no action `{name}`; the actions are {}",
                            known.join(", ")
                        ),
                    };
                    self.note(&path.clone().name("actions").item(index), message);
                }
            }
        }
        let entry = GrantsEntry {
            actions,
            sql_bytes: self.whole(path, "sql_bytes", file.sql_bytes, SQL_BYTES_MAX),
            statements_per_minute: self.whole(
                path,
                "statements_per_minute",
                file.statements_per_minute,
                RATE_MAX,
            ),
            calls_per_minute: self.whole(path, "calls_per_minute", file.calls_per_minute, RATE_MAX),
        };
        (file.targets, entry)
    }

    fn whole<T: TryFrom<i64>>(
        &mut self,
        path: &Path,
        key: &str,
        value: Option<i64>,
        most: i64,
    ) -> Option<T> {
        let value = value?;
        if !(1..=most).contains(&value) {
            self.note(
                &path.clone().name(key),
                format!("{value} is out of range: 1 to {most}"),
            );
        }
        T::try_from(value).ok()
    }

    pub(super) fn known_targets(&mut self, path: &Path, targets: &[String]) {
        let Some(known) = self.around.targets else {
            return;
        };
        for (index, target) in targets.iter().enumerate() {
            if !known.contains(target) {
                self.note(
                    &path.clone().item(index),
                    format!(
                        "there is no target `{target}` in the configuration; the targets are {}",
                        known.join(", ")
                    ),
                );
            }
        }
    }

    fn tests(&mut self, policy: &Path, tables: Vec<toml::Table>) -> Vec<Case> {
        let mut tests = Vec::new();
        for (index, table) in tables.into_iter().enumerate() {
            let path = policy.clone().name("tests").item(index);
            let Some(value) = to_json(&toml::Value::Table(table)) else {
                self.note(
                    &path,
                    "contains a number that JSON does not have (nan or inf)",
                );
                continue;
            };
            match Case::read(&value, SET_KEYS) {
                Ok(case) if case.expect.is_empty() => self.note(
                    &path.name("expect"),
                    "nothing is expected: give `error`, or one or more of sql, target, reply, calls, task, onStop, rule, \
                     warnings",
                ),
                Ok(case) => tests.push(case),
                Err(notes) => {
                    for note in notes {
                        self.note(&path.clone().within(&note.path), note.message);
                    }
                }
            }
        }
        tests
    }
}
