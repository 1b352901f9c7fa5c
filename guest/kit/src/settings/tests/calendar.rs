//! When windows hold.

use super::*;
use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

fn windows(time: &Value, holidays: &Value) -> Vec<Window> {
    let settings = json!({
        "rules": [{ "name": "x", "when": { "time": time }, "then": { "deny": "x" } }], "holidays": holidays
    });
    let (settings, _) =
        read(&settings.to_string()).unwrap_or_else(|(faults, _)| panic!("{faults:?}"));
    settings.rules[0].when.time.clone()
}

fn holds(time: &Value, at: &str) -> bool {
    let at: Timestamp = at.parse().unwrap();
    let at = at.as_millisecond().try_into().unwrap();
    windows(
        time,
        &json!(["2026-12-25", { "from": "2027-01-01", "to": "2027-01-03" }]),
    )
    .iter()
    .any(|window| window.holds_at(at))
}

#[test]
fn days_are_those_of_the_zone() {
    let last = json!({ "zone": "Europe/Berlin", "daysOfMonth": [-1] });
    for (at, expected) in [
        ("2026-11-29T22:59:00Z", false),
        ("2026-11-29T23:00:00Z", true),
        ("2026-11-30T22:59:00Z", true),
        ("2026-11-30T23:00:00Z", false),
        ("2028-02-29T12:00:00Z", true),
        ("2027-02-28T12:00:00Z", true),
        ("2028-02-28T12:00:00Z", false),
    ] {
        assert_eq!(holds(&last, at), expected, "{at}");
    }
}

#[test]
fn a_night_belongs_to_the_day_on_which_it_begins() {
    let freeze = json!({ "zone": "UTC", "daysOfMonth": [-2, -1], "from": "18:00", "to": "06:00" });
    for (at, expected) in [
        ("2026-11-29T05:00:00Z", false),
        ("2026-11-29T18:00:00Z", true),
        ("2026-11-30T05:59:00Z", true),
        ("2026-11-30T12:00:00Z", false),
        ("2026-11-30T18:00:00Z", true),
        ("2026-12-01T05:59:00Z", true),
        ("2026-12-01T06:00:00Z", false),
        ("2026-12-01T18:00:00Z", false),
    ] {
        assert_eq!(holds(&freeze, at), expected, "{at}");
    }
    let eve = json!({ "zone": "UTC", "dates": "2026-12-31", "from": "22:00", "to": "02:00" });
    assert!(holds(&eve, "2027-01-01T01:59:00Z"));
    assert!(!holds(&eve, "2026-12-31T01:00:00Z"));
}

#[test]
fn the_clock_counts_when_it_is_changed() {
    // In spring 02:00 to 03:00 is left out, in autumn it comes twice.
    let hour = json!({ "zone": "Europe/Berlin", "from": "02:15", "to": "02:45" });
    assert!(!holds(&hour, "2027-03-28T00:30:00Z"));
    assert!(!holds(&hour, "2027-03-28T01:30:00Z"));
    assert!(holds(&hour, "2027-03-27T01:30:00Z"));
    assert!(holds(&hour, "2026-10-25T00:30:00Z"));
    assert!(holds(&hour, "2026-10-25T01:30:00Z"));
    // A night is as long as the clock makes it.
    let night =
        json!({ "zone": "Europe/Berlin", "dates": "2027-03-27", "from": "18:00", "to": "06:00" });
    assert!(holds(&night, "2027-03-27T17:00:00Z"));
    assert!(holds(&night, "2027-03-28T03:59:00Z"));
    assert!(!holds(&night, "2027-03-28T04:00:00Z"));
}

#[test]
fn business_days_leave_out_weekends_and_holidays() {
    let nth = |number: Value| json!({ "zone": "UTC", "businessDays": number });
    for (number, at, expected) in [
        (json!(-1), "2026-10-30T12:00:00Z", true),
        (json!(-1), "2026-10-31T12:00:00Z", false),
        (json!(-1), "2026-10-29T12:00:00Z", false),
        (json!([-2, 1]), "2026-10-29T12:00:00Z", true),
        (json!([-2, 1]), "2026-10-01T12:00:00Z", true),
        // The first three days of 2027 are holidays.
        (json!(1), "2027-01-04T12:00:00Z", true),
        (json!(1), "2027-01-01T12:00:00Z", false),
        (json!(true), "2026-12-24T12:00:00Z", true),
        (json!(true), "2026-12-25T12:00:00Z", false),
        (json!(true), "2026-12-26T12:00:00Z", false),
    ] {
        assert_eq!(holds(&nth(number.clone()), at), expected, "{number} {at}");
    }
}

