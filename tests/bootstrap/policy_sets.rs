//! Policy sets in a file: swapped, missing, for other deployments, out of date.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_local::step_functions::Outcome;

use crate::{
    sets::{drop_table, folder, for_others, from_file, publish, set, status},
    support::{
        lambda::Lambda,
        stage::{Stage, batch, end, failures},
    },
};

#[tokio::test]
async fn a_set_is_swapped_while_the_function_runs_and_nothing_bad_takes_its_place() {
    let stage = Stage::set(from_file(&set(1, None))).await;
    assert_eq!(drop_table(&stage).await, Ok(()));
    assert_eq!(status(&stage).await["inForce"]["revision"], 1);

    publish(&stage, &set(2, Some("Not on Mondays.")));
    let denied = drop_table(&stage).await.expect_err("denied");
    assert!(
        denied.contains("PolicyDenied") && denied.contains("Not on Mondays."),
        "{denied}"
    );

    let whole = set(3, None);
    for (what, text) in [
        ("half", whole[..whole.len() / 2].to_owned()),
        ("empty", String::new()),
        ("unknown key", whole.replace("revision", "revison")),
        ("refused settings", whole.replace("unparsed = \"deny\"", "unparsed = \"maybe\"")),
        ("route to nowhere", whole.replace("[\"standard\"]\n", "[\"standrad\"]\n")),
        ("no such target", whole.replace("targets = [\"default\"]", "targets = [\"other\"]")),
        ("failing test", whole.replace("\n[policies.standard.settings]", "\n[[policies.standard.tests]]\nname = \"no selects\"\npayload = { sqlStatement = \"select 1\" }\nexpect = { error = \"PolicyDenied\" }\n\n[policies.standard.settings]")),
        ("older", set(1, None)),
        ("same revision", set(2, None)),
    ] {
        publish(&stage, &text);
        let denied = drop_table(&stage).await.expect_err(what);
        assert!(
            denied.contains("Not on Mondays."),
            "{what}: the last good set stays: {denied}"
        );
        let told = status(&stage).await;
        assert_eq!(told["inForce"]["revision"], 2, "{what}");
        assert!(told["problem"]["reason"].is_string(), "{what}: {told}");
    }
    assert!(
        stage
            .lambda
            .log()
            .iter()
            .any(|line| line.contains("PolicySetRefused"))
    );

    publish(&stage, &whole);
    assert_eq!(drop_table(&stage).await, Ok(()));
    assert_eq!(status(&stage).await["problem"], Value::Null);

    let seen = stage.signalbox(&["status"]).await;
    assert_eq!(seen.code, Some(0), "{seen:?}");
    assert!(seen.out.contains("revision 3"), "{seen:?}");

    // What another process starts with later is no older set either.
    publish(&stage, &set(2, Some("Not on Mondays.")));
    let other = Lambda::start(stage.variables.clone()).await;
    let failed = other
        .api
        .invoke(&json!({"sqlStatement": "select 1"}))
        .await
        .expect_err("an older set");
    assert_eq!(failed.error_type, "PolicyUnavailable");
    let seen = stage.signalbox(&["--json", "status"]).await;
    let told: Value = serde_json::from_str(&seen.out).expect("JSON");
    assert_eq!(seen.code, Some(1), "{seen:?}");
    assert_eq!(
        (&told["set"]["revision"], &told["highest"]["revision"]),
        (&json!(2), &json!(3))
    );
    assert!(
        failed.message.contains("revision 2 is older than 3"),
        "{}",
        failed.message
    );
    stage.check(&[]);
}

