//! What the scenarios are played on: servers on loopback, and hosts that know them only by their addresses.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use serde_json::Value;
use signalbox_lambda::{Config, config::Environment};
use signalbox_local::{
    Faults, TimeScale,
    data_api::{DataApiOptions, EventFaults},
    lambda_api::Retry,
    sql::EngineChoice,
    step_functions::{StepFunctionsOptions, StepFunctionsServer},
};

use super::narrator::Narrator;
use crate::machine::{
    Machine, MachineOptions,
    config::{self, Sources},
    delivery::Delivery,
    functions::Functions,
};

/// The function that most scenarios use: the original's environment and nothing else.
pub(crate) const TASKER: &str = "tasker";
/// A second function for another database user, as the original's users have one.
pub(crate) const SECOND_TASKER: &str = "second-tasker";
/// A function whose policy has rules.
pub(crate) const GUARDED: &str = "guarded";

/// The rules of [`GUARDED`].
pub(crate) const RULES: &str = r#"{
  "rules": [
    {"name": "keep-tables", "when": {"kinds": ["drop-*", "truncate"]}, "then": {"deny": "tables are dropped by the platform team only"}}
  ],
  "unparsed": "deny",
  "unqualified": "allow"
}"#;

/// So many times as fast as in life the stories run.
const SPEED: f64 = 40.0;
/// How old a record is before the sweep looks at it, here.
const SWEEP_AFTER: Duration = Duration::from_millis(500);

/// How long a message that was not worked off stays invisible, here.
const VISIBILITY: Duration = Duration::from_millis(250);

/// Everything that runs.
pub(crate) struct Stage {
    machine: Machine,
    pub(crate) event_faults: EventFaults,
    cache: Option<PathBuf>,
}

impl Stage {
    /// Starts the servers and the hosts.
    pub(crate) async fn build(narrator: &Narrator, engine: &EngineChoice) -> Result<Self, String> {
        let event_faults = EventFaults::new();
        let (redshift_calls, states_calls) = (Faults::new(), Faults::new());
        for calls in [&redshift_calls, &states_calls] {
            let listener = narrator.clone();
            calls.on_call(move |operation, _| {
                listener.called(operation);
                None
            });
        }
        let mut functions = BTreeMap::new();
        for (name, user, settings) in [
            (TASKER, "admin", "{}"),
            (SECOND_TASKER, "user2", "{}"),
            (GUARDED, "admin", RULES),
        ] {
            functions.insert(name.to_owned(), config(name, user, settings)?);
        }
        let cache = functions
            .values()
            .find_map(|config| config.cache_dir.clone());
        let listener = narrator.clone();
        let machine = Machine::start(MachineOptions {
            redshift: DataApiOptions {
                engine: engine.clone(),
                time_scale: TimeScale::new(SPEED),
                event_faults: event_faults.clone(),
                faults: redshift_calls,
                submitted_for: Duration::from_millis(10),
                picked_for: Duration::from_millis(10),
                ..DataApiOptions::default()
            },
            listener: Some(Arc::new(move |event: &Value| listener.completion(event))),
            states: StepFunctionsOptions {
                time_scale: TimeScale::new(SPEED),
                observer: Some(Arc::new(narrator.clone())),
                faults: states_calls,
                ..StepFunctionsOptions::default()
            },
            answer_at: None,
            functions,
            delivery: Delivery {
                retry: Retry {
                    first_pause: VISIBILITY,
                    longest_pause: VISIBILITY,
                    ..Delivery::SQS.retry
                },
                ..Delivery::SQS
            },
            sweep_every: None,
            witness: None,
        })
        .await?;
        Ok(Self {
            machine,
            event_faults,
            cache,
        })
    }

    /// The Step Functions side.
    pub(crate) fn states(&self) -> &StepFunctionsServer {
        &self.machine.states
    }

    /// The functions.
    pub(crate) fn functions(&self) -> &Functions {
        &self.machine.functions
    }

    /// What stands where, for the curious.
    pub(crate) fn programme(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "  Redshift Data API ({}) on {}",
                self.machine.redshift.engine(),
                self.machine.redshift.url()
            ),
            format!("  Step Functions side on {}", self.states().url()),
            format!("  time runs {SPEED} times as fast as in life"),
        ];
        lines.extend(
            self.cache
                .as_ref()
                .map(|path| format!("  compiled policies are cached in {}", path.display())),
        );
        lines
    }

    /// Puts other rules in force, while tasks may be under way.
    pub(crate) async fn swap_rules(&self, settings: &str) -> Result<(), String> {
        let config = config(GUARDED, "admin", settings)?;
        self.machine.swap(GUARDED, &config).await
    }

    /// Ends everything.
    pub(crate) async fn strike(self) {
        self.machine.stop().await;
    }
}

/// The configuration of a function: the original's environment. What the demo changes is said here.
fn config(function: &str, user: &str, settings: &str) -> Result<Config, String> {
    let mut environment: Environment = [
        ("CLUSTER_IDENTIFIER", "demo-cluster"),
        ("DATABASE", "dev"),
        ("DB_USER", user),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    // Where compiled policies are kept is the user's own.
    for name in ["HOME", "XDG_CACHE_HOME", "SIGNALBOX_CACHE_DIR"] {
        if let Ok(value) = std::env::var(name) {
            environment.insert(name.to_owned(), value);
        }
    }
    let mut config = config::read(
        function,
        &Sources {
            environment,
            settings: Some(settings.to_owned()),
            ..Sources::default()
        },
    )?;
    config.sweep.after = SWEEP_AFTER;
    Ok(config)
}
