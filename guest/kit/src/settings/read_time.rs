//! Reads time windows and holidays.

use super::keys;
use super::read_when::Names;
use super::window;
use super::window::{BusinessDays, DAYS, DateRange, Days, Window, time_of_day, zone, zone_names};
use crate::section::{Findings, Section, word};
use crate::text::{nearest, quoted};
use jiff::civil::{Date, Time, Weekday};
use serde_json::Value;

/// The keys that choose the days on which a window begins.
const DAY_KEYS: [&str; 5] = ["days", "weekdays", "daysOfMonth", "dates", "businessDays"];

/// One window, or several.
pub(super) fn read_times<'v>(
    section: &Section<'v>,
    names: &Names<'_, 'v>,
    findings: &mut Findings,
) -> Vec<Window> {
    if section.value("time").is_none() {
        return Vec::new();
    }
    let mut windows = Vec::new();
    for (path, value) in section.values("time", findings) {
        if let Some(inner) = Section::open(path, value, keys::TIME, findings) {
            windows.extend(read_time(&inner, names, findings));
        }
    }
    windows
}

/// The holidays; `None` if the settings do not have the key.
pub(super) fn read_holidays(top: &Section<'_>, findings: &mut Findings) -> Option<Vec<DateRange>> {
    match top.value("holidays")? {
        Value::Array(items) if items.is_empty() => Some(Vec::new()),
        _ => Some(read_dates(top, "holidays", findings)),
    }
}

fn read_time(
    section: &Section<'_>,
    names: &Names<'_, '_>,
    findings: &mut Findings,
) -> Option<Window> {
    let has_days = section.has_any(&DAY_KEYS);
    let whole_days = has_days && !section.has_any(&["from", "to"]);
    let hours = match whole_days {
        true => Some(None),
        false => read_hours(section, findings).map(Some),
    };
    let faults = findings.0.len();
    let days = read_days(section, names, findings);
    if findings.0.len() == faults && has_days && !days.can_be() {
        findings.add(
            &section.path,
            "This never holds: no day is all of what it asks for.",
            "Make several windows of it, or remove what contradicts the rest.",
        );
    }
    let outside = section.flag("outside", findings).unwrap_or(false);
    Some(Window {
        zone: read_zone(section, findings)?,
        hours: hours?,
        days,
        outside,
    })
}

fn read_hours(section: &Section<'_>, findings: &mut Findings) -> Option<(Time, Time)> {
    let time = |key: &str, findings: &mut Findings| {
        if section.value(key).is_none() {
            findings.add(
                &section.path,
                format!("This has no `{key}`."),
                "Add it, such as \"22:00\".",
            );
        }
        let text = section.text(key, 5, findings)?;
        let time = time_of_day(text);
        if time.is_none() {
            findings.add(
                &section.at(key),
                format!("{} is no time of the day.", quoted(text)),
                "Write hour and minute with two digits each, such as \"06:00\".",
            );
        }
        time
    };
    let from = time("from", findings);
    let to = time("to", findings);
    if from.is_some() && from == to {
        findings.add(
            &section.path,
            "`from` and `to` are the same time.",
            "Leave `time` out if any time will do.",
        );
    }
    Some((from?, to?))
}

fn read_days(section: &Section<'_>, names: &Names<'_, '_>, findings: &mut Findings) -> Days {
    if section.value("days").is_some() && section.value("weekdays").is_some() {
        findings.add(
            &section.at("days"),
            "`days` and `weekdays` are the same.",
            "Keep `weekdays`.",
        );
    }
    let mut weekdays: Vec<Weekday> = Vec::new();
    for key in ["days", "weekdays"] {
        for (path, text) in section.texts(key, findings) {
            weekdays.extend(word(&path, text, &DAYS, findings));
        }
    }
    Days {
        weekdays,
        days_of_month: read_numbers(section, "daysOfMonth", 31, findings),
        dates: read_dates(section, "dates", findings),
        business_days: read_business_days(section, names, findings),
    }
}

