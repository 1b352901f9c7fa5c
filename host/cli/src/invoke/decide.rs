//! `--decide-only`: what the policy of the caller decides about events, with nothing behind it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use signalbox_lambda::{
    policy_tests::{call, time_of, told},
    start,
};
use signalbox_policy::{Answer, Metering};
use signalbox_tasker::{
    Action, Caller, Granted, Grants, PolicySet,
    dry_run::{DryRun, Trial, dry_run},
    ports::{Clock as _, SystemClock},
};

use super::{InvokeArgs, event};
use crate::{
    Done,
    out::{self, Progress},
};

/// How long one decision may take.
const TIME: Duration = Duration::from_secs(30);

pub(super) async fn run(args: &InvokeArgs, events: &[PathBuf]) -> Done {
    let now = match &args.at {
        Some(text) => time_of(text)?,
        None => u64::try_from(SystemClock.now().as_millisecond()).unwrap_or_default(),
    };
    let functions = args.machine.functions()?;
    let config = functions
        .get(&args.machine.function.name)
        .ok_or("there is no such function")?;
    let targets: Vec<String> = std::iter::once(config.default_target.clone())
        .chain(
            config
                .targets
                .keys()
                .filter(|name| **name != config.default_target)
                .cloned(),
        )
        .collect();
    let progress = Progress::of("loading the policy");
    let policies = start::load_policies_metered(config, Metering::Fuel).await;
    let policies = policies.map_err(|error| error.to_string())?;
    drop(progress);
    let arn = args.machine.function.arn();
    let mut documents = Vec::new();
    let mut is_good = true;
    for path in events {
        let payload = event::read(path)?;
        let run = decide(&policies, &arn, &targets, payload, now).await;
        is_good &= run.as_ref().is_ok_and(|(_, run)| run.raised.is_none());
        documents.push(shown(path, run));
    }
    match documents.as_slice() {
        [only] => out::json(only),
        several => out::json(&json!({ "good": is_good, "events": several })),
    }
    Ok(is_good)
}

/// What the policy that serves this caller decides; its name, or why there is none.
async fn decide(
    policies: &PolicySet,
    function: &str,
    targets: &[String],
    payload: Value,
    now: u64,
) -> Result<(String, DryRun), String> {
    let text = |name: &str| payload.get(name).and_then(Value::as_str).map(str::to_owned);
    let (policy, execution) = (text("policy"), text("executionArn"));
    let caller = Caller {
        policy: policy.as_deref(),
        execution_arn: execution.as_deref(),
        function_arn: Some(function),
        task: "decide-only",
    };
    let mut granted: Granted = policies
        .choose(&caller)
        .map_err(|raised| raised.to_string())?;
    // Without a set a policy may do everything.
    if granted.grants.is_none() {
        granted.grants = Some(std::sync::Arc::new(Grants::of(Action::ALL)));
        if granted.targets.is_empty() {
            granted.targets = targets.to_vec();
        }
    }
    let deadline = tokio::time::Instant::now() + TIME;
    let run = dry_run(&granted, Trial::of(payload, now), deadline).await;
    Ok((granted.name().to_owned(), run))
}

/// Tells what was decided, and returns the document for programs.
fn shown(path: &Path, decided: Result<(String, DryRun), String>) -> Value {
    let (policy, run) = match decided {
        Ok(decided) => decided,
        Err(why) => {
            out::line(format_args!(
                "{} {}: {why}",
                out::styled(out::BAD, "refused"),
                path.display()
            ));
            return json!({ "event": path, "good": false, "refused": why });
        }
    };
    let (style, word) = match &run.raised {
        Some(_) => (out::BAD, "refused"),
        None => (out::GOOD, "served"),
    };
    out::line(format_args!(
        "{} {} by {}: {}",
        out::styled(style, word),
        path.display(),
        out::styled(out::NAME, &policy),
        told(&run)
    ));
    let calls: Vec<_> = run.calls.iter().map(call).collect();
    for call in &calls {
        out::line(format_args!("  call     {call}"));
    }
    for line in &run.log {
        out::line(format_args!("  log      {}", line.text));
    }
    if let Some(answer) = &run.answer {
        let text = match answer {
            Answer::Succeed { output } => format!("succeeds with {output}"),
            Answer::Fail { error, cause } => format!("fails with {error}: {cause}"),
        };
        out::line(format_args!("  task     {text}"));
    }
    let raised = run.raised.as_ref();
    json!({
        "event": path,
        "good": raised.is_none(),
        "policy": policy,
        "raised": raised.map(|raised| json!({ "errorType": raised.error_type, "errorMessage": raised.message })),
        "reply": run.reply,
        "calls": calls,
        "log": run.log.iter().map(|line| &line.text).collect::<Vec<_>>(),
        "task": run.answer,
        "usage": run.usage.iter().map(|(_, usage)| usage).collect::<Vec<_>>(),
    })
}
