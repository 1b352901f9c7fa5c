//! What came of it all.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::out;

/// One scenario's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) expected: String,
    pub(crate) got: String,
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub(crate) time: Duration,
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

impl Row {
    fn is_good(&self) -> bool {
        self.expected == self.got
    }
}

/// Shows the rows, and says whether all went as it should.
pub(crate) fn show(rows: &[Row], time: Duration) -> bool {
    let good = rows.iter().filter(|row| row.is_good()).count();
    out::json(&json!({
        "good": good == rows.len(),
        "scenarios": rows,
        "seconds": time.as_secs_f64(),
    }));
    out::line("");
    for line in lines(rows) {
        out::line(line);
    }
    let style = if good == rows.len() {
        out::GOOD
    } else {
        out::BAD
    };
    out::line(format_args!(
        "\n{} in {:.1} s",
        out::styled(
            style,
            format_args!("{good} of {} scenarios went as they should", rows.len())
        ),
        time.as_secs_f64()
    ));
    good == rows.len()
}

fn lines(rows: &[Row]) -> Vec<String> {
    let name = rows
        .iter()
        .map(|row| row.name.chars().count())
        .fold("scenario".len(), usize::max);
    let head = format!("     {:<name$}  {:>6}  came out as", "scenario", "time");
    let mut lines = vec![out::styled(out::HEAD, head)];
    for row in rows {
        let (mark, otherwise) = if row.is_good() {
            (out::styled(out::GOOD, "ok  "), String::new())
        } else {
            let expected = out::styled(out::BAD, format_args!("(not {})", row.expected));
            (out::styled(out::BAD, "BAD "), format!("  {expected}"))
        };
        lines.push(format!(
            "{mark} {:<name$}  {:>5.1}s  {}{otherwise}",
            row.name,
            row.time.as_secs_f64(),
            row.got
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, expected: &str, got: &str) -> Row {
        Row {
            name: name.to_owned(),
            expected: expected.to_owned(),
            got: got.to_owned(),
            time: Duration::from_millis(1_234),
        }
    }

    #[test]
    fn a_scenario_that_came_out_otherwise_makes_the_whole_bad() {
        let good = row("success", "SUCCESS", "SUCCESS");
        assert!(show(std::slice::from_ref(&good), Duration::ZERO));
        assert!(!show(
            &[good, row("cancel", "ABORTED", "FINISHED")],
            Duration::ZERO
        ));
    }

    #[test]
    fn the_columns_stand_in_line() {
        let plain: Vec<String> = lines(&[
            row("success", "SUCCESS", "SUCCESS"),
            row("a-longer-name", "x", "y"),
        ])
        .iter()
        .map(|line| anstream::adapter::strip_str(line).to_string())
        .collect();
        insta::assert_snapshot!(plain.join("\n"), @"
             scenario         time  came out as
        ok   success          1.2s  SUCCESS
        BAD  a-longer-name    1.2s  y  (not x)
        ");
    }
}
