//! `signalbox policy bench`: what a policy costs for each event, against its limits and against another one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::{Value, json};
use signalbox_lambda::policy_tests::{Case, Subject};
use signalbox_policy::{Limits, Metering, Usage};

use super::test::{Project, TestArgs, Workbench};
use crate::{Done, invoke::report::grouped, machine::config::settings_file, out};

/// How often an event is tried before it is measured.
const WARM: usize = 5;

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// A component, `standard`, a policy set, or a folder with tests, whose payloads are the events then
    #[arg(value_name = "FILE")]
    policy: String,
    /// Compare it with another one: the same events
    #[arg(long, value_name = "OTHER")]
    against: Option<String>,
    /// Settings of a component: a JSON or TOML file
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// The events of a component: a folder with tests, or one test; by default one SELECT
    #[arg(long, value_name = "DIR")]
    events: Option<PathBuf>,
    /// How often each event is measured
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    /// Fail if an event takes more time in the guest than this, in microseconds: 95 of 100 runs have to be faster
    #[arg(long, value_name = "MICROSECONDS")]
    max_time: Option<u64>,
    /// Fail if an event burns more fuel than this
    #[arg(long, value_name = "FUEL")]
    max_fuel: Option<u64>,
    /// Fail if an event needs more memory than this, in KiB
    #[arg(long, value_name = "KIB")]
    max_memory: Option<u64>,
    /// Fail if the component is larger than this, in KiB
    #[arg(long, value_name = "KIB")]
    max_size: Option<u64>,
    /// Fail if the policy takes longer to load than this, in milliseconds; what is compiled is compiled before
    #[arg(long, value_name = "MILLISECONDS")]
    max_load: Option<u64>,
}

/// One policy and its events.
struct Bench {
    name: String,
    /// With fuel, which repeats exactly, and without, as in the function.
    metered: Arc<Subject>,
    plain: Arc<Subject>,
    events: Vec<(String, Case)>,
    /// Bytes of the component; none of an artifact.
    size: Option<usize>,
    load: Duration,
}

/// What an event cost.
struct Cost {
    event: String,
    /// Guest time of each run, sorted.
    times: Vec<Duration>,
    fuel: u64,
    memory: usize,
}

pub(super) async fn run(args: &BenchArgs) -> Done {
    let progress = out::Progress::of("loading the policy");
    let (metered, plain) = (
        Arc::new(Workbench::metering(Metering::Fuel)?),
        Arc::new(Workbench::metering(Metering::Off)?),
    );
    let benches = benches(args, &args.policy, &metered, &plain).await?;
    let others = match &args.against {
        Some(other) => benches_of_other(args, other, &metered, &plain).await?,
        None => Vec::new(),
    };
    drop(progress);
    let mut broken = Vec::new();
    let mut documents = Vec::new();
    for bench in &benches {
        let progress = out::Progress::of(format!("measuring {}", bench.name));
        let costs = bench.measure(args.runs).await;
        let other = match others.as_slice() {
            [only] => Some(only),
            several => several.iter().find(|other| other.name == bench.name),
        };
        if args.against.is_some() && other.is_none() {
            return Err(format!(
                "the other one has no policy `{}` to compare",
                bench.name
            ));
        }
        let against = match other {
            // The same events, whatever tests the other one has.
            Some(other) => Some(other.measure_events(&bench.events, args.runs).await),
            None => None,
        };
        drop(progress);
        lines(bench, &costs, other.zip(against.as_deref()))
            .into_iter()
            .for_each(out::line);
        broken.extend(budgets(args, bench, &costs));
        documents.push(document(bench, &costs, other.zip(against.as_deref())));
    }
    broken.iter().for_each(out::error);
    out::json(&json!({ "good": broken.is_empty(), "policies": documents, "budgets": broken }));
    Ok(broken.is_empty())
}

/// The policies of what is named, with their events.
async fn benches(
    args: &BenchArgs,
    named: &str,
    metered: &Arc<Workbench>,
    plain: &Arc<Workbench>,
) -> Result<Vec<Bench>, String> {
    let path = Path::new(named);
    if path.is_dir() || super::set::is_set(named) {
        return of_project(path, metered, plain).await;
    }
    let events = match &args.events {
        Some(events) => {
            let found = Project::find(&TestArgs::of(events), metered).await?;
            let cases = found
                .tests
                .iter()
                .map(|test| (test.name.clone(), test.case.clone()));
            cases.collect()
        }
        None => vec![("select".to_owned(), default_event()?)],
    };
    Ok(vec![
        of_component(args, named, events, metered, plain).await?,
    ])
}

async fn benches_of_other(
    args: &BenchArgs,
    named: &str,
    metered: &Arc<Workbench>,
    plain: &Arc<Workbench>,
) -> Result<Vec<Bench>, String> {
    let path = Path::new(named);
    if path.is_dir() || super::set::is_set(named) {
        return of_project(path, metered, plain).await;
    }
    Ok(vec![
        of_component(args, named, Vec::new(), metered, plain).await?,
    ])
}

