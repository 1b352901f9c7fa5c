//! Policy sets in a process: swapped under load, looked for in vain, out of date.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails loudly"
)]

mod expiry;
mod looks;
mod swaps;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use signalbox_aws::{CloudFormation, RedshiftData, Session, StepFunctions};
use signalbox_lambda::{Config, Host, InvocationContext, set::Refresher, start};
use signalbox_local::ledger::EmbeddedLedger;
use signalbox_policy::{EngineOptions, PolicyEngine};
use signalbox_tasker::{PolicySet, Ports, Raised, Tasker, ports::SystemClock};
use tokio::time::Instant;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:tasker";

/// A set whose settings send every statement to a target, and whose grants are for that target alone: the settings of
/// one revision with the grants of another refuse everything.
fn manifest(revision: u64) -> String {
    let target = ["even", "odd"][usize::try_from(revision % 2).expect("small")];
    format!(
        r#"
schema = 1
revision = {revision}

[policies.standard]
builtin = "standard"
grants = {{ targets = ["{target}"], actions = ["execute-statement"] }}

[policies.standard.settings]
unparsed = "deny"
unqualified = {{ schema = "public" }}

[[policies.standard.settings.rules]]
name = "revision {revision}"
when = {{ kinds = ["select"] }}
then = {{ target = "{target}" }}

[[policies.standard.tests]]
name = "it goes to its target"
payload = {{ sqlStatement = "select 1" }}
expect = {{ target = "{target}" }}

[[routes]]
name = "all"
function = "*"
policies = ["standard"]
"#
    )
}

fn config() -> Config {
    let file = "[ledger]\ntable = \"t\"\n\n[targets.even]\ncluster_identifier = \"even\"\ndatabase = \"dev\"\ndb_user = \"u\"\n\n\
                [targets.odd]\ncluster_identifier = \"odd\"\ndatabase = \"dev\"\ndb_user = \"u\"\n";
    let file = format!("default_target = \"even\"\n{file}");
    let variables = BTreeMap::from([("SIGNALBOX_CONFIG".to_owned(), "f".to_owned())]);
    Config::read(&variables, &|_| Ok(file.clone())).expect("a configuration")
}

/// The ports of an AWS at this address, with a ledger of their own.
fn ports(config: &Config, url: &str) -> Ports {
    let session = Arc::new(Session::at(url));
    Ports {
        warehouse: Arc::new(RedshiftData::new(
            Arc::clone(&session),
            config.targets.clone(),
        )),
        callbacks: Arc::new(StepFunctions::new(session)),
        custom_resources: Arc::new(CloudFormation::new(Vec::new())),
        ledger: Arc::new(EmbeddedLedger::in_memory().expect("a ledger")),
        clock: Arc::new(SystemClock),
    }
}

/// A tasker without a set.
fn tasker(config: &Config, ports: Ports) -> Tasker {
    let none = PolicySet::unavailable("not yet");
    Tasker::new(ports, start::options(config), none)
}

fn engine() -> PolicyEngine {
    PolicyEngine::new(EngineOptions::default()).expect("an engine")
}

/// Looks until a set is in force. The first look compiles, which may take longer than a start waits.
async fn put_in_force(refresher: &Refresher) {
    while refresher.status().in_force.is_none() {
        refresher.start().await;
        assert_eq!(refresher.status().problem, None);
    }
}

fn in_force(refresher: &Refresher) -> Option<u64> {
    refresher.status().in_force.map(|set| set.revision)
}

/// Has a function do something.
async fn handle(host: &Host, event: Value, request_id: String) -> Result<Value, Raised> {
    let context = InvocationContext {
        request_id,
        deadline: Instant::now() + Duration::from_secs(120),
        function_arn: Some(FUNCTION.to_owned()),
    };
    host.handle(event, context).await
}

/// The cluster on which a statement ran.
async fn invoke(host: &Host, request_id: String) -> String {
    let reply = handle(host, json!({"sqlStatement": "select 1"}), request_id).await;
    reply.expect("settings and grants of one revision")["ClusterIdentifier"]
        .as_str()
        .expect("a cluster")
        .to_owned()
}
