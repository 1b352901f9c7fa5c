//! What README and docs show works: every block is read by the code that would read it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly, in its helpers too"
)]

#[path = "readme/commands.rs"]
mod commands;
#[path = "readme/demo.rs"]
mod demo;
#[path = "readme/links.rs"]
mod links;
#[path = "readme/names.rs"]
mod names;
#[cfg(unix)]
#[path = "readme/one_machine.rs"]
mod one_machine;
#[allow(
    dead_code,
    unreachable_pub,
    reason = "these tests need a part of what others need"
)]
#[path = "support/mod.rs"]
mod support;
#[path = "readme/walk.rs"]
mod walk;

use std::{collections::BTreeMap, path::Path, process::Command};

use serde_json::Value;

/// A block of code. Its first line says the language and may give it a file's name: `json event.json`.
struct Block {
    language: String,
    text: String,
    line: usize,
}

impl Block {
    fn file(&self) -> Option<&str> {
        self.language
            .split_whitespace()
            .nth(1)
            .filter(|word| word.contains('.'))
    }
}

fn blocks(file: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    // A block in a list is indented as a whole.
    let mut indent = 0;
    for (number, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                indent = line.len() - line.trim_start().len();
                open = Some(Block {
                    language: language.to_owned(),
                    text: String::new(),
                    line: number + 1,
                });
            }
            (Some(_), block) => blocks.extend(block.take()),
            (None, Some(block)) => {
                block.text.push_str(line.get(indent..).unwrap_or_default());
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block of {file} does not end");
    blocks
}

fn signalbox(args: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_signalbox"))
        .args(args)
        .output()
        .unwrap()
}

#[test]
fn every_json_block_is_what_it_says() {
    let (mut machines, mut payloads, mut settings, mut tasks, mut rules) = (0, 0, 0, 0, 0);
    let pages = [
        "README.md",
        "docs/reference/payload.md",
        "docs/reference/settings.md",
        "docs/reference/events.md",
        "docs/retries.md",
        "docs/custom-resources.md",
        "docs/cookbook.md",
    ];
    for (document, block) in pages
        .into_iter()
        .flat_map(|document| {
            blocks(document)
                .into_iter()
                .map(move |block| (document, block))
        })
        .filter(|(_, block)| block.language.starts_with("json"))
    {
        let at = format!("{document}:{}", block.line);
        let value: Value =
            serde_json::from_str(&block.text).unwrap_or_else(|error| panic!("{at}: {error}"));
        if value.get("StartAt").is_some() {
            signalbox_local::step_functions::Definition::from_value(&value)
                .unwrap_or_else(|e| panic!("{at}: {e}"));
            check_payload(&at, &value["States"]["Load"]["Parameters"]["Payload"]);
            machines += 1;
        } else if value.get("Arguments").is_some() {
            let machine = serde_json::json!({"StartAt": "Load", "States": {"Load": &value}});
            signalbox_local::step_functions::Definition::from_value(&machine)
                .unwrap_or_else(|e| panic!("{at}: {e}"));
            check_payload(&at, &value["Arguments"]["Payload"]);
            tasks += 1;
        } else if value.get("detail-type").is_some() {
            check_rule(&at, &value);
            rules += 1;
        } else if let Some(retries) = value.get("Retry") {
            let errors = page("docs/reference/errors.md");
            for retry in retries.as_array().unwrap() {
                let name = retry["ErrorEquals"][0].as_str().unwrap();
                assert!(errors.contains(&format!("| `{name}` |")), "{at}: {name}");
            }
        } else if ["rules", "callbacks", "stamp"]
            .iter()
            .any(|key| value.get(key).is_some())
        {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("rules.json");
            std::fs::write(&file, &block.text).unwrap();
            let file = file.to_str().unwrap();
            for command in [
                &["policy", "check", "standard", "--settings", file][..],
                &["policy", "lint", file],
            ] {
                let output = signalbox(command);
                assert!(
                    output.status.success(),
                    "{at}: {}{}",
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr)
                );
            }
            settings += 1;
        } else {
            check_payload(&at, &value);
            payloads += 1;
        }
    }
    assert_eq!(
        (machines, tasks, settings, payloads, rules),
        (1, 1, 15, 8, 2)
    );
}

