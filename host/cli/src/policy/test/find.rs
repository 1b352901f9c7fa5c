//! Where tests are: in a folder, in files of it, and in policy sets.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;
use signalbox_lambda::{
    config::{document, place_in},
    nearest::nearest,
    policy_tests::{Case, Subject},
};

use super::{Test, TestArgs, Workbench};
use crate::{machine::config::settings_file, policy::STANDARD};

/// The manifest of a project.
const SET: &str = "set.toml";
/// The settings of a project without a set, in the order in which they are looked for.
const SETTINGS: [&str; 2] = ["settings.json", "settings.toml"];
/// The folder with a project's cases.
const TESTS: &str = "tests";
/// Folders without cases: payloads, and what tools make.
const OTHER_FOLDERS: [&str; 4] = ["events", "target", "node_modules", "__pycache__"];
/// How deep folders are looked through.
const DEPTH: usize = 16;
/// The target of a policy that nobody gives one.
const DEFAULT_TARGET: &str = "default";

/// A folder with tests, or a set.
pub(crate) struct Project {
    /// Its tests, in their order.
    pub(crate) tests: Vec<Arc<Test>>,
}

/// Who is tested where a case does not say so.
struct Finder<'a> {
    bench: &'a Arc<Workbench>,
    args: &'a TestArgs,
    root: PathBuf,
    /// The policies of the set, by name.
    set: Vec<Arc<Subject>>,
    /// What was loaded, by policy, settings and targets.
    loaded: HashMap<(String, String, Vec<String>), Arc<Subject>>,
    tests: Vec<Test>,
    problems: Vec<String>,
}

impl Project {
    /// Finds the tests of the place that is given.
    pub(crate) async fn find(args: &TestArgs, bench: &Arc<Workbench>) -> Result<Self, String> {
        // A path in a message is as people would write it.
        let place = match args.place.strip_prefix(".") {
            Ok(rest) if !rest.as_os_str().is_empty() => rest.to_owned(),
            _ => args.place.clone(),
        };
        let place = &place;
        let shown = place.display();
        let meta = std::fs::metadata(place).map_err(|error| {
            format!(
                "{shown} cannot be read: {error}. Give a folder with cases, or a set's manifest"
            )
        })?;
        let is_manifest = meta.is_file() && is_manifest(place)?;
        let root = root_of(place, meta.is_dir(), is_manifest);
        let mut finder = Finder {
            bench,
            args,
            root: root.clone(),
            set: Vec::new(),
            loaded: HashMap::new(),
            tests: Vec::new(),
            problems: Vec::new(),
        };
        let manifest = if is_manifest {
            Some(place.clone())
        } else {
            let manifest = plain(root.join(SET));
            let is_there = args.policy.is_none() && args.settings.is_none() && manifest.is_file();
            is_there.then_some(manifest)
        };
        if let Some(manifest) = &manifest {
            finder.set(manifest, meta.is_dir() || is_manifest).await?;
        }
        if !is_manifest {
            let mut files = Vec::new();
            if meta.is_file() {
                files.push(place.clone());
            } else {
                let tests = root.join(TESTS);
                let folder = if tests.is_dir() { &tests } else { place };
                walk(folder, 0, &mut files)?;
            }
            for file in files {
                finder.file(&file).await;
            }
        }
        if !finder.problems.is_empty() {
            return Err(finder.problems.join("\n"));
        }
        if finder.tests.is_empty() {
            return Err(if is_manifest {
                format!(
                    "{shown} has no tests: write them into the set, as [[policies.NAME.tests]] with a payload and what is \
                     expected"
                )
            } else {
                format!(
                    "{shown} has no tests: a test is a file such as {}, with a payload and what is expected. `signalbox policy \
                     new NAME` makes a project that has some",
                    place.join(TESTS).join("drops.toml").display()
                )
            });
        }
        let tests = finder.tests.into_iter().map(Arc::new).collect();
        Ok(Self { tests })
    }

    /// The tests whose names contain a text.
    pub(crate) fn filtered(&self, filter: Option<&str>) -> Result<Vec<Arc<Test>>, String> {
        let Some(filter) = filter else {
            return Ok(self.tests.clone());
        };
        let found: Vec<_> = self
            .tests
            .iter()
            .filter(|test| test.name.contains(filter))
            .cloned()
            .collect();
        if found.is_empty() {
            let names = self.tests.iter().map(|test| test.name.as_str());
            let meant = nearest(filter, names).map(|name| format!("; did you mean {name:?}?"));
            return Err(format!(
                "no test has {filter:?} in its name{}",
                meant.unwrap_or_else(|| format!(": there are {}", self.tests.len()))
            ));
        }
        Ok(found)
    }
}

