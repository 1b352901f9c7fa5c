//! Times of day in a named zone.

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A time of the day, on some days of the week.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The zone whose clock counts.
    pub zone: TimeZone,
    /// The beginning, inclusive.
    pub from: Time,
    /// The end, exclusive. Before the beginning, it is on the next day.
    pub to: Time,
    /// The days on which it begins; empty for all.
    pub days: Vec<Weekday>,
    /// Whether the rest of the time is meant.
    pub outside: bool,
}

impl Window {
    /// Whether it holds at this time, in milliseconds since 1970.
    #[must_use]
    pub fn holds_at(&self, milliseconds: u64) -> bool {
        let Some(now) = i64::try_from(milliseconds)
            .ok()
            .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok())
        else {
            return false;
        };
        let local = now.to_zoned(self.zone.clone());
        let (time, today) = (local.time(), local.weekday());
        let begins_on = |day: Weekday| self.days.is_empty() || self.days.contains(&day);
        let inside = if self.from < self.to {
            begins_on(today) && self.from <= time && time < self.to
        } else {
            (begins_on(today) && self.from <= time)
                || (begins_on(today.previous()) && time < self.to)
        };
        inside != self.outside
    }
}

/// A zone of the time zone database that is built in.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    if name == "UTC" {
        return Some(TimeZone::UTC);
    }
    TimeZoneDatabase::bundled().get(name).ok()
}

/// The zones' names, for a help.
pub(super) fn zone_names() -> Vec<String> {
    TimeZoneDatabase::bundled()
        .available()
        .map(|name| name.as_str().to_owned())
        .collect()
}

/// A time of the day written as `22:00`.
pub(super) fn time_of_day(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let is_pair = |text: &str| text.len() == 2 && text.chars().all(|c| c.is_ascii_digit());
    if !is_pair(hour) || !is_pair(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// The days as they are written.
pub(super) const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> u64 {
        let time: Timestamp = text.parse().unwrap();
        time.as_millisecond().try_into().unwrap()
    }

    fn window(zone_name: &str, from: &str, to: &str, days: &[Weekday]) -> Window {
        Window {
            zone: zone(zone_name).unwrap(),
            from: time_of_day(from).unwrap(),
            to: time_of_day(to).unwrap(),
            days: days.to_vec(),
            outside: false,
        }
    }

    #[test]
    fn a_window_follows_the_clock_of_its_zone() {
        let window = window("Europe/Berlin", "22:00", "23:00", &[]);
        // Summer time is two hours ahead of UTC, winter time one.
        assert!(window.holds_at(at("2026-07-01T20:30:00Z")));
        assert!(!window.holds_at(at("2026-07-01T21:30:00Z")));
        assert!(window.holds_at(at("2026-12-01T21:30:00Z")));
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_of_its_beginning() {
        let window = window("UTC", "22:00", "06:00", &[Weekday::Friday]);
        assert!(
            window.holds_at(at("2026-11-20T22:00:00Z")),
            "Friday evening"
        );
        assert!(
            window.holds_at(at("2026-11-21T05:59:00Z")),
            "Saturday morning"
        );
        assert!(!window.holds_at(at("2026-11-21T06:00:00Z")), "its end");
        assert!(
            !window.holds_at(at("2026-11-21T22:00:00Z")),
            "Saturday evening"
        );
        assert!(
            !window.holds_at(at("2026-11-20T05:00:00Z")),
            "Friday morning"
        );
    }

    #[test]
    fn outside_is_the_rest() {
        let inside = window("UTC", "08:00", "18:00", &[]);
        let outside = Window {
            outside: true,
            ..inside.clone()
        };
        for hour in 0..24 {
            let time = at(&format!("2026-11-20T{hour:02}:00:00Z"));
            assert_ne!(inside.holds_at(time), outside.holds_at(time));
        }
    }

    #[test]
    fn odd_times_are_none() {
        for text in [
            "", "22", "7:00", "24:00", "22:60", "22:00:00", "-1:00", "+1:00",
        ] {
            assert_eq!(time_of_day(text), None, "{text}");
        }
        assert!(zone("Europe/Atlantis").is_none());
    }
}
