//! `signalbox replay`: recorded decisions, made again by another policy or under other settings.

mod read;
mod report;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use signalbox_lambda::records::Concealed;
use signalbox_policy::{
    ComponentPolicy, DecisionRecord, EngineOptions, Limits, Loading, Metering, Policy as _,
    PolicyEngine, Source, record::MaskRule, replay::replay,
};

use self::{
    read::Found,
    report::{Again, Report},
};
use crate::{
    Done,
    machine::config::settings_file,
    out::{self, Progress},
    policy::{STANDARD, component},
};

/// How long one decision may take. It is fuel that is compared, and not the time of this machine.
const TIME: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Where the decisions are: records, folders of them, logs, documents of `signalbox invoke --json`, or `-` for standard
    /// input
    #[arg(required = true, value_name = "RECORDS")]
    records: Vec<PathBuf>,
    /// The policy that decides now: a component, or `standard` for the built-in one
    #[arg(long, value_name = "FILE", default_value = STANDARD)]
    policy: String,
    /// Its settings: a JSON file
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Only the decisions of the policy that had this name
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

pub(crate) async fn run(args: &ReplayArgs) -> Done {
    let settings = match &args.settings {
        Some(path) => settings_file(path)?,
        None => "{}".to_owned(),
    };
    let Found {
        mut records,
        skipped,
    } = read::records(&args.records)?;
    if let Some(name) = &args.only {
        records.retain(|record| record.policy.name == *name);
        if records.is_empty() {
            return Err(format!("no decision is one of a policy `{name}`"));
        }
    }
    if records.is_empty() {
        let why = skipped.first().map(|skip| format!(": {skip}"));
        return Err(format!(
            "there is no decision that can be made again{}. A shortened line of log is not enough; the whole record is where \
             its `whole.file` says, if `[records]` has a `directory`",
            why.unwrap_or_default()
        ));
    }
    let policy = load(&args.policy, settings).await?;

    let progress = Progress::of("making the decisions again");
    let begun = Instant::now();
    let mut decisions = Vec::with_capacity(records.len());
    for record in records {
        decisions.push(again(&policy, record).await);
    }
    drop(progress);
    let report = Report {
        policy: policy.identity().clone(),
        decisions,
        skipped,
        time: begun.elapsed(),
    };
    report.lines().into_iter().for_each(out::line);
    out::json(&report.document());
    Ok(report.is_same())
}

async fn load(policy: &str, settings: String) -> Result<ComponentPolicy, String> {
    let progress = Progress::of("compiling the policy");
    let engine = PolicyEngine::new(EngineOptions {
        metering: Metering::Fuel,
        cache: None,
    })
    .map_err(|error| error.to_string())?;
    let loading = Loading {
        name: policy.to_owned(),
        source: Source::Component(component(policy)?),
        settings,
        limits: Limits {
            guest_time_ms: u64::try_from(TIME.as_millis()).unwrap_or(u64::MAX),
            ..Limits::default()
        },
        redact: None,
    };
    let loaded = engine.load(loading).await;
    drop(progress);
    loaded.map_err(|error| error.to_string())
}

async fn again(policy: &ComponentPolicy, record: DecisionRecord) -> Again {
    let rule = record
        .masked
        .as_ref()
        .map_or(MaskRule::Secrets, |masked| masked.rule);
    let deadline = tokio::time::Instant::now() + TIME;
    let replay = replay(policy, &record, deadline, Arc::new(Concealed(rule))).await;
    Again { record, replay }
}
