//! `signalbox invoke`: one event through the host, and all that comes of it.

mod decide;
mod ends;
pub(crate) mod event;
pub(crate) mod report;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::{Value, json};
use signalbox_aws::{RedshiftData, Session};
use signalbox_local::step_functions::{StateError, StepFunctionsOptions, WaitingTask};
use signalbox_policy::{DecisionRecord, Witness};

use self::report::{Happening, Report};
use crate::{
    Done,
    machine::{Machine, MachineOptions, args::MachineArgs, delivery::Delivery, functions::context},
    out::{self, Progress},
};

/// The period of the sweep: that of the schedule of `docs/deploy.md`.
pub(crate) const SWEEP: Duration = Duration::from_secs(60);

/// How long shadows may take: nobody waits behind them, as on Lambda.
const SHADOWS: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(crate) struct InvokeArgs {
    /// The events: JSON files, folders of them, or `-` for standard input
    #[arg(required = true, value_name = "EVENT")]
    pub(crate) events: Vec<PathBuf>,
    /// Only show what the policy decides: nothing is started, and no machine either
    #[arg(long)]
    pub(crate) decide_only: bool,
    /// The time at which it decides: a date and time with an offset, such as 2026-11-30T23:00:00Z; by default now
    #[arg(long, value_name = "TIME", requires = "decide_only")]
    pub(crate) at: Option<String>,
    /// How long to wait at most for statements and for answers to waiting tasks
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    pub(crate) wait: u32,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
}

pub(crate) async fn run(args: &InvokeArgs) -> Done {
    let events = event::files(&args.events)?;
    if args.decide_only {
        return decide::run(args, &events).await;
    }
    let mut documents = Vec::new();
    let mut is_good = true;
    for path in &events {
        if events.len() > 1 {
            out::line(out::styled(out::HEAD, path.display()));
        }
        let (report, unkept) = serve(args, path).await?;
        report.lines().into_iter().for_each(out::line);
        unkept.iter().for_each(out::note);
        is_good &= report.is_good();
        documents.push(report.document());
    }
    match documents.as_slice() {
        [only] => out::json(only),
        several => out::json(&json!({ "good": is_good, "events": several })),
    }
    Ok(is_good)
}

/// Serves one event on a machine of its own.
async fn serve(args: &InvokeArgs, path: &Path) -> Result<(Report, Vec<String>), String> {
    let mut event = event::read(path)?;
    let functions = args.machine.functions()?;
    let limits = functions
        .values()
        // Those of a set are in its manifest.
        .filter(|config| config.policy_set.is_none())
        .flat_map(|config| &config.policies)
        .map(|(name, policy)| (name.clone(), policy.limits))
        .collect();
    let targets = functions
        .values()
        .flat_map(|config| config.targets.clone())
        .collect();
    let history = History::default();

    let progress = Progress::of("loading the policy");
    let machine = Machine::start(MachineOptions {
        redshift: args.machine.redshift(),
        listener: Some(history.listener()),
        states: StepFunctionsOptions {
            time_scale: args.machine.time_scale(),
            ..StepFunctionsOptions::default()
        },
        answer_at: None,
        functions,
        delivery: Delivery::SQS,
        sweep_every: Some(args.machine.time_scale().wall(SWEEP)),
        witness: Some(history.witness()),
    })
    .await?;
    drop(progress);

    let mut tasks = event::let_wait(&mut event, &machine.states);
    let is_batch = event.get("Records").is_some();
    let began = Instant::now();
    let host = machine
        .functions
        .host(&args.machine.function.name)
        .ok_or("there is no such function")?;
    let progress = Progress::of("invoking the function");
    let reply = host
        .handle(event, context(args.machine.function.arn()))
        .await;
    let time = began.elapsed();
    history.with(|all| all.push(Happening::Replied));
    drop(progress);

    let end = tokio::time::Instant::now() + Duration::from_secs(args.wait.into());
    let tasks = match &reply {
        // Under `.waitForTaskToken` the error of the invocation ends the task.
        Err(raised) if !is_batch => {
            let cause = json!({"errorMessage": raised.message, "errorType": raised.error_type});
            let error = StateError {
                error: raised.error_type.clone(),
                cause: cause.to_string(),
            };
            tasks.iter().map(|_| Some(Err(error.clone()))).collect()
        }
        _ => {
            let _progress = Progress::of("waiting for the statement to end");
            let answers = answers(&mut tasks, end).await;
            // Where nobody waits the statement is not cut off either.
            let session = Arc::new(Session::at(&machine.redshift.url()));
            let warehouse = RedshiftData::new(session, targets);
            for started in history.with(|all| ends::started(all)) {
                let ended = tokio::time::timeout_at(end, ends::end_of(&warehouse, &started)).await;
                let happening = match ended {
                    Ok(Some(document)) => Happening::Ended(document),
                    Ok(None) | Err(_) => Happening::Unended(started.id),
                };
                history.with(|all| all.push(happening));
            }
            answers
        }
    };
    let progress = Progress::of("asking the shadows");
    let shaded = host.tasker().shadows().run(SHADOWS).await;
    drop(progress);
    let unkept = machine.keep_records().await;
    machine.stop().await;

    let report = Report {
        happenings: history.take(),
        reply,
        time,
        tasks,
        limits,
        shaded,
    };
    Ok((report, unkept.iter().map(ToString::to_string).collect()))
}

async fn answers(
    tasks: &mut [WaitingTask],
    end: tokio::time::Instant,
) -> Vec<Option<Result<Value, StateError>>> {
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(tokio::time::timeout_at(end, task.answer()).await.ok());
    }
    answers
}

/// What happens, as it happens.
#[derive(Clone, Default)]
struct History(Arc<Mutex<Vec<Happening>>>);

impl History {
    fn with<T>(&self, act: impl FnOnce(&mut Vec<Happening>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn listener(&self) -> Arc<dyn Fn(&Value) + Send + Sync> {
        let history = self.clone();
        Arc::new(move |event: &Value| {
            history.with(|all| all.push(Happening::Completion(event.clone())));
        })
    }

    fn witness(&self) -> Arc<dyn Witness> {
        let history = self.clone();
        Arc::new(move |record: DecisionRecord| {
            history.with(|all| {
                let place = ends::place(all, &record);
                all.insert(place, Happening::Evaluation(Box::new(record)));
            });
        })
    }

    fn take(&self) -> Vec<Happening> {
        self.with(std::mem::take)
    }
}