/// `true` for every business day, or the numbers of business days of a month.
fn read_business_days(
    section: &Section<'_>,
    names: &Names<'_, '_>,
    findings: &mut Findings,
) -> Option<BusinessDays> {
    let value = section.value("businessDays")?;
    let numbers = match value {
        Value::Bool(true) => Vec::new(),
        Value::Number(_) | Value::Array(_) => read_numbers(section, "businessDays", 23, findings),
        other => {
            let wanted =
                "true, or which of the month: a whole number or a list of them, -1 for the last";
            findings.wrong_type(&section.at("businessDays"), other, wanted);
            return None;
        }
    };
    if names.holidays.is_none() {
        findings.add(
            &section.at("businessDays"),
            "Nothing is said about holidays.",
            "Add `holidays` to the settings: the dates, or [] if there are none.",
        );
    }
    Some(BusinessDays {
        numbers,
        holidays: names.holidays.clone().unwrap_or_else(|| [].into()),
    })
}

/// Numbers of days of a month: from 1, or from the end, where -1 is the last.
fn read_numbers(section: &Section<'_>, key: &str, most: i8, findings: &mut Findings) -> Vec<i8> {
    let mut numbers = Vec::new();
    for (path, value) in section.values(key, findings) {
        let number = value.as_i64().and_then(|number| i8::try_from(number).ok());
        match number.filter(|number| *number != 0 && number.unsigned_abs() <= most.unsigned_abs()) {
            Some(number) => numbers.push(number),
            None => {
                let wanted = format!("1 to {most}, or -1 to -{most} from the end of the month");
                if value.is_number() {
                    let help = format!("It must be {wanted}.");
                    findings.add(&path, "This number is not allowed here.", help);
                } else {
                    findings.wrong_type(&path, value, &format!("a whole number, {wanted}"));
                }
            }
        }
    }
    numbers
}

/// Dates, and ranges that include both ends.
fn read_dates(section: &Section<'_>, key: &str, findings: &mut Findings) -> Vec<DateRange> {
    let mut dates = Vec::new();
    for (path, value) in section.values(key, findings) {
        match value {
            Value::String(text) => {
                let date = date(&path, text, findings);
                dates.extend(date.map(|date| DateRange {
                    first: date,
                    last: date,
                }));
            }
            Value::Object(_) => {
                let range = Section::open(path, value, keys::DATES, findings);
                dates.extend(range.and_then(|range| read_range(&range, findings)));
            }
            other => {
                let wanted = "a date such as \"2026-12-24\", or {\"from\": \"…\", \"to\": \"…\"}";
                findings.wrong_type(&path, other, wanted);
            }
        }
    }
    dates
}

fn read_range(range: &Section<'_>, findings: &mut Findings) -> Option<DateRange> {
    let mut end = |key: &str| {
        if range.value(key).is_none() {
            let message = format!("This has no `{key}`.");
            findings.add(&range.path, message, "Add it, such as \"2026-12-24\".");
        }
        let text = range.text(key, 10, findings)?;
        date(&range.at(key), text, findings)
    };
    let (first, last) = (end("from"), end("to"));
    let (first, last) = (first?, last?);
    if last < first {
        findings.add(
            &range.path,
            "This range is empty: `to` is before `from`.",
            "Exchange them. Both days belong to the range.",
        );
        return None;
    }
    Some(DateRange { first, last })
}

fn date(path: &str, text: &str, findings: &mut Findings) -> Option<Date> {
    let date = window::date(text);
    if date.is_none() {
        findings.add(
            path,
            format!("{} is no date.", quoted(text)),
            "Write year, month and day, such as \"2026-12-24\".",
        );
    }
    date
}

fn read_zone(section: &Section<'_>, findings: &mut Findings) -> Option<jiff::tz::TimeZone> {
    if section.value("zone").is_none() {
        let help = "Add it, such as \"UTC\" or \"Europe/Berlin\".";
        findings.add(&section.path, "This has no `zone`.", help);
    }
    let name = section.text("zone", 64, findings)?;
    let zone = zone(name);
    if zone.is_none() {
        let names = zone_names();
        let help = match nearest(name, names.iter().map(String::as_str)) {
            Some(meant) => format!("Did you mean `{meant}`?"),
            None => "Use a name of the time zone database, such as \"UTC\" or \"Europe/Berlin\"."
                .to_owned(),
        };
        findings.add(
            &section.at("zone"),
            format!("{} is no time zone.", quoted(name)),
            help,
        );
    }
    zone
}
