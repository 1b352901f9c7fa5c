//! `signalbox demo`: the life of real tasks, without an AWS account.
//!
//! The host is the one that runs on Lambda, the AWS SDK included; Redshift and Step Functions are played by servers
//! on loopback, and the ledger is in memory.

pub(crate) mod narrator;
mod scenario;
mod stage;
mod table;

use std::time::Instant;

use serde_json::Value;
use signalbox_local::step_functions::machines;

use self::{narrator::Narrator, stage::Stage};
use crate::{Done, args::DemoArgs, out};

/// Where to go from here.
const NEXT: &str =
    "`signalbox serve` keeps these servers up for your own tools; `signalbox --help` has the rest";

pub(crate) async fn run(options: &DemoArgs) -> Done {
    let wanted = |name: &str| {
        options
            .only
            .as_deref()
            .is_none_or(|only| name.contains(only))
    };
    let names = scenario::OURS
        .iter()
        .map(|s| s.name)
        .chain(machines::SCENARIOS.iter().map(|s| s.name));
    if options.list {
        out::json(&names.clone().collect::<Vec<_>>());
        names.for_each(out::line);
        return Ok(true);
    }
    if !names.clone().any(wanted) {
        let known: Vec<_> = names.collect();
        return Err(format!(
            "there is no scenario with `{}` in its name; there are {}",
            options.only.as_deref().unwrap_or_default(),
            known.join(", ")
        ));
    }

    let began = Instant::now();
    out::line(out::styled(
        out::HEAD,
        "Signalbox demo: tasks of Step Functions run SQL under a policy",
    ));
    let narrator = Narrator::new();
    let progress = out::Progress::of("loading the policies");
    let stage = Stage::build(&narrator, &options.engine.engine).await?;
    drop(progress);
    for line in stage.programme() {
        out::line(out::styled(out::FAINT, line));
    }

    let mut rows = Vec::new();
    for scenario in scenario::OURS
        .iter()
        .filter(|scenario| wanted(scenario.name))
    {
        narrator.heading(scenario.name, scenario.about);
        let _progress = out::Progress::of(scenario.name);
        rows.push(scenario.play(&stage, &narrator).await);
    }
    for machine in machines::SCENARIOS
        .iter()
        .filter(|machine| wanted(machine.name))
    {
        narrator.heading(machine.name, scenario::about(machine.name));
        let _progress = out::Progress::of(machine.name);
        rows.push(scenario::play_machine(machine, &stage, &narrator).await);
    }
    stage.strike().await;
    let good = table::show(&rows, began.elapsed());
    out::line(out::styled(out::FAINT, NEXT));
    Ok(good)
}

/// The text at a JSON Pointer; empty if there is none.
fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
