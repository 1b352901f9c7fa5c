//! Sets that go out of date: `not_after`.

use std::time::Duration;

use jiff::Timestamp;

/// What to say of a set's end, if it is time to.
pub(super) fn notice(end: Timestamp, now: Timestamp, before: Duration) -> Option<String> {
    if end <= now {
        return Some(format!(
            "the set is out of date since {end}: publish it anew, with a later `not_after`"
        ));
    }
    let left = Duration::try_from(end.duration_since(now)).unwrap_or_default();
    (left <= before).then(|| {
        format!(
            "the set goes out of date at {end}: publish it anew before, with a later `not_after`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_warned_of_before_and_after_its_end() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let end = time("2027-01-31T00:00:00Z");
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        for (now, says) in [
            ("2027-01-01T00:00:00Z", None),
            ("2027-01-23T23:59:59Z", None),
            ("2027-01-24T00:00:00Z", Some("goes out of date")),
            ("2027-01-30T23:59:59.999Z", Some("goes out of date")),
            ("2027-01-31T00:00:00Z", Some("is out of date since")),
            ("2030-01-01T00:00:00Z", Some("is out of date since")),
        ] {
            let told = notice(end, time(now), week);
            assert_eq!(told.is_some(), says.is_some(), "{now}");
            assert!(
                told.unwrap_or_default().contains(says.unwrap_or_default()),
                "{now}"
            );
        }
    }
}
