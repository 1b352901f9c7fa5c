//! `--bless`: writes what came into the cases' `expect`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use signalbox_lambda::{
    config::document,
    policy_tests::{Expect, answer, call},
};
use signalbox_policy::contract::{Level, OnStop};
use signalbox_tasker::dry_run::DryRun;

use super::Ran;

/// Writes the expectations of the cases that failed, and returns their files. Those of a set stay as they are.
pub(super) fn bless(ran: &mut [Ran]) -> Result<Vec<PathBuf>, String> {
    let mut blessed = Vec::new();
    for ran in ran.iter_mut().filter(|ran| !ran.passed()) {
        let Some(path) = &ran.test.file else {
            continue;
        };
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{shown} cannot be read: {error}"))?;
        let value = document(&shown, &text).map_err(|problem| problem.to_string())?;
        let old = value.get("expect").cloned();
        let expect = blessed_expect(&ran.test.case.expect, old.as_ref(), &ran.verdict.run);
        let new = rewritten(path, &text, value, expect)?;
        std::fs::write(path, new).map_err(|error| format!("{shown} cannot be written: {error}"))?;
        blessed.push(path.clone());
    }
    Ok(blessed)
}

/// What is expected from now on: of the same things as before, what came.
fn blessed_expect(expect: &Expect, old: Option<&Value>, run: &DryRun) -> Value {
    let all = observed(run);
    let was_refused = expect.error.is_some();
    let old = old.and_then(Value::as_object);
    let (Some(old), false, true) = (old, expect.is_empty(), was_refused == run.raised.is_some())
    else {
        return Value::Object(all);
    };
    let mut new = Map::new();
    for (key, was) in old {
        let now = match (key.as_str(), run.starts.as_slice()) {
            // Whether it decides is for people to say.
            ("rule", _) => Some(was.clone()),
            ("sql", [start]) => Some(json!(start.sql)),
            ("target", [start]) => Some(json!(start.target)),
            ("reply", _) => run.reply.as_ref().map(|reply| same_part(was, reply)),
            (key @ ("calls" | "task"), _) => all.get(key).map(|now| same_part(was, now)),
            (key, _) => all.get(key).cloned(),
        };
        new.extend(now.map(|now| (key.clone(), now)));
    }
    if new.is_empty() {
        return Value::Object(all);
    }
    Value::Object(new)
}

/// The keys that were expected, with what they have now.
fn same_part(was: &Value, now: &Value) -> Value {
    match (was, now) {
        (Value::Object(was), Value::Object(now)) if was.keys().any(|key| now.contains_key(key)) => {
            was.iter()
                .filter_map(|(key, was)| Some((key.clone(), same_part(was, now.get(key)?))))
                .collect::<Map<_, _>>()
                .into()
        }
        (Value::Array(was), Value::Array(now)) if was.len() == now.len() => was
            .iter()
            .zip(now)
            .map(|(was, now)| same_part(was, now))
            .collect(),
        (_, now) => now.clone(),
    }
}

/// All that can be expected of a run.
pub(crate) fn observed(run: &DryRun) -> Map<String, Value> {
    let mut all = Map::new();
    let calls: Vec<_> = run.calls.iter().map(call).collect();
    if let Some(raised) = &run.raised {
        all.insert("error".to_owned(), json!(raised.error_type));
        all.insert("message".to_owned(), json!(raised.message));
        all.insert("calls".to_owned(), json!(calls));
        return all;
    }
    all.insert("calls".to_owned(), json!(calls));
    if let Some(told) = &run.answer {
        all.insert("task".to_owned(), without_null(answer(told)));
    }
    if let Some(on_stop) = run.on_stop {
        let word = match on_stop {
            OnStop::Cancel => "cancel",
            OnStop::Leave => "leave",
        };
        all.insert("onStop".to_owned(), json!(word));
    }
    let warnings: Vec<_> = run
        .log
        .iter()
        .filter(|line| line.level == Level::Warn)
        .map(|line| line.text.clone())
        .collect();
    if !warnings.is_empty() {
        all.insert("warnings".to_owned(), json!(warnings));
    }
    all
}

/// TOML has no null, and what is not expected is not looked at.
fn without_null(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, without_null(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(without_null).collect(),
        other => other,
    }
}

/// The text of a case with another `expect`.
fn rewritten(path: &Path, text: &str, value: Value, expect: Value) -> Result<String, String> {
    let is_toml = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("toml"));
    if !is_toml {
        let mut value = value;
        if let Some(members) = value.as_object_mut() {
            members.insert("expect".to_owned(), expect);
        }
        let text = serde_json::to_string_pretty(&value).map_err(|error| error.to_string())?;
        return Ok(format!("{text}\n"));
    }
    let section = toml::to_string(&json!({ "expect": expect }))
        .map_err(|error| format!("{}: the expectation is no TOML: {error}", path.display()))?;
    in_place(text, &section).ok_or_else(|| {
        format!(
            "{}: `expect` stands in one line with braces: write it as a section [expect] at the end, so that it can be replaced",
            path.display()
        )
    })
}

/// Replaces the section `[expect]` with those below it; none if it is written in another form.
fn in_place(text: &str, section: &str) -> Option<String> {
    let is_expect = |line: &str| {
        let name = line.trim_start().trim_start_matches('[').trim_start();
        line.trim_start().starts_with('[')
            && name
                .strip_prefix("expect")
                .is_some_and(|rest| rest.trim_start().starts_with(['.', ']']))
    };
    let is_other = |line: &str| line.trim_start().starts_with('[') && !is_expect(line);
    let lines: Vec<&str> = text.lines().collect();
    let Some(from) = lines.iter().position(|line| is_expect(line)) else {
        let has_inline = toml::from_str::<toml::Table>(text)
            .ok()?
            .contains_key("expect");
        return (!has_inline).then(|| format!("{}\n\n{section}", text.trim_end()));
    };
    let to = lines
        .iter()
        .skip(from)
        .position(|line| is_other(line))
        .map_or(lines.len(), |at| from + at);
    let mut new: Vec<&str> = lines.get(..from)?.to_vec();
    new.extend(section.trim_end().lines());
    let rest = lines.get(to..)?;
    if !rest.is_empty() {
        new.push("");
    }
    new.extend(rest);
    Some(format!("{}\n", new.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beside_the_expectation_stays() {
        let text = "# Drops.\nname = \"a\"\n\n[payload]\nsqlStatement = \"drop table t\"\n\n[expect]\nerror = \"X\"\n\n[expect.task]\nerror = \"Y\"\n\n[statement]\nStatus = \"FAILED\"\n";
        let new = in_place(text, "[expect]\nerror = \"Z\"\n").unwrap();
        insta::assert_snapshot!(new, @r#"
        # Drops.
        name = "a"

        [payload]
        sqlStatement = "drop table t"

        [expect]
        error = "Z"

        [statement]
        Status = "FAILED"
        "#);
        assert_eq!(in_place("expect = { error = \"X\" }\n", "[expect]\n"), None);
        assert_eq!(
            in_place("name = \"a\"\n", "[expect]\nerror = \"Z\"\n").unwrap(),
            "name = \"a\"\n\n[expect]\nerror = \"Z\"\n"
        );
    }

    #[test]
    fn only_what_was_expected_is_written() {
        let was = json!([{ "call": "execute-statement", "target": "a" }]);
        let now = json!([{ "call": "execute-statement", "target": "b", "sql": "select 1" }]);
        assert_eq!(
            same_part(&was, &now),
            json!([{ "call": "execute-statement", "target": "b" }])
        );
    }
}
