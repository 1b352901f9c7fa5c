//! What only settings as a whole show: what must be said, and what is odd.

use super::callback::CallbackRule;
use super::{Rule, Settings, Unqualified, Verdict, When};
use crate::section::Findings;
use crate::sql::Kind;
use serde_json::Value;
use std::collections::BTreeSet;

/// What must be said once a rule looks at what the SQL is. `value` tells what was written, be it wrong.
pub(super) fn faults(settings: &Settings, value: &Value, findings: &mut Findings) {
    let is_said = |key: &str| value.get(key).is_some();
    let because =
        |rule: &Rule| format!("Rule `{}` looks at what statements are or touch", rule.name);
    let looks_at_names = |rule: &&Rule| rule.when.anywhere(&When::looks_at_names);
    let looks_at_kinds = |rule: &&Rule| rule.when.anywhere(&|when| !when.kinds.is_empty());
    let looks_at_functions = |rule: &&Rule| rule.when.anywhere(&When::looks_at_functions);
    let looks_at_structure = |rule: &&Rule| rule.when.anywhere(&|when| when.structure.is_some());
    let mut rules = settings.rules.iter();
    if !is_said("unparsed")
        && let Some(rule) = rules.find(|rule| {
            looks_at_kinds(rule)
                || looks_at_names(rule)
                || looks_at_functions(rule)
                || looks_at_structure(rule)
        })
    {
        findings.add(
            "",
            format!(
                "{}, and nothing is said about SQL that does not parse.",
                because(rule)
            ),
            "Add `unparsed`: \"deny\", or \"allow\" if it may do anything.",
        );
    }
    // A rule that looks at `unqualified` has said it.
    let mut rules = settings.rules.iter();
    if !is_said("unqualified")
        && let Some(rule) = rules.find(|rule| {
            looks_at_kinds(rule)
                || rule
                    .when
                    .anywhere(&|when| when.looks_at_names() && when.unqualified.is_none())
        })
    {
        findings.add(
            "",
            format!(
                "{}, and nothing is said about tables that are named without a schema.",
                because(rule)
            ),
            "Add `unqualified`: \"deny\", \"allow\", or {\"schema\": \"public\"} for where they are.",
        );
    }
    if let Some(rule) = settings
        .rules
        .iter()
        .find(|rule| looks_at_names(rule) || looks_at_functions(rule) || looks_at_structure(rule))
        && !is_said("unknownTables")
    {
        let what = match looks_at_names(&rule) {
            true => "tables",
            false if looks_at_functions(&rule) => "functions",
            false => "what SQL does to rows",
        };
        findings.add(
            "",
            format!(
                "Rule `{}` looks at {what}, and nothing is said about SQL whose tables cannot be told, such \
                 as CALL.",
                rule.name
            ),
            "Add `unknownTables`: \"deny\", or \"allow\" if it may touch anything.",
        );
    }
}

/// What is allowed, and hardly meant.
pub(super) fn warnings(settings: &Settings, warnings: &mut Findings) {
    rules(&settings.rules, warnings);
    callbacks(&settings.callbacks, warnings);
    search_path(settings, warnings);
    let denies = settings.rules.iter().any(|rule| rule.then.deny.is_some())
        || settings.unparsed == Some(Verdict::Deny)
        || settings.unknown_tables == Some(Verdict::Deny)
        || settings.unqualified == Some(Unqualified::Deny);
    if !denies && settings.rules.iter().any(|rule| rule.then.allow) {
        warnings.add(
            "/rules",
            "Rules allow something, and nothing is denied: what no rule denies runs anyway.",
            "To allow only what is named, end with a rule that has no `when` and denies.",
        );
    }
}

