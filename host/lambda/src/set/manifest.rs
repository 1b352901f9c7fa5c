//! The manifest of a policy set: its form, and what is checked of it without loading anything.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use signalbox_policy::Limits;
use signalbox_tasker::{Action, Grants, Pattern, Route};

use super::lines::{Path, line_of};
use crate::config::{
    LimitsFile, Problem, STANDARD, check_limits, name_rule, nearest, read_toml, to_json,
};

/// The form that this version reads.
const SCHEMA: i64 = 1;
/// The longest manifest that is read, in bytes.
pub const MANIFEST_MAX: usize = 1024 * 1024;
/// The architectures that artifacts are for, in AWS Lambda's words.
const ARCHITECTURES: [&str; 2] = ["x86_64", "arm64"];
/// The longest SQL that Redshift takes, in bytes; a batch has up to 40 of them.
const SQL_BYTES_MAX: i64 = 40 * 102_400;
/// A bound against slips of the pen.
const RATE_MAX: i64 = 1_000_000;

/// A manifest that was checked by itself.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Its revision: a set with a lower one than was in force before is refused.
    pub revision: u64,
    /// The policies by name.
    pub policies: BTreeMap<String, Entry>,
    /// Who gets which, in the order in which they are tried.
    pub routes: Vec<Route>,
    /// What is odd and no error.
    pub warnings: Vec<Problem>,
}

/// One policy of a manifest.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where its code is.
    pub code: Code,
    /// Its settings: the text of a JSON object.
    pub settings: String,
    /// What it may use up.
    pub limits: Limits,
    /// The targets it may use, the default one first.
    pub targets: Vec<String>,
    /// What it may do there.
    pub grants: GrantsEntry,
    /// What has to hold before the set is put in force.
    pub tests: Vec<TestEntry>,
}

/// Where a policy's code is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// It comes with the host.
    Standard,
    /// Files beside the manifest.
    Files {
        /// The component.
        component: Option<Pinned>,
        /// What was compiled of it ahead of time, by architecture.
        artifacts: BTreeMap<String, Pinned>,
    },
}

/// A file and the digest that it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// Its name, relative to the manifest.
    pub file: String,
    /// SHA-256 of its bytes: 64 hexadecimal digits, lower case.
    pub sha256: String,
}

/// What a policy may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantsEntry {
    actions: BTreeSet<Action>,
    sql_bytes: Option<usize>,
    statements_per_minute: Option<u32>,
    calls_per_minute: Option<u32>,
}

impl GrantsEntry {
    /// As the domain takes it. What is counted by the minute is counted anew.
    #[must_use]
    pub fn grants(&self) -> Grants {
        Grants::of(self.actions.iter().copied())
            .sql_bytes(self.sql_bytes)
            .statements_per_minute(self.statements_per_minute)
            .calls_per_minute(self.calls_per_minute)
    }
}

/// A payload and what the policy has to do with it.
#[derive(Debug, Clone, PartialEq)]
pub struct TestEntry {
    /// What it shows.
    pub name: String,
    /// The payload.
    pub payload: serde_json::Value,
    /// The error that it has to be refused with.
    pub error: Option<String>,
    /// The SQL that has to be started.
    pub sql: Option<String>,
    /// The target that it has to be started on.
    pub target: Option<String>,
}