/// The function takes what a rule of EventBridge lets through.
fn check_rule(at: &str, rule: &Value) {
    let only = |field: &str| {
        let values = rule[field]
            .as_array()
            .unwrap_or_else(|| panic!("{at}: {field}"));
        values[0].clone()
    };
    let event = serde_json::json!({
        "source": only("source"),
        "detail-type": only("detail-type"),
        "detail": {"statementName": "sbx-tasker:x", "state": "FINISHED", "executionArn": "arn", "status": "ABORTED"},
    });
    let kind = signalbox_lambda::event::Event::read(&event.to_string());
    let kind = kind.unwrap_or_else(|error| panic!("{at}: {error}"));
    let taken = matches!(
        kind,
        signalbox_lambda::event::Event::Completion(_)
            | signalbox_lambda::event::Event::ExecutionStatus(_)
    );
    assert!(taken, "{at}: {kind:?}");
}

/// The kit takes the payload as it is when a state machine has filled it in.
fn check_payload(at: &str, payload: &Value) {
    let mut filled = serde_json::Map::new();
    for (name, value) in payload
        .as_object()
        .unwrap_or_else(|| panic!("{at}: no payload"))
    {
        let name = name.strip_suffix(".$").unwrap_or(name);
        // The host takes the token out before a policy sees the payload.
        if name != "taskToken" {
            filled.insert(name.to_owned(), value.clone());
        }
    }
    let evaluated = signalbox_kit::testing::evaluate(&Value::Object(filled).to_string(), "{}");
    if let Err(rejection) = evaluated {
        // There is no earlier statement here.
        assert_eq!(
            rejection.error, "PreviousExecutionNotFound",
            "{at}: {}",
            rejection.message
        );
    }
}

#[test]
fn every_toml_block_is_a_configuration() {
    let mut read = 0;
    // The examples of docs/config.md and docs/policy-sets.md are read by tests of their own.
    for block in blocks("docs/policy.md")
        .into_iter()
        .filter(|block| block.language.starts_with("toml") && block.file() != Some("Cargo.toml"))
    {
        let environment =
            BTreeMap::from([("SIGNALBOX_CONFIG".to_owned(), "signalbox.toml".to_owned())]);
        let file = |path: &Path| {
            let settings = path
                .extension()
                .is_some_and(|extension| extension == "json");
            Ok(if settings {
                "{}".to_owned()
            } else {
                block.text.clone()
            })
        };
        signalbox_lambda::Config::read(&environment, &file)
            .unwrap_or_else(|error| panic!("docs/policy.md:{}: {error}", block.line));
        read += 1;
    }
    assert_eq!(read, 1);
}

/// A page, as a text.
fn page(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn every_field_of_a_payload_is_explained() {
    let explained = page("docs/reference/payload.md");
    for field in signalbox_kit::payload::FIELDS {
        assert!(explained.contains(&format!("`{field}`")), "{field}");
    }
}

#[test]
fn every_setting_of_the_standard_policy_is_explained() {
    let output = signalbox(&["policy", "schema"]);
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    let explained = page("docs/reference/settings.md");
    for setting in schema["properties"].as_object().unwrap().keys() {
        // `custom` is for policies built on the kit.
        assert!(
            setting == "custom"
                || explained.contains(&format!("`{setting}`"))
                || explained.contains(&format!("`{setting}[")),
            "`{setting}` is not explained"
        );
    }
    for place in [
        "/properties/rules/items/properties/when",
        "/properties/rules/items/properties/then",
        "/properties/callbacks/items/properties/when",
        "/properties/callbacks/items/properties/then",
        "/properties/onStop",
    ] {
        let members = schema.pointer(place).unwrap()["properties"].as_object();
        for member in members.unwrap().keys() {
            assert!(
                explained.contains(&format!("`{member}`")),
                "`{member}` of {place} is not explained"
            );
        }
    }
}

#[test]
fn every_error_name_is_explained() {
    let explained = page("docs/reference/errors.md");
    let source = page("host/tasker/src/raised.rs");
    let names: Vec<&str> = source
        .split("&str = \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(
            explained.contains(&format!("| `{name}` |")),
            "`{name}` is not explained"
        );
    }
}

