//! The events that have to reach the function, and which of them a pattern takes.

use serde_json::{Value, json};

use super::{fit::Fit, pattern};

/// A kind of events.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// What is looked for.
    pub(super) check: &'static str,
    /// What the events are, in words.
    pub(super) what: String,
    /// A name for a rule that takes them.
    pub(super) rule: &'static str,
    /// The pattern of such a rule.
    pub(super) pattern: Value,
    /// Some of them, as far as they are known beforehand, each with what is special to it.
    samples: Vec<(&'static str, Value)>,
    /// Whether it matters where else they go.
    pub(super) ours_alone: bool,
}

/// What a pattern takes of the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Taken {
    All,
    /// All but these.
    AllBut(Vec<&'static str>),
    None,
    /// It cannot be told, and why not.
    Open(String),
}

impl Wanted {
    /// That statements of a deployment have ended.
    pub(super) fn completions(deployment: &str) -> Self {
        const ENVELOPE: Envelope = Envelope {
            source: "aws.redshift-data",
            detail_type: "Redshift Data Statement Status Change",
        };
        let prefix = signalbox_tasker::ids::statement_prefix(deployment);
        let sample = |state: &'static str, digit: &str| {
            let name = format!("{prefix}{}", digit.repeat(64));
            let detail = json!({ "statementName": name, "state": state });
            (state, ENVELOPE.event(&detail))
        };
        let states = ["FINISHED", "FAILED", "ABORTED"];
        let samples = states
            .into_iter()
            .flat_map(|state| [sample(state, "0"), sample(state, "f")]);
        let samples = samples.collect();
        let pattern = ENVELOPE.pattern(&json!({ "statementName": [{ "prefix": prefix }] }));
        Self {
            check: "completion rule",
            what: format!("the ends of statements named `{prefix}…`"),
            rule: "signalbox-ended",
            pattern,
            samples,
            ours_alone: true,
        }
    }

    /// That executions were stopped while their statements run.
    pub(super) fn stops() -> Self {
        const ENVELOPE: Envelope = Envelope {
            source: "aws.states",
            detail_type: "Step Functions Execution Status Change",
        };
        let states = ["ABORTED", "TIMED_OUT", "FAILED"];
        let sample = |state: &'static str| (state, ENVELOPE.event(&json!({ "status": state })));
        let samples = states.into_iter().map(sample).collect();
        let pattern = ENVELOPE.pattern(&json!({ "status": states }));
        Self {
            check: "stopped executions rule",
            what: "executions that are stopped, time out or fail".to_owned(),
            rule: "signalbox-stopped",
            pattern,
            samples,
            ours_alone: false,
        }
    }

    /// Which of them a pattern, JSON, takes.
    pub(super) fn taken(&self, pattern: &str) -> Taken {
        let (mut some, mut missed, mut open) = (false, Vec::new(), None);
        for (special, event) in &self.samples {
            match pattern::takes(pattern, event) {
                Fit::Yes => some = true,
                Fit::No if missed.last() == Some(special) => {}
                Fit::No => missed.push(*special),
                Fit::Open(why) => open = Some(why),
            }
        }
        match open {
            Some(why) => Taken::Open(why),
            None if missed.is_empty() => Taken::All,
            None if some => Taken::AllBut(missed),
            None => Taken::None,
        }
    }
}

/// Where events come from and what they are.
struct Envelope {
    source: &'static str,
    detail_type: &'static str,
}

impl Envelope {
    /// An event with this detail.
    fn event(&self, detail: &Value) -> Value {
        json!({ "source": self.source, "detail-type": self.detail_type, "detail": detail })
    }

    /// The pattern of events whose detail is like this.
    fn pattern(&self, detail: &Value) -> Value {
        json!({ "source": [self.source], "detail-type": [self.detail_type], "detail": detail })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_of_the_proposed_pattern_takes_all() {
        for wanted in [Wanted::completions("tasker"), Wanted::stops()] {
            assert_eq!(wanted.taken(&wanted.pattern.to_string()), Taken::All);
        }
        let wanted = Wanted::completions("tasker");
        // The original's: wider.
        let wide = r#"{"source": ["aws.redshift-data"], "detail-type": ["Redshift Data Statement Status Change"]}"#;
        assert_eq!(wanted.taken(wide), Taken::All);
        assert_eq!(
            wanted.taken(r#"{"source": [{"prefix": "aws."}]}"#),
            Taken::All
        );
    }

    #[test]
    fn what_is_missed_is_told() {
        let wanted = Wanted::completions("tasker");
        assert_eq!(
            wanted.taken(r#"{"detail": {"state": ["FINISHED"]}}"#),
            Taken::AllBut(vec!["FAILED", "ABORTED"])
        );
        assert_eq!(
            wanted.taken(r#"{"detail": {"statementName": [{"prefix": "sbx-other:"}]}}"#),
            Taken::None
        );
        assert_eq!(wanted.taken(r#"{"source": ["aws.states"]}"#), Taken::None);
        assert!(matches!(
            Wanted::stops().taken(r#"{"detail": {"stateMachineArn": ["arn:m"]}}"#),
            Taken::Open(why) if why.contains("`detail.stateMachineArn`")
        ));
    }
}
