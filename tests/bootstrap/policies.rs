//! Policies of the configuration file: rules, and a policy that misbehaves.

use serde_json::json;
use signalbox_policy::digest;
use signalbox_test_guests::{HOSTILE, KEPT, caller};

use crate::{
    start::{not_started, variables},
    support::{
        bucket::Bucket,
        lambda::{Lambda, binary, lambda_variables},
        stage::{Setting, Stage, batch, failure, failures, run_signalbox},
    },
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
        files: vec![("hostile.wasm", HOSTILE.to_vec())],
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

/// A function whose set is in a bucket, which it looks at before every invocation.
fn from_bucket(bucket: &Bucket, key: &str) -> Setting {
    let config = "[policy_set]\nmax_age_seconds = 0\nwithin_ms = 30000\nallow_unsigned = true\n";
    Setting {
        config: Some(config.to_owned()),
        variables: vec![
            ("AWS_ENDPOINT_URL_S3", bucket.url()),
            ("SIGNALBOX_POLICY_SET", format!("s3://{key}")),
        ],
        ..Setting::default()
    }
}

/// A set of these policies (name, file, the file's content), of which the first serves payloads that name none.
pub(crate) fn set_of(revision: u32, policies: &[(&str, &str, &[u8])]) -> String {
    let mut set = format!("schema = 1\nrevision = {revision}\n\n");
    for (name, file, bytes) in policies {
        let sha256 = digest::hex(bytes);
        set.push_str(&format!(
            "[policies.{name}]\ncomponent = \"{file}\"\nsha256 = \"{sha256}\"\n\n"
        ));
    }
    let names: Vec<_> = policies.iter().map(|(name, ..)| *name).collect();
    set.push_str(&format!(
        "[[routes]]\nname = \"all\"\nfunction = \"*\"\npolicies = {names:?}\n"
    ));
    set
}

#[tokio::test]
async fn a_component_is_fetched_once_per_digest() {
    const SET: &str = "sets/set.toml";
    let (_, kept) = KEPT[0];
    let bucket = Bucket::start().await;
    for (file, bytes) in [("a", kept), ("b", kept), ("c", HOSTILE)] {
        bucket.put(&format!("sets/{file}.wasm"), bytes);
    }
    let two = [("one", "a.wasm", kept), ("two", "b.wasm", kept)];
    bucket.put(SET, set_of(1, &two));
    let stage = Stage::set(from_bucket(&bucket, SET)).await;
    let serves = |policy: &'static str| {
        let stage = &stage;
        async move {
            let payload = json!({"sqlStatement": "select 1", "policy": policy});
            match stage.invoke(payload).await {
                Ok(reply) => reply.to_string(),
                Err(failed) => failed.message,
            }
        }
    };
    let fetched = || ["a", "b", "c"].map(|file| bucket.asked(&format!("sets/{file}.wasm")));

    for policy in ["one", "two", "one"] {
        let said = serves(policy).await;
        assert!(said.contains("wants nothing"), "{policy}: {said}");
    }
    assert_eq!(
        fetched(),
        [1, 0, 0],
        "one digest, whatever its files are called"
    );
    assert_eq!(bucket.sent(SET), 1, "what is unchanged is not sent again");
    assert!(bucket.asked(SET) > 3, "though it was looked at before each");

    // Another set, in which one of the components is another.
    bucket.put(SET, set_of(2, &[two[0], ("two", "c.wasm", HOSTILE)]));
    let said = serves("two").await;
    assert!(said.contains("calls"), "{said}");
    assert_eq!(fetched(), [1, 0, 1]);
    bucket.put(
        SET,
        set_of(
            3,
            &[
                two[0],
                ("two", "c.wasm", HOSTILE),
                ("three", "b.wasm", kept),
            ],
        ),
    );
    let said = serves("three").await;
    assert!(said.contains("wants nothing"), "{said}");
    assert_eq!((fetched(), bucket.sent(SET)), ([1, 0, 1], 3));
    stage.check(&[]);
}

/// For each function of the contract's imports, as its files list them, a policy that calls it and was granted nothing.
#[tokio::test]
async fn without_grants_no_import_of_the_contract_is_reached() {
    let callers =
        caller::contract(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("wit")).callers;
    // Those two stage an answer and reach nothing.
    let guarded = callers
        .iter()
        .filter(|caller| caller.fails && !caller.name().starts_with("callbacks/task.succeed"))
        .filter(|caller| !caller.name().starts_with("callbacks/task.fail"));
    let (names, files): (Vec<_>, Vec<_>) = guarded
        .map(|caller| {
            let name = caller.function.replace("task.", "");
            (name.clone(), (format!("{name}.wasm"), &caller.component))
        })
        .unzip();
    let policies: Vec<_> = names
        .iter()
        .zip(&files)
        .map(|(name, (file, bytes))| (name.as_str(), file.as_str(), bytes.as_slice()))
        .collect();
    let bucket = Bucket::start().await;
    for (file, bytes) in &files {
        bucket.put(&format!("sets/{file}"), bytes.as_slice());
    }
    bucket.put("sets/set.toml", set_of(1, &policies));
    let stage = Stage::set(from_bucket(&bucket, "sets/set.toml")).await;
    for name in &names {
        let execution = stage.task(json!({"sqlStatement": "select 1", "policy": name}));
        let (error, cause) = failure(&execution).await;
        assert_eq!(error, "NotGranted", "{name}: {cause}");
        let says = format!("`{name}` is not granted to policy `{name}`");
        assert!(cause.contains(&says), "{name}: {cause}");
    }
    assert_eq!(names.len(), 8, "{names:?}");
    for call in [
        "ExecuteStatement",
        "BatchExecuteStatement",
        "DescribeStatement",
        "CancelStatement",
    ] {
        assert_eq!(stage.calls(call), 0, "{call}");
    }
    stage.check(&[]);
}

#[tokio::test]
async fn the_standard_policy_is_not_compiled_where_its_artifact_is_in_the_package() {
    let package = tempfile::tempdir().expect("folder");
    let (program, artifact) = (
        package.path().join("bootstrap"),
        package.path().join("standard.cwasm"),
    );
    std::fs::hard_link(binary(), &program)
        .or_else(|_| std::fs::copy(binary(), &program).map(drop))
        .expect("a package");
    let start = async |name: &str| {
        let cache = package.path().join(name);
        let mut variables = variables(&[]);
        variables.insert(
            "SIGNALBOX_CACHE_DIR".to_owned(),
            cache.display().to_string(),
        );
        let lambda = Lambda::spawn_program(&program, variables).await;
        lambda.started().await;
        let files = std::fs::read_dir(&cache).map_or(0, Iterator::count);
        (files, lambda.end().join("\n"))
    };
    let (files, log) = start("first").await;
    assert_eq!(files, 1, "it was compiled");
    assert!(
        log.contains("the policy was compiled, as in every new environment"),
        "{log}"
    );

    let output = artifact.display().to_string();
    let said = run_signalbox(
        &lambda_variables(),
        &["policy", "compile", "standard", "--output", &output],
    )
    .await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    let (files, log) = start("second").await;
    assert_eq!(files, 0, "nothing was compiled");
    assert!(!log.contains("WARN"), "{log}");
}
