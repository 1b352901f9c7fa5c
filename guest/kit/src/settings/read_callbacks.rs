//! Callback rules from their JSON.

use super::callback::{CallbackEffect, CallbackRule};
use super::keys;
use super::read_shared::{globs, read_kinds, read_name};
use crate::section::{Findings, Section, word};
use crate::text::quoted;

const STATES: [(&str, &str); 3] = [
    ("FINISHED", "FINISHED"),
    ("FAILED", "FAILED"),
    ("ABORTED", "ABORTED"),
];

pub(super) fn read_callbacks(top: &Section<'_>, findings: &mut Findings) -> Vec<CallbackRule> {
    let mut rules = Vec::new();
    for (path, value) in top.list("callbacks", findings) {
        let Some(section) = Section::open(path, value, keys::RULE, findings) else {
            continue;
        };
        let name = read_name(&section, findings);
        let effect = read_effect(&section, findings);
        let when = section.section("when", keys::CALLBACK_WHEN, findings);
        let mut rule = CallbackRule {
            name,
            states: Vec::new(),
            codes: Vec::new(),
            texts: Vec::new(),
            kinds: Vec::new(),
            targets: Vec::new(),
            steps: Vec::new(),
            transient: None,
            effect: CallbackEffect::Succeed,
        };
        if let Some(when) = when {
            for (path, text) in when.texts("states", findings) {
                let state = word(&path, text, &STATES, findings);
                rule.states.extend(state.map(str::to_owned));
            }
            let codes = when.texts("codes", findings);
            rule.codes = codes.into_iter().map(|(_, text)| text.to_owned()).collect();
            rule.texts = globs(&when, "texts", findings);
            rule.kinds = read_kinds(when.texts("kinds", findings), findings);
            rule.targets = globs(&when, "targets", findings);
            rule.steps = globs(&when, "steps", findings);
            rule.transient = when.flag("transient", findings);
        }
        if let Some(effect) = effect {
            rule.effect = effect;
            rules.push(rule);
        }
    }
    rules
}

fn read_effect(section: &Section<'_>, findings: &mut Findings) -> Option<CallbackEffect> {
    let Some(value) = section.value("then") else {
        findings.add(
            &section.path,
            "This rule does nothing: it has no `then`.",
            "Add `then`: {\"succeed\": true} or {\"error\": \"Name\"}.",
        );
        return None;
    };
    let then = Section::open(section.at("then"), value, keys::CALLBACK_THEN, findings)?;
    let succeed = then.flag("succeed", findings);
    let error = then
        .text("error", 256, findings)
        .and_then(|name| error_name(&then.at("error"), name, findings));
    let cause = then.text("cause", 32_768, findings).map(str::to_owned);
    match (succeed, error) {
        (Some(true), None) if cause.is_none() && then.value("error").is_none() => {
            Some(CallbackEffect::Succeed)
        }
        (None, Some(error)) => Some(CallbackEffect::Fail { error, cause }),
        _ => {
            findings.add(
                &then.path,
                "This is neither a success nor a failure.",
                "Write {\"succeed\": true}, or {\"error\": \"Name\"} with or without a `cause`.",
            );
            None
        }
    }
}

pub(super) fn error_name(path: &str, name: &str, findings: &mut Findings) -> Option<String> {
    if name.starts_with("States.") || name.starts_with("Lambda.") {
        findings.add(
            path,
            format!(
                "{} begins with a name that AWS keeps for itself.",
                quoted(name)
            ),
            "Choose a name of your own, such as `SerialisationFailure`.",
        );
        return None;
    }
    Some(name.to_owned())
}