fn default_event() -> Result<Case, String> {
    let document =
        json!({ "payload": { "sqlStatement": "select id from sales.orders where id = 5" } });
    Case::of_file(&document, "select").map_err(|notes| format!("{notes:?}"))
}

async fn of_component(
    args: &BenchArgs,
    policy: &str,
    events: Vec<(String, Case)>,
    metered: &Arc<Workbench>,
    plain: &Arc<Workbench>,
) -> Result<Bench, String> {
    let settings = match &args.settings {
        Some(path) => settings_file(path)?,
        None => "{}".to_owned(),
    };
    let size = super::component(policy)?.len();
    let targets = || vec!["default".to_owned()];
    let with_fuel = metered.subject(policy, settings.clone(), targets()).await?;
    // What is compiled by this one is in the cache for the next.
    plain.subject(policy, settings.clone(), targets()).await?;
    let began = Instant::now();
    let without = Workbench::metering(Metering::Off)?
        .subject(policy, settings, targets())
        .await?;
    Ok(Bench {
        name: with_fuel.granted.name().to_owned(),
        metered: Arc::new(with_fuel),
        plain: Arc::new(without),
        events,
        size: Some(size),
        load: began.elapsed(),
    })
}

/// The policies of a project or a set, each with the payloads of its tests.
async fn of_project(
    path: &Path,
    metered: &Arc<Workbench>,
    plain: &Arc<Workbench>,
) -> Result<Vec<Bench>, String> {
    let found = Project::find(&TestArgs::of(path), metered).await?;
    let unmetered = Project::find(&TestArgs::of(path), plain).await?;
    let mut benches: Vec<Bench> = Vec::new();
    for (test, without) in found.tests.iter().zip(&unmetered.tests) {
        let event = (test.name.clone(), test.case.clone());
        let is_it = |bench: &&mut Bench| {
            bench.metered.settings == test.subject.settings
                && bench.name == test.subject.granted.name()
        };
        if let Some(bench) = benches.iter_mut().find(is_it) {
            bench.events.push(event);
            continue;
        }
        let without = &without.subject;
        let began = Instant::now();
        let again = without.under(&plain.engine, without.settings.clone()).await;
        again.map_err(|error| error.to_string())?;
        benches.push(Bench {
            name: test.subject.granted.name().to_owned(),
            metered: Arc::clone(&test.subject),
            plain: Arc::clone(without),
            events: vec![event],
            size: None,
            load: began.elapsed(),
        });
    }
    Ok(benches)
}

impl Bench {
    async fn measure(&self, runs: u32) -> Vec<Cost> {
        self.measure_events(&self.events, runs).await
    }

    async fn measure_events(&self, events: &[(String, Case)], runs: u32) -> Vec<Cost> {
        let mut costs = Vec::new();
        for (name, case) in events {
            let exact = total(&self.metered.run(case).await.usage);
            for _ in 0..WARM {
                self.plain.run(case).await;
            }
            let mut times = Vec::new();
            for _ in 0..runs {
                times.push(total(&self.plain.run(case).await.usage).guest_time);
            }
            times.sort_unstable();
            costs.push(Cost {
                event: name.clone(),
                times,
                fuel: exact.fuel.unwrap_or_default(),
                memory: exact.memory,
            });
        }
        costs
    }

    fn limits(&self) -> Limits {
        *self.plain.code.limits()
    }
}

