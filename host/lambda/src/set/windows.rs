//! Time windows of the standard policy's rules that the tests of a set leave untried.
//!
//! The policy itself says whether a window holds at a time: it is asked with settings of that window alone.

use std::sync::Arc;

use serde_json::{Value, json};
use signalbox_policy::{ComponentPolicy, Loading, PolicyEngine, Source, contract::UnknownFields};
use signalbox_tasker::{Granted, rehearse::rehearse};
use tokio::time::Instant;

use super::{lines::Path, manifest::Entry, vectors};

/// What the probe's rule refuses with.
const DENIED: &str = "PolicyDenied";

/// The windows that no test of the policy is inside, or none is outside: where they are, and what to do. `place` is where the
/// rules are.
pub(super) async fn untested(
    engine: &PolicyEngine,
    policy: &Arc<ComponentPolicy>,
    entry: &Entry,
    place: &Path,
) -> Vec<(Path, String)> {
    let settings: Value = serde_json::from_str(&entry.settings).unwrap_or_default();
    let rules = settings.get("rules").and_then(Value::as_array);
    let mut found = Vec::new();
    for (number, rule) in rules.into_iter().flatten().enumerate() {
        let mut windows = Vec::new();
        if let Some(when) = rule.get("when") {
            let at = place.clone().item(number).name("when");
            times(when, &at, &mut windows);
        }
        for (at, window) in windows {
            let Some(probe) = probe(engine, policy, entry, &settings, window).await else {
                continue;
            };
            let (mut holds, mut does_not) = (false, false);
            for test in &entry.tests {
                match holds_at(&probe, test.at).await {
                    true => holds = true,
                    false => does_not = true,
                }
            }
            let missing = match (holds, does_not) {
                (true, true) => continue,
                (false, true) => "at which it holds",
                (true, false) => "at which it does not hold",
                (false, false) => "at which it holds, and none at which it does not",
            };
            found.push((
                at,
                format!(
                    "no test of the policy runs at a time {missing}: give a test that does `at`. A test without it runs at {}",
                    super::manifest::TEST_TIME
                ),
            ));
        }
    }
    found
}

/// The values of `time` in a `when`, and in those in its `not` and `any`. A check of the settings bounds the depth.
fn times<'v>(when: &'v Value, at: &Path, found: &mut Vec<(Path, &'v Value)>) {
    if let Some(time) = when.get("time") {
        found.push((at.clone().name("time"), time));
    }
    if let Some(not) = when.get("not") {
        times(not, &at.clone().name("not"), found);
    }
    let any = when.get("any").and_then(Value::as_array);
    for (number, one) in any.into_iter().flatten().enumerate() {
        times(one, &at.clone().name("any").item(number), found);
    }
}

/// The policy with one rule, which denies everything in the window.
async fn probe(
    engine: &PolicyEngine,
    policy: &Arc<ComponentPolicy>,
    entry: &Entry,
    settings: &Value,
    window: &Value,
) -> Option<Granted> {
    let rule = json!({ "name": "probe", "when": { "time": window }, "then": { "deny": "probe" } });
    let probed = match settings.get("holidays") {
        Some(holidays) => json!({ "rules": [rule], "holidays": holidays }),
        None => json!({ "rules": [rule] }),
    };
    let loading = Loading {
        name: "probe".to_owned(),
        source: Source::Loaded(Arc::clone(policy)),
        settings: probed.to_string(),
        limits: entry.limits,
        redact: None,
    };
    let policy = engine.load(loading).await.ok()?;
    Some(Granted::new(Arc::new(policy), Vec::new(), None))
}

async fn holds_at(probe: &Granted, at: u64) -> bool {
    let payload = json!({ "sqlStatement": "select 1" });
    let deadline = Instant::now() + vectors::TIME;
    let came = rehearse(probe, payload, at, UnknownFields::Warn, deadline).await;
    came.raised
        .is_some_and(|raised| raised.error_type == DENIED)
}
