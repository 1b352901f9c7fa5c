//! `signalbox policy test`: cases in files and in policy sets, in the real sandbox.

mod bench_of;
mod bless;
mod find;
mod junit;
mod report;
pub(in crate::policy) mod strength;
mod watch;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use signalbox_lambda::policy_tests::{Case, Subject, Verdict};
use tokio::task::JoinSet;

pub(crate) use self::{bench_of::Workbench, find::Project};
use crate::{Done, out};

/// What is tested, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct TestArgs {
    /// A folder with cases, one case, or the manifest of a policy set
    #[arg(value_name = "DIR|SET", default_value = ".")]
    pub(crate) place: PathBuf,
    /// Only the tests whose names contain this
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// The policy of cases that name none: a component, or `standard`; by default that of the folder's `set.toml`, else the
    /// built-in one
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<String>,
    /// Its settings, JSON or TOML; by default `settings.json` or `settings.toml` of the folder
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Write what came into `expect` of the cases that failed or expect nothing; look at the difference before you commit it
    #[arg(long)]
    bless: bool,
    /// Run again whenever a file of the folder changes, until stopped
    #[arg(long, conflicts_with = "bless")]
    watch: bool,
    /// Write the results into this file too, as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Show which rules and branches of the settings decide in a test; below so many percent the command fails
    #[arg(long, value_name = "PERCENT", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
    coverage: Option<u8>,
    /// Change one thing of the settings at a time, and show which changes no test notices; below so many percent of them
    /// noticed the command fails
    #[arg(long, value_name = "PERCENT", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
    mutate: Option<u8>,
    /// Write the fewest tests that notice the other changes into this folder
    #[arg(long, value_name = "DIR", requires = "mutate")]
    suggest: Option<PathBuf>,
}

impl TestArgs {
    /// The tests of a place, for whoever needs their payloads.
    pub(crate) fn of(place: &std::path::Path) -> Self {
        Self {
            place: place.to_owned(),
            filter: None,
            policy: None,
            settings: None,
            bless: false,
            watch: false,
            junit: None,
            coverage: None,
            mutate: None,
            suggest: None,
        }
    }
}

/// One test and what it needs.
pub(crate) struct Test {
    /// Its name, unique in its project.
    pub(crate) name: String,
    /// Where it stands, for people.
    pub(crate) place: String,
    /// The file of a case of its own; none in a set.
    pub(crate) file: Option<PathBuf>,
    /// What is done, and what is expected.
    pub(crate) case: Case,
    /// The policy.
    pub(crate) subject: Arc<Subject>,
}

/// A test that was run.
pub(crate) struct Ran {
    pub(crate) test: Arc<Test>,
    pub(crate) verdict: Verdict,
    pub(crate) time: Duration,
}

impl Ran {
    pub(crate) fn passed(&self) -> bool {
        self.verdict.differences.is_empty() && !self.test.case.expect.is_empty()
    }
}

pub(crate) async fn run(args: &TestArgs) -> Done {
    let bench = Arc::new(Workbench::new()?);
    if args.watch {
        return watch::run(args, &bench).await;
    }
    once(args, &bench).await
}

/// Finds and runs all tests, and reports.
async fn once(args: &TestArgs, bench: &Arc<Workbench>) -> Done {
    let began = Instant::now();
    let project = Project::find(args, bench).await?;
    let total = project.tests.len();
    let tests = project.filtered(args.filter.as_deref())?;
    let filtered = total - tests.len();
    let progress = out::Progress::of("testing");
    let mut ran = run_all(bench, tests).await?;
    drop(progress);
    let mut blessed = Vec::new();
    if args.bless {
        blessed = bless::bless(&mut ran)?;
    }
    let report = report::Report {
        ran,
        filtered,
        blessed,
        time: began.elapsed(),
    };
    report.lines().into_iter().for_each(out::line);
    let mut document = report.document();
    let mut is_strong = true;
    if args.coverage.is_some() || args.mutate.is_some() {
        if report.is_good() {
            let (strong, measured) = strength::run(args, bench, &report.ran).await?;
            is_strong = strong;
            if let Some(members) = document.as_object_mut() {
                members.insert("strength".to_owned(), measured);
            }
        } else {
            out::note("coverage and mutants are looked at when all tests pass");
        }
    }
    out::json(&document);
    if let Some(path) = &args.junit {
        std::fs::write(path, junit::document(&report))
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    }
    Ok(report.is_good() && is_strong)
}

/// Runs tests side by side, and returns them in their order.
pub(crate) async fn run_all(
    bench: &Arc<Workbench>,
    tests: Vec<Arc<Test>>,
) -> Result<Vec<Ran>, String> {
    let width = std::thread::available_parallelism().map_or(1, usize::from);
    let mut running = JoinSet::new();
    let mut waiting = tests.into_iter().enumerate();
    let mut done = Vec::new();
    loop {
        while running.len() < width {
            let Some((number, test)) = waiting.next() else {
                break;
            };
            let bench = Arc::clone(bench);
            running.spawn(async move {
                let began = Instant::now();
                let verdict = test.subject.test(&bench.engine, &test.case).await;
                let time = began.elapsed();
                (
                    number,
                    Ran {
                        test,
                        verdict,
                        time,
                    },
                )
            });
        }
        match running.join_next().await {
            Some(Ok(ran)) => done.push(ran),
            Some(Err(error)) => return Err(format!("a test ended without a result: {error}")),
            None => break,
        }
    }
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, ran)| ran).collect())
}
