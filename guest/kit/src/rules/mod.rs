//! The rules of the settings, applied to SQL that somebody wants to run.

mod candidates;
mod estimates;
mod expectations;
mod explain;
mod matching;
mod plan;
mod stamps;
mod structure;

use crate::cap::{ResultCap, noted_caps};
use crate::contract::{Exclusivity, ExecutionMode, Level, Rejection};
use crate::expect::Expectation;
use crate::handle::Decision;
use crate::host::Host;
use crate::memo::note;
use crate::payload::Start;
use crate::policy::Event;
use crate::settings::{Rule, SessionRule, Settings, Singleton, Then, Unqualified, Verdict};
use crate::sql::{Kind, Statement, Unparsed, classify, classify_names, has_text_literal};
use crate::text::quoted;
use candidates::candidates;
use matching::{Subject, holds};
use std::borrow::Cow;

/// What the rules make of a request: how it runs, or why not.
///
/// Every statement of a batch goes through the rules, top down, and one that is denied denies all. `deny` and
/// `allow` end for a statement; of the other effects the first rule to set one wins.
pub(crate) fn decide(start: &Start, event: &Event<'_>) -> Result<Decision, Rejection> {
    let settings = event.settings;
    let mut decision = Decision::as_asked(start);
    let asked_target = start.target.as_deref().or(event
        .invocation
        .targets
        .first()
        .map(String::as_str));
    let own = start.sqls.len();
    // What a caller expects runs too, and goes by the same rules.
    let queries = start.expect.iter().filter_map(Expectation::query);
    let sqls: Vec<&str> = start
        .sqls
        .iter()
        .map(String::as_str)
        .chain(queries)
        .collect();
    let statements: Vec<Option<Statement>> = match settings.look_at_sql() {
        true => {
            let understand = understanding(settings);
            sqls.iter().map(|sql| Some(understand(sql))).collect()
        }
        false => sqls.iter().map(|_| None).collect(),
    };
    let subjects: Vec<Subject<'_>> = sqls
        .iter()
        .zip(&statements)
        .map(|(sql, statement)| Subject {
            sql,
            statement: statement.as_ref(),
            target: asked_target,
            execution_arn: event.invocation.execution_arn.as_deref(),
            labels: &start.labels,
            now: event.host,
        })
        .collect();
    let rules = candidates(settings, &subjects).ok_or_else(damaged)?;
    let mut effects = Effects::default();
    for (position, subject) in subjects.iter().enumerate() {
        let mut aside = Effects::default();
        let effects = match position < own {
            true => &mut effects,
            false => &mut aside,
        };
        effects.position = position;
        let outcome = apply(settings, &rules, subject, effects);
        if settings.explain {
            let position = format!("{} of {}", position + 1, subjects.len());
            let refused = outcome.as_ref().err().map(String::as_str);
            explain::explain(&rules, subject, refused, &position);
        }
        outcome.map_err(|why| match position < own {
            true => denied(&why, position, own),
            false => denied(&format!("A query of `expect`: {why}"), 0, 1),
        })?;
    }
    let kinds = statements.iter().flatten();
    let kinds: Vec<Kind> = kinds
        .filter_map(|statement| statement.kind.as_ref().ok().copied())
        .collect();
    if settings.callbacks_look_at_kinds() {
        decision.note_kinds(&kinds);
        if statements.iter().flatten().all(only_reads) {
            note(&mut decision.options.memo, "onlyReads", true.into());
        }
        if start.execution_mode == ExecutionMode::AutoCommit {
            note(&mut decision.options.memo, "autoCommit", true.into());
        }
    }
    effects.change(&mut decision, start)?;
    let by_rule = effects
        .result_cap
        .map(|(rule, cap)| (format!("rule `{rule}`"), cap));
    let by_caller = start.result_cap.as_ref();
    let caps: Vec<_> = by_rule
        .into_iter()
        .chain(by_caller.map(|cap| ("the payload".to_owned(), cap)))
        .collect();
    if !caps.is_empty() {
        note(&mut decision.options.memo, "caps", noted_caps(&caps));
    }
    estimates::check(
        &mut decision,
        &statements,
        &effects.estimates,
        settings,
        event.host,
    )?;
    expectations::add(&mut decision, start, &effects.expect, event.host)?;
    if let Some(own) = &settings.stamp {
        let execution_arn = event.invocation.execution_arn.as_deref();
        stamps::add(&mut decision, own, start, execution_arn, event.host);
    }
    effects.warn(start.sqls.len(), event.host);
    Ok(decision)
}

