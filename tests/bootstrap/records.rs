//! Decision records of the function: lines of its log, and files.

use std::{path::PathBuf, time::Duration};

use serde_json::{Value, json};

use crate::{
    schema::faults,
    support::{
        bucket::Bucket,
        mood::Mood,
        stage::{Setting, Stage, batch, end, failure, failures},
    },
};

/// The lines of records in the log, once there are so many: the log is read beside the answers.
async fn lines(stage: &Stage, many: usize) -> Vec<Value> {
    for _ in 0..6_000 {
        let log = stage.lambda.log();
        let lines: Vec<Value> = log
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line["target"] == "signalbox::record")
            .collect();
        if lines.len() >= many {
            return lines;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!(
        "there are no {many} records in the log: {:#?}",
        stage.lambda.log()
    );
}

/// Waits until the function has logged this.
async fn logged(stage: &Stage, text: &str) -> Vec<String> {
    for _ in 0..6_000 {
        let log = stage.lambda.log();
        if log.iter().any(|line| line.contains(text)) {
            return log;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("`{text}` is not in the log: {:#?}", stage.lambda.log());
}

/// A setting that keeps records, and where.
fn keeping(more: &str, files: Vec<(&'static str, Vec<u8>)>) -> (Setting, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let config = format!("{more}\n[records]\ndirectory = {:?}\n", folder.path());
    let setting = Setting {
        config: Some(config),
        files,
        ..Setting::default()
    };
    (setting, folder)
}

/// The files, once there are so many: they are written when the answer was sent.
async fn files(folder: &tempfile::TempDir, many: usize) -> Vec<(PathBuf, String)> {
    for _ in 0..3_000 {
        let files = files_now(folder);
        if files.len() >= many {
            return files;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("there are no {many} files: {:#?}", files_now(folder));
}

fn files_now(folder: &tempfile::TempDir) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for day in std::fs::read_dir(folder.path()).expect("days") {
        for file in std::fs::read_dir(day.expect("a day").path()).expect("files") {
            let path = file.expect("a file").path();
            if path.extension().is_none_or(|end| end != "json") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a text");
            files.push((path, text));
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn a_task_leaves_two_records_in_the_log_and_no_literal() {
    let mut stage = Stage::original().await;
    let execution = stage.task(json!({"sqlStatement": "select 'SECRET-LITERAL' as word"}));
    let event = stage.completion().await;
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    end(&execution).await;
    let lines = lines(&stage, 2).await;
    let exports: Vec<_> = lines
        .iter()
        .map(|line| line["record"]["export"].as_str())
        .collect();
    assert_eq!(exports, [Some("invoke"), Some("settle")]);
    for line in &lines {
        let bytes = line.to_string().len();
        println!("a record's line: {bytes} bytes");
        assert!(bytes < 32 * 1024);
        assert_eq!(
            (&line["shortened"], &line["whole"]["file"]),
            (&json!(false), &Value::Null)
        );
        assert!(
            line["record"]["usage"]["memory"]
                .as_u64()
                .is_some_and(|memory| memory > 0)
        );
    }
    let call = &lines[0]["record"]["calls"][0];
    assert_eq!(call["function"], "redshift-data/execute-statement");
    assert_eq!(call["arguments"]["request"]["sql"], "select '***' as word");
    stage.check(&["SECRET-LITERAL"]);
}

#[tokio::test]
async fn the_log_has_no_records_where_they_are_off() {
    for setting in [
        Setting {
            config: Some("[records]\nline = false\n".to_owned()),
            ..Setting::default()
        },
        Setting {
            variables: vec![("LOG_LEVEL", "WARNING".to_owned())],
            ..Setting::default()
        },
    ] {
        let stage = Stage::set(setting).await;
        stage
            .invoke(json!({"sqlStatement": "select 1"}))
            .await
            .expect("started");
        // A refusal is logged at any of these levels, after the record would have been.
        stage
            .invoke(json!({"sqlStatement": ""}))
            .await
            .expect_err("refused");
        let log = logged(&stage, "refused").await;
        assert!(
            !log.iter().any(|line| line.contains("signalbox::record")),
            "{log:#?}"
        );
    }
}

#[tokio::test]
async fn no_token_and_no_secret_of_an_event_is_in_a_record() {
    let (setting, folder) = keeping("", Vec::new());
    let mut stage = Stage::set(setting).await;
    let signature = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let url = format!(
        "https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F1&X-Amz-Signature={signature}"
    );
    let payload = json!({
        "sqlStatement": format!("select 'HUNTER1' as password /* {url} */"),
        "remarks.$": "States.Format('my token is {} or so', $$.Task.Token)",
        "annotations": [{"password": "HUNTER2", "sql": "alter user u password 'HUNTER3'"}, json!({"url": url}).to_string()],
    });
    let execution = stage.task(payload);
    let event = stage.completion().await;
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    end(&execution).await;
    // SQL that Redshift refuses comes back in its message.
    let refused = stage.task(json!({"sqlStatement": "alter user u password 'HUNTER4' nonsense"}));
    let event = stage.completion().await;
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    failure(&refused).await;

    let lines = lines(&stage, 4).await;
    let kept = files(&folder, 4).await;
    assert_eq!(kept.len(), 4, "{kept:#?}");
    let everything = format!("{lines:?}{kept:?}");
    assert!(
        everything.contains("[secret removed]"),
        "the token was there"
    );
    let tokens = stage.secret_tokens();
    assert_eq!(tokens.len(), 2);
    let secrets = [
        signature,
        "AKIAIOSFODNN7EXAMPLE",
        "HUNTER2",
        "HUNTER3",
        "HUNTER4",
        "secret-of-nobody",
    ];
    for secret in secrets.into_iter().chain(tokens.iter().map(String::as_str)) {
        assert!(!everything.contains(secret), "{secret}: {everything}");
    }
    stage.check(&[signature, "HUNTER4"]);
}

#[tokio::test]
async fn records_that_cannot_be_written_are_an_alarm_and_no_more() {
    let stage = Stage::set(Setting {
        config: Some("[records]\ndirectory = \"signalbox.toml/is/no/folder\"\n".to_owned()),
        ..Setting::default()
    })
    .await;
    stage
        .invoke(json!({"sqlStatement": "select 1"}))
        .await
        .expect("started all the same");
    lines(&stage, 1).await;
    logged(&stage, "RecordUnwritten").await;
}

#[tokio::test]
async fn records_are_kept_in_s3_and_keep_to_the_schema() {
    let bucket = Bucket::start().await;
    let mut stage = Stage::set(Setting {
        config: Some("[records]\ndirectory = \"s3://kept/team a\"\n".to_owned()),
        variables: vec![("AWS_ENDPOINT_URL_S3", bucket.url())],
        ..Setting::default()
    })
    .await;
    let execution = stage.task(json!({"sqlStatement": "select 1 as one"}));
    let event = stage.completion().await;
    assert_eq!(stage.invoke(batch(&[&event])).await, Ok(failures(&[])));
    end(&execution).await;
    stage
        .invoke(json!({"sqlStatement": ""}))
        .await
        .expect_err("refused");

    let lines = lines(&stage, 3).await;
    let mut objects = bucket.objects();
    for _ in 0..3_000 {
        if objects.len() >= 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        objects = bucket.objects();
    }
    let schema = include_str!("../../docs/records.schema.json");
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    for line in lines {
        let whole = &line["whole"];
        let file = whole["file"].as_str().expect("a place");
        let key = file.strip_prefix("s3://").expect("in S3");
        let object = &objects[&key.replace(' ', "%20")];
        assert_eq!(whole["bytes"], object.len());
        let digest = signalbox_policy::digest::hex(object);
        assert_eq!(whole["sha256"], digest.as_str());
        let record: Value = serde_json::from_slice(object).expect("JSON");
        assert_eq!(faults(&schema, &record), Vec::<String>::new(), "{record:#}");
    }
    stage.check(&[]);
}

#[tokio::test]
async fn a_store_that_denies_or_hangs_delays_no_answer_and_is_a_warning() {
    let bucket = Bucket::start().await;
    let stage = Stage::set(Setting {
        config: Some("[records]\ndirectory = \"s3://kept\"\n".to_owned()),
        variables: vec![("AWS_ENDPOINT_URL_S3", bucket.url())],
        ..Setting::default()
    })
    .await;
    bucket.is(Mood::Denied);
    let select = json!({"sqlStatement": "select 1"});
    stage.invoke(select.clone()).await.expect("started");
    let log = logged(&stage, "RecordUnwritten").await;
    let line = log.iter().find(|line| line.contains("RecordUnwritten"));
    assert!(
        line.is_some_and(|line| line.contains("s3:PutObject") && line.contains("WARN")),
        "{line:?}"
    );
    // It does not answer at all: the answer is there before that is given up.
    bucket.is(Mood::Gone);
    stage.invoke(select.clone()).await.expect("started");
    logged(&stage, "decision records are not written yet").await;
    bucket.is(Mood::Good);
    stage.invoke(select).await.expect("started");
    stage.check(&[]);
}

/// What a host without a compiler cannot load.
mod own_component {
    use super::*;

    #[tokio::test]
    async fn a_long_record_points_to_the_whole_one_and_a_fault_leaves_one_too() {
        let config = r#"
        default_policy = "standard"
        [policies.standard]
        builtin = "standard"
        [policies.hostile]
        component = "hostile.wasm"
        limits = { guest_time_ms = 300 }
    "#;
        let hostile = vec![("hostile.wasm", signalbox_test_guests::HOSTILE.to_vec())];
        let (setting, folder) = keeping(config, hostile);
        let stage = Stage::set(setting).await;
        let long = format!("select '{}' as word", "é\u{1F600}".repeat(8_000));
        stage
            .invoke(json!({"sqlStatement": long}))
            .await
            .expect("started");
        let trap = json!({"action": "executeStatement", "policy": "hostile", "do": "trap"});
        stage.invoke(trap).await.expect_err("a fault");

        let lines = lines(&stage, 2).await;
        assert!(lines.iter().all(|line| line.to_string().len() < 32 * 1024));
        let kept = files(&folder, 2).await;
        assert_eq!(kept.len(), 2);
        let (path, whole) = kept
            .iter()
            .find(|(_, text)| text.contains(&long))
            .expect("the whole record");
        assert_eq!(lines[0]["whole"]["file"], path.display().to_string());
        assert_eq!(lines[0]["whole"]["bytes"], whole.len());
        assert_eq!(lines[1]["record"]["decision"]["fault"]["kind"], "trap");
        assert_eq!(lines[1]["record"]["policy"]["name"], "hostile");
        // What was kept can be made again.
        let replayed = stage
            .signalbox(&["replay", &path.display().to_string()])
            .await;
        assert_eq!(replayed.code, Some(0), "{replayed:?}");
        assert!(replayed.out.contains("1 same"), "{replayed:?}");
    }
}