/// What a manifest is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// What the manifest is called in messages.
    pub name: &'a str,
    /// The targets of the configuration, if they are known.
    pub targets: Option<&'a [String]>,
    /// What no policy may go beyond.
    pub ceilings: LimitsFile,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestFile {
    schema: i64,
    revision: i64,
    #[serde(default)]
    policies: BTreeMap<String, PolicyFile>,
    #[serde(default)]
    routes: Vec<RouteFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    builtin: Option<String>,
    component: Option<String>,
    sha256: Option<String>,
    #[serde(default)]
    artifacts: BTreeMap<String, ArtifactFile>,
    #[serde(default)]
    settings: toml::Table,
    #[serde(default)]
    limits: LimitsFile,
    #[serde(default)]
    grants: GrantsFile,
    #[serde(default)]
    tests: Vec<TestFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArtifactFile {
    file: String,
    sha256: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantsFile {
    #[serde(default)]
    targets: Vec<String>,
    #[serde(default)]
    actions: Vec<String>,
    sql_bytes: Option<i64>,
    statements_per_minute: Option<i64>,
    calls_per_minute: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestFile {
    name: String,
    payload: toml::Table,
    expect: ExpectFile,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectFile {
    error: Option<String>,
    sql: Option<String>,
    target: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteFile {
    name: String,
    function: String,
    policies: Vec<String>,
    targets: Option<Vec<String>>,
    #[serde(default)]
    state_machines: Vec<StateMachineFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateMachineFile {
    arn: String,
    policy: String,
}

/// Says where in a manifest's text something is wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl Place<'_> {
    pub(super) fn problem(&self, path: &Path, message: impl Into<String>) -> Problem {
        let mut place = self.name.to_owned();
        if let Some(line) = line_of(self.text, path) {
            place.push_str(&format!(", line {line}"));
        }
        let key = path.to_string();
        if !key.is_empty() {
            place.push_str(&format!(", {key}"));
        }
        Problem {
            place,
            message: message.into(),
        }
    }
}

/// Reads a manifest and checks it by itself.
///
/// # Errors
/// Everything that is wrong, each with file, line and key.
pub fn read(text: &str, around: &Around<'_>) -> Result<Manifest, Vec<Problem>> {
    let file: ManifestFile = read_toml(around.name, text).map_err(|problem| vec![problem])?;
    let mut check = Check {
        place: Place {
            name: around.name,
            text,
        },
        around,
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    let manifest = check.manifest(file);
    if check.problems.is_empty() {
        Ok(Manifest {
            warnings: check.warnings,
            ..manifest
        })
    } else {
        Err(check.problems)
    }
}

struct Check<'a> {
    place: Place<'a>,
    around: &'a Around<'a>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Check<'_> {
    fn note(&mut self, path: &Path, message: impl Into<String>) {
        self.problems.push(self.place.problem(path, message));
    }

    fn warn(&mut self, path: &Path, message: impl Into<String>) {
        self.warnings.push(self.place.problem(path, message));
    }

    fn manifest(&mut self, file: ManifestFile) -> Manifest {
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
            if !routes.iter().any(|route| route.policies.contains(&name)) {
                self.warn(&path, "no route leads to this policy");
            }
            let entry = self.policy(&path, policy);
            policies.insert(name, entry);
        }
        Manifest {
            revision,
            policies,
            routes,
            warnings: Vec::new(),
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

    fn known_targets(&mut self, path: &Path, targets: &[String]) {
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

    fn tests(&mut self, policy: &Path, files: Vec<TestFile>) -> Vec<TestEntry> {
        let mut tests = Vec::new();
        for (index, file) in files.into_iter().enumerate() {
            let path = policy.clone().name("tests").item(index);
            let ExpectFile { error, sql, target } = file.expect;
            let starts = sql.is_some() || target.is_some();
            if error.is_some() == starts {
                self.note(
                    &path.clone().name("expect"),
                    "give either `error`, or `sql`, `target` or both",
                );
            }
            let Some(payload) = to_json(&toml::Value::Table(file.payload)) else {
                self.note(
                    &path.clone().name("payload"),
                    "contains a number that JSON does not have (nan or inf)",
                );
                continue;
            };
            tests.push(TestEntry {
                name: file.name,
                payload,
                error,
                sql,
                target,
            });
        }
        tests
    }

    fn routes(&mut self, files: Vec<RouteFile>, policies: &[String]) -> Vec<Route> {
        if files.is_empty() {
            self.note(
                &Path::default(),
                "there are no routes, so nobody gets a policy: give at least one [[routes]]; `function = \"*\"` is for \
                 everybody",
            );
        }
        let mut routes: Vec<Route> = Vec::new();
        for (index, file) in files.into_iter().enumerate() {
            let path = Path::of(&["routes"]).item(index);
            self.route(&path, &file, policies);
            let route = Route {
                function: Pattern::new(file.function),
                name: file.name,
                policies: file.policies,
                targets: file.targets,
                state_machines: file
                    .state_machines
                    .into_iter()
                    .map(|machine| (Pattern::new(machine.arn), machine.policy))
                    .collect(),
            };
            if routes.iter().any(|before| before.name == route.name) {
                self.note(
                    &path.clone().name("name"),
                    format!("there is another route `{}`", route.name),
                );
            }
            self.overlaps(&path.name("function"), &routes, &route);
            routes.push(route);
        }
        routes
    }

    /// Warns where the order of routes decides. That a special one comes before a general one is what the order is for.
    fn overlaps(&mut self, path: &Path, before: &[Route], route: &Route) {
        if let Some(before) = before
            .iter()
            .find(|before| before.function.covers(&route.function))
        {
            let message = format!(
                "is never used: the route `{}` before it matches every function that this one does",
                before.name
            );
            self.warn(path, message);
        } else if let Some(before) = before.iter().find(|before| {
            before.function.overlaps(&route.function) && !route.function.covers(&before.function)
        }) {
            let message = format!(
                "may match the same functions as the route `{}` before it, which serves those",
                before.name
            );
            self.warn(path, message);
        }
    }

    fn route(&mut self, path: &Path, file: &RouteFile, policies: &[String]) {
        if let Err(rule) = name_rule(&file.name) {
            self.note(&path.clone().name("name"), rule);
        }
        if file.function.is_empty() {
            self.note(
                &path.clone().name("function"),
                "is empty: a function's ARN, in which `*` stands for any characters",
            );
        }
        let offered = path.clone().name("policies");
        if file.policies.is_empty() {
            self.note(&offered, "is empty: the route leads nowhere");
        }
        let mut seen = BTreeSet::new();
        for (index, name) in file.policies.iter().enumerate() {
            let at = offered.clone().item(index);
            if !policies.contains(name) {
                let message = match nearest(name, policies.iter().map(String::as_str)) {
                    Some(meant) => {
                        format!("there is no policy `{name}` in this set; did you mean `{meant}`?")
                    }
                    None => format!(
                        "there is no policy `{name}` in this set; the policies are {}",
                        policies.join(", ")
                    ),
                };
                self.note(&at, message);
            }
            if !seen.insert(name) {
                self.note(&at, format!("`{name}` is listed twice"));
            }
        }
        if let Some(targets) = &file.targets {
            let at = path.clone().name("targets");
            if targets.is_empty() {
                self.note(
                    &at,
                    "is empty: name at least one target, or leave it out for all that a policy is granted",
                );
            }
            self.known_targets(&at, targets);
        }
        for (index, machine) in file.state_machines.iter().enumerate() {
            let at = path.clone().name("state_machines").item(index);
            if !file.policies.contains(&machine.policy) {
                self.note(
                    &at.clone().name("policy"),
                    format!(
                        "`{}` is not among the policies that this route offers",
                        machine.policy
                    ),
                );
            }
            let pattern = Pattern::new(&*machine.arn);
            let covered = file
                .state_machines
                .iter()
                .take(index)
                .any(|before| Pattern::new(&*before.arn).covers(&pattern));
            if covered {
                self.warn(
                    &at.name("arn"),
                    "is never used: a pattern before it matches every state machine that this one does",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    const GOOD: &str = r#"
schema = 1
revision = 7

[policies.standard]
builtin = "standard"
grants = { targets = ["etl"], actions = ["execute-statement"] }

[policies.finance]
component = "finance/policy.wasm"
sha256 = "9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

[policies.finance.artifacts]
x86_64 = { file = "finance/policy.x86_64.cwasm", sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" }

[policies.finance.grants]
targets = ["adhoc", "etl"]
actions = ["execute-statement", "describe-statement"]
sql_bytes = 2000
statements_per_minute = 30

[[policies.finance.tests]]
name = "a select runs"
payload = { sqlStatement = "select 1" }
expect = { target = "adhoc" }

[[routes]]
name = "finance"
function = "*:function:tasker:finance"
policies = ["finance", "standard"]
state_machines = [{ arn = "*:nightly", policy = "standard" }]

[[routes]]
name = "others"
function = "*"
policies = ["standard"]
targets = ["etl"]
"#;

    fn read_it(text: &str) -> Result<Manifest, String> {
        let targets = ["etl".to_owned(), "adhoc".to_owned()];
        let around = Around {
            name: "set.toml",
            targets: Some(&targets),
            ceilings: LimitsFile::default(),
        };
        read(text, &around).map_err(list)
    }

    fn list(problems: Vec<Problem>) -> String {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }

    #[test]
    fn a_good_one_is_read() {
        let manifest = read_it(GOOD).expect("good");
        assert_eq!(manifest.revision, 7);
        assert_eq!(list(manifest.warnings), "");
        let finance = &manifest.policies["finance"];
        assert_eq!(finance.targets, ["adhoc", "etl"]);
        let Code::Files {
            component: Some(component),
            artifacts,
        } = &finance.code
        else {
            panic!("files")
        };
        assert!(component.sha256.starts_with("9f86"));
        assert_eq!(artifacts.len(), 1);
        assert_eq!(manifest.routes.len(), 2);
    }

    #[test]
    fn every_fault_has_its_line() {
        let faults = GOOD
            .replace("revision = 7", "revision = 0")
            .replace(
                "\"etl\"], actions = [\"execute-statement\"]",
                "\"elt\"], actions = [\"execute-statment\", \"x\"]",
            )
            .replace("finance/policy.wasm", "../policy.wasm")
            .replace("sql_bytes = 2000", "sql_bytes = 0")
            .replace("expect = { target = \"adhoc\" }", "expect = {}")
            .replace("x86_64 =", "vax =")
            .replace(
                "policies = [\"finance\", \"standard\"]",
                "policies = [\"finanec\", \"standard\", \"standard\"]",
            )
            .replace("policy = \"standard\" }]", "policy = \"finance\" }]")
            .replace("name = \"others\"", "name = \"finance\"");
        assert_snapshot!(read_it(&faults).expect_err("faults"), @r#"
        set.toml, line 3, revision: 0 is no revision: 1, 2, 3 and so on, higher with every change
        set.toml, line 30, routes[0].policies[0]: there is no policy `finanec` in this set; did you mean `finance`?
        set.toml, line 30, routes[0].policies[2]: `standard` is listed twice
        set.toml, line 31, routes[0].state_machines[0].policy: `finance` is not among the policies that this route offers
        set.toml, line 34, routes[1].name: there is another route `finance`
        set.toml, line 10, policies.finance.component: "../policy.wasm" is no file beside the manifest: a relative path without `..`
        set.toml, line 14, policies.finance.artifacts.vax: is no architecture of AWS Lambda: x86_64, arm64
        set.toml, line 19, policies.finance.grants.sql_bytes: 0 is out of range: 1 to 4096000
        set.toml, line 25, policies.finance.tests[0].expect: give either `error`, or `sql`, `target` or both
        set.toml, line 7, policies.standard.grants.targets[0]: there is no target `elt` in the configuration; the targets are etl, adhoc
        set.toml, line 7, policies.standard.grants.actions[0]: there is no action `execute-statment`; did you mean `execute-statement`?
        set.toml, line 7, policies.standard.grants.actions[1]: there is no action `x`; the actions are execute-statement, batch-execute-statement, describe-statement, cancel-statement, get-statement-result, list-statements, latest, heartbeat
        "#);
    }

    #[test]
    fn unknown_keys_and_broken_texts_are_located() {
        let refused = |from: &str, to: &str| read_it(&GOOD.replace(from, to)).expect_err("refused");
        assert_snapshot!(refused("revision = 7", "revison = 7"), @"set.toml, line 3, revison: there is no key `revison`; did you mean `revision`?");
        assert_snapshot!(refused("sql_bytes", "sql_byte"), @"set.toml, line 19, policies.finance.grants.sql_byte: there is no key `sql_byte`; did you mean `sql_bytes`?");
        assert_snapshot!(refused("[policies.finance]", "[policies.standard]"), @"set.toml, line 9: duplicate key");
        assert_snapshot!(refused("revision = 7\n", ""), @"set.toml, line 1: missing field `revision`");
        let cut = &GOOD[..GOOD.len() - 20];
        assert_snapshot!(read_it(cut).expect_err("cut"), @"set.toml, line 36: unclosed array, expected `]`");
    }

    #[test]
    fn every_key_is_in_the_documentation() {
        fn fields<T: serde::de::DeserializeOwned>() -> Vec<String> {
            let error = toml::from_str::<T>("\"no such key\" = 1").err();
            let message = error
                .map(|error| error.message().to_owned())
                .unwrap_or_default();
            let names = message.split('`').skip(3).step_by(2);
            names.map(str::to_owned).collect()
        }
        let text = include_str!("../../../../docs/policy-sets.md");
        let keys = [
            fields::<ManifestFile>(),
            fields::<PolicyFile>(),
            fields::<ArtifactFile>(),
            fields::<GrantsFile>(),
            fields::<TestFile>(),
            fields::<ExpectFile>(),
            fields::<RouteFile>(),
            fields::<StateMachineFile>(),
        ];
        assert!(keys.iter().all(|keys| keys.len() > 1), "{keys:?}");
        for key in keys.iter().flatten() {
            let shown = text.contains(&format!("`{key}`"))
                || text.contains(&format!("`{key} ="))
                || text.contains(&format!("{key} = "));
            assert!(shown, "docs/policy-sets.md says nothing of `{key}`");
        }
        for action in Action::ALL {
            assert!(text.contains(&format!("`{action}`")), "{action}");
        }
    }

    #[test]
    fn nothing_at_all_is_no_set() {
        assert_snapshot!(read_it("schema = 1\nrevision = 1\n").expect_err("empty"), @r#"
        set.toml: there are no policies: give at least one [policies.NAME]
        set.toml: there are no routes, so nobody gets a policy: give at least one [[routes]]; `function = "*"` is for everybody
        "#);
    }

    #[test]
    fn what_is_in_vain_is_warned_of() {
        let odd = GOOD
            .replace(
                "function = \"*:function:tasker:finance\"",
                "function = \"*\"",
            )
            .replace(
                "grants = { targets = [\"etl\"], actions = [\"execute-statement\"] }",
                "",
            )
            .replace(
                "policies = [\"finance\", \"standard\"]",
                "policies = [\"standard\"]",
            );
        let manifest = read_it(&odd).expect("odd and good");
        assert_snapshot!(list(manifest.warnings), @r#"
        set.toml, line 35, routes[1].function: is never used: the route `finance` before it matches every function that this one does
        set.toml, line 9, policies.finance: no route leads to this policy
        set.toml, line 5, policies.standard.grants: without `targets` and `actions` the policy may do nothing
        "#);
        let crossed = GOOD
            .replace("function = \"*\"", "function = \"arn:*:function:tasker:*\"")
            .replace("\"*:function:tasker:finance\"", "\"*:finance\"");
        let manifest = read_it(&crossed).expect("odd and good");
        assert_snapshot!(list(manifest.warnings), @"set.toml, line 35, routes[1].function: may match the same functions as the route `finance` before it, which serves those");
    }
}
