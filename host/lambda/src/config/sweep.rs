//! How the sweep works: `[sweep]`.

use std::time::Duration;

use serde::Deserialize;
use signalbox_tasker::{DescribeDenied, Rates};

use super::environment::SWEEP_SECONDS_MAX;

/// Two periods of a sweep that runs every minute.
const AFTER: Duration = Duration::from_secs(120);
/// The most calls a second: more than AWS allows any account.
const RATE_MAX: f64 = 1_000.0;
/// The longest that a denied DescribeStatement can be waited for: then Redshift has forgotten the statement.
const DENIED_SECONDS_MAX: i64 = 48 * 60 * 60;

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SweepFile {
    after_seconds: Option<i64>,
    describes_per_second: Option<f64>,
    lists_per_second: Option<f64>,
    cancels_per_second: Option<f64>,
    describe_denied: Option<String>,
    describe_denied_seconds: Option<i64>,
}

/// How the sweep works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SweepConfig {
    /// How old an open record is before the sweep looks at it.
    pub after: Duration,
    /// How often Redshift is asked.
    pub rates: Rates,
    /// What becomes of a task whose statement may not be described.
    pub describe_denied: DescribeDenied,
}

impl Default for SweepConfig {
    fn default() -> Self {
        Self {
            after: AFTER,
            rates: Rates::default(),
            describe_denied: DescribeDenied::default(),
        }
    }
}

/// Reads the section; notes each bad value. `after` is what the environment says.
pub(super) fn check(
    file: &SweepFile,
    after: Option<Duration>,
    note: &mut impl FnMut(&str, String),
) -> SweepConfig {
    let default = SweepConfig::default();
    let most = i64::try_from(SWEEP_SECONDS_MAX).unwrap_or(i64::MAX);
    let from_file = seconds("after_seconds", file.after_seconds, most, note);
    let mut rate = |key: &str, value: Option<f64>, default: f64| match value {
        Some(value) if value > 0.0 && value <= RATE_MAX => value,
        Some(value) => {
            note(
                key,
                format!("{value} is no rate: more than 0 and at most {RATE_MAX} calls a second"),
            );
            default
        }
        None => default,
    };
    let rates = Rates {
        describes: rate(
            "describes_per_second",
            file.describes_per_second,
            default.rates.describes,
        ),
        lists: rate(
            "lists_per_second",
            file.lists_per_second,
            default.rates.lists,
        ),
        cancels: rate(
            "cancels_per_second",
            file.cancels_per_second,
            default.rates.cancels,
        ),
    };
    SweepConfig {
        after: after.or(from_file).unwrap_or(default.after),
        rates,
        describe_denied: describe_denied(file, note),
    }
}

fn describe_denied(file: &SweepFile, note: &mut impl FnMut(&str, String)) -> DescribeDenied {
    let bound = seconds(
        "describe_denied_seconds",
        file.describe_denied_seconds,
        DENIED_SECONDS_MAX,
        note,
    );
    match (file.describe_denied.as_deref(), bound) {
        (Some("fail"), Some(bound)) => DescribeDenied::FailAfter(bound),
        (Some("fail"), None) => {
            if file.describe_denied_seconds.is_none() {
                let message = "is missing: say after how many seconds a task fails whose statement may not be described";
                note("describe_denied_seconds", message.to_owned());
            }
            DescribeDenied::Wait
        }
        (Some("wait") | None, None) => DescribeDenied::Wait,
        (Some("wait") | None, Some(_)) => {
            let message = "has no effect: it goes with describe_denied = \"fail\"";
            note("describe_denied_seconds", message.to_owned());
            DescribeDenied::Wait
        }
        (Some(other), _) => {
            note(
                "describe_denied",
                format!("{other:?} is none of wait, fail"),
            );
            DescribeDenied::Wait
        }
    }
}

fn seconds(
    key: &str,
    value: Option<i64>,
    most: i64,
    note: &mut impl FnMut(&str, String),
) -> Option<Duration> {
    let value = value?;
    let good = u64::try_from(value)
        .ok()
        .filter(|_| (1..=most).contains(&value));
    if good.is_none() {
        note(key, format!("{value} is out of range: 1 to {most} seconds"));
    }
    good.map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> (SweepConfig, Vec<String>) {
        let file = toml::from_str(text).expect("TOML");
        let mut notes = Vec::new();
        let config = check(&file, None, &mut |key, message| {
            notes.push(format!("{key}: {message}"));
        });
        (config, notes)
    }

    #[test]
    fn what_is_set_is_taken_and_the_rest_has_defaults() {
        assert_eq!(checked(""), (SweepConfig::default(), Vec::new()));
        let (config, notes) = checked(
            "after_seconds = 300\nlists_per_second = 1\ncancels_per_second = 0.5\ndescribe_denied = \"fail\"\ndescribe_denied_seconds = 600",
        );
        assert_eq!(notes, [""; 0]);
        assert_eq!(config.after, Duration::from_secs(300));
        let rates = Rates {
            lists: 1.0,
            cancels: 0.5,
            ..Rates::default()
        };
        assert_eq!(config.rates, rates);
        assert_eq!(
            config.describe_denied,
            DescribeDenied::FailAfter(Duration::from_secs(600))
        );
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, expected) in [
            (
                "after_seconds = 0",
                "after_seconds: 0 is out of range: 1 to 86400 seconds",
            ),
            (
                "lists_per_second = 0",
                "lists_per_second: 0 is no rate: more than 0 and at most 1000 calls a second",
            ),
            (
                "cancels_per_second = nan",
                "cancels_per_second: NaN is no rate: more than 0 and at most 1000 calls a second",
            ),
            (
                "describe_denied = \"lose\"",
                "describe_denied: \"lose\" is none of wait, fail",
            ),
            (
                "describe_denied = \"fail\"",
                "describe_denied_seconds: is missing: say after how many seconds a task fails whose statement may not be described",
            ),
            (
                "describe_denied_seconds = 9",
                "describe_denied_seconds: has no effect: it goes with describe_denied = \"fail\"",
            ),
            (
                "describe_denied = \"fail\"\ndescribe_denied_seconds = -1",
                "describe_denied_seconds: -1 is out of range: 1 to 172800 seconds",
            ),
        ] {
            assert_eq!(checked(text).1, [expected], "{text}");
        }
    }
}