/// Whether a statement is known to do no more than read.
fn only_reads(statement: &Statement) -> bool {
    let reads = [Kind::Select, Kind::Show, Kind::Explain];
    statement.complete
        && statement.unparsed_part().is_none()
        && statement.writes.is_empty()
        && statement.kinds().all(|kind| reads.contains(&kind))
}

/// Says what SQL is, with the schema that the settings give to names without one.
fn understanding(settings: &Settings) -> impl Fn(&str) -> Statement {
    let look_at_structure = settings.look_at_structure();
    move |sql| {
        let statement = match look_at_structure {
            true => classify(sql),
            false => classify_names(sql),
        };
        let mut statement = statement.trusting(|name| {
            let patterns = &settings.known_functions;
            patterns.iter().any(|pattern| pattern.matches(name))
        });
        if let Some(Unqualified::Schema(schema)) = &settings.unqualified {
            let tables = statement
                .reads
                .iter_mut()
                .chain(&mut statement.writes)
                .chain(statement.structure.tables_mut());
            for table in tables.filter(|table| table.schema.is_none()) {
                table.schema = Some(schema.clone());
            }
        }
        statement
    }
}

/// What rules want beside allowing and denying: the first to set one wins.
#[derive(Debug, Default)]
struct Effects<'s> {
    target: Option<&'s str>,
    singleton: Option<&'s Singleton>,
    deadline_seconds: Option<u32>,
    session: Option<(SessionRule, &'s str)>,
    /// The number of the statement that is looked at, from 0.
    position: usize,
    /// How large a result may be, and the rule that says so.
    result_cap: Option<(&'s str, &'s ResultCap)>,
    /// Contracts of rules, each once.
    expect: Vec<(&'s str, &'s [Expectation])>,
    /// Bounds for plans: those of all rules that hold count.
    estimates: Vec<estimates::Bound<'s>>,
    /// Warnings, each with its rule and the first statement that it is about.
    warnings: Vec<(&'s str, &'s str, usize)>,
}

fn apply<'s>(
    settings: &Settings,
    rules: &'s [(usize, Cow<'_, Rule>)],
    subject: &Subject<'_>,
    effects: &mut Effects<'s>,
) -> Result<(), String> {
    for (_, rule) in rules {
        if !holds(rule, subject) {
            continue;
        }
        if let Some(reason) = &rule.then.deny {
            let mut message = format!("Rule `{}` denies this: {reason}", rule.name);
            if let Some(help) = &rule.then.help {
                message.push_str(&format!(" See {help}"));
            }
            return Err(message);
        }
        if rule.then.require_parameters && has_text_literal(subject.sql) {
            return Err(format!(
                "Rule `{}` wants values as parameters, and the SQL has a text in quotes. Write `:name` \
                 instead and give the value in `parameters`.",
                rule.name
            ));
        }
        effects.add(rule, &rule.then);
        if rule.then.allow {
            return Ok(());
        }
    }
    match subject.statement {
        Some(statement) => not_understood(settings, statement),
        None => Ok(()),
    }
}

/// What the settings say of SQL that no rule ended and that was not understood in full.
fn not_understood(settings: &Settings, statement: &Statement) -> Result<(), String> {
    if settings.unparsed == Some(Verdict::Deny)
        && let Some(why) = statement.unparsed_part()
    {
        let why = match why {
            Unparsed::Elsewhere => {
                "it runs a prepared statement, whose text is not here".to_owned()
            }
            Unparsed::Ambiguous(doubtful) => format!(
                "the text `{}` has two readings: {}",
                doubtful.words, doubtful.doubt
            ),
            Unparsed::Syntax { leading_word, near } => {
                let mut why = "its syntax is not known".to_owned();
                if let Some(near) = near {
                    why.push_str(&format!(" near `{near}`"));
                }
                if let Some(word) = leading_word {
                    why.push_str(&format!("; it begins with `{word}`"));
                }
                why
            }
        };
        return Err(format!(
            "The SQL was not understood ({why}), and the settings deny such SQL (`unparsed`)."
        ));
    }
    let tables = || statement.reads.iter().chain(&statement.writes);
    if settings.unqualified == Some(Unqualified::Deny)
        && let Some(table) = tables().find(|table| table.schema.is_none())
    {
        return Err(format!(
            "The SQL names `{table}` without a schema, and the settings deny such SQL (`unqualified`). \
             Write the schema before it."
        ));
    }
    if settings.unknown_tables == Some(Verdict::Deny)
        && statement.kind.is_ok()
        && !statement.complete
    {
        return Err(unknown_tables(statement));
    }
    Ok(())
}

