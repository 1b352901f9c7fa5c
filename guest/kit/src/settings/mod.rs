//! The settings of the standard policy: what they hold, and how they are read and checked.
//!
//! `settings.schema.json` documents them for people and editors.

mod callback;
mod check;
mod covers;
mod estimate;
mod glob;
mod keys;
mod lint;
mod prepared;
mod read;
mod read_callbacks;
mod read_rules;
mod read_shared;
mod read_time;
mod read_when;

mod sets;
mod when;
mod window;

pub use callback::{CallbackEffect, CallbackRule, CallbackSubject, error_codes};
pub use estimate::{Estimate, Otherwise};
pub use glob::{Glob, LocationPattern, TablePattern};
pub use lint::{MOST_RULES, lint, lint_tables};
pub(crate) use prepared::{Lookup, Place};
pub use prepared::{Prepared, prepare, read_approved};
pub use read::{Accepted, Refused, read};
pub use when::{Access, StructureWhen, When};
pub use window::{BusinessDays, DateRange, Days, Window};

use crate::cap::ResultCap;
use crate::contract::OnStop;
use crate::expect::Expectation;
use serde_json::Value;

/// The settings, checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// The rules, in order; empty if they are in `prepared`, as they are in a component.
    /// [`all_rules`](Settings::all_rules) has them in either case.
    pub rules: Vec<Rule>,
    /// The rules, prepared so that a statement's are found without reading the others.
    pub prepared: Option<Prepared>,
    /// What becomes of SQL that does not parse, where no rule ended it.
    pub unparsed: Option<Verdict>,
    /// What a table's name without a schema means.
    pub unqualified: Option<Unqualified>,
    /// What becomes of SQL whose tables cannot all be told, where no rule ended it.
    pub unknown_tables: Option<Verdict>,
    /// Functions of the team's own that touch no table.
    pub known_functions: Vec<Glob>,
    /// What outcomes mean, in order.
    pub callbacks: Vec<CallbackRule>,
    /// The error of an ABORTED statement; none for `FAILED`, as the original has it.
    pub aborted_error: Option<String>,
    /// The error of what is worth a retry; none for that of any other failure, as the original has it.
    pub transient_error: Option<String>,
    /// Whether SQL is stamped with who runs it, and with what else.
    pub stamp: Option<Vec<(String, String)>>,
    /// Whether each decision is explained in the log.
    pub explain: bool,
    /// What becomes of a statement whose task is gone.
    pub on_stop: OnStopRules,
    /// What belongs to a policy built on the kit.
    pub custom: Option<Value>,
}

/// Whether something may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allow,
    /// It may not.
    Deny,
}

/// What a table's name without a schema means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unqualified {
    /// Nothing is known of its schema, and that is all right.
    Allow,
    /// SQL with such a name is denied.
    Deny,
    /// It is in this schema.
    Schema(String),
}

/// A rule: what it looks for, and what it does then.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name, for messages.
    pub name: String,
    /// What it looks for; everything given must hold.
    pub when: When,
    /// What it does.
    pub then: Then,
}

/// What a rule does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Then {
    /// Refuse, for this reason; ends.
    pub deny: Option<String>,
    /// Where people read what to do instead.
    pub help: Option<String>,
    /// Let it run, and say this in the log.
    pub warn: Option<String>,
    /// Let it run; ends.
    pub allow: bool,
    /// Run it on this target.
    pub target: Option<String>,
    /// Run it alone.
    pub singleton: Option<Singleton>,
    /// Cancel it after so many seconds.
    pub deadline_seconds: Option<u32>,
    /// What becomes of sessions.
    pub session: Option<SessionRule>,
    /// Refuse texts in quotes: values must come as parameters.
    pub require_parameters: bool,
    /// How large its result may be.
    pub result_cap: Option<ResultCap>,
    /// What its plan may cost.
    pub estimate: Option<Estimate>,
    /// What must be true once the SQL has run.
    pub expect: Vec<Expectation>,
}

/// What runs alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Singleton {
    /// The same SQL.
    Statement,
    /// Everything with this key.
    Key(String),
}

/// What becomes of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionRule {
    /// A payload that asks for one is refused.
    Refuse,
    /// A session is kept so many seconds, unless the payload says how long.
    KeepAlive(u32),
}

/// What becomes of a statement whose task is gone, by the reason; none for the standard, which is cancel.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct OnStopRules {
    /// The execution was stopped.
    pub aborted: Option<OnStop>,
    /// The execution timed out.
    pub timed_out: Option<OnStop>,
    /// The execution failed elsewhere.
    pub failed: Option<OnStop>,
    /// The task itself no longer waits.
    pub task_closed: Option<OnStop>,
}

impl Settings {
    /// Every rule, in order, wherever it is.
    #[must_use]
    pub fn all_rules(&self) -> Vec<Rule> {
        match &self.prepared {
            None => self.rules.clone(),
            Some(prepared) => {
                let rules = prepared.all().unwrap_or_default().into_iter();
                rules.map(|(_, rule)| rule).collect()
            }
        }
    }

    /// Whether a rule looks at what SQL does beyond its kind and its names.
    #[must_use]
    pub fn look_at_structure(&self) -> bool {
        match &self.prepared {
            Some(prepared) => prepared.looks_at_structure,
            None => self.look_at_rules(&|when| when.structure.is_some()),
        }
    }

    /// Whether the SQL must be understood to apply them.
    #[must_use]
    pub fn look_at_sql(&self) -> bool {
        self.unparsed == Some(Verdict::Deny)
            || self.unknown_tables == Some(Verdict::Deny)
            || self.unqualified == Some(Unqualified::Deny)
            || self.callbacks_look_at_kinds()
            || match &self.prepared {
                Some(prepared) => prepared.looks_at_sql,
                None => self.look_at_rules(&When::looks_at_sql),
            }
    }

    /// Whether the kinds of a statement matter when it has ended.
    #[must_use]
    pub fn callbacks_look_at_kinds(&self) -> bool {
        self.transient_error.is_some() || self.callbacks.iter().any(CallbackRule::looks_at_kinds)
    }

    fn look_at_rules(&self, looks: &dyn Fn(&When) -> bool) -> bool {
        self.rules.iter().any(|rule| rule.when.anywhere(looks))
    }
}

#[cfg(test)]
mod tests;
