//! Times of day in a named zone.

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::rc::Rc;

/// A time of the day, on some days, by the clock of a zone.
///
/// A window belongs to the day on which it begins: one from 22:00 to 06:00 on the last day of a month ends on the first day of
/// the next. The clock counts, not the time that passed: a time that the clock skips in spring does not come, and one that it
/// shows twice in autumn comes twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The zone whose clock counts.
    pub zone: TimeZone,
    /// The beginning, inclusive, and the end, exclusive. An end before the beginning is on the next day. None for whole days.
    pub hours: Option<(Time, Time)>,
    /// The days on which it begins.
    pub days: Days,
    /// Whether it holds at all other times instead.
    pub outside: bool,
}

/// Conditions on a day. All that are given must hold; of a list, one item must.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Days {
    /// Days of the week.
    pub weekdays: Vec<Weekday>,
    /// Days of the month, negative ones from its end.
    pub days_of_month: Vec<i8>,
    /// Dates.
    pub dates: Vec<DateRange>,
    /// Business days.
    pub business_days: Option<BusinessDays>,
}

/// Dates from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateRange {
    /// The first.
    pub first: Date,
    /// The last.
    pub last: Date,
}

impl DateRange {
    fn contains(&self, date: Date) -> bool {
        self.first <= date && date <= self.last
    }

    /// Each day of it.
    fn days(self) -> impl Iterator<Item = Date> {
        // Arithmetic with spans of time would make the component a third larger.
        std::iter::successors(Some(self.first), |day| day.tomorrow().ok())
            .take_while(move |day| *day <= self.last)
    }
}

/// Monday to Friday without holidays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessDays {
    /// Their numbers in the month, negative ones from its end; empty for all.
    pub numbers: Vec<i8>,
    /// Days that do not count.
    pub holidays: Rc<[DateRange]>,
}

impl BusinessDays {
    fn is_business_day(&self, date: Date) -> bool {
        !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
            && !self.holidays.iter().any(|holiday| holiday.contains(date))
    }

    fn contains(&self, date: Date) -> bool {
        if !self.is_business_day(date) {
            return false;
        }
        let count = |first: Date, last: Date| {
            let days = DateRange { first, last }.days();
            i8::try_from(days.filter(|day| self.is_business_day(*day)).count()).unwrap_or(i8::MAX)
        };
        self.numbers.is_empty()
            || self.numbers.contains(&count(date.first_of_month(), date))
            || self.numbers.contains(&-count(date, date.last_of_month()))
    }
}

impl Days {
    /// Whether the conditions hold for this day.
    #[must_use]
    pub fn contain(&self, date: Date) -> bool {
        (self.weekdays.is_empty() || self.weekdays.contains(&date.weekday()))
            && (self.days_of_month.is_empty()
                || self.days_of_month.contains(&date.day())
                || self
                    .days_of_month
                    .contains(&(date.day() - date.days_in_month() - 1)))
            && (self.dates.is_empty() || self.dates.iter().any(|range| range.contains(date)))
            && self
                .business_days
                .as_ref()
                .is_none_or(|days| days.contains(date))
    }

    /// Whether they hold for any day.
    pub(super) fn can_be(&self) -> bool {
        /// Weekdays and leap years repeat within this time.
        const DAYS: usize = 366 * 28;
        let years = DateRange {
            first: jiff::civil::date(2024, 1, 1),
            last: Date::MAX,
        };
        let ranges: &[DateRange] = match self.dates.is_empty() {
            true => &[years],
            false => &self.dates,
        };
        let mut days = ranges.iter().flat_map(|range| range.days()).take(DAYS);
        days.any(|day| self.contain(day))
    }
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
        let (time, today) = (local.time(), local.date());
        let begins_today = || self.days.contain(today);
        let began_yesterday = || {
            today
                .yesterday()
                .is_ok_and(|yesterday| self.days.contain(yesterday))
        };
        let inside = match self.hours {
            None => begins_today(),
            Some((from, to)) if from < to => from <= time && time < to && begins_today(),
            Some((from, to)) => {
                (from <= time && begins_today()) || (time < to && began_yesterday())
            }
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

/// The names of all zones, for suggestions.
pub(super) fn zone_names() -> Vec<String> {
    TimeZoneDatabase::bundled()
        .available()
        .map(|name| name.as_str().to_owned())
        .collect()
}

/// A date written as `2026-12-24`.
pub(super) fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let mut number = |digits: usize| -> Option<i16> {
        let part = parts.next()?;
        let is_number = part.len() == digits && part.chars().all(|c| c.is_ascii_digit());
        is_number.then(|| part.parse().ok()).flatten()
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    parts.next().is_none().then_some(date)
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

/// The days of the week as settings write them.
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
            hours: Some((time_of_day(from).unwrap(), time_of_day(to).unwrap())),
            days: Days {
                weekdays: days.to_vec(),
                ..Days::default()
            },
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