/// What all exports of one event used together.
fn total(usage: &[(&'static str, Usage)]) -> Usage {
    usage.iter().fold(Usage::default(), |sum, (_, one)| Usage {
        guest_time: sum.guest_time + one.guest_time,
        memory: sum.memory.max(one.memory),
        fuel: Some(sum.fuel.unwrap_or_default() + one.fuel.unwrap_or_default()),
        ..sum
    })
}

impl Cost {
    /// The time that so many of a hundred runs did not exceed.
    fn time(&self, percent: usize) -> Duration {
        let at = (self.times.len() * percent).div_ceil(100).saturating_sub(1);
        self.times.get(at).copied().unwrap_or_default()
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}

const KIB: usize = 1_024;

fn lines(bench: &Bench, costs: &[Cost], against: Option<(&Bench, &[Cost])>) -> Vec<String> {
    let limits = bench.limits();
    let size = bench.size.map_or_else(String::new, |size| {
        format!(
            "{} KiB of {} KiB, ",
            size.div_ceil(KIB),
            limits.component / KIB
        )
    });
    let mut lines = vec![
        format!(
            "{}: {size}loaded in {}",
            out::styled(out::NAME, &bench.name),
            milliseconds(bench.load)
        ),
        format!(
            "  guest time of {} ms, memory of {} KiB; an event has a fresh instance",
            limits.guest_time_ms,
            limits.memory / KIB
        ),
        format!(
            "  {:>10} {:>10} {:>10} {:>14} {:>10}  event",
            "median", "95 %", "slowest", "fuel", "memory"
        ),
    ];
    for (number, cost) in costs.iter().enumerate() {
        lines.push(format!(
            "  {:>10} {:>10} {:>10} {:>14} {:>6} KiB  {}",
            milliseconds(cost.time(50)),
            milliseconds(cost.time(95)),
            milliseconds(cost.time(100)),
            grouped(cost.fuel),
            cost.memory.div_ceil(KIB),
            cost.event
        ));
        let other = against.and_then(|(_, others)| others.get(number));
        if let Some(other) = other {
            lines.push(format!(
                "  {:>10} {:>10} {:>10} {:>14} {:>10}  {}",
                change(cost.time(50).as_nanos(), other.time(50).as_nanos()),
                change(cost.time(95).as_nanos(), other.time(95).as_nanos()),
                change(cost.time(100).as_nanos(), other.time(100).as_nanos()),
                change(cost.fuel.into(), other.fuel.into()),
                change(widened(cost.memory), widened(other.memory)),
                out::styled(out::FAINT, "against the other")
            ));
        }
    }
    if let Some((other, _)) = against {
        lines.push(format!(
            "  against {}, loaded in {}: a figure with + is how much more this one costs",
            out::styled(out::NAME, &other.name),
            milliseconds(other.load)
        ));
    }
    lines
}

fn widened(size: usize) -> u128 {
    u128::try_from(size).unwrap_or(u128::MAX)
}

/// How much more one is than another, in percent.
fn change(one: u128, other: u128) -> String {
    if one == other {
        return "=".to_owned();
    }
    if other == 0 {
        return "new".to_owned();
    }
    let part = |number: u128| i64::try_from(number).unwrap_or(i64::MAX);
    let (one, other) = (part(one), part(other));
    let tenths = one.saturating_sub(other).saturating_mul(1_000) / other;
    format!(
        "{}{}.{} %",
        if tenths < 0 { "-" } else { "+" },
        tenths.abs() / 10,
        tenths.abs() % 10
    )
}

/// The budgets that are not kept.
fn budgets(args: &BenchArgs, bench: &Bench, costs: &[Cost]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut keep = |what: &str, unit: &str, found: u64, most: Option<u64>| {
        if let Some(most) = most.filter(|most| found > *most) {
            broken.push(format!(
                "{}: {what} is {} {unit}, and the budget is {}",
                bench.name,
                grouped(found),
                grouped(most)
            ));
        }
    };
    let kib = |bytes: usize| u64::try_from(bytes.div_ceil(KIB)).unwrap_or(u64::MAX);
    if let Some(size) = bench.size {
        keep("the component", "KiB", kib(size), args.max_size);
    }
    let load = u64::try_from(bench.load.as_millis()).unwrap_or(u64::MAX);
    keep("loading", "ms", load, args.max_load);
    for cost in costs {
        let time = u64::try_from(cost.time(95).as_micros()).unwrap_or(u64::MAX);
        keep(
            &format!("the time of {:?}", cost.event),
            "microseconds",
            time,
            args.max_time,
        );
        keep(
            &format!("the fuel of {:?}", cost.event),
            "units",
            cost.fuel,
            args.max_fuel,
        );
        keep(
            &format!("the memory of {:?}", cost.event),
            "KiB",
            kib(cost.memory),
            args.max_memory,
        );
    }
    broken
}

fn document(bench: &Bench, costs: &[Cost], against: Option<(&Bench, &[Cost])>) -> Value {
    let limits = bench.limits();
    let of = |costs: &[Cost]| -> Vec<Value> {
        costs
            .iter()
            .map(|cost| {
                let micros = |percent| u64::try_from(cost.time(percent).as_micros()).unwrap_or(u64::MAX);
                json!({
                    "event": cost.event,
                    "microseconds": { "median": micros(50), "p95": micros(95), "slowest": micros(100) },
                    "fuel": cost.fuel,
                    "memory": cost.memory,
                })
            })
            .collect()
    };
    json!({
        "policy": bench.name,
        "bytes": bench.size,
        "loadMicroseconds": u64::try_from(bench.load.as_micros()).unwrap_or(u64::MAX),
        "limits": {
            "guestTimeMs": limits.guest_time_ms,
            "memory": limits.memory,
            "component": limits.component,
        },
        "events": of(costs),
        "against": against.map(|(other, costs)| json!({ "policy": other.name, "events": of(costs) })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_in_percent() {
        assert_eq!(change(110, 100), "+10.0 %");
        assert_eq!(change(995, 1_000), "-0.5 %");
        assert_eq!(change(7, 7), "=");
        assert_eq!(change(7, 0), "new");
    }

    #[test]
    fn percentiles_are_runs_that_were() {
        let cost = |count: u64| Cost {
            event: String::new(),
            times: (1..=count).map(Duration::from_micros).collect(),
            fuel: 0,
            memory: 0,
        };
        let of = |count, percent| cost(count).time(percent).as_micros();
        assert_eq!((of(100, 50), of(100, 95), of(100, 100)), (50, 95, 100));
        assert_eq!((of(1, 50), of(1, 95), of(3, 50)), (1, 1, 2));
        assert_eq!(of(0, 50), 0);
    }
}
