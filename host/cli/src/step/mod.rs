//! `signalbox step`: one Task state of a definition, run as Step Functions runs it.

mod report;
mod state;

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use clap::Args;
use serde_json::{Value, json};
use signalbox_local::step_functions::{
    FunctionError, InvokeFunction, Observation, Observer, StepFunctionsOptions,
};

use self::report::{Recorder, Report};
use crate::{
    Done,
    demo::narrator::Narrator,
    invoke::{
        SWEEP,
        event::{self, Most},
    },
    machine::{
        Machine, MachineOptions, args::MachineArgs, delivery::Delivery, functions::Functions,
    },
    out::{self, Progress},
};

/// As long as Step Functions lets a definition be.
const DEFINITION: Most = Most {
    bytes: 1024 * 1024,
    of: "Step Functions takes as a definition",
};
/// As much as a state is handed.
const INPUT: Most = Most {
    bytes: 256 * 1024,
    of: "Step Functions hands to a state",
};

#[derive(Debug, Args)]
pub(crate) struct StepArgs {
    /// The state machine's definition, or one state of it: a JSON file
    pub(crate) definition: PathBuf,
    /// The Task state to run; not needed where there is only one
    #[arg(long, value_name = "NAME")]
    pub(crate) state: Option<String>,
    /// The SQL to run in place of the payload's `sqlStatement`
    #[arg(long, value_name = "SQL")]
    pub(crate) sql: Option<String>,
    /// The state's input: a JSON file, or `-` for standard input; `{}` without it
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// How long to wait at most for the state to end, however long it may take by its definition
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    pub(crate) wait: u32,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
}

pub(crate) async fn run(args: &StepArgs) -> Done {
    let definition = event::read_json("the definition", &args.definition, DEFINITION)?;
    let single = state::prepare(&definition, args.state.as_deref(), args.sql.as_deref())?;
    let runnable = single.definition().map_err(|error| error.to_string())?;
    let input = match &args.input {
        None => json!({}),
        Some(path) => event::read_json("the input", path, INPUT)?,
    };
    let warnings = state::warnings(&single);
    warnings.iter().for_each(out::note);

    let narrator = Narrator::new();
    let recorder = Arc::new(Recorder::default());
    let observer = {
        let (narrator, recorder, name) = (
            narrator.clone(),
            Arc::clone(&recorder),
            single.name().to_owned(),
        );
        move |observation: &Observation| {
            if report::is_of(observation, &name) {
                narrator.observe(observation);
                recorder.record(observation);
            }
        }
    };
    let progress = Progress::of("loading the policy");
    let listener = {
        let narrator = narrator.clone();
        move |event: &Value| narrator.completion(event)
    };
    let machine = Machine::start(MachineOptions {
        redshift: args.machine.redshift(),
        listener: Some(Arc::new(listener)),
        states: StepFunctionsOptions {
            time_scale: args.machine.time_scale(),
            observer: Some(Arc::new(observer)),
            ..StepFunctionsOptions::default()
        },
        answer_at: None,
        functions: args.machine.functions()?,
        delivery: Delivery::SQS,
        sweep_every: Some(args.machine.time_scale().wall(SWEEP)),
        witness: None,
    })
    .await?;
    drop(progress);
    machine.states.set_function(Arc::new(Whatever {
        functions: Arc::clone(&machine.functions),
        arn: args.machine.function.arn(),
    }));
    let progress = Progress::of(format!("running the state {}", single.name()));
    narrator.begin();
    let end = Duration::from_secs(args.wait.into());
    let outcome = tokio::time::timeout(end, machine.states.run("step", &runnable, input)).await;
    drop(progress);
    let unkept = machine.keep_records().await;
    machine.stop().await;
    unkept.iter().for_each(out::note);
    let Ok(outcome) = outcome else {
        let message = format!(
            "the state '{}' had not ended after {} seconds (--wait): if it waits for its token, nobody has answered it",
            single.name(),
            args.wait
        );
        out::error(&message);
        out::json(&json!({ "good": false, "error": message }));
        return Ok(false);
    };

    let report = Report::new(&single, recorder.take(), outcome, warnings);
    report.lines().into_iter().for_each(out::line);
    out::json(&report);
    Ok(report.is_good())
}

/// The machine's one function, whatever the definition calls it.
struct Whatever {
    functions: Arc<Functions>,
    arn: String,
}

#[async_trait]
impl InvokeFunction for Whatever {
    async fn invoke(&self, _: &str, payload: Value) -> Result<Value, FunctionError> {
        self.functions.invoke(&self.arn, payload).await
    }
}
