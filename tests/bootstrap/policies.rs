//! Policies of the configuration file: rules, and a policy that misbehaves.

use serde_json::json;

use crate::{
    start::{not_started, variables},
    support::stage::{Setting, Stage, batch, failure, failures},
};

fn with_rules() -> Setting {
    let config = r#"
        [policies.standard]
        builtin = "standard"

        [policies.standard.settings]
        unparsed = "deny"
        unqualified = { schema = "public" }

        [[policies.standard.settings.rules]]
        name = "no drops"
        when = { kinds = ["drop-table"] }
        then = { deny = "Tables are dropped by the platform team." }
    "#;
    Setting {
        config: Some(config.to_owned()),
        ..Setting::default()
    }
}

#[tokio::test]
async fn a_rule_denies_with_its_reason() {
    let stage = Stage::set(with_rules()).await;
    let failed = stage
        .invoke(json!({"sqlStatement": "drop table t"}))
        .await
        .expect_err("denied");
    assert_eq!(failed.error_type, "PolicyDenied");
    assert!(
        failed
            .message
            .contains("Tables are dropped by the platform team."),
        "{}",
        failed.message
    );
    let execution = stage.task(json!({"sqlStatement": "drop table t"}));
    assert_eq!(failure(&execution).await.0, "PolicyDenied");
    assert_eq!(stage.calls("ExecuteStatement"), 0);
    assert!(
        stage
            .invoke(json!({"sqlStatement": "select 1"}))
            .await
            .is_ok()
    );
    stage.check(&[]);
}

/// The standard policy, and beside it one that misbehaves as its payload says.
fn with_a_hostile_policy() -> Setting {
    let config = r#"
        default_policy = "standard"

        [policies.standard]
        builtin = "standard"

        [policies.hostile]
        component = "hostile.wasm"
        limits = { guest_time_ms = 300, memory_mib = 32 }
    "#;
    Setting {
        config: Some(config.to_owned()),
        files: vec![("hostile.wasm", signalbox_test_guests::HOSTILE.to_vec())],
        ..Setting::default()
    }
}

#[tokio::test]
async fn a_policy_that_misbehaves_is_an_answer_and_the_host_goes_on() {
    let stage = Stage::set(with_a_hostile_policy()).await;
    for (deed, name) in [
        ("trap", "PolicyFault"),
        ("panic", "PolicyFault"),
        ("loop", "PolicyTimeout"),
        ("allocate", "PolicyFault"),
        ("recurse", "PolicyFault"),
        ("junk", "PolicyFault"),
        ("big", "PolicyFault"),
    ] {
        let payload = json!({"action": "executeStatement", "policy": "hostile", "do": deed});
        let failed = stage.invoke(payload.clone()).await.expect_err(deed);
        assert_eq!(failed.error_type, name, "{deed}: {}", failed.message);
        let execution = stage.task(payload);
        assert_eq!(
            failure(&execution).await.0,
            name,
            "{deed}: the waiting task is told"
        );
        assert!(
            stage
                .invoke(json!({"sqlStatement": "select 1"}))
                .await
                .is_ok(),
            "after {deed}"
        );
    }
    stage.check(&[]);
}

#[tokio::test]
async fn targets_are_chosen_by_name_within_the_grants() {
    let config = r#"
        default_policy = "standard"

        [targets.serverless]
        workgroup_name = "adhoc"
        database = "adhoc"

        [policies.standard]
        builtin = "standard"

        [policies.narrow]
        builtin = "standard"
        grants = { targets = ["serverless"] }
    "#;
    let mut stage = Stage::set(Setting {
        config: Some(config.to_owned()),
        ..Setting::default()
    })
    .await;
    let of = |payload: serde_json::Value| stage.invoke(payload);
    let default = of(json!({"sqlStatement": "select 1"}))
        .await
        .expect("default");
    assert_eq!(default["ClusterIdentifier"], "analytics-1");
    let named = of(json!({"sqlStatement": "select 1", "target": "serverless"}))
        .await
        .expect("named");
    assert_eq!(
        (&named["WorkgroupName"], &named["Database"]),
        (&json!("adhoc"), &json!("adhoc"))
    );
    let narrow = of(json!({"sqlStatement": "select 1", "policy": "narrow"}))
        .await
        .expect("its own default");
    assert_eq!(narrow["WorkgroupName"], "adhoc");
    let beyond = json!({"sqlStatement": "select 1", "policy": "narrow", "target": "default"});
    assert_eq!(
        of(beyond).await.expect_err("not granted").error_type,
        "NotGranted"
    );

    let execution = stage.task(json!({"sqlStatement": "select 1", "target": "serverless"}));
    let event = stage.completion().await;
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    crate::support::stage::end(&execution).await;
    assert_eq!(stage.calls("SendTaskSuccess"), 1);
    stage.check(&[]);
}

/// A host without a compiler says that it has none before it looks any further.
#[tokio::test]
async fn a_component_of_another_world_stops_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    // The smallest component: it exports nothing.
    std::fs::write(folder.path().join("other.wasm"), b"\0asm\x0d\0\x01\0").expect("written");
    let path = folder.path().join("signalbox.toml");
    std::fs::write(&path, "[policies.p]\ncomponent = 'other.wasm'\n").expect("written");
    let file = path.display().to_string();
    let message = not_started(variables(&[("SIGNALBOX_CONFIG", &file)])).await;
    let part = "policy `p`: it is not of the world `signalbox:policy/policy@0.1.0`";
    assert!(message.contains(part), "{message}");
}
