//! `signalbox policy new`: projects that pass their own tests.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::{schema::faults, support::Desk};

fn read(desk: &Desk, name: &str) -> String {
    std::fs::read_to_string(desk.path().join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A document of the project as JSON.
fn document(desk: &Desk, name: &str) -> Value {
    let text = read(desk, name);
    match name.ends_with(".toml") {
        true => json!(toml::from_str::<toml::Table>(&text).unwrap()),
        false => serde_json::from_str(&text).unwrap(),
    }
}

#[test]
fn a_project_of_rules_passes_its_tests_at_once() {
    let desk = Desk::new();
    let made = desk.run(&["policy", "new", "finance"]).coded(0);
    assert!(
        made.out
            .ends_with("  cd finance && signalbox policy test\n"),
        "{}",
        made.out
    );
    desk.run(&["policy", "test", "finance"])
        .coded(0)
        .says("3 passed; 0 failed");
    desk.run(&["policy", "check", "finance/set.toml"])
        .coded(0)
        .says("good: finance/set.toml revision 1");

    // What editors complete is what is read.
    let schema = document(&desk, "finance/schemas/set.schema.json");
    let mut set = document(&desk, "finance/set.toml");
    assert_eq!(faults(&schema, &set), [""; 0]);
    let rule = &mut set["policies"]["finance"]["settings"]["rules"][0];
    rule["wen"] = rule["when"].take();
    assert_ne!(faults(&schema, &set), [""; 0]);
    let schema = document(&desk, "finance/schemas/test.schema.json");
    for test in ["drops", "reports", "some-rows"] {
        let test = format!("finance/tests/{test}.toml");
        assert_eq!(faults(&schema, &document(&desk, &test)), [""; 0], "{test}");
    }
    assert_eq!(
        desk.run(&["policy", "schema", "--set"]).coded(0).json(),
        document(&desk, "finance/schemas/set.schema.json")
    );
    assert_eq!(
        desk.run(&["policy", "schema", "--test"]).coded(0).json(),
        schema
    );

    // The way to a signed set, as the README has it.
    for command in [
        &["policy", "keygen", "-o", "team.pem"][..],
        &[
            "policy",
            "sign",
            "finance/set.toml",
            "--key",
            "team.pem",
            "-o",
            "finance/set.signed.toml",
        ],
        &["policy", "check", "finance/set.signed.toml"],
    ] {
        desk.run(command).coded(0);
    }
}

#[test]
fn settings_may_be_a_file_of_their_own() {
    let desk = Desk::new();
    desk.run(&["policy", "new", "finance", "--format", "json"])
        .coded(0);
    desk.run(&["policy", "test", "finance"])
        .coded(0)
        .says("3 passed; 0 failed");
    desk.run(&[
        "policy",
        "check",
        "standard",
        "--settings",
        "finance/settings.json",
    ])
    .coded(0);
    let schema = document(&desk, "finance/schemas/settings.schema.json");
    assert_eq!(
        faults(&schema, &document(&desk, "finance/settings.json")),
        [""; 0]
    );
}

#[test]
fn nothing_is_replaced_and_names_are_good_everywhere() {
    let desk = Desk::new();
    desk.run(&["policy", "new", "finance"]).coded(0);
    desk.run(&["policy", "new", "finance"])
        .coded(2)
        .says("finance is there already, and nothing of it is replaced");
    desk.run(&["policy", "new", "Finance"])
        .coded(2)
        .says("is no name for a policy: lower-case letters");
    desk.run(&["policy", "new", "core", "--lang", "rust"])
        .coded(2)
        .says("is the name of something else");
    desk.run(&["policy", "new", "x", "--lang", "go"])
        .coded(2)
        .says("possible values: rust, python, javascript");
    assert!(!desk.path().join("x").exists());
}

#[test]
fn a_digest_is_pinned_where_it_stands() {
    let desk = Desk::new();
    desk.run(&["policy", "new", "team", "--lang", "python"])
        .coded(0);
    desk.run(&["policy", "test", "team"])
        .coded(2)
        .says("team.wasm");
    desk.run(&["policy", "pin", "team/set.toml"])
        .coded(2)
        .says("Build it first");
    desk.file("team/team.wasm", "no component");
    let before = read(&desk, "team/set.toml");
    let pinned = desk
        .run(&["policy", "pin", "team/set.toml", "--json"])
        .coded(0)
        .json();
    let digest = pinned["pinned"][0]["sha256"].as_str().unwrap();
    assert_eq!(
        read(&desk, "team/set.toml"),
        before.replace(&"0".repeat(64), digest)
    );
    desk.run(&["policy", "pin", "team/set.toml"])
        .coded(0)
        .says("(as before)");
    for file in [
        "team.py",
        "requirements.txt",
        "wit/handler.wit",
        "tests/drops.toml",
    ] {
        assert!(
            !read(&desk, &format!("team/{file}")).contains("{{"),
            "{file}"
        );
    }
}

#[test]
fn a_project_in_rust_builds_and_passes_its_tests() {
    let desk = Desk::new();
    desk.run(&["policy", "new", "short-batches", "--lang", "rust"])
        .coded(0);
    let project = desk.path().join("short-batches");
    // The versions that this workspace is tested with: all that it needs was there when this test was built.
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    std::fs::copy(lock, project.join("Cargo.lock")).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("policy-project");
    let binaries = PathBuf::from(env!("CARGO_BIN_EXE_signalbox"));
    let path = std::env::var("PATH").unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&project)
            .env_clear()
            .env(
                "PATH",
                format!("{}:{path}", binaries.parent().unwrap().display()),
            )
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TARGET_DIR", &target);
        // How small and fast it becomes is not asked here.
        for (setting, value) in [("LTO", "off"), ("OPT_LEVEL", "1"), ("CODEGEN_UNITS", "16")] {
            command.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
        }
        for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success(),
            "{program} {arguments:?}\n{}",
            String::from_utf8_lossy(&text)
        );
    };
    run(
        "cargo",
        &["build", "--release", "--target", "wasm32-unknown-unknown"],
    );
    // As its script `build` does, but that the target folder is another one here.
    let module = target.join("wasm32-unknown-unknown/release/short_batches.wasm");
    run(
        "signalbox",
        &[
            "policy",
            "build",
            module.to_str().unwrap(),
            "--output",
            "short-batches.wasm",
        ],
    );
    run("signalbox", &["policy", "pin", "set.toml"]);
    run("cargo", &["test"]);
    desk.run(&["policy", "test", "short-batches"])
        .coded(0)
        .says("3 passed; 0 failed");
    desk.run(&["policy", "check", "short-batches/set.toml"])
        .coded(0);
}