/// Why not all tables of a statement are known, with the words and functions that it is due to.
fn unknown_tables(statement: &Statement) -> String {
    const SHOWN: usize = 5;
    let list = |words: &mut dyn Iterator<Item = &str>| {
        let words: Vec<String> = words.take(SHOWN).map(quoted).collect();
        words.join(", ")
    };
    let kind = statement.kind.as_ref().map_or("", |kind| Kind::name(*kind));
    let mut message =
        format!("Not all tables that this SQL (`{kind}`) touches can be told from it");
    if !statement.unaccounted.is_empty() {
        let words = list(&mut statement.unaccounted.iter().map(String::as_str));
        message.push_str(&format!(": what {words} does in it is not known"));
    } else if statement.kind != Ok(Kind::Call) && statement.unknown_functions().next().is_some() {
        let functions = list(&mut statement.unknown_functions());
        message.push_str(&format!(
            ": what {functions} does is not known (`knownFunctions` is for functions that touch no table)"
        ));
    }
    message.push_str(", and the settings deny such SQL (`unknownTables`).");
    message
}

impl<'s> Effects<'s> {
    fn add(&mut self, rule: &'s Rule, then: &'s Then) {
        if let Some(warning) = &then.warn {
            let is_known = |known: &(&str, &str, usize)| known.0 == rule.name && known.1 == warning;
            if !self.warnings.iter().any(is_known) {
                self.warnings.push((&rule.name, warning, self.position));
            }
        }
        if !then.expect.is_empty() && !self.expect.iter().any(|(name, _)| *name == rule.name) {
            self.expect.push((&rule.name, &then.expect));
        }
        if let Some(estimate) = &then.estimate {
            self.estimates.push((&rule.name, estimate, self.position));
        }
        let cap = then.result_cap.as_ref();
        self.result_cap = self.result_cap.or(cap.map(|cap| (rule.name.as_str(), cap)));
        self.target = self.target.or(then.target.as_deref());
        self.singleton = self.singleton.or(then.singleton.as_ref());
        self.deadline_seconds = self.deadline_seconds.or(then.deadline_seconds);
        self.session = self
            .session
            .or(then.session.map(|session| (session, rule.name.as_str())));
    }

    /// Write the warnings to the log: the statement runs.
    fn warn(&self, count: usize, host: &dyn Host) {
        for (rule, warning, position) in &self.warnings {
            let statement = format!("{} of {count}", position + 1);
            host.log(
                Level::Warn,
                &format!("Rule `{rule}` warns: {warning}"),
                &[("rule", rule), ("statement", &statement)],
            );
        }
    }

    /// Change what the payload asked for. A rule's target and lock win over the payload's; of two deadlines the
    /// earlier counts.
    fn change(&self, decision: &mut Decision, start: &Start) -> Result<(), Rejection> {
        let options = &mut decision.options;
        match self.session {
            Some((SessionRule::Refuse, rule)) if asks_for_session(start) => {
                return Err(denied(&format!("Rule `{rule}` refuses sessions."), 0, 1));
            }
            Some((SessionRule::KeepAlive(seconds), _)) => {
                options.session_keep_alive_seconds.get_or_insert(seconds);
            }
            _ => {}
        }
        if let Some(target) = self.target {
            options.target = Some(target.to_owned());
        }
        match self.singleton {
            Some(Singleton::Statement) => options.exclusive = Some(Exclusivity::Statement),
            Some(Singleton::Key(key)) => options.exclusive = Some(Exclusivity::Key(key.clone())),
            None => {}
        }
        options.deadline_seconds = match (options.deadline_seconds, self.deadline_seconds) {
            (Some(asked), Some(ruled)) => Some(asked.min(ruled)),
            (asked, ruled) => asked.or(ruled),
        };
        Ok(())
    }
}

fn asks_for_session(start: &Start) -> bool {
    start.session_id.is_some() || start.session_keep_alive_seconds.is_some()
}

fn damaged() -> Rejection {
    Rejection {
        error: "PolicyFault".to_owned(),
        message: "The prepared settings of this policy are damaged. Load it anew.".to_owned(),
    }
}

fn denied(why: &str, position: usize, count: usize) -> Rejection {
    let message = match count {
        1 => why.to_owned(),
        _ => format!("Statement {} of {count}: {why}", position + 1),
    };
    Rejection {
        error: "PolicyDenied".to_owned(),
        message,
    }
}

#[cfg(test)]
mod tests;
