//! The settings, the policies, and the table.

use signalbox_aws::{Inspection, TableError};
use signalbox_lambda::{Config, start};

use super::finding::{Finding, State};

const CREATE: &str = "signalbox ledger create";

/// The settings, which were read.
pub(super) fn configuration(config: &Config) -> Finding {
    let names = |names: Vec<&String>| {
        let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    };
    let policies = match &config.policy_set {
        Some(set) => format!("policy set {}", set.source),
        None => format!("policies {}", names(config.policies.keys().collect())),
    };
    let found = format!(
        "deployment `{}`, table `{}`, targets {}, {policies}",
        config.deployment,
        config.ledger.table,
        names(config.targets.keys().collect()),
    );
    if config.deployment == "local" {
        return Finding::new("configuration", State::Mend, found)
            .mend("say whose deployment it is: --deployment with the function's name, or SIGNALBOX_DEPLOYMENT");
    }
    Finding::new("configuration", State::Good, found)
}

/// Whether all policies load and take their settings.
pub(super) async fn policies(config: &Config) -> Finding {
    match start::load_policies(config).await {
        Ok(_) => Finding::new("policies", State::Good, "all load and take their settings"),
        Err(error) => {
            Finding::new("policies", State::Mend, error.to_string()).mend(match config.policy_set {
                Some(_) => "signalbox policy check SET --config FILE, and signalbox status",
                None => "signalbox policy check COMPONENT --settings FILE",
            })
        }
    }
}

/// The ledger's table.
pub(super) fn table(
    config: &Config,
    looked: &Result<Option<Inspection>, TableError>,
) -> Vec<Finding> {
    let inspection = match looked {
        Ok(Some(inspection)) => inspection,
        Ok(None) => {
            let found = format!("there is no table `{}`", config.ledger.table);
            return vec![Finding::new("table", State::Mend, found).mend(CREATE)];
        }
        Err(error) => {
            return vec![
                Finding::new("table", State::Unknown, error.to_string())
                    .mend("allow dynamodb:DescribeTable to whoever runs this"),
            ];
        }
    };
    let keys = match (&inspection.keys, inspection.active) {
        (Err(error), _) => Finding::new("table", State::Mend, error.to_string()).mend(
            "name another table in DDB_TABLE_NAME or [ledger], then: signalbox ledger create",
        ),
        (Ok(()), false) => {
            Finding::new("table", State::Mend, "it is not active yet").mend("wait, then look again")
        }
        (Ok(()), true) => Finding::new("table", State::Good, "it has the ledger's keys"),
    };
    let billing = if inspection.on_demand {
        Finding::new("billing", State::Good, "per request")
    } else {
        Finding::new(
            "billing",
            State::Unknown,
            "the capacity is provisioned; whether it is enough is not looked at. A throttled table delays answers",
        )
    };
    let unknown = |check, error: &TableError, action: &str| {
        Finding::new(check, State::Unknown, error.to_string())
            .mend(format!("allow {action} to whoever runs this"))
    };
    let expiry = match &inspection.time_to_live {
        Ok(Some(attribute)) if attribute == "TTL" => {
            Finding::new("expiry", State::Good, "items expire by the attribute `TTL`")
        }
        Ok(Some(other)) => Finding::new(
            "expiry",
            State::Mend,
            format!("items expire by the attribute `{other}`; a ledger needs `TTL`"),
        )
        .mend("switch that one off first, then: signalbox ledger create"),
        Ok(None) => {
            Finding::new("expiry", State::Mend, "closed records are never removed").mend(CREATE)
        }
        Err(error) => unknown("expiry", error, "dynamodb:DescribeTimeToLive"),
    };
    let recovery = match &inspection.point_in_time_recovery {
        Ok(true) => Finding::new("recovery", State::Good, "to any point in time"),
        Ok(false) => {
            Finding::new("recovery", State::Mend, "point-in-time recovery is off").mend(CREATE)
        }
        Err(error) => unknown("recovery", error, "dynamodb:DescribeContinuousBackups"),
    };
    vec![keys, billing, expiry, recovery]
}
