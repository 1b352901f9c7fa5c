//! Modes of routes: who acts, who is only compared, and what is logged of the difference.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_local::step_functions::Outcome;

use crate::support::stage::{Setting, Stage, batch, end, failures};

const ALL: &str = "[\"execute-statement\", \"batch-execute-statement\", \"describe-statement\", \"cancel-statement\", \
                   \"get-statement-result\", \"list-statements\", \"latest\", \"heartbeat\"]";

/// A set of `lax`, which lets everything run, and `strict`, which drops no table; with one route that has these keys,
/// and `hostile`, which does what it is told to, if the route names it.
fn set(route: &str) -> Setting {
    let grants = format!("grants = {{ targets = [\"default\"], actions = {ALL} }}");
    let hostile = if route.contains("\"hostile\"") {
        format!(
            "[policies.hostile]\ncomponent = \"hostile.wasm\"\nsha256 = \"{}\"\nlimits = {{ guest_time_ms = 300 }}\n{grants}\n",
            signalbox_policy::digest::hex(signalbox_test_guests::HOSTILE)
        )
    } else {
        String::new()
    };
    let set = format!(
        r#"schema = 1
revision = 7

[policies.lax]
builtin = "standard"
{grants}

[policies.strict]
builtin = "standard"
{grants}

[policies.strict.settings]
unparsed = "deny"
unqualified = {{ schema = "public" }}

[[policies.strict.settings.rules]]
name = "no drops"
when = {{ kinds = ["drop-table"] }}
then = {{ deny = "No drops." }}

{hostile}
[[routes]]
name = "all"
function = "*"
{route}
"#
    );
    let config =
        "[policy_set]\nsource = \"set.toml\"\nallow_unsigned = true\nstatus_for = [\"*\"]\n";
    Setting {
        config: Some(config.to_owned()),
        files: vec![
            ("set.toml", set.into_bytes()),
            ("hostile.wasm", signalbox_test_guests::HOSTILE.to_vec()),
        ],
        ..Setting::default()
    }
}

