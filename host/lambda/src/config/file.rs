//! The shape of the configuration file, and reading it.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use signalbox_aws::TargetConfig;

use super::{
    error::Problem, policy_set::PolicySetFile, records::RecordsFile, sweep::SweepFile, toml_bounds,
};
use crate::nearest::nearest;

/// The file, key by key as it is written. What the keys mean is said in `docs/config.md`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) default_target: Option<String>,
    pub(super) default_policy: Option<String>,
    pub(super) unknown_fields: Option<String>,
    pub(super) retention_days: Option<i64>,
    #[serde(default)]
    pub(super) targets: BTreeMap<String, TargetConfig>,
    pub(super) ledger: Option<LedgerFile>,
    #[serde(default)]
    pub(super) sweep: SweepFile,
    #[serde(default)]
    pub(super) records: RecordsFile,
    #[serde(default)]
    pub(super) policies: BTreeMap<String, PolicyFile>,
    pub(super) policy_set: Option<PolicySetFile>,
    pub(super) ceilings: Option<LimitsFile>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LedgerFile {
    pub(super) table: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyFile {
    pub(super) builtin: Option<String>,
    pub(super) component: Option<String>,
    pub(super) artifact: Option<String>,
    pub(super) sha256: Option<String>,
    pub(super) settings: Option<toml::Table>,
    pub(super) settings_file: Option<String>,
    pub(super) limits: Option<LimitsFile>,
    pub(super) grants: Option<GrantsFile>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantsFile {
    pub(super) targets: Option<Vec<String>>,
}

/// Limits as a file names them: docs/config.md says what each is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsFile {
    pub(super) guest_time_ms: Option<i64>,
    pub(super) memory_mib: Option<i64>,
    pub(super) component_mib: Option<i64>,
    pub(super) host_calls: Option<i64>,
    pub(super) instances: Option<i64>,
    pub(super) tables: Option<i64>,
    pub(super) table_elements: Option<i64>,
    pub(super) log_lines: Option<i64>,
}

/// Reads the file's text. `name` is what the file is called in messages.
pub(super) fn parse(name: &str, text: &str) -> Result<File, Problem> {
    read_toml(name, text)
}

/// Reads a TOML text of some form. `name` is what it is called in messages.
pub(crate) fn read_toml<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Problem> {
    let at_line = |line: Option<usize>| match line {
        Some(line) => format!("{name}, line {line}"),
        None => name.to_owned(),
    };
    let refused = |error: &toml::de::Error, key: &str| {
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map(|before| before.matches('\n').count() + 1);
        let mut place = at_line(line);
        if !matches!(key, "" | ".") {
            place.push_str(&format!(", {key}"));
        }
        Problem {
            place,
            message: explain(error.message()),
        }
    };
    toml_bounds::check(text).map_err(|too_much| Problem {
        place: at_line(too_much.line),
        message: too_much.message,
    })?;
    let document = toml::Deserializer::parse(text).map_err(|error| refused(&error, ""))?;
    serde_path_to_error::deserialize(document)
        .map_err(|error| refused(error.inner(), &error.path().to_string()))
}

/// Makes serde's message about an unknown key helpful; every other message stays as it is.
fn explain(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match names.split_first() {
        Some((unknown, known)) if message.starts_with("unknown field") => {
            match nearest(unknown, known.iter().copied()) {
                Some(meant) => format!("there is no key `{unknown}`; did you mean `{meant}`?"),
                None => format!(
                    "there is no key `{unknown}`; the keys here are {}",
                    known.join(", ")
                ),
            }
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn what_holds_too_much_or_is_nested_too_deeply_is_located() {
        let deep = format!("\n[policies.p]\nsettings = {}", "{a.b = ".repeat(100));
        assert_snapshot!(refused(&deep), @"signalbox.toml, line 3: it is nested too deeply: a value may have 64 levels, and each part of its table's header and of its key is one, as is each list and table around it");
        let much = "a = 1\n".repeat(150_000);
        assert_snapshot!(refused(&format!("# {}\n{much}", ".".repeat(100_000))), @"signalbox.toml, line 100002: it holds too much: here is the first of its marks `= . , [ {` that is beyond 200000");
    }

    fn refused(text: &str) -> String {
        parse("signalbox.toml", text)
            .expect_err("should be refused")
            .to_string()
    }

    #[test]
    fn an_unknown_key_is_named_with_the_one_that_was_meant() {
        assert_snapshot!(
            refused("default_target = \"a\"\n\n[targets.a]\nregoin = \"eu-west-1\"\n"),
            @"signalbox.toml, line 4, targets.a.regoin: there is no key `regoin`; did you mean `region`?"
        );
        assert_snapshot!(
            refused("colour = 1\n"),
            @"signalbox.toml, line 1, colour: there is no key `colour`; the keys here are default_target, default_policy, unknown_fields, retention_days, targets, ledger, sweep, records, policies, policy_set, ceilings"
        );
        assert_snapshot!(
            refused("[policies.p]\nbuiltin = \"standard\"\n  limits = { memory_mb = 3 }\n"),
            @"signalbox.toml, line 3, policies.p.limits.memory_mb: there is no key `memory_mb`; did you mean `memory_mib`?"
        );
    }

    #[test]
    fn a_wrong_type_and_broken_toml_are_located() {
        assert_snapshot!(refused("[targets.a]\nregion = 3\n"), @"signalbox.toml, line 2, targets.a.region: invalid type: integer `3`, expected a string");
        assert_snapshot!(refused("[targets.a\n"), @"signalbox.toml, line 1: unclosed table, expected `]`");
        assert_snapshot!(refused("[ledger]\ntable = \"a\"\ntable = \"b\"\n"), @"signalbox.toml, line 3: duplicate key");
    }

    #[test]
    fn an_empty_file_is_an_empty_configuration() {
        assert_eq!(parse("f", "").expect("empty"), File::default());
    }
}
