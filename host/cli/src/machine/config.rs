//! The configuration of a function on one machine.

use std::path::{Path, PathBuf};

use serde_json::Value;
use signalbox_lambda::{
    Config,
    config::{Environment, PolicySource, STANDARD, document},
};

/// What a machine has where nobody says otherwise. The ledger is embedded: the table's name is not used.
const DEFAULTS: [(&str, &str); 2] = [
    ("DDB_TABLE_NAME", "signalbox"),
    ("SIGNALBOX_SWEEP_AFTER_SECONDS", "15"),
];
/// The original's target, where neither the environment nor a file names one.
const DEFAULT_TARGET: [(&str, &str); 3] = [
    ("CLUSTER_IDENTIFIER", "local"),
    ("DATABASE", "dev"),
    ("DB_USER", "admin"),
];

/// What decides the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    /// The variables that hold; see [`process_environment`].
    pub(crate) environment: Environment,
    /// A configuration file, in place of `SIGNALBOX_CONFIG`.
    pub(crate) config: Option<PathBuf>,
    /// A component, or `standard`, in place of the default policy.
    pub(crate) policy: Option<PathBuf>,
    /// Settings of the default policy: the text of a JSON object.
    pub(crate) settings: Option<String>,
}

/// The environment of this process.
pub(crate) fn process_environment() -> Environment {
    // A variable that is no UTF-8 cannot be one of ours.
    std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
        .collect()
}

/// Reads a file with a policy's settings.
pub(crate) fn settings_file(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the settings {shown} cannot be read: {error}"))?;
    let is_toml = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("toml"));
    if is_toml {
        return document(&shown.to_string(), &text)
            .map(|settings| settings.to_string())
            .map_err(|problem| format!("the settings {problem}"));
    }
    match serde_json::from_str(&text) {
        Ok(Value::Object(_)) => Ok(text),
        Ok(_) => Err(format!("the settings {shown} must be a JSON object")),
        Err(error) => Err(format!("the settings {shown} are no JSON: {error}")),
    }
}