/// A function on which a set is in force: a busy machine may take longer to compile than a start waits.
async fn in_force(route: &str) -> Stage {
    let stage = Stage::set(set(route)).await;
    for _ in 0..600 {
        let told = stage.invoke(json!({"action": "status"})).await;
        if !told.expect("a status")["policySet"]["inForce"].is_null() {
            return stage;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no set is in force: {:#?}", stage.lambda.log());
}

fn drop_table() -> Value {
    json!({"sqlStatement": "drop table if exists t"})
}

/// Lines of the log that say this, once there are so many: they come after the answer.
async fn logged(stage: &Stage, text: &str, many: usize) -> Vec<Value> {
    for _ in 0..3_000 {
        let lines: Vec<Value> = stage
            .lambda
            .log()
            .iter()
            .filter(|line| line.contains(text))
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect();
        if lines.len() >= many {
            return lines;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no {many} lines say `{text}`: {:#?}", stage.lambda.log());
}

/// The value of a field, wherever the log's format puts it.
fn field<'a>(line: &'a Value, name: &str) -> &'a Value {
    line.get("fields")
        .and_then(|fields| fields.get(name))
        .unwrap_or(&line[name])
}

const ASKED: &str = "shadows were asked";

/// Invokes the function until its shadow was asked and this has come of it; how often that took. A shadow that gets no
/// time on a busy machine is skipped, and the function says so.
async fn until_compared(stage: &Stage, payload: &Value, outcome: &str) -> u32 {
    let before = logged(stage, ASKED, 0).await.len();
    let wanted = totals(stage).await[outcome].as_u64().map(|count| count + 1);
    for times in 1..=50 {
        stage.invoke(payload.clone()).await.expect("it acts");
        logged(stage, ASKED, before + times).await;
        let now = totals(stage).await;
        if now[outcome].as_u64() >= wanted {
            return u32::try_from(times).expect("few");
        }
        assert!(now["skipped"].as_u64() > Some(0), "{outcome}: {now}");
    }
    panic!("no shadow got any time: {:#?}", stage.lambda.log());
}

async fn totals(stage: &Stage) -> Value {
    let told = stage.invoke(json!({"action": "status"})).await;
    told.expect("a status")["shadows"].clone()
}

const DIFFERS: &str = "a shadow would have done otherwise";

#[tokio::test]
async fn a_shadow_starts_nothing_and_its_difference_is_logged_and_counted() {
    let stage = in_force("policies = [\"lax\"]\nmode = \"shadow\"\nshadow = \"strict\"").await;
    let drops = until_compared(&stage, &drop_table(), "changed").await;
    let lines = logged(&stage, DIFFERS, 1).await;
    assert_eq!(field(&lines[0], "acting"), "lax");
    assert_eq!(field(&lines[0], "shadow"), "strict");
    assert_eq!(field(&lines[0], "outcome"), "changed");

    let same = json!({"sqlStatement": "select 'SECRET-LITERAL'"});
    let selects = until_compared(&stage, &same, "same").await;
    let totals = totals(&stage).await;
    let count = |name: &str| totals[name].as_u64().expect("a number");
    assert_eq!((count("same"), count("changed")), (1, 1), "{totals}");
    assert_eq!(
        (count("compared"), count("compared") + count("skipped")),
        (2, u64::from(drops + selects)),
        "{totals}"
    );
    assert_eq!(logged(&stage, DIFFERS, 1).await.len(), 1);
    assert_eq!(
        stage.calls("ExecuteStatement"),
        drops + selects,
        "each ran once, by the policy that acts"
    );
    // Records are of those who acted.
    let records = logged(&stage, "signalbox::record", 2).await;
    assert!(records.iter().all(|line| {
        let record = &line["record"];
        record["policy"]["name"] == "lax" && record["revision"] == 7
    }));
    stage.check(&["SECRET-LITERAL"]);
}

#[tokio::test]
async fn a_monitored_policy_does_not_act_while_its_baseline_does() {
    let mut stage =
        in_force("policies = [\"strict\"]\nmode = \"monitor\"\nbaseline = \"lax\"\nsample = 100")
            .await;
    let execution = stage.task(drop_table());
    let event = stage.completion().await;
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    assert!(matches!(end(&execution).await, Outcome::Succeeded { .. }));
    // The end of the statement is a decision too.
    logged(&stage, ASKED, 2).await;
    assert_eq!(stage.calls("ExecuteStatement"), 1);

    let drops = until_compared(&stage, &drop_table(), "changed").await;
    let lines = logged(&stage, DIFFERS, 1).await;
    assert_eq!(field(&lines[0], "acting"), "lax");
    assert_eq!(field(&lines[0], "shadow"), "strict");
    assert_eq!(field(&lines[0], "export"), "invoke");
    assert_eq!(stage.calls("ExecuteStatement"), 1 + drops);
    stage.check(&[]);
}

#[tokio::test]
async fn a_canary_acts_for_its_share_of_the_executions() {
    let stage =
        in_force("policies = [\"strict\"]\nmode = \"canary\"\nbaseline = \"lax\"\npercent = 50")
            .await;
    let drops = |execution: usize| {
        let mut payload = drop_table();
        let arn = format!("arn:aws:states:us-east-1:000000000000:execution:machine:{execution}");
        payload["executionArn"] = json!(arn);
        payload
    };
    let mut denied = Vec::new();
    for execution in 0..16 {
        let first = stage.invoke(drops(execution)).await;
        let second = stage.invoke(drops(execution)).await;
        assert_eq!(first.is_ok(), second.is_ok(), "one execution, one policy");
        if let Err(failed) = first {
            assert_eq!(failed.error_type, "PolicyDenied");
            denied.push(execution);
        }
    }
    // By a hash that is the same everywhere, and for ever.
    let strict = signalbox_policy::share::Share::percent(50.0).expect("a share");
    let expected: Vec<usize> = (0..16)
        .filter(|execution| {
            let arn = drops(*execution)["executionArn"].clone();
            strict.takes("all", arn.as_str().expect("an ARN"))
        })
        .collect();
    assert_eq!(denied, expected);
    assert!(!denied.is_empty() && denied.len() < 16, "{denied:?}");
    // Without an execution it goes by the task, so that leaving it out chooses nothing.
    let mut acted = [false; 2];
    for _ in 0..64 {
        let strict = stage.invoke(drop_table()).await.is_err();
        acted[usize::from(strict)] = true;
    }
    assert_eq!(acted, [true; 2], "both act");
    stage.check(&[]);
}

/// What a host without a compiler cannot load.
mod own_component {
    use super::*;

    #[tokio::test]
    async fn a_shadow_that_hangs_or_traps_hurts_nobody() {
        for deed in ["loop", "trap", "start"] {
            let stage =
                in_force("policies = [\"lax\"]\nmode = \"shadow\"\nshadow = \"hostile\"").await;
            let payload = json!({"sqlStatement": "select 1", "do": deed});
            stage.invoke(payload.clone()).await.expect("lax acts");
            logged(&stage, ASKED, 1).await;
            stage.invoke(payload).await.expect("and goes on");
            assert_eq!(stage.calls("ExecuteStatement"), 2, "{deed}");
            stage.check(&[]);
        }
    }

    #[tokio::test]
    async fn what_a_shadow_logs_is_marked() {
        const LINE: &str = "the password is";
        let payload = json!({"sqlStatement": "select 1", "do": "log-once"});
        let stage = in_force("policies = [\"lax\"]\nmode = \"shadow\"\nshadow = \"hostile\"").await;
        // A shadow that gets no time on a busy machine may say nothing.
        for times in 1..=50 {
            stage.invoke(payload.clone()).await.expect("lax acts");
            logged(&stage, ASKED, times).await;
            if !logged(&stage, LINE, 0).await.is_empty() {
                break;
            }
        }
        let lines = logged(&stage, LINE, 1).await;
        assert_eq!(field(&lines[0], "policy"), "hostile");
        assert_eq!(field(&lines[0], "shadow_of"), "lax", "{lines:?}");
        stage.check(&[]);

        let stage = in_force("policies = [\"hostile\"]").await;
        // What it makes of it is not asked here.
        let _ = stage.invoke(payload).await;
        let lines = logged(&stage, LINE, 1).await;
        assert_eq!(field(&lines[0], "policy"), "hostile");
        assert!(field(&lines[0], "shadow_of").is_null(), "{lines:?}");
        stage.check(&[]);
    }

    #[tokio::test]
    async fn a_baseline_acts_for_a_policy_that_faults_whatever_it_is_asked() {
        let mut setting = set(OPEN);
        let (name, manifest) = setting.files.remove(0);
        let manifest = String::from_utf8(manifest).expect("text");
        let broken = manifest.replace(
            "[policies.hostile]",
            "[policies.hostile]\nsettings = { do = \"trap\" }",
        );
        assert_ne!(manifest, broken);
        setting.files.push((name, broken.into_bytes()));
        let mut stage = Stage::set(setting).await;
        let execution = stage.task(json!({"sqlStatement": "select 1"}));
        let event = stage.completion().await;
        assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
        assert!(matches!(end(&execution).await, Outcome::Succeeded { .. }));
        assert_eq!(stage.calls("ExecuteStatement"), 1);
        // The fault has its record, and so has the policy that acted and settled.
        let records = logged(&stage, "signalbox::record", 3).await;
        let told: Vec<_> = records
            .iter()
            .map(|line| {
                let record = &line["record"];
                (
                    record["policy"]["name"].as_str().unwrap_or_default(),
                    record["export"].as_str().unwrap_or_default(),
                    record["decision"]["fault"].is_object(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("hostile", "invoke", true),
                ("lax", "invoke", false),
                ("lax", "settle", false)
            ]
        );

        stage.check(&[]);
    }

    const OPEN: &str = "policies = [\"hostile\"]\nbaseline = \"lax\"\nfail_open = true";

    #[tokio::test]
    async fn no_payload_chooses_the_baseline_by_a_fault() {
        let stage = in_force(OPEN).await;
        for (deed, error) in [
            ("trap", "PolicyFault"),
            ("panic", "PolicyFault"),
            ("recurse", "PolicyFault"),
            ("allocate", "PolicyFault"),
            ("big", "PolicyFault"),
            ("loop", "PolicyTimeout"),
        ] {
            let payload = json!({"sqlStatement": "select 1", "do": deed});
            let failed = stage.invoke(payload).await.expect_err(deed);
            assert_eq!(failed.error_type, error, "{deed}: {failed:?}");
        }
        assert_eq!(stage.calls("ExecuteStatement"), 0, "lax would have run it");

        // What it refuses is refused, and after a start the fault is the answer.
        let refused = json!({"sqlStatement": "select 1", "do": "reject"});
        let failed = stage.invoke(refused).await.expect_err("refused");
        assert_eq!(failed.error_type, "PolicyDenied");
        let started = json!({"sqlStatement": "select 1", "do": "start-without-task"});
        stage.invoke(started).await.expect("started");
        let before = stage.calls("ExecuteStatement");
        let trapped = json!({"sqlStatement": "select 1", "do": "start-then-trap"});
        let failed = stage.invoke(trapped).await.expect_err("a fault");
        assert_eq!(failed.error_type, "PolicyFault");
        assert_eq!(
            stage.calls("ExecuteStatement"),
            before + 1,
            "nothing is run a second time"
        );
        stage.check(&[]);
    }

    #[tokio::test]
    async fn without_fail_open_a_fault_is_the_answer() {
        let stage = in_force("policies = [\"hostile\"]").await;
        let trapped = json!({"sqlStatement": "select 1", "do": "trap"});
        let failed = stage.invoke(trapped).await.expect_err("a fault");
        assert_eq!(failed.error_type, "PolicyFault");
        assert_eq!(stage.calls("ExecuteStatement"), 0);
        stage.check(&[]);
    }
}
