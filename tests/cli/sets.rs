//! What commands say of policy sets.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Desk, Ended};

const SET: &str = r#"
schema = 1
revision = 7
deployments = ["*"]

[policies.reports]
builtin = "standard"
grants = { targets = ["default"], actions = ["execute-statement", "describe-statement"] }

[[routes]]
name = "all"
function = "*"
policies = ["reports"]
"#;

/// A configuration whose set is `set.toml`.
fn config(policy_set: &str) -> String {
    format!(
        "[ledger]\ntable = \"t\"\n[targets.default]\ncluster_identifier = \"local\"\ndatabase = \"dev\"\n\
         db_user = \"u\"\n[policy_set]\nsource = \"set.toml\"\n{policy_set}"
    )
}

/// Makes a key; the public one.
fn key(desk: &Desk, file: &str) -> String {
    let made = desk.run(&["policy", "keygen", "-o", file, "--json"]);
    made.coded(0).json()["publicKey"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn sign(desk: &Desk, file: &str) {
    desk.run(&["policy", "sign", "set.toml", "--key", file])
        .coded(0);
}

fn check(desk: &Desk, more: &[&str]) -> Ended {
    let check = ["policy", "check", "set.toml", "--config", "signalbox.toml"];
    desk.run(&[&check[..], more].concat())
}

#[test]
fn a_set_is_checked_before_it_is_signed_and_what_it_wants_then_is_said() {
    let desk = Desk::new();
    let (ours, theirs) = (key(&desk, "ours.pem"), key(&desk, "theirs.pem"));
    desk.file("set.toml", SET);
    desk.file(
        "signalbox.toml",
        config(&format!("trusted_keys = [\"{ours}\"]")),
    );
    let untrusted = || check(&desk, &["--json"]).coded(0).json()["untrusted"].clone();

    check(&desk, &[])
        .coded(0)
        .says("good: set.toml revision 7")
        .says("  for the deployments *")
        .says("note: a function with this configuration would not take the set as it stands: the set is not signed")
        .says("`signalbox policy sign`");

    sign(&desk, "theirs.pem");
    let stranger = untrusted();
    let stranger = stranger.as_str().unwrap();
    assert!(
        stranger.contains(&format!("is signed by {theirs}, which is none of"))
            && stranger.contains("`signalbox policy sign`"),
        "{stranger}"
    );

    sign(&desk, "ours.pem");
    let checked = check(&desk, &["--json"]).coded(0).json();
    assert_eq!(checked["untrusted"], Value::Null);
    assert_eq!(checked["signedBy"], ours, "{checked}");

    let text = std::fs::read_to_string(desk.path().join("set.toml")).unwrap();
    desk.file("set.toml", text.replace("revision = 7", "revision = 8"));
    check(&desk, &[])
        .coded(0)
        .says(&format!("the signature by {ours} does not hold"));

    // Where unsigned sets are taken there is nothing to say.
    desk.file("set.toml", SET);
    desk.file("signalbox.toml", config("allow_unsigned = true"));
    let checked = check(&desk, &[]).coded(0);
    assert!(!checked.out.contains("note:"), "{}", checked.out);
}

#[test]
fn a_signature_is_for_the_deployments_that_the_set_names() {
    let desk = Desk::new();
    let ours = key(&desk, "ours.pem");
    desk.file(
        "signalbox.toml",
        config(&format!("trusted_keys = [\"{ours}\"]")),
    );
    let named = "deployments = [\"prod-*\"]\n";
    let set = SET.replace("deployments = [\"*\"]\n", named);

    // One for nobody in particular is not signed, and one that another tool has signed is not taken.
    desk.file("set.toml", set.replace(named, ""));
    let unsigned = desk.run(&["policy", "sign", "set.toml", "--key", "ours.pem"]);
    let said = unsigned.coded(2).err;
    assert!(
        said.contains("nothing is signed") && said.contains("`deployments = [\"NAME\"]`"),
        "{said}"
    );
    check(&desk, &[])
        .coded(0)
        .says("Before that: a signed set says for which deployments it is");

    let until = format!("{named}not_after = 2999-01-01T00:00:00Z\n");
    desk.file("set.toml", set.replace(named, &until));
    desk.run(&["policy", "sign", "set.toml", "--key", "ours.pem"])
        .coded(0)
        .says("  for the deployments prod-*, until 2999-01-01T00:00:00Z");
    let verify = |more: &[&str]| {
        let verify = ["policy", "verify", "set.toml", "--key", &ours];
        desk.run(&[&verify[..], more].concat())
    };
    verify(&[])
        .coded(0)
        .says("is signed by")
        .says("  for the deployments prod-*, until");
    verify(&["--deployment", "prod-eu"]).coded(0);
    for ended in [
        verify(&["--deployment", "dev"]),
        check(&desk, &["--deployment", "dev"]),
    ] {
        let said = ended.coded(1).err;
        assert!(
            said.contains("the set is for `prod-*`, and this deployment is `dev`"),
            "{said}"
        );
    }
    let checked = check(&desk, &["--deployment", "prod-eu", "--json"]);
    let checked = checked.coded(0).json();
    assert_eq!(checked["deployments"], json!(["prod-*"]));
    assert_eq!(checked["notAfter"], "2999-01-01T00:00:00Z");
}

#[test]
fn a_window_that_no_test_enters_or_leaves_is_named() {
    let desk = Desk::new();
    let rule = "[[policies.reports.settings.rules]]\nname = \"nights\"\n\
                when = { time = { zone = \"UTC\", from = \"22:00\", to = \"06:00\" } }\nthen = { deny = \"Nights are quiet.\" }\n";
    let test = |at: &str, expect: &str| {
        format!(
            "[[policies.reports.tests]]\nname = \"{at}\"\n{at}\npayload = {{ sqlStatement = \"select 1\" }}\n\
             expect = {{ {expect} }}\n"
        )
    };
    let noon = test("", "sql = \"select 1\"");
    let night = test("at = 2026-11-30T23:00:00Z", "error = \"PolicyDenied\"");
    let with = |tests: &[&str]| {
        let parts = [rule, &tests.concat()].concat();
        SET.replace("[[routes]]", &format!("{parts}\n[[routes]]"))
    };
    desk.file("signalbox.toml", config(""));
    for (tests, says) in [
        (
            &[][..],
            "no test of the policy runs at a time at which it holds, and none",
        ),
        (
            &[&noon][..],
            "no test of the policy runs at a time at which it holds:",
        ),
        (
            &[&night][..],
            "no test of the policy runs at a time at which it does not hold:",
        ),
    ] {
        let tests: Vec<_> = tests.iter().map(|test| test.as_str()).collect();
        desk.file("set.toml", with(&tests));
        check(&desk, &[])
            .coded(0)
            .says("policies.reports.settings.rules[0].when.time: ")
            .says(says);
    }
    desk.file("set.toml", with(&[&noon, &night]));
    let checked = check(&desk, &[]).coded(0);
    assert!(!checked.out.contains("note:"), "{}", checked.out);
    // The time of a test is its own, whenever it is run.
    desk.file(
        "set.toml",
        with(&[&test("at = 2026-11-30T23:00:00Z", "sql = \"select 1\"")]),
    );
    check(&desk, &[]).coded(1);
}

#[test]
fn a_window_of_days_in_another_condition_is_named_too() {
    let desk = Desk::new();
    desk.file("signalbox.toml", config(""));
    let rule = r#"
[policies.reports.settings]
holidays = ["2026-12-25"]

[[policies.reports.settings.rules]]
name = "ends"
when = { any = [{ targets = "x" }, { not = { time = [{ zone = "UTC", businessDays = -1 }, { zone = "UTC", daysOfMonth = [1], from = "20:00", to = "02:00" }] } }] }
then = { warn = "Hello." }
"#;
    let test = |at: &str| {
        format!(
            "[[policies.reports.tests]]\nname = \"{at}\"\nat = {at}\n\
             payload = {{ sqlStatement = \"select 1\" }}\nexpect = {{ sql = \"select 1\" }}\n"
        )
    };
    let checked = |times: &[&str]| {
        let tests: String = times.iter().map(|at| test(at)).collect();
        desk.file(
            "set.toml",
            SET.replace("[[routes]]", &format!("{rule}\n{tests}\n[[routes]]")),
        );
        check(&desk, &[]).coded(0)
    };
    let (outside, last, first) = (
        "2026-11-20T12:00:00Z",
        // The last business day of May is a Friday, and the night of the first ends on the second.
        "2026-05-29T00:00:00Z",
        "2026-11-02T01:59:00Z",
    );
    let place = "policies.reports.settings.rules[0].when.any[1].not.time";
    let message = "no test of the policy runs at a time at which it holds:";
    // Each window of a list is named until a test is inside it.
    for (tests, named) in [
        (&[outside][..], &[0, 1][..]),
        (&[outside, last], &[1]),
        (&[outside, first], &[0]),
        (&[outside, first, last], &[]),
    ] {
        let ended = checked(tests);
        for number in named {
            let warning = format!("{place}[{number}]: {message}");
            assert!(ended.out.contains(&warning), "{warning} {}", ended.out);
        }
        let count = ended.out.matches("note:").count();
        assert_eq!(count, named.len(), "{}", ended.out);
    }
}

/// A value as it is written in TOML, on one line.
fn inline(value: &Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        Value::Object(object) => {
            let fields = object
                .iter()
                .map(|(key, it)| format!("{key} = {}", inline(it)));
            format!("{{ {} }}", list(fields.collect()))
        }
        Value::Array(items) => format!("[{}]", list(items.iter().map(inline).collect())),
        other => other.to_string(),
    }
}

#[test]
fn the_example_of_a_finance_team_passes_its_tests() {
    let desk = Desk::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest/examples/finance");
    let read = |name: &str| std::fs::read_to_string(example.join(name)).unwrap();
    desk.file("set.toml", read("set.toml"));
    desk.file("settings.json", read("settings.json"));
    let targets = "[targets.adhoc]\nworkgroup_name = \"adhoc\"\ndatabase = \"dev\"\n";
    desk.file("signalbox.toml", format!("{}\n{targets}", config("")));
    let checked = check(&desk, &[]).coded(0);
    assert!(!checked.out.contains("note:"), "{}", checked.out);
    desk.run(&["policy", "check", "standard", "--settings", "settings.json"])
        .coded(0);
    // Both files have the same rules.
    let settings: Value = serde_json::from_str(&read("settings.json")).unwrap();
    let set = read("set.toml");
    for rule in settings["rules"].as_array().unwrap() {
        let written = format!(
            "[[policies.finance.settings.rules]]\nname = {}\nwhen = {}\nthen = {}\n",
            rule["name"],
            inline(&rule["when"]),
            inline(&rule["then"])
        );
        assert!(set.contains(&written), "{written}");
    }
}

#[test]
fn a_place_where_functions_get_sets_is_no_file() {
    let desk = Desk::new();
    for arguments in [
        &["policy", "check", "oci://r.example/p:live"][..],
        &["policy", "verify", "s3://b/set.toml", "--key", "k"],
        &[
            "policy",
            "push",
            "s3://b/set.toml",
            "oci://r.example/p:live",
        ],
    ] {
        let said = desk.run(arguments).coded(2).err;
        assert!(
            said.contains(arguments[2]) && said.contains("`signalbox status`"),
            "{said}"
        );
    }
}

#[test]
fn a_set_in_whose_place_one_policy_is_tried_is_named() {
    let desk = Desk::new();
    desk.file("set.toml", SET);
    desk.file("signalbox.toml", config(""));
    desk.file("event.json", r#"{"sqlStatement": "select 1 as one"}"#);
    desk.file("settings.json", "{}");
    let definition = include_str!("../../host/local/definitions/sql_step.asl.json");
    desk.file("state.json", definition);
    let config = ["--config", "signalbox.toml"];
    let left_out = "note: the policy set set.toml is left out";

    let invoke = [&["invoke", "event.json", "--json"], &config[..]].concat();
    let ended = desk.run(&invoke).coded(0);
    assert!(!ended.err.contains("note:"), "{}", ended.err);
    let first = |ended: &Ended| ended.json()["happenings"][0]["evaluation"]["policy"].clone();
    assert_eq!(first(&ended)["name"], "reports");

    let settings = [&invoke[..], &["--settings", "settings.json"]].concat();
    let ended = desk.run(&settings).coded(0);
    assert!(ended.err.contains(left_out), "{}", ended.err);
    assert_eq!(first(&ended)["name"], "standard");

    let step = ["step", "state.json", "--sql", "select 1"];
    let step = [&step[..], &config, &["--policy", "standard"]].concat();
    let ended = desk.run(&step).coded(0);
    assert!(ended.err.contains(left_out), "{}", ended.err);
}

#[test]
fn what_is_known_of_a_set_is_told_though_the_ledger_cannot_be_asked() {
    let desk = Desk::new();
    desk.file("set.toml", SET);
    desk.file("signalbox.toml", config(""));
    let status = ["status", "--config", "signalbox.toml"];
    // Whose set that is, is not guessed; nor whose tasks.
    for command in [
        &status[..],
        &["tasks", "list", "--config", "signalbox.toml"],
    ] {
        desk.run(command)
            .coded(2)
            .says("no deployment is named: add `--deployment` with the function's name");
    }
    let status = [&status[..], &["--deployment", "tasker"]].concat();
    let ended = desk.run(&status).coded(2);
    for part in [
        "good: ",
        "set.toml revision 7",
        "not known: which revision was in force: ",
        "set AWS_REGION",
    ] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
    assert!(
        ended
            .err
            .contains("error: whether a host would put this set in force is not known")
            && ended
                .err
                .contains("the table `t`. Set AWS_REGION, and credentials"),
        "{}",
        ended.err
    );
    let told = desk
        .run(&[&status[..], &["--json"]].concat())
        .coded(2)
        .json();
    assert_eq!(told["good"], Value::Null, "{told}");
    assert_eq!(told["set"]["revision"], 7);
    assert!(told["highest"]["error"].is_string(), "{told}");

    // Whatever the ledger says, a set that does not load is not taken.
    desk.file("set.toml", SET.replace("default", "elsewhere"));
    desk.run(&status).coded(1).says("not loaded: ");
}

/// `lax`, which lets everything run, and `strict`, which drops no table; for the alias `drafts` the one is compared with
/// the other.
const SHADOWED: &str = r#"
schema = 1
revision = 7

[policies.lax]
builtin = "standard"
grants = { targets = ["default"], actions = ["execute-statement", "describe-statement"] }

[policies.strict]
builtin = "standard"

[policies.strict.settings]
unparsed = "deny"
unqualified = "allow"

[[policies.strict.settings.rules]]
name = "no drops"
when = { kinds = ["drop-table"] }
then = { deny = "Tables stay." }

[[routes]]
name = "drafts"
function = "*:function:tasker:drafts"
policies = ["lax"]
mode = "shadow"
shadow = "strict"

[[routes]]
name = "others"
function = "*:function:tasker"
policies = ["lax"]
"#;

#[test]
fn an_alias_has_its_route_and_what_a_shadow_would_have_decided_is_told() {
    let desk = Desk::new();
    desk.file("set.toml", SHADOWED);
    desk.file("signalbox.toml", config(""));
    desk.file("drop.json", r#"{"sqlStatement": "drop table if exists t"}"#);
    desk.file(
        "task.json",
        r#"{"sqlStatement": "select 1 as one", "taskToken": "t",
            "executionArn": "arn:aws:states:eu-west-1:000000000000:execution:m:e"}"#,
    );
    let invoke = |event: &str, more: &[&str]| {
        let invoke = ["invoke", event, "--config", "signalbox.toml", "--json"];
        desk.run(&[&invoke[..], more].concat())
    };
    let drafts = ["--function", "tasker:drafts"];

    let told = invoke("drop.json", &[]).coded(0).json();
    assert_eq!(
        told["shadows"],
        json!({"compared": [], "skipped": 0}),
        "no shadow on this route"
    );
    let elsewhere = invoke("drop.json", &["--function", "tasker:elsewhere"]);
    elsewhere.coded(1).says("NotGranted");

    // That a shadow would have refused it is no fault of the invocation.
    let told = invoke("drop.json", &drafts).coded(0).json();
    let compared = &told["shadows"]["compared"];
    assert_eq!(compared[0]["acting"]["name"], "lax", "{told:#}");
    assert_eq!(compared[0]["shadow"]["name"], "strict");
    assert_eq!(compared[0]["replay"]["outcome"]["kind"], "changed");
    let decision = &compared[0]["replay"]["decision"]["rejected"];
    assert_eq!(
        decision["message"],
        "Rule `no drops` denies this: Tables stay."
    );

    // The start of a task and the end of its statement.
    let told = invoke("task.json", &drafts).coded(0).json();
    let compared = told["shadows"]["compared"].as_array().unwrap();
    let outcomes: Vec<_> = compared
        .iter()
        .map(|one| (&one["export"], &one["replay"]["outcome"]["kind"]))
        .collect();
    assert_eq!(
        outcomes,
        [
            (&json!("invoke"), &json!("same")),
            (&json!("settle"), &json!("same"))
        ]
    );

    let shown = ["invoke", "drop.json", "--config", "signalbox.toml"];
    desk.run(&[&shown[..], &drafts].concat())
        .coded(0)
        .says("shadow    strict 0.1.0, asked what lax was in invoke: would have done otherwise")
        .says("  without redshift-data/execute-statement")
        .says("  decided rejected with PolicyDenied: Rule `no drops` denies this: Tables stay.");

    desk.run(&["serve", "--function", "tasker:drafts"])
        .coded(2)
        .says("--function takes the bare name here");
    desk.run(&["invoke", "drop.json", "--function", "a b"])
        .coded(2)
        .says("letters, digits");
}
