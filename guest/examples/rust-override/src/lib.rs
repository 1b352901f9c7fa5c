//! A team's policy: the standard one, but tables are emptied and dropped at night only.
//!
//! It changes one decision and leaves the rest to the standard policy, its settings included. Its own settings
//! are the member `custom`:
//!
//! ```json
//! { "custom": { "fromHour": 22, "toHour": 5 } }
//! ```
//!
//! The hours are UTC; these are the defaults.

use signalbox_kit::contract::{Finding, Rejection};
use signalbox_kit::payload::Start;
use signalbox_kit::sql::{Kind, classify};
use signalbox_kit::{Decision, Event, Identity, Policy, export_policy, standard};

use serde_json::Value;

/// The policy.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nightly;

impl Policy for Nightly {
    fn identity(&self) -> Identity {
        Identity {
            name: "nightly",
            version: env!("CARGO_PKG_VERSION"),
            summary: "The standard policy, but tables are emptied and dropped at night only.",
        }
    }

    fn decide(&self, start: &Start, event: &Event<'_>) -> Result<Decision, Rejection> {
        let (from, to) = hours(event.settings.custom.as_ref());
        let is_night = is_between(hour_of(event.host.now()), from, to);
        if !is_night && start.sqls.iter().any(|sql| removes(sql)) {
            return Err(Rejection {
                error: "PolicyDenied".to_owned(),
                message: format!(
                    "Tables are emptied and dropped at night only, from {from}:00 to {to}:00 UTC."
                ),
            });
        }
        standard::decide(start, event)
    }

    fn validate_custom(&self, custom: Option<&Value>) -> Result<Vec<Finding>, Vec<Finding>> {
        let Some(custom) = custom else {
            return Ok(Vec::new());
        };
        let known = ["fromHour", "toHour"];
        let faults: Vec<Finding> = match custom.as_object() {
            None => vec![fault("/custom", "This is no object.")],
            Some(members) => members
                .iter()
                .filter(|(name, value)| {
                    !known.contains(&name.as_str()) || value.as_u64().is_none_or(|hour| hour >= 24)
                })
                .map(|(name, _)| fault(&format!("/custom/{name}"), "This is no hour of the night."))
                .collect(),
        };
        if faults.is_empty() {
            Ok(faults)
        } else {
            Err(faults)
        }
    }
}

export_policy!(Nightly);

/// SQL that was not understood might remove anything.
fn removes(sql: &str) -> bool {
    match classify(sql).kind {
        Ok(kind) => matches!(kind, Kind::Truncate | Kind::DropTable | Kind::DropSchema),
        Err(_) => true,
    }
}

fn hours(custom: Option<&Value>) -> (u64, u64) {
    let hour = |name: &str, default| {
        custom
            .and_then(|custom| custom.get(name)?.as_u64())
            .unwrap_or(default)
    };
    (hour("fromHour", 22), hour("toHour", 5))
}

fn hour_of(milliseconds: u64) -> u64 {
    milliseconds / 3_600_000 % 24
}

fn is_between(hour: u64, from: u64, to: u64) -> bool {
    if from <= to {
        (from..to).contains(&hour)
    } else {
        hour >= from || hour < to
    }
}

fn fault(path: &str, message: &str) -> Finding {
    Finding {
        path: path.to_owned(),
        message: message.to_owned(),
        help: Some("Give `fromHour` and `toHour`, each 0 to 23.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::Nightly;
    use signalbox_kit::handle::{invoke, validate_settings};
    use signalbox_kit::testing::{Call, FakeHost, invocation};

    const NOON: u64 = 1_795_435_200_000;
    const MIDNIGHT: u64 = NOON + 12 * 3_600_000;

    fn run(sql: &str, now: u64, settings: &str) -> Result<Vec<Call>, String> {
        let host = FakeHost::at(now);
        let payload = serde_json::json!({ "sqlStatement": sql }).to_string();
        match invoke(&Nightly, settings, &invocation(&payload), &host) {
            Ok(_) => Ok(host.calls()),
            Err(rejection) => Err(format!("{}: {}", rejection.error, rejection.message)),
        }
    }

    #[test]
    fn tables_are_dropped_at_night_only() {
        for sql in [
            "drop table sales.old",
            "truncate sales.day",
            "frobnicate sales",
        ] {
            let refused = run(sql, NOON, "{}").unwrap_err();
            assert!(
                refused.starts_with("PolicyDenied: Tables are emptied"),
                "{refused}"
            );
            assert_eq!(run(sql, MIDNIGHT, "{}").unwrap().len(), 1, "{sql}");
        }
        assert_eq!(run("select 1", NOON, "{}").unwrap().len(), 1);
    }

    #[test]
    fn the_hours_are_settings() {
        let settings = r#"{"custom": {"fromHour": 11, "toHour": 13}}"#;
        assert!(run("drop table t", NOON, settings).is_ok());
        assert!(run("drop table t", MIDNIGHT, settings).is_err());
    }

    #[test]
    fn the_rest_is_the_standard_policy() {
        let settings = r#"{"rules": [{"name": "frozen", "then": {"deny": "There is an audit."}}]}"#;
        let refused = run("select 1", NOON, settings).unwrap_err();
        assert_eq!(
            refused,
            "PolicyDenied: Rule `frozen` denies this: There is an audit."
        );
    }

    #[test]
    fn wrong_hours_are_refused() {
        for wrong in [
            r#"{"custom": {"fromHour": 24}}"#,
            r#"{"custom": {"from": 1}}"#,
            r#"{"custom": 1}"#,
        ] {
            assert_eq!(
                validate_settings(&Nightly, wrong).unwrap_err().len(),
                1,
                "{wrong}"
            );
        }
        assert!(validate_settings(&Nightly, r#"{"custom": {"toHour": 6}}"#).is_ok());
    }
}
