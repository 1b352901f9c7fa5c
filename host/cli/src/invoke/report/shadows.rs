//! What policies would have done that were compared with those that acted.

use signalbox_policy::{
    replay::{EffectChange, Outcome},
    shadow::{Comparison, Shaded},
};

use super::{brief::brief, text::decided, text::head};
use crate::out;

/// Tells it for people.
pub(super) fn tell(lines: &mut Vec<String>, shaded: &Shaded) {
    for comparison in &shaded.compared {
        compared(lines, comparison);
    }
    if shaded.skipped > 0 {
        lines.push(format!(
            "{} {}: there were too many decisions at once, or no time was left",
            head("shadow"),
            out::styled(
                out::NOTE,
                format_args!("not asked about {} decisions", shaded.skipped)
            )
        ));
    }
}

fn compared(lines: &mut Vec<String>, comparison: &Comparison) {
    let replay = &comparison.replay;
    let (style, outcome) = match &replay.outcome {
        Outcome::Same => (out::GOOD, "would have done the same".to_owned()),
        Outcome::Changed => (out::NOTE, "would have done otherwise".to_owned()),
        Outcome::Diverged { call, function, .. } => (
            out::NOTE,
            format!(
                "is not known: its call {call}, {function}, reads what the policy that acted did not read"
            ),
        ),
        Outcome::Incomplete { reason } => (out::NOTE, format!("is not known: {reason}")),
    };
    lines.push(format!(
        "{} {} {}, asked what {} was in {}: {}",
        head("shadow"),
        out::styled(out::NAME, &comparison.shadow.name),
        comparison.shadow.version,
        out::styled(out::NAME, &comparison.acting.name),
        comparison.export,
        out::styled(style, outcome),
    ));
    for change in &replay.effects {
        effect(lines, change);
    }
    if let Some(decision) = &replay.decision {
        lines.push(format!("  decided {}", decided(decision, None)));
    }
}

fn effect(lines: &mut Vec<String>, change: &EffectChange) {
    let function = out::styled(out::NAME, &change.function);
    match (&change.recorded, &change.replayed) {
        (Some(acting), Some(shadow)) => {
            lines.push(format!("  other   {function}"));
            lines.push(format!("       acting {}", brief(acting)));
            lines.push(format!("       shadow {}", brief(shadow)));
        }
        (Some(acting), None) => lines.push(format!("  without {function} {}", brief(acting))),
        (None, Some(shadow)) => lines.push(format!("  with    {function} {}", brief(shadow))),
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use signalbox_policy::{Decision, Identity, contract::Rejection, replay::Replay};

    use super::*;

    fn comparison(outcome: Outcome, effects: Vec<EffectChange>) -> Comparison {
        let identity = |name: &str| Identity {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            digest: "0123456789abcdef".to_owned(),
            settings_digest: String::new(),
        };
        let decision = matches!(outcome, Outcome::Same | Outcome::Changed).then(|| {
            Decision::Rejected(Rejection {
                error: "PolicyDenied".to_owned(),
                message: "No drops.".to_owned(),
            })
        });
        Comparison {
            subject: "r".to_owned(),
            export: "invoke",
            acting: identity("lax"),
            shadow: identity("strict"),
            replay: Replay {
                outcome,
                effects,
                decision,
                usage: None,
                masked: false,
            },
        }
    }

    #[test]
    fn who_was_asked_and_what_it_would_have_done() {
        let sql = |sql: &str| Some(json!({"request": {"sql": sql}}));
        let effect = |recorded, replayed| EffectChange {
            function: "redshift-data/execute-statement".to_owned(),
            recorded,
            replayed,
        };
        let effects = vec![
            effect(sql("select 1"), sql("select 2")),
            effect(sql("drop table t"), None),
            effect(None, sql("select 3")),
        ];
        let diverged = Outcome::Diverged {
            call: 2,
            function: "ledger/latest".to_owned(),
            arguments: json!({}),
        };
        let shaded = Shaded {
            compared: vec![
                comparison(Outcome::Same, Vec::new()),
                comparison(Outcome::Changed, effects),
                comparison(diverged, Vec::new()),
            ],
            skipped: 3,
        };
        let mut lines = Vec::new();
        tell(&mut lines, &shaded);
        let text = anstream::adapter::strip_str(&lines.join("\n")).to_string();
        insta::assert_snapshot!(text, @r#"
        shadow    strict 0.1.0, asked what lax was in invoke: would have done the same
          decided rejected with PolicyDenied: No drops.
        shadow    strict 0.1.0, asked what lax was in invoke: would have done otherwise
          other   redshift-data/execute-statement
               acting sql "select 1"
               shadow sql "select 2"
          without redshift-data/execute-statement sql "drop table t"
          with    redshift-data/execute-statement sql "select 3"
          decided rejected with PolicyDenied: No drops.
        shadow    strict 0.1.0, asked what lax was in invoke: is not known: its call 2, ledger/latest, reads what the policy that acted did not read
        shadow    not asked about 3 decisions: there were too many decisions at once, or no time was left
        "#);
    }
}
