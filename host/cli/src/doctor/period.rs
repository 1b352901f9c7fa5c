//! How often a schedule's expression fires.

use std::{collections::BTreeSet, time::Duration};

/// The longest time between two firings, as far as an expression says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Period {
    /// Not longer than this.
    Every(Duration),
    /// Not in every hour, or only once.
    Rarely,
    /// The expression is not understood.
    Unread,
}

const MINUTE: u64 = 60;

/// Reads `rate(…)`, `cron(…)` or `at(…)`.
pub(super) fn of(expression: &str) -> Period {
    let Some((kind, rest)) = expression.trim().split_once('(') else {
        return Period::Unread;
    };
    let Some(inner) = rest.strip_suffix(')') else {
        return Period::Unread;
    };
    match kind {
        "rate" => rate(inner),
        "cron" => cron(inner),
        "at" => Period::Rarely,
        _ => Period::Unread,
    }
}

fn rate(inner: &str) -> Period {
    let mut words = inner.split_whitespace();
    let (Some(count), Some(unit), None) = (words.next(), words.next(), words.next()) else {
        return Period::Unread;
    };
    let unit = match unit.trim_end_matches('s') {
        "minute" => MINUTE,
        "hour" => 60 * MINUTE,
        "day" => 24 * 60 * MINUTE,
        _ => return Period::Unread,
    };
    match count
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(unit))
    {
        Some(seconds) if seconds > 0 => Period::Every(Duration::from_secs(seconds)),
        _ => Period::Unread,
    }
}

/// Minutes, hours, day of month, month, day of week, year.
fn cron(inner: &str) -> Period {
    let fields: Vec<&str> = inner.split_whitespace().collect();
    let [minutes, hours, rest @ ..] = fields.as_slice() else {
        return Period::Unread;
    };
    if rest.len() != 4 {
        return Period::Unread;
    }
    if !matches!(*hours, "*" | "*/1" | "0/1")
        || !rest.iter().all(|field| matches!(*field, "*" | "?"))
    {
        return Period::Rarely;
    }
    let Some(minutes) = minutes
        .split(',')
        .map(some_minutes)
        .collect::<Option<Vec<_>>>()
    else {
        return Period::Unread;
    };
    let minutes: BTreeSet<u64> = minutes.into_iter().flatten().collect();
    let next = minutes
        .iter()
        .skip(1)
        .copied()
        .chain(minutes.first().map(|first| first + 60));
    let longest = minutes.iter().zip(next).map(|(one, next)| next - one).max();
    longest.map_or(Period::Unread, |gap| {
        Period::Every(Duration::from_secs(gap * MINUTE))
    })
}

/// The minutes of one part of the field: `*`, `5`, `0-30`, each with a step or not. None if it is not understood.
fn some_minutes(part: &str) -> Option<Vec<u64>> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (
            range,
            Some(step.parse::<usize>().ok().filter(|step| *step > 0)?),
        ),
        None => (part, None),
    };
    let minute = |text: &str| text.parse::<u64>().ok().filter(|minute| *minute < 60);
    let (from, to) = match range.split_once('-') {
        Some((from, to)) => (minute(from)?, minute(to)?),
        None if range == "*" => (0, 59),
        None => {
            let from = minute(range)?;
            (from, if step.is_some() { 59 } else { from })
        }
    };
    Some((from..=to).step_by(step.unwrap_or(1)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pause_is_told() {
        for (expression, minutes) in [
            ("rate(1 minute)", 1),
            ("rate(5 minutes)", 5),
            ("rate(2 hours)", 120),
            ("rate(1 day)", 1_440),
            ("cron(* * * * ? *)", 1),
            ("cron(*/1 * * * ? *)", 1),
            ("cron(0/1 0/1 ? * * *)", 1),
            ("cron(0/2 * * * ? *)", 2),
            ("cron(0-58 * * * ? *)", 2),
            ("cron(0,1,30/10 * * * ? *)", 29),
            ("cron(7 * * * ? *)", 60),
            ("cron(*/25 * * * ? *)", 25),
        ] {
            assert_eq!(
                of(expression),
                Period::Every(Duration::from_secs(minutes * 60)),
                "{expression}"
            );
        }
        for expression in [
            "at(2027-01-01T00:00:00)",
            "cron(* 8-18 * * ? *)",
            "cron(* * ? * MON-FRI *)",
        ] {
            assert_eq!(of(expression), Period::Rarely, "{expression}");
        }
        for expression in [
            "",
            "rate(minute)",
            "rate(0 minutes)",
            "rate(1 fortnight)",
            "rate(99999999999999999999 days)",
            "cron(* * * *)",
            "cron(61 * * * ? *)",
            "cron(5-1 * * * ? *)",
            "cron(*/0 * * * ? *)",
            "rate(1 minute",
        ] {
            assert_eq!(of(expression), Period::Unread, "{expression}");
        }
    }
}
