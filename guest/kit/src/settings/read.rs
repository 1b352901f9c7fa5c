//! Settings from their text.

use super::read_callbacks::{error_name, read_callbacks};
use super::read_rules::read_rules;
use super::read_time::read_holidays;
use super::read_when::Names;
use super::sets::Sets;
use super::{OnStopRules, Settings, Unqualified, Verdict, check, keys};
use crate::contract::{Finding, OnStop};
use crate::section::{Findings, Section};
use crate::text::quoted;
use serde_json::Value;

const VERDICTS: [(&str, Verdict); 2] = [("allow", Verdict::Allow), ("deny", Verdict::Deny)];
const ON_STOPS: [(&str, OnStop); 2] = [("cancel", OnStop::Cancel), ("leave", OnStop::Leave)];

/// Settings with warnings about them.
pub type Accepted = (Settings, Vec<Finding>);
/// Faults of settings, and their member `custom`, which a policy built on the kit checks itself.
pub type Refused = (Vec<Finding>, Option<Value>);

/// Read settings.
///
/// # Errors
/// Everything that is wrong with them, each with its place.
pub fn read(text: &str) -> Result<Accepted, Refused> {
    let value = parse(text)?;
    let (settings, sets) = read_parts(&value)?;
    let mut warnings = Findings::default();
    check::warnings(&settings, &mut warnings);
    for name in sets.unused(&value) {
        let place = format!("/sets/{name}");
        let help = "Remove it, or refer to it in a list of a rule, as `@name`.";
        warnings.add(&place, "No rule uses this set.", help);
    }
    Ok((settings, warnings.0))
}

/// Read settings that were approved: nobody asks for warnings about them.
pub(super) fn read_without_warnings(text: &str) -> Result<Settings, Refused> {
    settings_of(&parse(text)?)
}

/// The same, of JSON that was parsed.
pub(super) fn settings_of(value: &Value) -> Result<Settings, Refused> {
    read_parts(value).map(|(settings, _)| settings)
}

fn parse(text: &str) -> Result<Value, Refused> {
    serde_json::from_str(text).map_err(|error| {
        let mut findings = Findings::default();
        findings.add(
            "",
            format!("The settings are not JSON: {error}."),
            "Correct the text.",
        );
        (findings.0, None)
    })
}

fn read_parts(value: &Value) -> Result<(Settings, Sets<'_>), Refused> {
    let mut findings = Findings::default();
    let Some(top) = Section::open(String::new(), value, keys::TOP, &mut findings) else {
        return Err((findings.0, None));
    };
    top.text("$schema", usize::MAX, &mut findings);
    let sets = Sets::read(&top, &mut findings);
    let names = Names::new(&sets, read_holidays(&top, &mut findings));
    let settings = Settings {
        rules: read_rules(&top, &names, &mut findings),
        prepared: None,
        unparsed: top.word("unparsed", &VERDICTS, &mut findings),
        unqualified: read_unqualified(&top, &mut findings),
        unknown_tables: top.word("unknownTables", &VERDICTS, &mut findings),
        known_functions: names.globs(&top, "knownFunctions", &mut findings),
        callbacks: read_callbacks(&top, &mut findings),
        aborted_error: read_error(&top, "abortedError", &mut findings),
        explain: top.flag("explain", &mut findings).unwrap_or(false),
        stamp: read_stamp(&top, &mut findings),
        transient_error: read_error(&top, "transientError", &mut findings),
        on_stop: read_on_stop(&top, &mut findings),
        custom: top.value("custom").cloned(),
    };
    check::faults(&settings, value, &mut findings);
    if findings.0.is_empty() {
        return Ok((settings, sets));
    }
    Err((findings.0, settings.custom))
}

/// `true`, or an object of texts that are in each stamp too.
fn read_stamp(top: &Section<'_>, findings: &mut Findings) -> Option<Vec<(String, String)>> {
    /// The most fields of one's own.
    const MOST: usize = 10;
    const KNOWN: [&str; 4] = ["application", "state_machine", "execution", "step"];
    let path = top.at("stamp");
    match top.value("stamp")? {
        Value::Bool(true) => return Some(Vec::new()),
        Value::Object(_) => {}
        other => {
            findings.wrong_type(
                &path,
                other,
                "true, or an object of texts: {\"policy\": \"finance\"}",
            );
            return None;
        }
    }
    let section = top.map("stamp", findings)?;
    let mut fields = Vec::new();
    for name in section.names() {
        let is_name = !name.is_empty()
            && name.len() <= 64
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if !is_name {
            let message = format!("{} is no name of a field.", quoted(name));
            findings.add(
                &section.at(name),
                message,
                "Use 1 to 64 letters, digits, `-` and `_`.",
            );
        } else if KNOWN.contains(&name) {
            let message = format!("Every stamp has {} already.", quoted(name));
            findings.add(&section.at(name), message, "Choose another name.");
        }
        let value = section.text(name, 200, findings);
        fields.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }
    if fields.len() > MOST {
        let message = format!("This names {} fields.", fields.len());
        findings.add(&path, message, format!("At most {MOST} are allowed."));
    }
    Some(fields)
}

fn read_error(top: &Section<'_>, key: &str, findings: &mut Findings) -> Option<String> {
    let name = top.text(key, 256, findings)?;
    error_name(&top.at(key), name, findings)
}

fn read_unqualified(top: &Section<'_>, findings: &mut Findings) -> Option<Unqualified> {
    match top.value("unqualified")? {
        Value::Object(_) => top
            .section("unqualified", keys::UNQUALIFIED, findings)
            .and_then(|section| section.text("schema", 127, findings).map(str::to_lowercase))
            .map(Unqualified::Schema),
        _ => top
            .word("unqualified", &VERDICTS, findings)
            .map(|verdict| match verdict {
                Verdict::Allow => Unqualified::Allow,
                Verdict::Deny => Unqualified::Deny,
            }),
    }
}

fn read_on_stop(top: &Section<'_>, findings: &mut Findings) -> OnStopRules {
    let Some(section) = top.section("onStop", keys::ON_STOP, findings) else {
        return OnStopRules::default();
    };
    OnStopRules {
        aborted: section.word("aborted", &ON_STOPS, findings),
        timed_out: section.word("timedOut", &ON_STOPS, findings),
        failed: section.word("failed", &ON_STOPS, findings),
        task_closed: section.word("taskClosed", &ON_STOPS, findings),
    }
}
