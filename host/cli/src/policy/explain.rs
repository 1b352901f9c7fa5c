//! `signalbox policy explain`: which rule decides about a payload, and why the others do not.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use signalbox_kit::{
    settings,
    sql::lexer,
    testing::{Call, FakeHost, evaluate_on},
};

use crate::{Done, out};

#[derive(Debug, ClapArgs)]
pub(crate) struct ExplainArgs {
    /// Settings of the standard policy: a JSON file
    settings: PathBuf,
    /// The payload: a JSON file
    #[arg(required_unless_present = "sql", conflicts_with = "sql")]
    payload: Option<PathBuf>,
    /// SQL in place of a payload
    #[arg(long)]
    sql: Option<String>,
    /// The ARN of the execution that asks; without it that of the payload
    #[arg(long, value_name = "ARN")]
    execution: Option<String>,
    /// The time that rules see, such as 2026-11-30T17:00:00Z; without it now
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

pub(crate) fn run(args: &ExplainArgs) -> Done {
    let mut settings = settings(&args.settings)?;
    settings.insert("explain".to_owned(), json!(true));
    let mut payload = match (&args.sql, &args.payload) {
        (Some(sql), _) => Map::from_iter([("sqlStatement".to_owned(), json!(sql))]),
        (None, Some(path)) => object(path, &read(path)?)?,
        (None, None) => return Err("give a payload, or SQL with `--sql`".to_owned()),
    };
    if let Some(arn) = &args.execution {
        payload.insert("executionArn".to_owned(), json!(arn));
    }
    let host = FakeHost::at(time(args.at.as_deref())?);
    let (settings, payload) = (Value::Object(settings), Value::Object(payload));
    let outcome = evaluate_on(&host, &payload.to_string(), &settings.to_string());
    let statements: Vec<Value> = host
        .calls()
        .into_iter()
        .filter_map(|call| match call {
            Call::Log(line) => line
                .split_once(" explanation=")
                .and_then(|(_, json)| serde_json::from_str(json).ok()),
            _ => None,
        })
        .collect();
    let refused = outcome.as_ref().err();
    out::json(&json!({
        "runs": refused.is_none(),
        "error": refused.map(|refused| json!({ "error": refused.error, "message": refused.message })),
        "statements": statements,
    }));
    match refused {
        None => out::line(out::styled(out::GOOD, "runs")),
        Some(refused) => out::line(format_args!(
            "{} {}: {}",
            out::styled(out::BAD, "refused"),
            refused.error,
            refused.message
        )),
    }
    for (statement, sql) in statements.iter().zip(sqls(&payload)) {
        show(statement, &sql);
    }
    Ok(refused.is_none())
}

/// Settings of the standard policy, which are valid.
pub(super) fn settings(path: &Path) -> Result<Map<String, Value>, String> {
    let text = read(path)?;
    if let Err((faults, _)) = settings::read(&text) {
        let list: Vec<String> = faults
            .iter()
            .map(|fault| format!("{}: {}", fault.path, fault.message))
            .collect();
        return Err(format!(
            "the settings {} are wrong. `signalbox policy lint` says more: {}",
            path.display(),
            list.join("; ")
        ));
    }
    object(path, &text)
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

fn object(path: &Path, text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(format!("{} is no JSON object", path.display())),
        Err(error) => Err(format!("{} is no JSON: {error}", path.display())),
    }
}

/// In milliseconds since 1970.
fn time(text: Option<&str>) -> Result<u64, String> {
    let time = match text {
        None => Timestamp::now(),
        Some(text) => text.parse().map_err(|_| {
            format!(
                "`{text}` is no time: write it as 2026-11-30T17:00:00Z or 2026-11-30T18:00:00+01:00"
            )
        })?,
    };
    u64::try_from(time.as_millisecond()).map_err(|_| "the time is before 1970".to_owned())
}

/// The statements of a payload, with the queries of its expectations, in the order in which they are looked at.
fn sqls(payload: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let own = payload.get("sqlStatement").and_then(text);
    let many = payload.get("sqlStatements").and_then(Value::as_array);
    let many = many.into_iter().flatten().filter_map(text);
    let expect = match payload.get("expect") {
        Some(Value::Array(list)) => list.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let queries = expect.into_iter().filter_map(|one| {
        ["/isTrue", "/noRows", "/rows/of"]
            .iter()
            .find_map(|place| one.pointer(place).and_then(text))
    });
    own.into_iter().chain(many).chain(queries).collect()
}

fn show(statement: &Value, sql: &str) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names = |value: &Value| {
        let names: Vec<String> = value.as_array().into_iter().flatten().map(text).collect();
        names.join(", ")
    };
    out::line("");
    out::line(format_args!(
        "{}",
        out::styled(
            out::HEAD,
            format_args!("statement {}", text(&statement["statement"]))
        )
    ));
    let facts = &statement["sql"];
    let words: Vec<&str> = ["unaccounted", "notUnderstood"]
        .iter()
        .filter_map(|name| facts[name].as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for line in underlined(sql, &words) {
        out::line(format_args!("  {line}"));
    }
    let null = Value::Null;
    let decided = |member: &str| statement.pointer(member).unwrap_or(&null);
    let decided = match (decided("/decided/rule"), decided("/decided/setting")) {
        (Value::String(rule), _) => format!("rule `{rule}`"),
        (_, Value::String(setting)) => format!("the setting {setting}"),
        _ => "nothing: it runs".to_owned(),
    };
    out::line(format_args!("  decided by   {decided}"));
    if facts.is_object() {
        for (label, name) in [
            ("kinds", "kinds"),
            ("reads", "reads"),
            ("writes", "writes"),
            ("functions", "functions"),
        ] {
            let names = names(&facts[name]);
            if !names.is_empty() {
                out::line(format_args!("  {label:12} {names}"));
            }
        }
        let known = match (facts["understood"] == true, facts["complete"] == true) {
            (false, _) => "it is not understood (`unparsed`)",
            (true, false) => "not everything that it touches is known (`unknownTables`)",
            (true, true) => "all that it touches",
        };
        out::line(format_args!("  known        {known}"));
    }
    let also = names(&statement["alsoHold"]);
    if !also.is_empty() {
        out::line(format_args!("  also hold    {also}"));
    }
    for rule in statement["closest"].as_array().into_iter().flatten() {
        let fails: Vec<String> = rule["fails"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|fail| {
                format!(
                    "`{}` (found: {})",
                    text(&fail["when"]),
                    text(&fail["found"])
                )
            })
            .collect();
        out::line(format_args!(
            "  close        {}: fails {}",
            text(&rule["rule"]),
            fails.join(", ")
        ));
    }
}

/// The lines of SQL, below each a line that marks these words where there are any.
fn underlined(sql: &str, words: &[&str]) -> Vec<String> {
    let marked: Vec<(usize, usize)> = lexer::significant(sql)
        .filter(|token| words.iter().any(|word| is_shown(word, token.text)))
        .map(|token| (token.start, token.end()))
        .collect();
    let mut lines = Vec::new();
    let mut start = 0;
    for line in sql.split('\n') {
        lines.push(line.replace('\t', " ").trim_end().to_owned());
        let marks: String = line
            .char_indices()
            .map(|(at, _)| {
                let at = start + at;
                let is_marked = marked.iter().any(|(from, to)| (*from..*to).contains(&at));
                if is_marked { '^' } else { ' ' }
            })
            .collect();
        if marks.contains('^') {
            lines.push(marks.trim_end().to_owned());
        }
        start += line.len() + 1;
    }
    lines
}

/// Long words are told shortened.
fn is_shown(told: &str, word: &str) -> bool {
    let beginning = told.trim_end_matches('…');
    told == word || (beginning.len() < told.len() && word.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_marked_where_they_stand() {
        let lines = underlined("select a,\n\tfrob b frob\nfrom t -- frob", &["frob"]);
        assert_eq!(
            lines,
            [
                "select a,",
                " frob b frob",
                " ^^^^   ^^^^",
                "from t -- frob"
            ]
        );
        assert_eq!(underlined("select 1", &[]), ["select 1"]);
    }
}
