//! `signalbox doctor`: what a deployment lacks, as far as this program can see, and how to mend it.
//!
//! It changes nothing. The calls are made as whoever runs it: with the function's own role they show what the
//! function may do.

mod checks;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::{Done, out, settings::Settings};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    settings: Settings,
    /// For scripts: JSON
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    check: String,
    state: State,
    /// What was found.
    found: String,
    /// What to do: a command, or words.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum State {
    Good,
    /// Something has to be done.
    Mend,
    /// It could not be looked at; it is not said to be good.
    Unknown,
}

impl Finding {
    fn new(check: impl Into<String>, state: State, found: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            state,
            found: found.into(),
            mend: None,
        }
    }

    fn mend(mut self, how: impl Into<String>) -> Self {
        self.mend = Some(how.into());
        self
    }
}

pub(crate) async fn run(options: &DoctorArgs) -> Done {
    let mut findings = Vec::new();
    match options.settings.read() {
        Err(error) => findings.push(
            Finding::new("configuration", State::Mend, error)
                .mend("docs/config.md is the reference of all settings"),
        ),
        Ok(config) => {
            findings.push(checks::configuration(&config));
            findings.push(checks::policies(&config).await);
            findings.extend(checks::table(&config).await);
            let ports = signalbox_lambda::start::aws(&config);
            for target in config.targets.keys() {
                findings.push(checks::target(ports.warehouse.as_ref(), target).await);
            }
            findings.push(checks::step_functions(ports.callbacks.as_ref()).await);
            findings.extend(checks::not_looked_at(&config.deployment));
        }
    }
    let count = |state| findings.iter().filter(|found| found.state == state).count();
    let (good, mend, unknown) = (
        count(State::Good),
        count(State::Mend),
        count(State::Unknown),
    );
    if options.json {
        out::line(json!({
            "good": good, "toMend": mend, "unknown": unknown, "findings": findings,
        }));
        return Ok(mend == 0);
    }
    for finding in &findings {
        let (style, word) = match finding.state {
            State::Good => (out::GOOD, "good   "),
            State::Mend => (out::BAD, "mend   "),
            State::Unknown => (out::NOTE, "unknown"),
        };
        out::line(format_args!(
            "{} {}: {}",
            out::styled(style, word),
            out::styled(out::NAME, &finding.check),
            finding.found
        ));
        if let Some(how) = &finding.mend {
            out::line(format_args!("          {how}"));
        }
    }
    out::line(format_args!(
        "\n{good} good, {mend} to mend, {unknown} not known"
    ));
    Ok(mend == 0)
}
