//! What decisions would change.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_policy::replay::{EffectChange, Outcome};

use super::changes::{Again, Change, Counts, about};
use crate::{
    invoke::report::{brief, decided},
    out,
};

/// All of them.
pub(super) struct Report {
    /// Whether each decision was made by the policy of its name, and not all by one.
    pub(super) is_by_name: bool,
    /// How many there are of each kind.
    pub(super) counts: Counts,
    /// Those that are shown one by one: of very many not all.
    pub(super) decisions: Vec<Again>,
    /// Why other records were left out.
    pub(super) skipped: Vec<String>,
    pub(super) time: Duration,
}

impl Report {
    /// Whether nothing changes.
    pub(super) fn is_same(&self) -> bool {
        self.counts.is_same()
    }

    /// The document for programs.
    pub(super) fn document(&self) -> Value {
        let decisions: Vec<_> = self
            .decisions
            .iter()
            .map(|again| {
                let Again { record, replay, .. } = again;
                json!({
                    "subject": record.asked.subject(),
                    "export": record.asked.export(),
                    "at": record.at,
                    "executionArn": record.asked.execution_arn(),
                    "policy": record.policy,
                    "recorded": record.decision,
                    "replay": replay,
                    "by": again.by,
                    "otherSettings": again.has_other_settings,
                    "change": Change::of(again).map(Change::name),
                })
            })
            .collect();
        json!({
            "good": self.is_same(),
            "policy": self.counts.policies.first().filter(|_| !self.is_by_name),
            "policies": self.counts.policies,
            "otherSettings": self.counts.others,
            "counts": self.counts.outcomes().map(|(name, count)| json!({"outcome": name, "count": count})),
            "changes": self.counts.kinds().map(|(name, count)| json!({"change": name, "count": count})).collect::<Vec<_>>(),
            "skipped": self.skipped,
            "decisions": decisions,
            "notShown": self.counts.all() - self.decisions.len(),
        })
    }

    /// The text for people: what changes, and how much does not.
    pub(super) fn lines(&self) -> Vec<String> {
        let by = self.counts.policies.iter().map(|policy| {
            format!(
                "by         {} {}, SHA-256 {}, settings {}",
                out::styled(out::NAME, &policy.name),
                policy.version,
                short(&policy.digest),
                short(&policy.settings_digest),
            )
        });
        let mut lines: Vec<_> = by.collect();
        for again in &self.decisions {
            changed(&mut lines, again);
        }
        for skipped in &self.skipped {
            lines.push(format!(
                "{} {skipped}",
                out::styled(out::NOTE, format_args!("{:<10}", "skipped"))
            ));
        }
        lines.extend(self.other_settings());
        let shown = self
            .decisions
            .iter()
            .filter(|again| !again.replay.is_same());
        let different = self
            .counts
            .outcomes()
            .iter()
            .skip(1)
            .take(3)
            .map(|(_, count)| count)
            .sum::<usize>();
        let hidden = different - shown.count();
        if hidden > 0 {
            lines.push(format!(
                "{} {hidden} more are counted below",
                out::styled(out::NOTE, format_args!("{:<10}", "not shown"))
            ));
        }
        let kinds: Vec<_> = self
            .counts
            .kinds()
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        if !kinds.is_empty() {
            lines.push(format!("{:<10} {}", "changes", kinds.join(", ")));
        }
        let counts: Vec<_> = self
            .counts
            .outcomes()
            .into_iter()
            .filter(|(name, count)| *count > 0 || *name == "same")
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        let milliseconds = self.time.as_millis();
        lines.push(format!(
            "{} {} in {milliseconds} ms",
            out::styled(
                if self.is_same() { out::GOOD } else { out::BAD },
                format_args!("{:<10}", "decisions")
            ),
            counts.join(", "),
        ));
        lines
    }

    /// That a difference may come from the settings.
    fn other_settings(&self) -> Option<String> {
        let digests: Vec<_> = self
            .counts
            .digests
            .iter()
            .map(|digest| short(digest))
            .collect();
        let help = if self.is_by_name {
            ""
        } else {
            ". No record has settings: give those of then by --settings or --config"
        };
        (self.counts.others > 0).then(|| {
            format!(
                "{} {} of {} decisions were made under other settings ({}) or the same in other words: a difference may be \
                 theirs, and not the policy's{help}",
                out::styled(out::NOTE, format_args!("{:<10}", "note")),
                self.counts.others,
                self.counts.all(),
                digests.join(", "),
            )
        })
    }
}

fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Same => "same",
        Outcome::Changed => "changed",
        Outcome::Diverged { .. } => "diverged",
        Outcome::Incomplete { .. } => "incomplete",
    }
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn changed(lines: &mut Vec<String>, again: &Again) {
    let Again { record, replay, .. } = again;
    let style = match &replay.outcome {
        Outcome::Same => return,
        Outcome::Changed => out::BAD,
        Outcome::Diverged { .. } | Outcome::Incomplete { .. } => out::NOTE,
    };
    lines.push(format!(
        "{} {} {} of {}",
        out::styled(style, format_args!("{:<10}", name(&replay.outcome))),
        record.asked.export(),
        record.asked.subject(),
        out::styled(out::NAME, &record.policy.name),
    ));
    for (what, text) in about(again) {
        lines.push(format!("  {what:<8} {text}"));
    }
    match &replay.outcome {
        Outcome::Diverged {
            call,
            function,
            arguments,
        } => lines.push(format!(
            "  call {call:<3} {} was not made then, so what it would return is not known: {}",
            out::styled(out::NAME, function),
            brief(arguments),
        )),
        Outcome::Incomplete { reason } => lines.push(format!("  because  {reason}")),
        Outcome::Same | Outcome::Changed => {}
    }
    for change in &replay.effects {
        effect(lines, change);
    }
    if let Some(now) = replay
        .decision
        .as_ref()
        .filter(|now| **now != record.decision)
    {
        lines.push(format!("  then     {}", decided(&record.decision, None)));
        lines.push(format!("  now      {}", decided(now, None)));
    }
    if let Some(masked) = &record.masked {
        lines.push(format!(
            "  masked   this may come from what is hidden in {}",
            masked.places.join(", ")
        ));
    }
}