#[test]
fn one_of_several_windows_is_enough_and_outside_is_its_own() {
    let both = json!([
        { "zone": "UTC", "weekdays": ["sat", "sun"] },
        { "zone": "UTC", "dates": [{ "from": "2026-12-24", "to": "2026-12-26" }], "outside": false }
    ]);
    assert!(holds(&both, "2026-11-21T00:00:00Z"));
    assert!(holds(&both, "2026-12-24T00:00:00Z"));
    assert!(!holds(&both, "2026-12-23T23:59:59Z"));
    let outside = json!({ "zone": "UTC", "daysOfMonth": 1, "outside": true });
    assert!(!holds(&outside, "2026-12-01T12:00:00Z"));
    assert!(holds(&outside, "2026-12-02T12:00:00Z"));
}

/// Whether a window holds, by a walk over the days from which it can have begun.
fn naive(days: &Days, hours: Option<(u8, u8)>, now: jiff::civil::DateTime) -> bool {
    let month = |date: Date| {
        let first = date.first_of_month();
        let days: Vec<Date> = (0..31)
            .filter_map(|day| first.checked_add(day.days()).ok())
            .filter(|day| day.month() == date.month())
            .collect();
        days
    };
    let nth = |list: &[Date], date: Date, number: i8| {
        let at = if number > 0 {
            i32::from(number) - 1
        } else {
            list.len() as i32 + i32::from(number)
        };
        usize::try_from(at).ok().and_then(|at| list.get(at)) == Some(&date)
    };
    let is_one = |date: Date| {
        let of_month = month(date);
        let work: Vec<Date> = of_month
            .iter()
            .copied()
            .filter(|day| {
                !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
                    && *day != jiff::civil::date(2026, 12, 25)
            })
            .collect();
        (days.weekdays.is_empty() || days.weekdays.contains(&date.weekday()))
            && (days.days_of_month.is_empty()
                || days
                    .days_of_month
                    .iter()
                    .any(|number| nth(&of_month, date, *number)))
            && days.business_days.as_ref().is_none_or(|business| {
                work.contains(&date)
                    && (business.numbers.is_empty()
                        || business
                            .numbers
                            .iter()
                            .any(|number| nth(&work, date, *number)))
            })
    };
    [0, 1].iter().any(|back| {
        let begun = now.date().checked_sub(i64::from(*back).days()).unwrap();
        let (from, hours) = match hours {
            None => (0, 24),
            Some((from, to)) if from < to => (from, to - from),
            Some((from, to)) => (from, 24 - from + to),
        };
        let begins = begun.at(from.try_into().unwrap(), 0, 0, 0);
        let ends = begins.checked_add(i64::from(hours).hours()).unwrap();
        is_one(begun) && begins <= now && now < ends
    })
}

proptest! {
    #[test]
    fn a_window_holds_as_a_walk_over_the_days_says(
        weekdays in prop::collection::vec(prop::sample::select(vec!["mon", "fri", "sun"]), 0..3),
        numbers in prop::collection::vec(prop::sample::select(vec![1, 2, 15, 31, -1, -2, -31]), 0..3),
        business in prop::option::of(prop::collection::vec(prop::sample::select(vec![1, 2, 10, -1, -2]), 0..3)),
        hours in prop::option::of((0_u8..24, 0_u8..24).prop_filter("a window", |(from, to)| from != to)),
        minute in 0_i64..(3 * 366 * 24 * 60),
    ) {
        let mut window = json!({ "zone": "UTC" });
        if !weekdays.is_empty() { window["weekdays"] = json!(weekdays); }
        if !numbers.is_empty() { window["daysOfMonth"] = json!(numbers); }
        match &business {
            Some(business) if business.is_empty() => window["businessDays"] = json!(true),
            Some(business) => window["businessDays"] = json!(business),
            None => {}
        }
        if let Some((from, to)) = hours {
            window["from"] = json!(format!("{from:02}:00"));
            window["to"] = json!(format!("{to:02}:00"));
        }
        let settings = json!({
            "rules": [{ "name": "x", "when": { "time": window }, "then": { "deny": "x" } }], "holidays": "2026-12-25"
        });
        // What can never hold is refused: see the faults.
        let Ok((settings, _)) = read(&settings.to_string()) else { return Ok(()); };
        let window = &settings.rules[0].when.time[0];
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let now = start.checked_add(minute.minutes()).unwrap();
        let civil = now.to_zoned(jiff::tz::TimeZone::UTC).datetime();
        prop_assert_eq!(
            window.holds_at(now.as_millisecond().try_into().unwrap()),
            naive(&window.days, hours, civil),
            "{:?} {}", window, now
        );
    }
}
