//! What kind of change a decision is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use signalbox_policy::{
    Answer, Decision, DecisionRecord, Identity, functions,
    replay::{EffectChange, Outcome, Replay},
};

/// One decision and what it would be now.
pub(super) struct Again {
    pub(super) record: DecisionRecord,
    pub(super) replay: Replay,
    /// The policy that decided now.
    pub(super) by: Identity,
    /// Whether its settings are others than those under which the decision was made.
    pub(super) has_other_settings: bool,
}

/// A kind of change, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// It was let run, and is refused now, or fails.
    Denied,
    /// It was refused, or failed, and runs now.
    Allowed,
    /// It runs on another target.
    Rerouted,
    /// The error has another name.
    Renamed,
    /// The same in other words.
    Words,
    /// Anything else.
    Other,
}

impl Change {
    /// In words.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Denied => "allow → deny",
            Self::Allowed => "deny → allow",
            Self::Rerouted => "rerouted",
            Self::Renamed => "renamed",
            Self::Words => "only the words",
            Self::Other => "otherwise",
        }
    }

    /// That of a decision that has changed.
    pub(super) fn of(again: &Again) -> Option<Self> {
        if again.replay.outcome != Outcome::Changed {
            return None;
        }
        let then = Verdict::of(&again.record.decision);
        let Some(now) = &again.replay.decision else {
            return Some(Self::Other);
        };
        let now = Verdict::of(now);
        let effects = &again.replay.effects;
        Some(match (then.error, now.error) {
            (None, Some(_)) => Self::Denied,
            (Some(_), None) => Self::Allowed,
            (Some(then), Some(now)) if then != now => Self::Renamed,
            (Some(_), Some(_)) if effects.is_empty() => Self::Words,
            (None, None) if !effects.is_empty() && effects.iter().all(is_rerouted) => {
                Self::Rerouted
            }
            _ => Self::Other,
        })
    }
}

/// Whether a decision lets go on, or the name of the error.
struct Verdict<'d> {
    error: Option<&'d str>,
}

impl<'d> Verdict<'d> {
    fn of(decision: &'d Decision) -> Self {
        let error = match decision {
            Decision::Rejected(rejection) => Some(rejection.error.as_str()),
            Decision::Fault { .. } => Some("PolicyFault"),
            Decision::Invoked {
                answer: Some(Answer::Fail { error, .. }),
                ..
            }
            | Decision::Settled {
                answer: Answer::Fail { error, .. },
            } => Some(error.as_str()),
            _ => None,
        };
        Self { error }
    }
}

/// Whether a start differs by its target alone.
fn is_rerouted(change: &EffectChange) -> bool {
    let is_start = change.function == functions::EXECUTE_STATEMENT
        || change.function == functions::BATCH_EXECUTE_STATEMENT;
    let (Some(then), Some(now)) = (&change.recorded, &change.replayed) else {
        return false;
    };
    const TARGET: &str = "/request/options/target";
    let mut moved = now.clone();
    let target = then.pointer(TARGET).cloned().unwrap_or_default();
    if let Some(place) = moved.pointer_mut(TARGET) {
        *place = target;
    }
    is_start && then != now && moved == *then
}

/// How many decisions there are of each kind.
#[derive(Debug, Default)]
pub(super) struct Counts {
    same: usize,
    changed: usize,
    diverged: usize,
    incomplete: usize,
    /// Records that were left out.
    pub(super) skipped: usize,
    kinds: BTreeMap<Change, usize>,
    /// Under other settings, and which.
    pub(super) others: usize,
    pub(super) digests: BTreeSet<String>,
    /// Who decided now, each once.
    pub(super) policies: Vec<Identity>,
}

impl Counts {
    pub(super) fn add(&mut self, again: &Again) {
        *match &again.replay.outcome {
            Outcome::Same => &mut self.same,
            Outcome::Changed => &mut self.changed,
            Outcome::Diverged { .. } => &mut self.diverged,
            Outcome::Incomplete { .. } => &mut self.incomplete,
        } += 1;
        if let Some(change) = Change::of(again) {
            *self.kinds.entry(change).or_default() += 1;
        }
        if again.has_other_settings {
            self.others += 1;
            self.digests
                .insert(again.record.policy.settings_digest.clone());
        }
        if !self.policies.contains(&again.by) {
            self.policies.push(again.by.clone());
        }
    }

    /// How many were made again.
    pub(super) fn all(&self) -> usize {
        self.same + self.changed + self.diverged + self.incomplete
    }

    pub(super) fn is_same(&self) -> bool {
        self.same == self.all()
    }

    pub(super) fn outcomes(&self) -> [(&'static str, usize); 5] {
        [
            ("same", self.same),
            ("changed", self.changed),
            ("diverged", self.diverged),
            ("incomplete", self.incomplete),
            ("skipped", self.skipped),
        ]
    }

    /// The changes by their kind.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.kinds.iter().map(|(kind, count)| (kind.name(), *count))
    }
}

/// The beginning of the SQL that a payload asks for, and the name of its state machine.
pub(super) fn about(again: &Again) -> Vec<(&'static str, String)> {
    const HEAD: usize = 80;
    let mut lines = Vec::new();
    if let signalbox_policy::record::Asked::Invoke { invocation, .. } = &again.record.asked {
        let payload: Value = serde_json::from_str(&invocation.payload).unwrap_or_default();
        let sql = payload
            .get("sqlStatement")
            .or_else(|| payload.pointer("/sqlStatements/0"));
        if let Some(sql) = sql.and_then(Value::as_str) {
            let one_line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
            let mut head: String = one_line.chars().take(HEAD).collect();
            if head.len() < one_line.len() {
                head.push('…');
            }
            lines.push(("sql", head));
        }
    }
    let machine = again.record.asked.execution_arn().and_then(|arn| {
        let mut parts = arn.split(':').skip(5);
        matches!(parts.next(), Some("execution" | "express")).then(|| parts.next())?
    });
    lines.extend(machine.map(|name| ("machine", name.to_owned())));
    lines
}