fn effect(lines: &mut Vec<String>, change: &EffectChange) {
    let function = out::styled(out::NAME, &change.function);
    let (then, now) = (change.recorded.as_ref(), change.replayed.as_ref());
    match (then, now) {
        (Some(then), Some(now)) => {
            lines.push(format!("  other    {function}"));
            lines.push(format!("      then {}", brief(then)));
            lines.push(format!("      now  {}", brief(now)));
        }
        (Some(then), None) => lines.push(format!("  gone     {function} {}", brief(then))),
        (None, Some(now)) => lines.push(format!("  new      {function} {}", brief(now))),
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use signalbox_policy::{
        Decision, DecisionRecord, Identity, contract::Rejection, replay::Replay,
    };

    use super::*;

    fn record(decision: Decision) -> DecisionRecord {
        serde_json::from_value(json!({
            "format": 1, "host": "0.1.0", "at": 0, "calls": [], "durationUs": 0,
            "policy": {"name": "finance", "version": "1", "digest": "d", "settings_digest": "s"},
            "export": "invoke", "event": {"waiter": null, "invocation": {
                "request_id": "5b1f", "source": "Invocation", "payload": "{}", "execution_arn": null,
                "function_arn": null, "targets": [], "unknown_fields": "Warn"
            }},
            "decision": decision,
            "usage": {"guestTimeUs": 0, "hostTimeUs": 0, "hostCalls": 0, "memory": 0, "fuel": null}
        }))
        .unwrap()
    }

    fn accepted() -> Decision {
        Decision::Invoked {
            reply: json!({"Id": "11"}),
            answer: None,
            bound: true,
        }
    }

    fn denied() -> Decision {
        Decision::Rejected(Rejection {
            error: "PolicyDenied".to_owned(),
            message: "No drops.".to_owned(),
        })
    }

    fn again(outcome: Outcome, effects: Vec<EffectChange>, decision: Option<Decision>) -> Again {
        Again {
            record: record(accepted()),
            replay: Replay {
                outcome,
                effects,
                decision,
                usage: None,
                masked: false,
            },
            by: Identity {
                name: "standard".to_owned(),
                version: "0.2.0".to_owned(),
                digest: "0123456789abcdef".to_owned(),
                settings_digest: "fedcba9876543210".to_owned(),
            },
            has_other_settings: false,
        }
    }

    fn effect(recorded: Option<&str>, replayed: Option<&str>) -> EffectChange {
        let arguments = |sql: &str| json!({"request": {"sql": sql}});
        EffectChange {
            function: "redshift-data/execute-statement".to_owned(),
            recorded: recorded.map(arguments),
            replayed: replayed.map(arguments),
        }
    }

    fn report(decisions: Vec<Again>) -> Report {
        let mut counts = Counts::default();
        decisions.iter().for_each(|again| counts.add(again));
        Report {
            is_by_name: false,
            counts,
            decisions,
            skipped: Vec::new(),
            time: Duration::from_millis(3),
        }
    }

    fn plain(report: &Report) -> String {
        anstream::adapter::strip_str(&report.lines().join("\n")).to_string()
    }

    #[test]
    fn changes_are_seen_at_a_glance() {
        let mut masked = again(
            Outcome::Changed,
            vec![
                effect(Some("select '***'"), Some("select 1")),
                effect(None, Some("select 2")),
            ],
            Some(accepted()),
        );
        masked.record.masked = serde_json::from_value(
            json!({"rule": "literals", "places": ["/event/invocation/payload"]}),
        )
        .ok();
        let diverged = Outcome::Diverged {
            call: 2,
            function: "ledger/latest".to_owned(),
            arguments: json!({"request": {"step": "s"}}),
        };
        let incomplete = Outcome::Incomplete {
            reason: "call 1 is not in the record: its journal was full".to_owned(),
        };
        let mut report = report(vec![
            again(Outcome::Same, Vec::new(), Some(accepted())),
            again(
                Outcome::Changed,
                vec![effect(Some("drop table t"), None)],
                Some(denied()),
            ),
            masked,
            again(diverged, Vec::new(), None),
            again(incomplete, Vec::new(), None),
        ]);
        report.counts.skipped = 1;
        report.skipped.push(
            "log.txt, line 7: the record was shortened; the whole one was kept nowhere".to_owned(),
        );
        assert!(!report.is_same());
        insta::assert_snapshot!(plain(&report), @r#"
        by         standard 0.2.0, SHA-256 0123456789ab, settings fedcba987654
        changed    invoke 5b1f of finance
          gone     redshift-data/execute-statement sql "drop table t"
          then     accepted, reply {"Id":"11"}; the task waits for the statement
          now      rejected with PolicyDenied: No drops.
        changed    invoke 5b1f of finance
          other    redshift-data/execute-statement
              then sql "select '***'"
              now  sql "select 1"
          new      redshift-data/execute-statement sql "select 2"
          masked   this may come from what is hidden in /event/invocation/payload
        diverged   invoke 5b1f of finance
          call 2   ledger/latest was not made then, so what it would return is not known: step s
        incomplete invoke 5b1f of finance
          because  call 1 is not in the record: its journal was full
        skipped    log.txt, line 7: the record was shortened; the whole one was kept nowhere
        changes    1 allow → deny, 1 otherwise
        decisions  1 same, 2 changed, 1 diverged, 1 incomplete, 1 skipped in 3 ms
        "#);
    }

    #[test]
    fn no_change_is_one_line() {
        let report = report(vec![again(Outcome::Same, Vec::new(), Some(accepted()))]);
        assert!(report.is_same());
        insta::assert_snapshot!(plain(&report), @"
        by         standard 0.2.0, SHA-256 0123456789ab, settings fedcba987654
        decisions  1 same in 3 ms
        ");
        assert_eq!(report.document()["good"], true);
    }

    #[test]
    fn other_settings_are_told_from_another_policy() {
        let mut other = again(Outcome::Changed, Vec::new(), Some(denied()));
        other.has_other_settings = true;
        other.record.policy.settings_digest = "44136fa355b3678a".to_owned();
        let mut report = report(vec![
            again(Outcome::Same, Vec::new(), Some(accepted())),
            other,
        ]);
        insta::assert_snapshot!(plain(&report), @r#"
        by         standard 0.2.0, SHA-256 0123456789ab, settings fedcba987654
        changed    invoke 5b1f of finance
          then     accepted, reply {"Id":"11"}; the task waits for the statement
          now      rejected with PolicyDenied: No drops.
        note       1 of 2 decisions were made under other settings (44136fa355b3) or the same in other words: a difference may be theirs, and not the policy's. No record has settings: give those of then by --settings or --config
        changes    1 allow → deny
        decisions  1 same, 1 changed in 3 ms
        "#);
        assert_eq!(report.document()["otherSettings"], 1);
        assert_eq!(report.document()["decisions"][1]["otherSettings"], true);
        assert_eq!(report.document()["policy"]["name"], "standard");
        report.is_by_name = true;
        assert!(!plain(&report).contains("--settings"));
        assert_eq!(report.document()["policy"], Value::Null);
    }
}
