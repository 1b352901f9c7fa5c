//! Time windows of the standard policy's rules that the tests of a set leave untried.
//!
//! The policy itself says whether a window holds at a time: it is asked with settings of that window alone.

use std::sync::Arc;

use serde_json::{Value, json};
use signalbox_policy::{ComponentPolicy, Loading, PolicyEngine, Source};
use signalbox_tasker::{
    Granted,
    dry_run::{Trial, dry_run},
};
use tokio::time::Instant;

use super::{lines::Path, manifest::Entry};
use crate::policy_tests;

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
        let mut all = Vec::new();
        if let Some(when) = rule.get("when") {
            let at = place.clone().item(number).name("when");
            windows(when, &at, &mut all);
        }
        for (at, window) in all {
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
                    policy_tests::TEST_TIME
                ),
            ));
        }
    }
    found
}

/// The windows of a `when`, and of those in its `not` and `any`. A check of the settings bounds the depth.
fn windows<'v>(when: &'v Value, at: &Path, found: &mut Vec<(Path, &'v Value)>) {
    let place = at.clone().name("time");
    match when.get("time") {
        // One window of a list is enough for the rule, so the list as a whole says nothing about each of them.
        Some(Value::Array(list)) => found.extend(
            list.iter()
                .enumerate()
                .map(|(number, window)| (place.clone().item(number), window)),
        ),
        Some(window) => found.push((place, window)),
        None => {}
    }
    if let Some(not) = when.get("not") {
        windows(not, &at.clone().name("not"), found);
    }
    let any = when.get("any").and_then(Value::as_array);
    for (number, one) in any.into_iter().flatten().enumerate() {
        windows(one, &at.clone().name("any").item(number), found);
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
    let deadline = Instant::now() + policy_tests::TIME;
    let came = dry_run(probe, Trial::of(payload, at), deadline).await;
    came.raised
        .is_some_and(|raised| raised.error_type == DENIED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_of_a_list_is_found_at_its_own_place() {
        let hour = |from: &str, to: &str| json!({ "zone": "UTC", "from": from, "to": to });
        let (morning, noon, evening) = (
            hour("06:00", "07:00"),
            hour("12:00", "13:00"),
            hour("18:00", "19:00"),
        );
        let when = json!({
            "time": [morning, noon],
            "not": { "time": evening },
            "any": [{ "time": [noon] }, { "kinds": "select" }, { "not": { "time": [evening, morning] } }],
        });
        let mut found = Vec::new();
        windows(&when, &Path::of(&["when"]), &mut found);
        let found: Vec<_> = found
            .into_iter()
            .map(|(at, window)| (at.to_string(), window))
            .collect();
        let expected = [
            ("when.time[0]", &morning),
            ("when.time[1]", &noon),
            ("when.not.time", &evening),
            ("when.any[0].time[0]", &noon),
            ("when.any[2].not.time[0]", &evening),
            ("when.any[2].not.time[1]", &morning),
        ];
        assert_eq!(found, expected.map(|(at, window)| (at.to_owned(), window)));
    }
}
