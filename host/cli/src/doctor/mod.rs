//! `signalbox doctor`: what a deployment lacks, as far as this program can see, and how to mend it.
//!
//! It changes nothing. The calls are made as whoever runs it: with the function's own role they show what the
//! function may do.

mod arn;
mod checks;
mod finding;
mod fit;
mod function;
mod grant;
mod pattern;
mod period;
mod permissions;
mod route;
mod schedule;
mod wanted;

use std::sync::Arc;

use clap::Args;
use serde_json::json;
use signalbox_aws::{DynamoLedger, S3Objects, Session, surroundings::Surroundings};
use signalbox_lambda::{
    Config,
    config::{RecordsPlace, SetSource},
    start,
};

use self::{
    finding::{Finding, State},
    route::Routes,
    wanted::Wanted,
};
use crate::{Done, out, settings::Settings};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    settings: Settings,
    /// The function's name; by default the deployment's
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
}

pub(crate) async fn run(options: &DoctorArgs) -> Done {
    let findings = match options.settings.read() {
        Err(error) => vec![
            Finding::new("configuration", State::Mend, error)
                .mend("docs/config.md is the reference of all settings"),
        ],
        Ok(config) => {
            let progress = out::Progress::of("looking");
            let findings = look(&config, options.function.as_deref()).await;
            drop(progress);
            findings
        }
    };
    let count = |state| findings.iter().filter(|found| found.state == state).count();
    let (good, mend, unknown) = (
        count(State::Good),
        count(State::Mend),
        count(State::Unknown),
    );
    findings.iter().flat_map(lines).for_each(out::line);
    out::line(format_args!(
        "\n{good} good, {mend} to mend, {unknown} not known"
    ));
    out::json(&json!({
        "good": good, "toMend": mend, "unknown": unknown, "findings": findings,
    }));
    Ok(mend == 0)
}

async fn look(config: &Config, function: Option<&str>) -> Vec<Finding> {
    let mut findings = vec![
        checks::configuration(config),
        checks::policies(config).await,
    ];
    let session = Arc::new(Session::from_environment());
    let ports = start::aws(config);

    let table = DynamoLedger::new(Arc::clone(&session), config.ledger.table.clone());
    let table = table.inspect_table().await;
    findings.extend(checks::table(config, &table));
    // Where there is no table nothing can be said of its items.
    if !matches!(table, Ok(None)) {
        findings.push(permissions::ledger(ports.ledger.as_ref(), ports.clock.as_ref()).await);
    }
    for target in config.targets.keys() {
        findings.push(permissions::target(ports.warehouse.as_ref(), target).await);
    }

    findings.extend(objects(config).await);

    let around = Surroundings::new(session);
    let name = function.unwrap_or(&config.deployment);
    let function = around.function(name).await;
    let known = function.as_ref().ok().and_then(Option::as_ref);
    // Whichever ARN is known tells the account.
    let arn = known.map(|function| function.arn.as_str());
    let arn = arn.or_else(|| table.as_ref().ok()?.as_ref()?.arn.as_deref());
    let execution = arn.and_then(arn::no_execution);
    findings
        .push(permissions::step_functions(ports.callbacks.as_ref(), execution.as_deref()).await);
    let reserved = match known {
        Some(_) => around.reserved_concurrency(name).await,
        None => Ok(None),
    };
    findings.push(function::function(name, &function, &reserved));
    findings.extend(known.map(|known| function::settings(name, known, config)));

    let routes = Routes {
        around: &around,
        function: name,
        timeout: known.map(|known| known.timeout),
        has_policy_set: config.policy_set.is_some(),
    };
    let rules = around.rules().await;
    let mut ways = Vec::new();
    for wanted in [Wanted::completions(&config.deployment), Wanted::stops()] {
        ways.extend(routes.of(&wanted, &rules).await);
    }
    ways.extend(routes.mappings().await);
    for finding in ways {
        // Several ways may go by the same queue.
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings.push(routes.schedule(&rules).await);
    findings
}

/// What the function reads and writes in Amazon S3, where it does.
async fn objects(config: &Config) -> Vec<Finding> {
    let of = |owner: &Option<String>| S3Objects::from_environment().owned_by(owner.as_deref());
    let mut findings = Vec::new();
    if let Some(SetSource::S3 { bucket, key, owner }) =
        config.policy_set.as_ref().map(|set| &set.source)
    {
        findings.push(permissions::policy_set(&of(owner), bucket, key).await);
    }
    if let Some(RecordsPlace::S3 {
        bucket,
        prefix,
        owner,
    }) = &config.records.directory
    {
        let objects = of(owner);
        findings.push(permissions::decision_records(&objects, bucket, prefix).await);
    }
    findings
}

/// A finding for people.
fn lines(finding: &Finding) -> Vec<String> {
    let (style, word) = match finding.state {
        State::Good => (out::GOOD, "good   "),
        State::Mend => (out::BAD, "mend   "),
        State::Unknown => (out::NOTE, "unknown"),
    };
    let first = format!(
        "{} {}: {}",
        out::styled(style, word),
        out::styled(out::NAME, &finding.check),
        finding.found
    );
    let mend = finding.mend.iter().map(|how| format!("          {how}"));
    std::iter::once(first).chain(mend).collect()
}
