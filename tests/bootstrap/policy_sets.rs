//! Policy sets: routes and grants, refresh and swap, signatures, sources that fail.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use signalbox_local::step_functions::Outcome;

use crate::{
    sources::{Place, invocations_are_not_held_up, yesterday_s_policies_hold},
    support::{
        bucket::Bucket,
        lambda::Lambda,
        mood::Mood,
        stage::{Setting, Stage, batch, end, failures},
    },
};

/// All that the standard policy can ask for.
const ALL: &str = "[\"execute-statement\", \"batch-execute-statement\", \"describe-statement\", \"cancel-statement\", \
                   \"get-statement-result\", \"list-statements\", \"latest\", \"heartbeat\"]";
const ROUTE: &str =
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

fn folder(stage: &Stage) -> PathBuf {
    let config = Path::new(&stage.variables["SIGNALBOX_CONFIG"]);
    config.parent().expect("a folder").to_owned()
}

fn publish(stage: &Stage, set: &str) {
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

/// Two policies of one code: `reader` may run, look and cancel; `other` too, on its own; `bare` was granted nothing.
fn two_policies() -> String {
    let policy = |name: &str, grants: &str| {
        format!("[policies.{name}]\nbuiltin = \"standard\"\n{grants}\n\n")
    };
    let all = format!("grants = {{ targets = [\"default\"], actions = {ALL} }}");
    let narrow = "grants = { targets = [\"default\"], actions = [\"execute-statement\"], sql_bytes = 20, \
                  statements_per_minute = 2 }";
    format!(
        "schema = 1\nrevision = 1\n\n{}{}{}{}{}[[routes]]\nname = \"all\"\nfunction = \"*:function:tasker\"\n\
         policies = [\"reader\", \"other\", \"bare\", \"narrow\"]\n\n[[routes]]\nname = \"none\"\nfunction = \"*:nobody\"\n\
         policies = [\"hidden\"]\n",
        policy("reader", &all),
        policy("other", &all),
        policy("bare", ""),
        policy("narrow", narrow),
        policy("hidden", &all),
    )
}

#[tokio::test]
async fn a_policy_reaches_what_it_was_granted_and_its_own_statements() {
    let stage = Stage::set(from_file(&two_policies())).await;
    let of = |policy: &str, mut payload: Value| {
        payload["policy"] = json!(policy);
        let stage = &stage;
        async move {
            stage
                .invoke(payload)
                .await
                .map_err(|failed| (failed.error_type, failed.message))
        }
    };
    let run = json!({"sqlStatement": "select 1"});
    assert_eq!(
        of("bare", run.clone()).await.expect_err("nothing").0,
        "NotGranted"
    );
    assert_eq!(
        of("hidden", run.clone()).await.expect_err("no route").0,
        "NotGranted"
    );
    assert_eq!(stage.calls("ExecuteStatement"), 0);

    let long = json!({"sqlStatement": "select 1 as a_long_name"});
    assert_eq!(
        of("narrow", long).await.expect_err("too long").0,
        "NotGranted"
    );
    assert!(of("narrow", run.clone()).await.is_ok());
    assert!(of("narrow", run.clone()).await.is_ok());
    assert_eq!(
        of("narrow", run.clone()).await.expect_err("too often").0,
        "ThrottlingException"
    );

    let arn = "arn:aws:states:us-east-1:000000000000:execution:machine:one";
    let own = of(
        "reader",
        json!({"sqlStatement": "select 2", "executionArn": arn}),
    )
    .await
    .expect("started");
    let id = own["Id"].as_str().expect("an id");
    let unknown = "12345678-1234-1234-1234-123456789012";
    for action in ["describeStatement", "getStatementResult", "cancelStatement"] {
        let about = |id: &str| json!({"action": action, "statementId": id});
        if action != "cancelStatement" {
            let mut told = of("reader", about(id)).await;
            // A result is there when the statement has ended.
            for _ in 0..200 {
                if told.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
                told = of("reader", about(id)).await;
            }
            assert!(told.is_ok(), "{action}: {told:?}");
        }
        let (name, message) = of("other", about(id)).await.expect_err("another's");
        assert_eq!(name, "NotGranted", "{action}: {message}");
        let (_, of_unknown) = of("other", about(unknown)).await.expect_err("nobody's");
        assert_eq!(
            message.replace(id, unknown),
            of_unknown,
            "{action}: not told apart"
        );
    }
    let latest =
        json!({"action": "describeStatement", "statementId": "LATEST", "executionArn": arn});
    assert!(of("reader", latest.clone()).await.is_ok());
    assert_eq!(
        of("other", latest).await.expect_err("none of its own").0,
        "PreviousExecutionNotFound"
    );

    stage.check(&[]);
}

/// The aliases `one` and `two` have a route each, both to the same policy.
fn two_teams() -> String {
    let route = |name: &str| {
        format!(
            "[[routes]]\nname = \"{name}\"\nfunction = \"*:function:tasker:{name}\"\npolicies = [\"standard\"]\n"
        )
    };
    set(1, None).replace(ROUTE, &[route("one"), route("two")].concat())
}

#[tokio::test]
async fn two_teams_on_one_policy_do_not_see_each_other() {
    let mut setting = from_file(&two_teams());
    setting.config = setting
        .config
        .map(|config| config.replace("[\"*\"]", "[\"*:operators\"]"));
    let stage = Stage::set(setting).await;
    let by = async |team: &str, payload: Value| {
        let told = stage.lambda.api.invoke_by(team, &payload).await;
        told.map_err(|failed| failed.error_type)
    };
    let arn = "arn:aws:states:us-east-1:000000000000:execution:machine:one";
    let slow = json!({
        "action": "executeSingletonStatement", "sqlStatement": "select f_slow('x', 60)", "executionArn": arn
    });
    let own = by("one", slow.clone()).await.expect("started");
    assert_eq!(
        by("one", slow.clone()).await,
        Err("ConcurrentExecution".to_owned())
    );
    let latest =
        || json!({"action": "describeStatement", "statementId": "LATEST", "executionArn": arn});
    assert_eq!(
        by("two", latest()).await,
        Err("PreviousExecutionNotFound".to_owned())
    );
    assert_eq!(by("one", latest()).await.expect("its own")["Id"], own["Id"]);
    for action in ["describeStatement", "cancelStatement", "getStatementResult"] {
        let about = json!({"action": action, "statementId": own["Id"]});
        assert_eq!(
            by("two", about).await,
            Err("NotGranted".to_owned()),
            "{action}"
        );
    }
    let beside = by("two", slow).await.expect("a singleton of its own");
    assert_ne!(beside["Id"], own["Id"]);
    assert_eq!(
        by("two", latest()).await.expect("its own")["Id"],
        beside["Id"]
    );
    for (team, started) in [("one", own), ("two", beside)] {
        let cancel = json!({"action": "cancelStatement", "statementId": started["Id"]});
        assert!(by(team, cancel).await.is_ok(), "{team}");
    }

    // A sweep is for callers who have a route, and for a schedule.
    let sweep = || json!({"action": "sweep"});
    assert_eq!(
        by("three", sweep()).await,
        Err("NotGranted".to_owned()),
        "an alias without a route"
    );
    assert!(by("one", sweep()).await.is_ok());
    assert!(by("operators", sweep()).await.is_ok());
    let schedule = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
    assert!(by("three", schedule).await.is_ok());
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

/// The set for other deployments.
pub(crate) fn for_others(set: &str, others: &str) -> String {
    let changed = set.replace("[\"tasker\"]", others);
    assert_ne!(changed, set);
    changed
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

struct InBucket {
    bucket: Bucket,
    key: &'static str,
}

impl Place for InBucket {
    fn publish(&self, set: String) {
        self.bucket.put(self.key, set);
    }

    fn is(&self, mood: Mood) {
        self.bucket.is(mood);
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL_S3", self.bucket.url()),
            ("SIGNALBOX_POLICY_SET", format!("s3://{}", self.key)),
        ]
    }
}

#[tokio::test]
async fn a_set_in_s3_is_signed_and_whatever_s3_does_yesterday_s_policies_hold() {
    let place = InBucket {
        bucket: Bucket::start().await,
        key: "sets/team/set.toml",
    };
    let faults = [
        (Mood::Denied, "s3:GetObject"),
        (Mood::Half, "its end is missing"),
    ];
    let stage = yesterday_s_policies_hold(&place, &faults).await;
    let before = place.bucket.sent(place.key);
    assert_eq!(drop_table(&stage).await, Ok(()));
    assert_eq!(
        place.bucket.sent(place.key),
        before,
        "what is unchanged is not sent again"
    );
    stage.check(&[]);
}

#[tokio::test]
async fn a_slow_source_does_not_hold_up_invocations_and_is_not_given_up() {
    let place = InBucket {
        bucket: Bucket::start().await,
        key: "sets/set.toml",
    };
    // The look itself would take half a minute.
    invocations_are_not_held_up(&place, Duration::from_secs(20)).await;
}

#[tokio::test]
async fn an_artifact_is_run_if_it_is_the_one_that_was_signed_and_no_other() {
    let workshop = Stage::set(from_file(&set(1, None))).await;
    let (public, private) = key(&workshop, "key.pem").await;
    let file = folder(&workshop).join("p.cwasm");
    let made = workshop
        .signalbox(&[
            "policy",
            "compile",
            "standard",
            "-o",
            &file.display().to_string(),
        ])
        .await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let artifact = std::fs::read(file).expect("an artifact");
    let digest = |bytes: &[u8]| signalbox_policy::digest::hex(bytes);
    let of = |revision: u32, sha256: String| {
        let artifact =
            format!("artifacts.{ARCHITECTURE} = {{ file = \"p.cwasm\", sha256 = \"{sha256}\" }}");
        set(revision, None).replace("builtin = \"standard\"", &artifact)
    };
    let config = format!(
        "[policy_set]\nsource = \"set.toml\"\nmax_age_seconds = 0\nwithin_ms = 30000\nstatus_for = [\"*\"]\n\
         trusted_keys = [\"{public}\"]\n"
    );
    let signed = sign(&workshop, &of(1, digest(&artifact)), &private).await;
    let stage = Stage::set(Setting {
        config: Some(config),
        files: vec![
            ("set.toml", signed.into_bytes()),
            ("p.cwasm", artifact.clone()),
        ],
        ..Setting::default()
    })
    .await;
    assert_eq!(drop_table(&stage).await, Ok(()));

    // Whoever can write the file cannot have it run by a process that starts.
    let middle = artifact.len() / 2;
    let mut tampered = artifact.clone();
    tampered[middle] ^= 1;
    let there = folder(&stage).join("p.cwasm");
    for (what, bytes) in [
        ("tampered", tampered.as_slice()),
        ("cut off", &artifact[..middle]),
    ] {
        std::fs::write(&there, bytes).expect("written");
        let cold = Lambda::start(stage.variables.clone()).await;
        let failed = cold
            .api
            .invoke(&json!({"sqlStatement": "select 1"}))
            .await
            .expect_err(what);
        assert_eq!(failed.error_type, "PolicyUnavailable", "{what}");
        assert!(
            failed.message.contains("Nothing of it was run"),
            "{what}: {}",
            failed.message
        );
        assert_eq!(
            drop_table(&stage).await,
            Ok(()),
            "{what}: it is loaded already"
        );
    }
    // One that is signed and does not fit is no crash either.
    let foreign = other_version(&artifact);
    std::fs::write(&there, &foreign).expect("written");
    publish(
        &stage,
        &sign(&workshop, &of(2, digest(&foreign)), &private).await,
    );
    assert_eq!(drop_table(&stage).await, Ok(()), "yesterday's");
    let told = status(&stage).await;
    assert_eq!(told["inForce"]["revision"], 1);
    let reason = told["problem"]["reason"].to_string();
    assert!(reason.contains("does not fit this host"), "{reason}");
    stage.check(&[]);

    // Where sets need no signature, nobody has said whose machine code it is.
    let mut setting = from_file(&of(1, digest(&artifact)));
    setting.files.push(("p.cwasm", artifact));
    let unsigned = Stage::set(setting).await;
    let refused = drop_table(&unsigned).await.expect_err("machine code");
    assert!(
        refused.contains("PolicyUnavailable") && refused.contains("only a signed set may bring"),
        "{refused}"
    );
}

/// This machine in AWS Lambda's words.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    "x86_64"
};

/// The artifact as if wasmtime's next version had made it.
fn other_version(artifact: &[u8]) -> Vec<u8> {
    // The section that begins with the form of its header (0) holds the length and the text of the major version.
    let version = [0, 2, b'4', b'8'];
    let at = artifact
        .windows(version.len())
        .position(|window| window == version)
        .expect("an artifact says which version made it");
    let mut other = artifact.to_vec();
    other[at + 3] = b'9';
    other
}
