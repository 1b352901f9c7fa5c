//! `signalbox replay`: recorded decisions, made again by another policy or under other settings.

mod changes;
mod read;
mod report;
mod to_test;

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
use tokio::{sync::mpsc, task::JoinSet};

use self::{
    changes::{Again, Counts},
    read::Found,
    report::Report,
};
use crate::{
    Done,
    machine::config::settings_file,
    out::{self, Progress},
    policy::{STANDARD, component, engine, test::Workbench},
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
    /// Instead, each decision by the policy of its name that this policy set has
    #[arg(long, value_name = "FILE", conflicts_with_all = ["policy", "settings", "config"])]
    set: Option<PathBuf>,
    /// Only the decisions of the policy that had this name
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Instead of making decisions again, make a test of the one about this request, for `signalbox policy test`
    #[arg(long, value_name = "ID", conflicts_with_all = ["policy", "settings", "config", "set", "only"])]
    to_test: Option<String>,
    /// Where to write the test; by default to standard output
    #[arg(short, long, value_name = "FILE", requires = "to_test")]
    output: Option<PathBuf>,
}

pub(crate) async fn run(args: &ReplayArgs) -> Done {
    if let Some(id) = &args.to_test {
        return to_test::run(&args.records, id, args.output.as_deref());
    }
    let policies = Arc::new(By::given(args)?.load().await?);
    let progress = Progress::of("making the decisions again");
    let begun = Instant::now();
    let named = match args.set {
        Some(_) => "set",
        None => "configuration",
    };
    let width = std::thread::available_parallelism().map_or(1, usize::from);
    let (sender, mut receiver) = mpsc::channel::<Vec<DecisionRecord>>(2 * width);
    let paths = args.records.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let sink = Box::new(move |records| sender.blocking_send(records).is_ok());
        read::records(&paths, Some(sink))
    });
    let mut tally = Tally::default();
    let mut running: JoinSet<Vec<Made>> = JoinSet::new();
    let mut number = 0;
    while let Some(mut records) = receiver.recv().await {
        if let Some(name) = &args.only {
            records.retain(|record| record.policy.name == *name);
        }
        let first = number;
        number += records.len();
        if running.len() >= width
            && let Some(made) = running.join_next().await
        {
            tally.add(made.map_err(|error| error.to_string())?);
        }
        let policies = Arc::clone(&policies);
        running.spawn(async move { batch(&policies, named, records, first).await });
    }
    while let Some(made) = running.join_next().await {
        tally.add(made.map_err(|error| error.to_string())?);
    }
    let found = reading.await.map_err(|error| error.to_string())??;
    drop(progress);
    let Found {
        skipped, left_out, ..
    } = found;
    tally.left_out(skipped, left_out);
    if tally.is_empty() {
        if let Some(name) = args.only.as_ref().filter(|_| tally.skipped.is_empty()) {
            return Err(format!("no decision is one of a policy `{name}`"));
        }
        let why = tally.skipped.first().map(|skip| format!(": {skip}"));
        return Err(format!(
            "there is no decision that can be made again{}. A shortened line of log is not enough; the whole record is where \
             its `whole.file` says, if `[records]` has a `directory`",
            why.unwrap_or_default()
        ));
    }
    let report = tally.report(args.config.is_some() || args.set.is_some(), begun.elapsed());
    report.lines().into_iter().for_each(out::line);
    out::json(&report.document());
    Ok(report.is_same())
}

/// A decision that was made again, or why it was not.
enum Made {
    Again(usize, Box<Again>),
    Skipped(String),
}

/// Makes some decisions again; the first one has this number.
async fn batch(
    policies: &Policies,
    named: &str,
    records: Vec<DecisionRecord>,
    first: usize,
) -> Vec<Made> {
    let mut made = Vec::with_capacity(records.len());
    for (number, record) in records.into_iter().enumerate() {
        made.push(match policies.of(&record) {
            Some(policy) => {
                let again = again(&*policy, policies, record).await;
                Made::Again(first + number, Box::new(again))
            }
            None => Made::Skipped(format!(
                "{} {}: the {named} has no policy `{}`",
                record.asked.export(),
                record.asked.subject(),
                record.policy.name
            )),
        });
    }
    made
}

/// How much of the records is kept that are shown one by one, in bytes: of those that are the same, which only programs see,
/// and of the others.
const KEPT: [usize; 2] = [8 * 1024 * 1024, 48 * 1024 * 1024];
/// What a decision takes beside its record's texts, about.
const FRAME: usize = 4 * 1024;

/// What all decisions come to, in memory that does not grow with their number.
#[derive(Default)]
struct Tally {
    counts: Counts,
    kept: Vec<(usize, Again)>,
    bytes: [usize; 2],
    skipped: Vec<String>,
    skips: usize,
}

impl Tally {
    fn add(&mut self, made: Vec<Made>) {
        for made in made {
            match made {
                Made::Skipped(reason) => self.left_out(vec![reason], 1),
                Made::Again(number, again) => {
                    self.counts.add(&again);
                    let kind = usize::from(!again.replay.is_same());
                    let size = again.record.size() + FRAME;
                    if let (Some(taken), Some(most)) = (self.bytes.get_mut(kind), KEPT.get(kind))
                        && *taken + size <= *most
                    {
                        *taken += size;
                        self.kept.push((number, *again));
                    }
                }
            }
        }
    }

    fn left_out(&mut self, reasons: Vec<String>, count: usize) {
        self.skips += count;
        let room = SKIPS.saturating_sub(self.skipped.len());
        self.skipped.extend(reasons.into_iter().take(room));
    }

    fn is_empty(&self) -> bool {
        self.counts.all() == 0
    }

    fn report(mut self, is_by_name: bool, time: Duration) -> Report {
        self.kept.sort_by_key(|(number, _)| *number);
        let mut counts = self.counts;
        counts.skipped = self.skips;
        Report {
            is_by_name,
            counts,
            decisions: self.kept.into_iter().map(|(_, again)| again).collect(),
            skipped: self.skipped,
            time,
        }
    }
}

/// How many reasons are shown.
const SKIPS: usize = 1_000;

/// Who is to decide.
enum By {
    One { policy: String, settings: String },
    Config(Box<Config>),
    Set(PathBuf),
}

impl By {
    fn given(args: &ReplayArgs) -> Result<Self, String> {
        if let Some(path) = &args.set {
            return Ok(Self::Set(path.clone()));
        }
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
            Self::Set(path) => {
                let _progress = Progress::of("loading the policies");
                let tested = Workbench::new()?.set(&path).await?;
                let granted = tested.into_iter().map(|one| one.subject.granted);
                Ok(Policies::Named(PolicySet::routed(
                    granted.collect(),
                    Vec::new(),
                )))
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
