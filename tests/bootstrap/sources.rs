//! What holds for policy sets wherever they come from.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    sets::{drop_table, for_others, from_file, key, set, sign, status},
    support::{
        mood::Mood,
        stage::{Setting, Stage},
    },
};

/// A place that policy sets come from.
pub(crate) trait Place {
    /// Puts a set there.
    fn publish(&self, set: String);
    /// Behaves so from now on.
    fn is(&self, mood: Mood);
    /// What leads a function there.
    fn variables(&self) -> Vec<(&'static str, String)>;
}

/// A function that looks there before every invocation.
pub(crate) fn function(place: &impl Place, policy_set: &str) -> Setting {
    Setting {
        config: Some(format!(
            "[policy_set]\nmax_age_seconds = 0\nstatus_for = [\"*\"]\n{policy_set}\n"
        )),
        variables: place.variables(),
        ..Setting::default()
    }
}

/// Sets there have to be signed, and whatever the place does, yesterday's policies hold. `faults` are what it does and
/// what is said of it.
pub(crate) async fn yesterday_s_policies_hold(
    place: &impl Place,
    faults: &[(Mood, &str)],
) -> Stage {
    // The keys are made before the function that trusts one of them starts.
    let workshop = Stage::set(from_file(&set(1, None))).await;
    let (public, private) = key(&workshop, "key.pem").await;
    let (_, foreign) = key(&workshop, "foreign.pem").await;
    place.publish(sign(&workshop, &set(1, None), &private).await);
    let config = format!("within_ms = 30000\ntrusted_keys = [\"{public}\"]");
    let stage = Stage::set(function(place, &config)).await;
    assert_eq!(drop_table(&stage).await, Ok(()));
    let told = status(&stage).await;
    assert_eq!(told["inForce"]["signedBy"], json!(public));

    place.publish(sign(&workshop, &set(2, Some("No.")), &private).await);
    let is_denied = |dropped: Result<(), String>| dropped.is_err_and(|why| why.contains("No."));
    assert!(is_denied(drop_table(&stage).await));

    let next = sign(&workshop, &set(3, None), &private).await;
    for (what, text) in [
        ("unsigned", set(3, None)),
        (
            "by a stranger",
            sign(&workshop, &set(3, None), &foreign).await,
        ),
        (
            "for another deployment",
            sign(&workshop, &for_others(&set(3, None), "[\"dev\"]"), &private).await,
        ),
        ("tampered", next.replace("revision = 3", "revision = 4")),
        ("cut off", next[..next.len() - 10].to_owned()),
    ] {
        place.publish(text);
        assert!(is_denied(drop_table(&stage).await), "{what}");
        let told = status(&stage).await;
        assert_eq!(told["inForce"]["revision"], 2, "{what}: {told}");
        assert!(told["problem"]["reason"].is_string(), "{what}");
    }
    place.publish(next);
    for (mood, why) in faults {
        place.is(*mood);
        assert!(is_denied(drop_table(&stage).await), "{mood:?}");
        let told = status(&stage).await["problem"]["reason"].to_string();
        assert!(told.contains(why), "{mood:?}: {told}");
    }
    place.is(Mood::Good);
    assert_eq!(drop_table(&stage).await, Ok(()));
    stage
}

/// A place that is slow holds up no invocation, and is not given up. `notice` is less than the time after which it is
/// noticed that the place does not answer.
pub(crate) async fn invocations_are_not_held_up(place: &impl Place, notice: Duration) {
    place.publish(set(1, None));
    let config = "within_ms = 100\nallow_unsigned = true";
    let stage = Stage::set(function(place, config)).await;
    assert_eq!(drop_table(&stage).await, Ok(()));
    place.is(Mood::Gone);
    place.publish(set(2, Some("No.")));
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(drop_table(&stage).await, Ok(()), "it has the set of before");
        assert!(began.elapsed() < notice);
    }
    place.is(Mood::Slow(Duration::from_millis(400)));
    let mut swapped = false;
    for _ in 0..300 {
        if drop_table(&stage).await.is_err() {
            swapped = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(
        swapped,
        "what was slow came in the end: {:#?}",
        stage.lambda.log()
    );
    stage.check(&[]);
}