fn rules(rules: &[Rule], warnings: &mut Findings) {
    let mut end: Option<&str> = None;
    let mut names = BTreeSet::new();
    for (position, rule) in rules.iter().enumerate() {
        let path = format!("/rules/{position}");
        if let Some(end) = end {
            let message =
                format!("This rule is never reached: rule `{end}` before it ends everything.");
            warnings.add(&path, message, "Move it up, or remove it.");
        }
        duplicate(&mut names, &rule.name, &path, warnings);
        let then = &rule.then;
        let ends = then.deny.is_some() || then.allow;
        if then.deny.is_some() && then.allow {
            warnings.add(
                &format!("{path}/then"),
                "This rule both denies and allows: it denies.",
                "Remove one of them.",
            );
        } else if then.deny.is_some() && has_other_effects(rule) {
            warnings.add(
                &format!("{path}/then"),
                "This rule denies, so that what else it says has no effect.",
                "Remove the rest.",
            );
        }
        if then.deny.is_none()
            && let Some(estimate) = &then.estimate
            && estimate.unexplained.is_none()
        {
            warnings.add(
                &format!("{path}/then/estimate"),
                "SQL that EXPLAIN does not take, such as COPY and CALL, and SQL whose plan does not come in time is refused.",
                "Say that it is meant by `unexplained`: \"deny\", or let it run by \"allow\".",
            );
        }
        if ends && rule.when.is_always() {
            end = end.or(Some(&rule.name));
        }
        if rule.when.unparsed == Some(true)
            && (rule.when.looks_at_tables()
                || rule.when.structure.is_some()
                || !rule.when.kinds.is_empty()
                || rule.when.looks_at_functions())
        {
            warnings.add(
                &format!("{path}/when"),
                "This never holds: SQL that does not parse has neither a kind nor tables.",
                "Make two rules of it.",
            );
        }
    }
}

/// A schema for names without one is where they are only as long as nobody changes the search path.
fn search_path(settings: &Settings, warnings: &mut Findings) {
    let matters = settings
        .rules
        .iter()
        .any(|rule| rule.when.anywhere(&When::looks_at_names));
    if matches!(settings.unqualified, Some(Unqualified::Schema(_)))
        && matters
        && !denies_set(settings)
    {
        warnings.add(
            "/unqualified",
            "Names without a schema can be elsewhere: a statement of the same batch or session may change \
             `search_path`.",
            "Deny the kind `set` by a rule or by `unknownTables`, or set `unqualified` to \"deny\".",
        );
    }
}

/// Whether a change of the search path is denied whoever asks: by a rule, or because it makes tables unknown.
fn denies_set(settings: &Settings) -> bool {
    let set = Kind::Set.name();
    for rule in &settings.rules {
        let when = &rule.when;
        if !when.kinds.is_empty() && !when.kinds.iter().any(|kind| kind.matches(set)) {
            continue;
        }
        let only_kinds = When {
            kinds: Vec::new(),
            ..when.clone()
        };
        if rule.then.deny.is_some() && only_kinds.is_always() {
            return true;
        }
        // What allows by tables never holds for it: it has none.
        if rule.then.allow && rule.then.deny.is_none() && !when.looks_at_tables() {
            return false;
        }
    }
    settings.unknown_tables == Some(Verdict::Deny)
}

fn has_other_effects(rule: &Rule) -> bool {
    let then = &rule.then;
    then.target.is_some()
        || then.singleton.is_some()
        || then.deadline_seconds.is_some()
        || then.session.is_some()
        || then.require_parameters
        || then.warn.is_some()
        || !then.expect.is_empty()
        || then.result_cap.is_some()
        || then.estimate.is_some()
}

fn callbacks(rules: &[CallbackRule], warnings: &mut Findings) {
    let mut names = BTreeSet::new();
    // What rules before take whatever else is true of an outcome. There are as many as lists of states, which are few.
    let mut taken: Vec<&CallbackRule> = Vec::new();
    for (position, rule) in rules.iter().enumerate() {
        let path = format!("/callbacks/{position}");
        let hidden_by = taken.iter().find(|before| {
            before.states.is_empty()
                || (!rule.states.is_empty()
                    && rule
                        .states
                        .iter()
                        .all(|state| before.states.contains(state)))
        });
        if let Some(before) = hidden_by {
            let message = format!(
                "This rule is never reached: rule `{}` takes its states.",
                before.name
            );
            warnings.add(&path, message, "Move it up, or remove it.");
        } else if rule.looks_at_state_only() {
            taken.push(rule);
        }
        duplicate(&mut names, &rule.name, &path, warnings);
    }
}

fn duplicate<'n>(
    names: &mut BTreeSet<&'n str>,
    name: &'n str,
    path: &str,
    warnings: &mut Findings,
) {
    if !names.insert(name) {
        let message = format!("Another rule is called `{name}` too.");
        warnings.add(
            &format!("{path}/name"),
            message,
            "Messages name the rule: give each its own.",
        );
    }
}
