//! Tests of policies: a payload, what is around it, and what is expected of the policy.
//!
//! They have one form, in a policy set and in files of their own. A set's tests run before the set is put in force, and
//! all of them by `signalbox policy test`; `docs/test-policies.md` says what every key means.

mod answers;
mod calls;
mod case;
mod fields;
mod judge;
#[cfg(test)]
mod tests;
mod time;

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use signalbox_policy::{
    ComponentPolicy, LoadError, Loading, PolicyEngine, Source, contract::UnknownFields,
};
use signalbox_tasker::{
    Granted,
    dry_run::{DryRun, Trial, dry_run},
};
use tokio::time::Instant;

pub use self::time::TEST_TIME;
pub(crate) use self::{case::SET_KEYS, time::read as read_time};
pub use self::{
    case::{Case, Expect, ExpectedTask},
    fields::Note,
    judge::{Difference, NONE, answer, told},
};
use crate::nearest::nearest;

/// The JSON Schema of a case in a file of its own.
pub const CASE_SCHEMA: &str = include_str!("case.schema.json");

/// How long one test may take, beside the guest time of its policy.
pub(crate) const TIME: Duration = Duration::from_secs(30);

/// Reads a time as cases write it: milliseconds since the Unix epoch.
///
/// # Errors
/// It is no date and time with an offset.
pub fn time_of(text: &str) -> Result<u64, String> {
    time::moment(text).map(|at| time::test_time(Some(at)))
}

/// A call of a service as cases write it.
#[must_use]
pub fn call(call: &signalbox_policy::journal::HostCall) -> Value {
    calls::flat(call)
}

/// A policy that is tested: its code with settings, and what it was granted.
#[derive(Clone)]
pub struct Subject {
    /// The policy with what it may use.
    pub granted: Granted,
    /// Its code.
    pub code: Arc<ComponentPolicy>,
    /// Its settings: the text of a JSON object.
    pub settings: String,
    /// What it does about unknown fields.
    pub unknown_fields: UnknownFields,
}

/// What a test came to.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What the policy did.
    pub run: DryRun,
    /// What is otherwise than expected; nothing if the test passed.
    pub differences: Vec<Difference>,
}

impl Subject {
    /// The same policy under other settings.
    ///
    /// # Errors
    /// The policy refuses them.
    pub async fn under(&self, engine: &PolicyEngine, settings: String) -> Result<Self, LoadError> {
        let loading = Loading {
            name: self.granted.name().to_owned(),
            source: Source::Loaded(Arc::clone(&self.code)),
            settings: settings.clone(),
            limits: *self.code.limits(),
            redact: None,
        };
        let code = Arc::new(engine.load(loading).await?);
        Ok(Self {
            granted: Granted {
                policy: Arc::<ComponentPolicy>::clone(&code),
                ..self.granted.clone()
            },
            code,
            settings,
            unknown_fields: self.unknown_fields,
        })
    }

    /// What the policy does with the payload of a case.
    pub async fn run(&self, case: &Case) -> DryRun {
        let trial = Trial {
            payload: case.payload.clone(),
            now: case.at,
            unknown_fields: self.unknown_fields,
            services: case.services.clone(),
            ended: case.statement.clone(),
            closed: case.closed,
        };
        let deadline = Instant::now() + TIME;
        dry_run(&self.granted, trial, deadline).await
    }

    /// Runs a case and compares what came with what is expected.
    pub async fn test(&self, engine: &PolicyEngine, case: &Case) -> Verdict {
        let run = self.run(case).await;
        let decided = match &case.expect.rule {
            Some(rule) => Some(self.decides(engine, rule, case, &run).await),
            None => None,
        };
        let differences = match decided {
            Some(Err(difference)) => vec![difference],
            Some(Ok(decided)) => judge::judge(case, &run, Some(decided)),
            None => judge::judge(case, &run, None),
        };
        Verdict { run, differences }
    }

    /// Whether the outcome would be another without this rule.
    async fn decides(
        &self,
        engine: &PolicyEngine,
        rule: &str,
        case: &Case,
        run: &DryRun,
    ) -> Result<bool, Difference> {
        let problem = |why: String| Difference {
            key: "expect.rule".to_owned(),
            expected: Value::from(rule),
            found: Some(Value::from(why)),
        };
        let Some(without) = without_rule(&self.settings, rule) else {
            let names = rule_names(&self.settings);
            let why = match nearest(rule, names.iter().map(String::as_str)) {
                Some(meant) => format!("there is no such rule; did you mean `{meant}`?"),
                None => format!("there is no such rule; the rules are {}", names.join(", ")),
            };
            return Err(problem(why));
        };
        let without = self.under(engine, without).await;
        let without = without.map_err(|error| {
            problem(format!(
                "the policy refuses the settings without this rule: {error}"
            ))
        })?;
        Ok(without.run(case).await.outcome() != run.outcome())
    }
}

/// The lists of rules in the settings of the standard policy.
const RULES: [&str; 2] = ["rules", "callbacks"];

fn rule_names(settings: &str) -> Vec<String> {
    let settings: Value = serde_json::from_str(settings).unwrap_or_default();
    let lists = RULES
        .iter()
        .filter_map(|list| settings.get(list)?.as_array());
    lists
        .flatten()
        .filter_map(|rule| Some(rule.get("name")?.as_str()?.to_owned()))
        .collect()
}

/// The settings without a rule; none if there is none of this name.
fn without_rule(settings: &str, name: &str) -> Option<String> {
    let mut settings: Value = serde_json::from_str(settings).ok()?;
    for list in RULES {
        let Some(rules) = settings.get_mut(list).and_then(Value::as_array_mut) else {
            continue;
        };
        let is_it = |rule: &Value| rule.get("name").and_then(Value::as_str) == Some(name);
        if let Some(at) = rules.iter().position(is_it) {
            rules.remove(at);
            return Some(settings.to_string());
        }
    }
    None
}
