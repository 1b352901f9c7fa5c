//! What every command has in common.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use crate::support::Desk;

#[test]
fn pipes_get_no_colours_unless_they_are_forced() {
    let desk = Desk::new();
    let ended = desk.run(&["policy", "check", "standard"]).coded(0);
    assert!(!ended.out.contains('\x1b'), "{:?}", ended.out);
    for (no_color, coloured) in [(None, true), (Some("1"), false)] {
        let mut command = desk.command(&["policy", "inspect", "standard"]);
        command.env("CLICOLOR_FORCE", "1");
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
            command.env_remove("CLICOLOR_FORCE");
        }
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.contains('\x1b'), coloured, "{no_color:?}: {text:?}");
    }
}

#[test]
fn every_command_speaks_json() {
    let desk = Desk::new();
    for (args, member) in [
        (&["demo", "--list", "--json"][..], ""),
        (
            &["policy", "check", "standard", "--json"],
            "/identity/digest",
        ),
        (&["--json", "policy", "inspect", "standard"], "/imports/0"),
        (&["policy", "schema", "--json"], "/properties"),
        (
            &["policy", "compile", "standard", "-o", "s.cwasm", "--json"],
            "/sha256",
        ),
        (
            &["demo", "--only", "success", "--json"],
            "/scenarios/0/seconds",
        ),
    ] {
        let document = desk.run(args).coded(0).json();
        assert!(document.pointer(member).is_some(), "{args:?}: {document}");
    }
    let ended = desk.run(&["demo", "--only", "nothing", "--json"]).coded(2);
    assert!(ended.json()["error"].is_string());
}

#[test]
fn completions_and_pages_are_generated() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        desk.run(&["completions", shell]).coded(0).says("invoke");
    }
    desk.run(&["completions", "tcsh"]).coded(2);
    desk.run(&["man"]).coded(0).says(".TH signalbox 1");
    desk.run(&["man", "--output", "pages"]).coded(0);
    for page in [
        "signalbox.1",
        "signalbox-invoke.1",
        "signalbox-policy-check.1",
    ] {
        assert!(desk.path().join("pages").join(page).is_file(), "{page}");
    }
    desk.run(&["--help"])
        .coded(0)
        .says("130  interrupted")
        .says("Redshift SQL from Step Functions");
}

/// What is under way when Ctrl-C comes is SQL that would run for a day.
#[cfg(unix)]
#[test]
fn an_interrupted_command_leaves_nothing_behind() {
    let desk = Desk::new();
    let temporary = desk.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    desk.file(
        "state.json",
        include_str!("../../host/local/definitions/sql_step.asl.json"),
    );
    let mut child = desk
        .command(&[
            "step",
            "state.json",
            "--sql",
            "select public.f_slow('on and on', 86000)",
        ])
        .env("TMPDIR", &temporary)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The function has returned, so the SQL was started.
    let waits = lines
        .map_while(Result::ok)
        .any(|line| line.contains("waits for its token"));
    assert!(waits, "it ended by itself");
    let signalled = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(signalled.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let left: Vec<_> = std::fs::read_dir(&temporary)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
