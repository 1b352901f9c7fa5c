//! Helpers of tests of policy sets: sets, keys, and functions that read them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::stage::{Setting, Stage};

/// All that the standard policy can ask for.
pub(crate) const ALL: &str = "[\"execute-statement\", \"batch-execute-statement\", \"describe-statement\", \"cancel-statement\", \
                   \"get-statement-result\", \"list-statements\", \"latest\", \"heartbeat\"]";
pub(crate) const ROUTE: &str =
    "[[routes]]\nname = \"all\"\nfunction = \"*:function:tasker\"\npolicies = [\"standard\"]\n";

/// A set of the standard policy that denies what the reason is given for.
pub(crate) fn set(revision: u32, denies: Option<&str>) -> String {
    let rule = denies.map_or_else(String::new, |reason| {
        format!(
            "[[policies.standard.settings.rules]]\nname = \"no drops\"\nwhen = {{ kinds = [\"drop-table\"] }}\n\
             then = {{ deny = {reason:?} }}\n"
        )
    });
    format!(
        "schema = 1\nrevision = {revision}\ndeployments = [\"tasker\"]\n\n[policies.standard]\nbuiltin = \"standard\"\n\
         grants = {{ targets = [\"default\"], actions = {ALL} }}\n\n[policies.standard.settings]\nunparsed = \"deny\"\n\
         unqualified = {{ schema = \"public\" }}\n{rule}\n{ROUTE}"
    )
}

/// A function that looks at its set before every invocation.
pub(crate) fn from_file(set: &str) -> Setting {
    let config = "[policy_set]\nsource = \"set.toml\"\nmax_age_seconds = 0\nwithin_ms = 30000\nstatus_for = [\"*\"]\n";
    Setting {
        config: Some(config.to_owned()),
        files: vec![("set.toml", set.as_bytes().to_vec())],
        ..Setting::default()
    }
}

pub(crate) fn folder(stage: &Stage) -> PathBuf {
    let config = Path::new(&stage.variables["SIGNALBOX_CONFIG"]);
    config.parent().expect("a folder").to_owned()
}

pub(crate) fn publish(stage: &Stage, set: &str) {
    let folder = folder(stage);
    std::fs::write(folder.join("draft"), set).expect("written");
    std::fs::rename(folder.join("draft"), folder.join("set.toml")).expect("moved");
}

pub(crate) async fn status(stage: &Stage) -> Value {
    let told = stage.invoke(json!({"action": "status"})).await;
    told.expect("a status")["policySet"].clone()
}

pub(crate) async fn drop_table(stage: &Stage) -> Result<(), String> {
    let dropped = stage
        .invoke(json!({"sqlStatement": "drop table if exists t"}))
        .await;
    dropped
        .map(|_| ())
        .map_err(|failed| format!("{}: {}", failed.error_type, failed.message))
}

/// The set for other deployments.
pub(crate) fn for_others(set: &str, others: &str) -> String {
    let changed = set.replace("[\"tasker\"]", others);
    assert_ne!(changed, set);
    changed
}

/// Makes a key with the command line: the public half, and the file of the private one.
pub(crate) async fn key(stage: &Stage, name: &str) -> (String, String) {
    let file = folder(stage).join(name).display().to_string();
    let made = stage
        .signalbox(&["--json", "policy", "keygen", "-o", &file])
        .await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let told: Value = serde_json::from_str(&made.out).expect("JSON");
    (told["publicKey"].as_str().expect("a key").to_owned(), file)
}

pub(crate) async fn sign(stage: &Stage, set: &str, key: &str) -> String {
    let file = folder(stage).join("to-sign.toml");
    std::fs::write(&file, set).expect("written");
    let file = file.display().to_string();
    let signed = stage
        .signalbox(&["policy", "sign", &file, "--key", key])
        .await;
    assert_eq!(signed.code, Some(0), "{signed:?}");
    std::fs::read_to_string(file).expect("signed")
}
