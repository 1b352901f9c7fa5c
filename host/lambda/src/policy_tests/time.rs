//! Moments in a manifest.

use jiff::Timestamp;

/// The time at which a test runs that names none: a Monday, at noon UTC. It is the same on every machine and every day, so
/// that a set that was good when it was checked is good at a cold start.
pub const TEST_TIME: &str = "2024-01-01T12:00:00Z";

/// When a test runs, in milliseconds since the Unix epoch.
pub(crate) fn test_time(at: Option<Timestamp>) -> u64 {
    at.or_else(|| TEST_TIME.parse().ok())
        .and_then(|at| u64::try_from(at.as_millisecond()).ok())
        .unwrap_or_default()
}

/// Reads a date and time of TOML, or a text of the same form. What has no offset is no moment: it depends on where one is.
pub(crate) fn read(value: &toml::Value) -> Result<Timestamp, String> {
    let text = match value {
        toml::Value::Datetime(time) => time.to_string(),
        toml::Value::String(text) => text.clone(),
        other => format!("a value of the type {}", other.type_str()),
    };
    moment(&text)
}

/// Reads a moment from a text.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    let time: Option<Timestamp> = text.parse().ok();
    time.filter(|time| time.as_millisecond() >= 0)
        .ok_or_else(|| {
            format!(
                "{text} is no date and time with an offset since 1970, such as 2027-01-31T00:00:00Z"
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_what_is_documented() {
        assert_eq!(test_time(None), 1_704_110_400_000);
        let docs = include_str!("../../../../docs/policy-sets.md");
        assert!(docs.contains(TEST_TIME));
    }

    #[test]
    fn a_moment_has_an_offset() {
        let of = |text: &str| {
            let table: toml::Table = toml::from_str(&format!("t = {text}")).expect("TOML");
            read(&table["t"]).map(|time| time.to_string())
        };
        for good in [
            "2027-01-31T00:00:00Z",
            "\"2027-01-31T00:00:00Z\"",
            "2027-01-31T01:00:00+01:00",
            "2027-01-31 01:00:00+01:00",
        ] {
            assert_eq!(of(good).as_deref(), Ok("2027-01-31T00:00:00Z"), "{good}");
        }
        for bad in [
            "2027-01-31",
            "2027-01-31T00:00:00",
            "00:00:00",
            "\"tomorrow\"",
            "\"\"",
            "7",
            "1969-12-31T00:00:00Z",
            "\"2027-01-31T00:00:00+01:00[Europe/Berlin]x\"",
        ] {
            let told = of(bad).expect_err(bad);
            assert!(told.contains("with an offset"), "{told}");
        }
    }
}