/// Whether a file is a set's manifest, and not a case.
fn is_manifest(path: &Path) -> Result<bool, String> {
    let name = path.display().to_string();
    let text = read(path)?;
    let document = document(&name, &text).map_err(|problem| problem.to_string())?;
    Ok(["policies", "revision", "routes"]
        .iter()
        .any(|key| document.get(key).is_some()))
}

/// The folder of a project: the one that holds `tests`.
fn root_of(place: &Path, is_folder: bool, is_manifest: bool) -> PathBuf {
    let folder = if is_folder {
        place.to_owned()
    } else {
        place.parent().unwrap_or(Path::new("")).to_owned()
    };
    if is_manifest {
        return folder;
    }
    let named = std::fs::canonicalize(&folder).unwrap_or_else(|_| folder.clone());
    let mut above = named.as_path();
    let mut root = folder.clone();
    // A case may lie deeper in the folder of tests.
    for _ in 0..DEPTH {
        if above.file_name().is_some_and(|name| name == TESTS) {
            return root.join("..");
        }
        let Some(parent) = above.parent() else {
            break;
        };
        above = parent;
        root = root.join("..");
    }
    folder
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

/// Whether a file is written in a form that is read here.
fn is_document(path: &Path) -> bool {
    path.extension()
        .and_then(|end| end.to_str())
        .is_some_and(|end| matches!(end.to_ascii_lowercase().as_str(), "toml" | "json"))
}

/// What lies beside cases where there is no folder of tests.
fn is_other(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    name == SET
        || name.starts_with('.')
        || name.starts_with("settings.")
        || name.ends_with(".schema.json")
        || matches!(
            name,
            "signalbox.toml"
                | "Cargo.toml"
                | "package.json"
                | "package-lock.json"
                | "pyproject.toml"
        )
}

/// A path without a dot at its beginning.
fn plain(path: PathBuf) -> PathBuf {
    path.strip_prefix(".").map(Path::to_owned).unwrap_or(path)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let refused = |error: std::io::Error| format!("{} cannot be read: {error}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(refused)? {
        paths.push(entry.map_err(refused)?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            let name = path.file_name().and_then(|name| name.to_str());
            let is_left_out =
                name.is_none_or(|name| name.starts_with('.') || OTHER_FOLDERS.contains(&name));
            if !is_left_out && depth < DEPTH {
                walk(&path, depth + 1, files)?;
            }
        } else if is_document(&path) && !is_other(&path) {
            files.push(plain(path));
        }
    }
    Ok(())
}

impl Finder<'_> {
    /// The policies of a set, and its own tests if they are wanted.
    async fn set(&mut self, manifest: &Path, with_tests: bool) -> Result<(), String> {
        for tested in self.bench.set(manifest).await? {
            let subject = Arc::new(tested.subject);
            let policy = subject.granted.name().to_owned();
            if with_tests {
                for (number, case) in tested.cases.into_iter().enumerate() {
                    self.tests.push(Test {
                        name: format!("{policy}: {}", case.name),
                        place: format!("{}, policies.{policy}.tests[{number}]", manifest.display()),
                        file: None,
                        case,
                        subject: Arc::clone(&subject),
                    });
                }
            }
            self.set.push(subject);
        }
        Ok(())
    }

    /// One case of a file.
    async fn file(&mut self, path: &Path) {
        let shown = path.display().to_string();
        let text = match read(path) {
            Ok(text) => text,
            Err(problem) => return self.problems.push(problem),
        };
        let value = match document(&shown, &text) {
            Ok(value) => value,
            Err(problem) => return self.problems.push(problem.to_string()),
        };
        let name = self.name_of(path);
        let mut case = match Case::of_file(&value, &name) {
            Ok(case) => case,
            Err(notes) => {
                let notes = notes.into_iter().map(|note| {
                    format!("{}: {}", place_in(&shown, &text, &note.path), note.message)
                });
                return self.problems.extend(notes);
            }
        };
        let loaded = self.load(path, &mut case).await;
        match loaded {
            Ok(subject) => self.tests.push(Test {
                name: if case.name == name {
                    name
                } else {
                    format!("{name}: {}", case.name)
                },
                place: shown,
                file: Some(path.to_owned()),
                case,
                subject,
            }),
            Err(problem) => self.problems.push(format!("{shown}: {problem}")),
        }
    }

    /// The name of a case: that of its file within the project.
    fn name_of(&self, path: &Path) -> String {
        let root = plain(self.root.clone());
        let inside = path
            .strip_prefix(root.join(TESTS))
            .or_else(|_| path.strip_prefix(&root))
            .unwrap_or(path)
            .with_extension("");
        inside.display().to_string().replace('\\', "/")
    }

    /// What a case names: its payload, and who is tested.
    async fn load(&mut self, path: &Path, case: &mut Case) -> Result<Arc<Subject>, String> {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        if let Some(event) = &case.event {
            let file = folder.join(event);
            let name = file.display().to_string();
            case.payload = document(&name, &read(&file)?).map_err(|problem| problem.to_string())?;
        }
        let settings = match &case.settings {
            Some(Value::String(file)) => Some(settings_file(&folder.join(file))?),
            Some(table) => Some(table.to_string()),
            None => None,
        };
        if let Some(named) = self.of_set(case)? {
            return match (settings, &case.targets) {
                (None, None) => Ok(named),
                (settings, targets) => self.altered(&named, settings, targets.as_ref()).await,
            };
        }
        let policy = match &case.policy {
            Some(policy) if policy == STANDARD => policy.clone(),
            Some(file) => folder.join(file).display().to_string(),
            None => self
                .args
                .policy
                .clone()
                .unwrap_or_else(|| STANDARD.to_owned()),
        };
        let settings = match settings {
            Some(settings) => settings,
            None => self.settings()?,
        };
        let targets = case
            .targets
            .clone()
            .unwrap_or_else(|| targets_of(&settings));
        self.loaded(policy, settings, targets).await
    }

    /// The policy of the set that a case is about.
    fn of_set(&self, case: &Case) -> Result<Option<Arc<Subject>>, String> {
        if self.set.is_empty() {
            return Ok(None);
        }
        let names = || self.set.iter().map(|subject| subject.granted.name());
        match &case.policy {
            Some(name) => {
                let found = self.set.iter().find(|it| it.granted.name() == name);
                if let Some(found) = found {
                    return Ok(Some(Arc::clone(found)));
                }
                // A component beside the case, or the built-in policy without settings.
                if name == STANDARD || name.ends_with(".wasm") {
                    return Ok(None);
                }
                Err(match nearest(name, names()) {
                    Some(meant) => {
                        format!("the set has no policy `{name}`; did you mean `{meant}`?")
                    }
                    None => format!(
                        "the set has no policy `{name}`; its policies are {}",
                        names().collect::<Vec<_>>().join(", ")
                    ),
                })
            }
            None => match self.set.as_slice() {
                [only] => Ok(Some(Arc::clone(only))),
                _ => Err(format!(
                    "the set has several policies: say with `policy` which one is tested: {}",
                    names().collect::<Vec<_>>().join(", ")
                )),
            },
        }
    }

    /// A policy of the set with other settings or targets.
    async fn altered(
        &self,
        named: &Arc<Subject>,
        settings: Option<String>,
        targets: Option<&Vec<String>>,
    ) -> Result<Arc<Subject>, String> {
        let mut subject = match settings {
            None => Subject::clone(named),
            Some(settings) => named
                .under(&self.bench.engine, settings)
                .await
                .map_err(|error| error.to_string())?,
        };
        if let Some(targets) = targets {
            subject.granted.targets.clone_from(targets);
        }
        Ok(Arc::new(subject))
    }

    /// The settings of the project.
    fn settings(&self) -> Result<String, String> {
        if let Some(path) = &self.args.settings {
            return settings_file(path);
        }
        // Those of another policy than the project's are its own.
        let found = SETTINGS
            .iter()
            .map(|name| self.root.join(name))
            .find(|path| path.is_file());
        match found {
            Some(path) => settings_file(&path),
            None => Ok("{}".to_owned()),
        }
    }

    async fn loaded(
        &mut self,
        policy: String,
        settings: String,
        targets: Vec<String>,
    ) -> Result<Arc<Subject>, String> {
        let key = (policy.clone(), settings.clone(), targets.clone());
        if let Some(known) = self.loaded.get(&key) {
            return Ok(Arc::clone(known));
        }
        let subject = Arc::new(self.bench.subject(&policy, settings, targets).await?);
        self.loaded.insert(key, Arc::clone(&subject));
        Ok(subject)
    }
}

/// The targets of a policy that nobody granted any: the default one, and those to which its rules lead.
fn targets_of(settings: &str) -> Vec<String> {
    let settings: Value = serde_json::from_str(settings).unwrap_or_default();
    let rules = settings.get("rules").and_then(Value::as_array);
    let mut targets = vec![DEFAULT_TARGET.to_owned()];
    for rule in rules.into_iter().flatten() {
        if let Some(target) = rule.pointer("/then/target").and_then(Value::as_str)
            && !targets.iter().any(|known| known == target)
        {
            targets.push(target.to_owned());
        }
    }
    targets
}
