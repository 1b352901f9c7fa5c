//! Open tasks, a line each.

use signalbox_tasker::operate::TaskView;

use crate::out;

/// The most characters of a column whose texts can be long.
const COLUMN_MAX: usize = 28;
/// The most characters of the SQL, in the last column.
const SQL_MAX: usize = 48;
/// How much of a record's id is shown where there is no statement's id: enough to be found by.
const ID_HEAD: usize = 12;

const HEAD: [&str; 8] = [
    "AGE",
    "PHASE",
    "STATE",
    "TARGET",
    "POLICY",
    "TASK",
    "EXECUTION",
    "SQL",
];

/// The lines, with a heading; none if there are no tasks.
pub(crate) fn lines(tasks: &[TaskView]) -> Vec<String> {
    if tasks.is_empty() {
        return Vec::new();
    }
    let rows: Vec<[String; 8]> = tasks.iter().map(row).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String]| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        line.trim_end().to_owned()
    };
    let head = line(&HEAD.map(str::to_owned));
    std::iter::once(out::styled(out::HEAD, head))
        .chain(rows.iter().map(|row| line(row)))
        .collect()
}

fn row(task: &TaskView) -> [String; 8] {
    let statement = task.statement.as_ref();
    let dash = || "-".to_owned();
    let id = statement.and_then(|statement| statement.id.clone());
    [
        span(task.age_seconds),
        super::show::word(&task.phase),
        statement
            .and_then(|statement| statement.status.clone())
            .unwrap_or_else(dash),
        statement.map_or_else(dash, |statement| cut(&statement.target, COLUMN_MAX)),
        task.policy
            .as_ref()
            .map_or_else(dash, |policy| cut(&policy.name, COLUMN_MAX)),
        id.unwrap_or_else(|| task.record_id.chars().take(ID_HEAD).collect()),
        task.execution_arn
            .as_deref()
            .map_or_else(dash, |arn| cut(execution(arn), COLUMN_MAX)),
        statement.map_or_else(dash, |statement| cut(&one_line(&statement.sql), SQL_MAX)),
    ]
}

/// The machine and the execution of an ARN.
fn execution(arn: &str) -> &str {
    arn.split_once(":execution:").map_or(arn, |(_, name)| name)
}

/// A time in two words at most.
pub(super) fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A text on one line, and nothing in it that a terminal would obey.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