/// Makes the configuration of the function `name`.
///
/// Roles of targets are left out: there is nobody here to assume them.
pub(crate) fn read(name: &str, sources: &Sources) -> Result<Config, String> {
    let mut environment = sources.environment.clone();
    if let Some(path) = &sources.config {
        environment.insert("SIGNALBOX_CONFIG".to_owned(), path.display().to_string());
    }
    let is_set = |environment: &Environment, name: &str| {
        environment
            .get(name)
            .is_some_and(|value| !value.trim().is_empty())
    };
    let mut default = |name: &str, value: &str| {
        if !is_set(&environment, name) {
            environment.insert(name.to_owned(), value.to_owned());
        }
    };
    for (name, value) in DEFAULTS {
        default(name, value);
    }
    default("SIGNALBOX_DEPLOYMENT", name);
    let names = DEFAULT_TARGET.map(|(name, _)| name);
    if !is_set(&environment, "SIGNALBOX_CONFIG")
        && !names.iter().any(|name| is_set(&environment, name))
    {
        environment.extend(DEFAULT_TARGET.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    let mut config = Config::read(&environment, &|path| std::fs::read_to_string(path))
        .map_err(|error| error.to_string())?;
    for (name, target) in &mut config.targets {
        if target.role.take().is_some() {
            config.warnings.push(format!(
                "target {name}: its role is not assumed on one machine"
            ));
        }
    }
    let given: Vec<_> = [
        ("--policy", sources.policy.is_some()),
        ("--settings", sources.settings.is_some()),
    ]
    .into_iter()
    .filter_map(|(option, is_given)| is_given.then_some(option))
    .collect();
    // What is tried by itself takes the place of the set.
    if !given.is_empty()
        && let Some(set) = config.policy_set.take()
    {
        config.warnings.push(format!(
            "the policy set {} is left out, with its routes, grants, limits and modes: {} {} one policy by itself. To try the \
             set, change its file and leave the option away",
            set.source,
            given.join(" and "),
            if given.len() == 1 { "tries" } else { "try" },
        ));
    }
    if let Some(policy) = config.policies.get_mut(&config.default_policy) {
        if let Some(path) = &sources.policy {
            policy.source = if path == Path::new(STANDARD) {
                PolicySource::Standard
            } else {
                PolicySource::Component(path.clone())
            };
        }
        if let Some(settings) = &sources.settings {
            policy.settings.clone_from(settings);
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use signalbox_aws::{Location, Login};

    fn with(variables: &[(&str, &str)]) -> Sources {
        Sources {
            environment: variables
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            ..Sources::default()
        }
    }

    #[test]
    fn nothing_has_to_be_said() {
        let config = read("tasker", &with(&[])).unwrap();
        assert_eq!(config.deployment, "tasker");
        let target = &config.targets["default"];
        assert_eq!(target.location, Location::Cluster("local".to_owned()));
        assert_eq!(target.login, Login::DbUser("admin".to_owned()));
    }

    #[test]
    fn the_originals_environment_holds_whole_or_not_at_all() {
        let all = [
            ("CLUSTER_IDENTIFIER", "analytics"),
            ("DATABASE", "prod"),
            ("DB_USER", "etl"),
        ];
        let config = read("tasker", &with(&all)).unwrap();
        assert_eq!(config.targets["default"].database, "prod");
        let error = read("tasker", &with(&all[..1])).unwrap_err();
        assert!(error.contains("DATABASE"), "{error}");
    }

    #[test]
    fn a_file_names_targets_and_no_role_is_assumed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("signalbox.toml");
        std::fs::write(
            &file,
            "[targets.adhoc]\nworkgroup_name = \"adhoc\"\ndatabase = \"dev\"\n\
             role_arn = \"arn:aws:iam::123456789012:role/redshift\"\n",
        )
        .unwrap();
        let sources = Sources {
            config: Some(file),
            policy: Some("mine.wasm".into()),
            settings: Some(r#"{"abortedError": "ABORTED"}"#.to_owned()),
            ..with(&[])
        };
        let config = read("tasker", &sources).unwrap();
        assert_eq!(config.targets.keys().collect::<Vec<_>>(), ["adhoc"]);
        assert_eq!(config.targets["adhoc"].role, None);
        assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
        let policy = &config.policies[&config.default_policy];
        assert_eq!(policy.source, PolicySource::Component("mine.wasm".into()));
        assert!(policy.settings.contains("ABORTED"));
    }

    #[test]
    fn a_set_that_is_left_out_is_named() {
        let with_set = |sources: Sources| {
            let variables = [
                ("CLUSTER_IDENTIFIER", "c"),
                ("DATABASE", "dev"),
                ("DB_USER", "u"),
                ("SIGNALBOX_POLICY_SET", "sets/team.toml"),
            ];
            let Sources { environment, .. } = with(&variables);
            let sources = Sources {
                environment,
                ..sources
            };
            read("tasker", &sources).unwrap()
        };
        let config = with_set(Sources::default());
        assert!(config.policy_set.is_some());
        assert_eq!(config.warnings, [""; 0]);
        let policy = Sources {
            policy: Some(STANDARD.into()),
            ..Sources::default()
        };
        let both = Sources {
            settings: Some("{}".to_owned()),
            ..policy.clone()
        };
        for (sources, options) in [
            (policy, "--policy tries"),
            (both, "--policy and --settings try"),
        ] {
            let config = with_set(sources);
            assert_eq!(config.policy_set, None);
            let warning = &config.warnings[0];
            assert!(
                warning.starts_with("the policy set sets/team.toml is left out")
                    && warning.contains(options),
                "{warning}"
            );
        }
    }

    #[test]
    fn settings_have_to_be_an_object() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.json");
        for (text, complaint) in [("[]", "must be a JSON object"), ("{", "are no JSON")] {
            std::fs::write(&file, text).unwrap();
            let error = settings_file(&file).unwrap_err();
            assert!(error.contains(complaint), "{error}");
        }
        let error = settings_file(&folder.path().join("none.json")).unwrap_err();
        assert!(error.contains("cannot be read"), "{error}");
    }
}