#[tokio::test]
async fn without_a_set_payloads_wait_and_ends_are_answered_as_the_original_would() {
    let mut stage = Stage::set(from_file(&set(1, None))).await;
    let execution = stage.task(json!({"sqlStatement": "select 1 as one"}));
    let event = stage.completion().await;
    std::fs::remove_file(folder(&stage).join("set.toml")).expect("removed");

    let cold = Lambda::start(stage.variables.clone()).await;
    let failed = cold
        .api
        .invoke(&json!({"sqlStatement": "select 1"}))
        .await
        .expect_err("no set");
    assert_eq!(failed.error_type, "PolicyUnavailable");
    let settled = cold.api.invoke(&batch(&[&event])).await;
    assert_eq!(settled, Ok(failures(&[])));
    let Outcome::Succeeded { output } = end(&execution).await else {
        panic!("the task should succeed")
    };
    assert_eq!(output["detail"]["state"], "FINISHED", "{output}");
    assert_eq!(
        output["detail"]["statementId"],
        event["detail"]["statementId"]
    );
    assert!(cold.log().iter().any(|line| line.contains("PolicyGone")));

    publish(&stage, &set(1, None));
    let mut served = Err("never tried".to_owned());
    for _ in 0..100 {
        served = cold
            .api
            .invoke(&json!({"sqlStatement": "select 1"}))
            .await
            .map_err(|failed| failed.message);
        if served.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(served.is_ok(), "{served:?}");
    stage.check(&[]);
}

#[tokio::test]
async fn who_may_not_ask_for_the_status_is_not_told() {
    let mut setting = from_file(&set(1, None));
    setting.config = setting
        .config
        .map(|config| config.replace("[\"*\"]", "[\"*:ops\"]"));
    let stage = Stage::set(setting).await;
    let failed = stage
        .invoke(json!({"action": "status"}))
        .await
        .expect_err("not granted");
    assert_eq!(failed.error_type, "NotGranted");
    stage.check(&[]);
}

#[tokio::test]
async fn a_set_is_in_force_where_it_is_for() {
    let named = |others: &str| for_others(&set(1, None), others);
    for (others, is_taken) in [
        ("[\"dev\", \"task*\"]", true),
        ("[\"dev\", \"prod-*\"]", false),
    ] {
        // An unsigned set may leave it out, and is held to what it says.
        let stage = Stage::set(from_file(&named(others))).await;
        let dropped = drop_table(&stage).await;
        assert_eq!(dropped.is_ok(), is_taken, "{others}: {dropped:?}");
        let Err(refused) = dropped else { continue };
        for part in ["PolicyUnavailable", "`dev`", "`prod-*`", "`tasker`"] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
    }
}

#[tokio::test]
async fn a_set_that_is_out_of_date_is_refused_where_the_configuration_says_so() {
    let ended = |revision: u32, at: &str| {
        let text = set(revision, None);
        text.replacen("\n\n", &format!("\nnot_after = {at}\n\n"), 1)
    };
    let stage = Stage::set(from_file(&ended(1, "2025-01-01T00:00:00Z"))).await;
    assert_eq!(drop_table(&stage).await, Ok(()), "a warning alone");
    let told = status(&stage).await;
    assert!(
        told["inForce"]["warnings"][0]
            .as_str()
            .is_some_and(|warning| warning.contains("out of date since 2025-01-01T00:00:00Z")),
        "{told}"
    );
    assert_eq!(told["inForce"]["notAfter"], "2025-01-01T00:00:00Z");

    let mut setting = from_file(&ended(1, "2999-01-01T00:00:00Z"));
    setting.config = setting
        .config
        .map(|config| format!("{config}refuse_expired = true\n"));
    let stage = Stage::set(setting).await;
    assert_eq!(drop_table(&stage).await, Ok(()));
    publish(&stage, &ended(2, "2025-01-01T00:00:00Z"));
    assert_eq!(drop_table(&stage).await, Ok(()), "yesterday's");
    let told = status(&stage).await;
    assert_eq!(told["inForce"]["revision"], 1);
    assert!(
        told["problem"]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("`not_after` was 2025-01-01T00:00:00Z")),
        "{told}"
    );
    let cold = Lambda::start(stage.variables.clone()).await;
    let failed = cold
        .api
        .invoke(&json!({"sqlStatement": "select 1"}))
        .await
        .expect_err("no set");
    assert_eq!(failed.error_type, "PolicyUnavailable", "{failed:?}");
}
