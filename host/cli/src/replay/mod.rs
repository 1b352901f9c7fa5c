//! `signalbox replay`: recorded decisions, made again by another policy or under other settings.

mod read;
mod report;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::Value;
use signalbox_lambda::{Config, records::Concealed, start};
use signalbox_policy::{
    ComponentPolicy, DecisionRecord, Identity, Limits, Loading, Metering, Policy, Source, digest,
    record::MaskRule, replay::replay,
};
use signalbox_tasker::PolicySet;

use self::{
    read::Found,
    report::{Again, Report},
};
use crate::{
    Done,
    machine::config::settings_file,
    out::{self, Progress},
    policy::{STANDARD, component, engine},
    settings::Settings,
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
    /// Instead, each decision by the policy of its name that this configuration of a function, or its policy set, has
    #[arg(long, value_name = "FILE", conflicts_with_all = ["policy", "settings"])]
    config: Option<PathBuf>,
    /// Only the decisions of the policy that had this name
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

pub(crate) async fn run(args: &ReplayArgs) -> Done {
    let by = By::given(args)?;
    let Found {
        mut records,
        mut skipped,
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
    let policies = by.load().await?;

    let progress = Progress::of("making the decisions again");
    let begun = Instant::now();
    let mut decisions = Vec::with_capacity(records.len());
    for record in records {
        match policies.of(&record) {
            Some(policy) => decisions.push(again(&*policy, &policies, record).await),
            None => skipped.push(format!(
                "{} {}: the configuration has no policy `{}`",
                record.asked.export(),
                record.asked.subject(),
                record.policy.name
            )),
        }
    }
    drop(progress);
    if decisions.is_empty() {
        let why = skipped.first().map(String::as_str).unwrap_or_default();
        return Err(format!(
            "there is no decision that can be made again: {why}"
        ));
    }
    let report = Report {
        is_by_name: args.config.is_some(),
        decisions,
        skipped,
        time: begun.elapsed(),
    };
    report.lines().into_iter().for_each(out::line);
    out::json(&report.document());
    Ok(report.is_same())
}

/// Who is to decide.
enum By {
    One { policy: String, settings: String },
    Config(Box<Config>),
}

impl By {
    fn given(args: &ReplayArgs) -> Result<Self, String> {
        if let Some(path) = &args.config {
            let mut config = Settings::of_file(path).read()?;
            if let Some(set) = &mut config.policy_set {
                // A draft is looked at before it is signed.
                set.allow_unsigned = true;
            }
            return Ok(Self::Config(Box::new(config)));
        }
        Ok(Self::One {
            policy: args.policy.clone(),
            settings: match &args.settings {
                Some(path) => settings_file(path)?,
                None => "{}".to_owned(),
            },
        })
    }

    async fn load(self) -> Result<Policies, String> {
        match self {
            Self::One { policy, settings } => {
                let rewritten = rewritten(&settings);
                Ok(Policies::One {
                    policy: Arc::new(load(&policy, settings).await?),
                    rewritten,
                })
            }
            Self::Config(config) => {
                let _progress = Progress::of("loading the policies");
                let set = start::load_policies(&config).await;
                Ok(Policies::Named(set.map_err(|error| error.to_string())?))
            }
        }
    }
}

/// Those who decide.
enum Policies {
    One {
        policy: Arc<ComponentPolicy>,
        /// The digests of its settings as a configuration or a policy set may write them.
        rewritten: Vec<String>,
    },
    Named(PolicySet),
}

impl Policies {
    /// The policy that is to make a decision again.
    fn of(&self, record: &DecisionRecord) -> Option<Arc<dyn Policy>> {
        match self {
            Self::One { policy, .. } => Some(Arc::<ComponentPolicy>::clone(policy)),
            Self::Named(set) => set
                .settling(&record.policy.name, None)
                .map(|found| found.policy),
        }
    }

    /// Whether a decision was made under other settings than those that a policy has now.
    fn has_other_settings(&self, now: &Identity, record: &DecisionRecord) -> bool {
        let then = &record.policy.settings_digest;
        let is_same = match self {
            Self::One { rewritten, .. } => rewritten.contains(then),
            Self::Named(_) => false,
        };
        !is_same && *then != now.settings_digest
    }
}

/// The digests of the same settings without spaces, as TOML becomes JSON: in the order in which they are written, and
/// sorted.
fn rewritten(settings: &str) -> Vec<String> {
    let Ok(as_written) = serde_json::from_str::<Value>(settings) else {
        return Vec::new();
    };
    let mut sorted = as_written.clone();
    sort(&mut sorted);
    [as_written, sorted]
        .iter()
        .map(|settings| digest::hex(settings.to_string().as_bytes()))
        .collect()
}

/// Sorts the members of all objects, which a map may keep in the order in which they came.
fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(sort),
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = std::mem::take(members).into_iter().collect();
            members.extend(sorted);
            members.values_mut().for_each(sort);
        }
        _ => {}
    }
}

async fn load(policy: &str, settings: String) -> Result<ComponentPolicy, String> {
    let progress = Progress::of("compiling the policy");
    let engine = engine(Metering::Fuel)?;
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

async fn again(policy: &dyn Policy, policies: &Policies, record: DecisionRecord) -> Again {
    let rule = record
        .masked
        .as_ref()
        .map_or(MaskRule::Secrets, |masked| masked.rule);
    let deadline = tokio::time::Instant::now() + TIME;
    let replay = replay(policy, &record, deadline, Arc::new(Concealed(rule))).await;
    let by = policy.identity();
    Again {
        has_other_settings: policies.has_other_settings(by, &record),
        by: by.clone(),
        record,
        replay,
    }
}
