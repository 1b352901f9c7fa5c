//! `signalbox policy lint`: what rules do to each other, and to SQL that nobody can look into.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use serde_json::{Value, json};
use signalbox_kit::{
    contract::Finding,
    settings::{self, Settings},
    sql::TableName,
    testing::evaluate,
};
use signalbox_lambda::{
    config::{ConfigError, LimitsFile},
    set::{
        SetError,
        manifest::{self, Around},
    },
};

use super::set;
use crate::{Done, out};

#[derive(Debug, ClapArgs)]
pub(crate) struct LintArgs {
    /// Settings of the standard policy, a JSON file; or a policy set's manifest, a `.toml` file, for all of its policies
    settings: PathBuf,
    /// The tables that there are, one `schema.table` or `database.schema.table` a line: patterns that match none are named
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
}

/// SQL of which nobody can tell what it touches.
const OPAQUE: [&str; 6] = [
    "CALL etl()",
    "SELECT own_function(1)",
    "SET search_path TO elsewhere",
    "DROP SCHEMA staging CASCADE",
    "EXECUTE prepared",
    "frobnicate the warehouse",
];

pub(crate) async fn run(args: &LintArgs) -> Done {
    let catalogue = args.catalogue.as_deref().map(read_catalogue).transpose()?;
    let catalogue = catalogue.as_deref();
    let path = args.settings.display().to_string();
    if !set::is_set(&path) {
        let text = std::fs::read_to_string(&args.settings)
            .map_err(|error| format!("the settings {path} cannot be read: {error}"))?;
        let linted = Linted::of(&text, catalogue);
        out::json(&linted.document());
        linted.show(&path);
        return Ok(linted.is_good());
    }
    let text = match set::read(&args.settings).await {
        Ok(text) => text,
        Err(error) => return Ok(set::tell_faults(&error)),
    };
    let text = String::from_utf8_lossy(&text);
    let around = Around {
        name: &path,
        targets: None,
        ceilings: LimitsFile::default(),
    };
    let manifest = match manifest::read(&text, &around) {
        Ok(manifest) => manifest,
        Err(problems) => return Ok(set::tell_faults(&SetError::Wrong(ConfigError { problems }))),
    };
    let linted: Vec<(&String, Linted)> = manifest
        .policies
        .iter()
        .map(|(name, entry)| (name, Linted::of(&entry.settings, catalogue)))
        .collect();
    let policies: serde_json::Map<String, Value> = linted
        .iter()
        .map(|(name, linted)| ((*name).clone(), linted.document()))
        .collect();
    let good = linted.iter().all(|(_, linted)| linted.is_good());
    out::json(&json!({ "good": good, "policies": policies }));
    for (name, linted) in &linted {
        linted.show(name);
    }
    Ok(good)
}

/// What was found in the settings of one policy.
struct Linted {
    /// What keeps them from being used.
    faults: Vec<Finding>,
    /// What is odd.
    findings: Vec<Finding>,
    /// SQL that cannot be looked into, and why it is refused; none if it runs.
    opaque: Vec<(&'static str, Option<String>)>,
}

impl Linted {
    fn of(text: &str, catalogue: Option<&[TableName]>) -> Self {
        let (settings, warnings) = match settings::read(text) {
            Ok(read) => read,
            Err((faults, _)) => {
                return Self {
                    faults,
                    findings: Vec::new(),
                    opaque: Vec::new(),
                };
            }
        };
        // What a rule that ends everything hides is said once.
        let hidden =
            |finding: &&Finding| !finding.message.starts_with("This rule is never reached");
        let mut findings: Vec<Finding> = warnings
            .iter()
            .filter(|finding| finding.path.starts_with("/callbacks") || hidden(finding))
            .cloned()
            .collect();
        findings.extend(settings::lint(&settings));
        if let Some(catalogue) = catalogue {
            findings.extend(settings::lint_tables(&settings, catalogue));
        }
        Self {
            faults: Vec::new(),
            findings,
            opaque: opaque(&settings, text),
        }
    }

    fn is_good(&self) -> bool {
        self.faults.is_empty() && self.findings.is_empty()
    }

    fn document(&self) -> Value {
        let list = |findings: &[Finding]| -> Value {
            let one = |finding: &Finding| json!({ "path": finding.path, "message": finding.message, "help": finding.help });
            findings.iter().map(one).collect()
        };
        let opaque: Value = self
            .opaque
            .iter()
            .map(|(sql, refused)| json!({ "sql": sql, "runs": refused.is_none(), "reason": refused }))
            .collect();
        json!({ "good": self.is_good(), "faults": list(&self.faults), "findings": list(&self.findings), "opaque": opaque })
    }

    fn show(&self, name: &str) {
        let name = out::styled(out::NAME, name);
        for (style, word, list) in [
            (out::BAD, "wrong:", &self.faults),
            (out::NOTE, "odd:", &self.findings),
        ] {
            for finding in list {
                let help = finding.help.as_deref().unwrap_or_default();
                let place = if finding.path.is_empty() {
                    "/"
                } else {
                    &finding.path
                };
                out::line(format_args!(
                    "{} {name} {place}: {} {help}",
                    out::styled(style, word),
                    finding.message
                ));
            }
        }
        if self.is_good() {
            out::line(format_args!(
                "{} {name} nothing is odd",
                out::styled(out::GOOD, "good:")
            ));
        }
        if !self.opaque.is_empty() {
            out::line("  SQL that nobody can look into, asked for without an execution:");
        }
        for (sql, refused) in &self.opaque {
            match refused {
                None => out::line(format_args!(
                    "  {} {sql}",
                    out::styled(out::GOOD, "runs   ")
                )),
                Some(why) => out::line(format_args!(
                    "  {} {sql}: {why}",
                    out::styled(out::BAD, "refused")
                )),
            }
        }
    }
}

/// What the settings make of SQL that cannot be looked into. Nothing is said of settings that do not look.
fn opaque(settings: &Settings, text: &str) -> Vec<(&'static str, Option<String>)> {
    if settings.rules.is_empty() {
        return Vec::new();
    }
    OPAQUE
        .into_iter()
        .map(|sql| {
            let payload = json!({ "sqlStatement": sql }).to_string();
            (
                sql,
                evaluate(&payload, text)
                    .err()
                    .map(|refused| refused.message),
            )
        })
        .collect()
}

/// Reads the names of tables. Empty lines and lines that begin with `#` are left out.
fn read_catalogue(path: &Path) -> Result<Vec<TableName>, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the catalogue {} cannot be read: {error}", path.display()))?;
    let lines = text.lines().map(str::trim).enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| {
            let parts: Vec<String> = line.split('.').map(str::to_owned).collect();
            TableName::from_parts(&parts)
                .filter(|_| parts.len() <= 3 && parts.iter().all(|part| !part.is_empty()))
                .ok_or_else(|| {
                    format!(
                        "line {} of {} is no name of a table. Write `schema.table` or `database.schema.table`",
                        number + 1,
                        path.display()
                    )
                })
        })
        .collect()
}