#[test]
fn the_policy_set_of_the_documentation_is_good() {
    let blocks = blocks("docs/policy-sets.md");
    let mut tomls = blocks.iter().filter(|block| block.language == "toml");
    let set = tomls.next().unwrap();
    let (modes, config) = (tomls.next().unwrap(), tomls.next().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (path, config) = (
        file("set.toml", &set.text),
        file("signalbox.toml", &config.text),
    );
    let check = |path: &str| signalbox(&["--json", "policy", "check", path, "--config", &config]);
    let output = check(&path);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(told["revision"], 7);
    assert_eq!(told["policies"][1]["tests"], 2, "{told}");
    assert_eq!(told["warnings"], serde_json::json!([]));

    // The routes with modes, and the policies that they add.
    let policies = &set.text[..set.text.find("[[routes]]").unwrap()];
    let output = check(&file("modes.toml", &format!("{policies}\n{}", modes.text)));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(told["warnings"], serde_json::json!([]));

    // Each fault is shown with file and line, those that the policy and its tests find too.
    for (from, to, line) in [
        ("\"public\"", "3", "unqualified"),
        ("\"drop-table\"", "\"drop-tabel\"", "kinds"),
        (
            "\"PolicyDenied\"",
            "\"InvalidRequest\"",
            "a drop is refused",
        ),
        (
            "policies = [\"reports\"]",
            "policies = [\"report\"]",
            "reports",
        ),
        ("\"analytics\", ", "\"analytic\", ", "analytics"),
    ] {
        let output = check(&file("faulty.toml", &set.text.replacen(from, to, 1)));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        assert_eq!(output.status.code(), Some(1), "{to}: {output:?}");
        let fault = told["faults"][0].as_str().unwrap_or_default();
        let number = 1 + set.text[..set.text.find(from).unwrap()]
            .matches('\n')
            .count();
        // A test is shown where it begins.
        let near =
            (number.saturating_sub(3)..=number).any(|at| fault.contains(&format!(", line {at}, ")));
        assert!(near && fault.contains(line), "{to}: line {number}: {fault}");
    }
}

#[test]
fn keys_sign_and_verify() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (key, set) = (path("key.pem"), path("set.toml"));
    let text = "schema = 1\nrevision = 1\ndeployments = [\"tasker\"]\n[policies.p]\nbuiltin = \"standard\"\n\
                [[routes]]\nname = \"all\"\nfunction = \"*\"\npolicies = [\"p\"]\n";
    std::fs::write(&set, text).unwrap();
    let made = signalbox(&["--json", "policy", "keygen", "--output", &key]);
    let told: Value = serde_json::from_slice(&made.stdout).unwrap();
    let public = told["publicKey"].as_str().unwrap();
    assert!(
        !signalbox(&["policy", "verify", &set, "--key", public])
            .status
            .success()
    );
    assert!(
        signalbox(&["policy", "sign", &set, "--key", &key])
            .status
            .success()
    );
    assert!(
        signalbox(&["policy", "verify", &set, "--key", public])
            .status
            .success()
    );
    let again = signalbox(&["policy", "keygen", "--output", &key]);
    assert_eq!(again.status.code(), Some(2), "a key is not overwritten");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&key).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "for its owner alone");
    }
    let text = std::fs::read_to_string(&set).unwrap();
    std::fs::write(&set, text.replace("= 1", "= 2")).unwrap();
    let tampered = signalbox(&["policy", "verify", &set, "--key", public]);
    assert_eq!(tampered.status.code(), Some(1));
}

#[test]
fn every_alarm_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let explained = std::fs::read_to_string(root.join("docs/config.md")).unwrap();
    let mut folders = vec![root.join("host")];
    let mut alarms = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for alarm in text.split("alarm = \"").skip(1) {
                    let name = alarm.split('"').next().unwrap();
                    let file = path.display();
                    assert!(explained.contains(&format!("`{name}`")), "{file}: {name}");
                    alarms += 1;
                }
            }
        }
    }
    assert!(alarms > 10, "only {alarms} alarms were found");
}
