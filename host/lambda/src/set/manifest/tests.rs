use insta::assert_snapshot;
use signalbox_tasker::Mode;

use super::{file::*, *};
use crate::policy_tests;

const GOOD: &str = r#"
schema = 1
revision = 7

[policies.standard]
builtin = "standard"
grants = { targets = ["etl"], actions = ["execute-statement"] }

[policies.finance]
component = "finance/policy.wasm"
sha256 = "9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

[policies.finance.artifacts]
x86_64 = { file = "finance/policy.x86_64.cwasm", sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" }

[policies.finance.grants]
targets = ["adhoc", "etl"]
actions = ["execute-statement", "describe-statement"]
sql_bytes = 2000
statements_per_minute = 30

[[policies.finance.tests]]
name = "a select runs"
payload = { sqlStatement = "select 1" }
expect = { target = "adhoc" }

[[routes]]
name = "finance"
function = "*:function:tasker:finance"
policies = ["finance", "standard"]
state_machines = [{ arn = "*:nightly", policy = "standard" }]

[[routes]]
name = "others"
function = "*"
policies = ["standard"]
targets = ["etl"]
"#;

fn read_it(text: &str) -> Result<Manifest, String> {
    let targets = ["etl".to_owned(), "adhoc".to_owned()];
    let around = Around {
        name: "set.toml",
        targets: Some(&targets),
        ceilings: LimitsFile::default(),
    };
    read(text, &around).map_err(list)
}

fn list(problems: Vec<Problem>) -> String {
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn a_pattern_that_no_function_is_like_is_named() {
    for (function, is_odd) in [
        ("tasker:finance", true),
        ("arn:aws:sqs:eu-west-1:123456789012:tasker", true),
        ("function:tasker", true),
        ("*:tasker:finance", false),
        ("arn:aws:lambda:eu-west-1:*:function:tasker", false),
        ("*", false),
    ] {
        let text = GOOD.replace("*:function:tasker:finance", function);
        let warnings = list(read_it(&text).expect("good").warnings);
        assert_eq!(
            warnings.contains("routes[0].function: is like no function's ARN"),
            is_odd,
            "{function}: {warnings}"
        );
    }
}

#[test]
fn a_good_one_is_read() {
    let manifest = read_it(GOOD).expect("good");
    assert_eq!(manifest.revision, 7);
    assert_eq!(list(manifest.warnings), "");
    let finance = &manifest.policies["finance"];
    assert_eq!(finance.targets, ["adhoc", "etl"]);
    let Code::Files {
        component: Some(component),
        artifacts,
    } = &finance.code
    else {
        panic!("files")
    };
    assert!(component.sha256.starts_with("9f86"));
    assert_eq!(artifacts.len(), 1);
    assert_eq!(manifest.routes.len(), 2);
}

#[test]
fn every_fault_has_its_line() {
    let faults = GOOD
        .replace("revision = 7", "revision = 0")
        .replace(
            "\"etl\"], actions = [\"execute-statement\"]",
            "\"elt\"], actions = [\"execute-statment\", \"x\"]",
        )
        .replace("finance/policy.wasm", "../policy.wasm")
        .replace("sql_bytes = 2000", "sql_bytes = 0")
        .replace("expect = { target = \"adhoc\" }", "expect = {}")
        .replace("x86_64 =", "vax =")
        .replace(
            "policies = [\"finance\", \"standard\"]",
            "policies = [\"finanec\", \"standard\", \"standard\"]",
        )
        .replace("policy = \"standard\" }]", "policy = \"finance\" }]")
        .replace("name = \"others\"", "name = \"finance\"");
    assert_snapshot!(read_it(&faults).expect_err("faults"), @r#"
        set.toml, line 3, revision: 0 is no revision: 1, 2, 3 and so on, higher with every change
        set.toml, line 30, routes[0].policies[0]: there is no policy `finanec` in this set; did you mean `finance`?
        set.toml, line 30, routes[0].policies[2]: `standard` is listed twice
        set.toml, line 31, routes[0].state_machines[0].policy: `finance` is not among the policies that this route offers
        set.toml, line 34, routes[1].name: there is another route `finance`
        set.toml, line 10, policies.finance.component: "../policy.wasm" is no file beside the manifest: a relative path without `..`
        set.toml, line 14, policies.finance.artifacts.vax: is no architecture of AWS Lambda: x86_64, arm64
        set.toml, line 19, policies.finance.grants.sql_bytes: 0 is out of range: 1 to 4096000
        set.toml, line 25, policies.finance.tests[0].expect: nothing is expected: give `error`, or one or more of sql, target, reply, calls, task, onStop, rule, warnings
        set.toml, line 7, policies.standard.grants.targets[0]: there is no target `elt` in the configuration; the targets are etl, adhoc
        set.toml, line 7, policies.standard.grants.actions[0]: there is no action `execute-statment`; did you mean `execute-statement`?
        set.toml, line 7, policies.standard.grants.actions[1]: there is no action `x`; the actions are execute-statement, batch-execute-statement, describe-statement, cancel-statement, get-statement-result, list-statements, latest, heartbeat
        "#);
}

#[test]
fn unknown_keys_and_broken_texts_are_located() {
    let refused = |from: &str, to: &str| read_it(&GOOD.replace(from, to)).expect_err("refused");
    assert_snapshot!(refused("revision = 7", "revison = 7"), @"set.toml, line 3, revison: there is no key `revison`; did you mean `revision`?");
    assert_snapshot!(refused("sql_bytes", "sql_byte"), @"set.toml, line 19, policies.finance.grants.sql_byte: there is no key `sql_byte`; did you mean `sql_bytes`?");
    assert_snapshot!(refused("[policies.finance]", "[policies.standard]"), @"set.toml, line 9: duplicate key");
    assert_snapshot!(refused("revision = 7\n", ""), @"set.toml, line 1: missing field `revision`");
    let cut = &GOOD[..GOOD.len() - 20];
    assert_snapshot!(read_it(cut).expect_err("cut"), @"set.toml, line 36: unclosed array, expected `]`");
}

#[test]
fn every_key_is_in_the_documentation() {
    fn fields<T: serde::de::DeserializeOwned>() -> Vec<String> {
        let error = toml::from_str::<T>("\"no such key\" = 1").err();
        let message = error
            .map(|error| error.message().to_owned())
            .unwrap_or_default();
        let names = message.split('`').skip(3).step_by(2);
        names.map(str::to_owned).collect()
    }
    let text = include_str!("../../../../../docs/policy-sets.md");
    let keys = [
        fields::<ManifestFile>(),
        fields::<PolicyFile>(),
        fields::<ArtifactFile>(),
        fields::<GrantsFile>(),
        fields::<RouteFile>(),
        fields::<StateMachineFile>(),
    ];
    assert!(keys.iter().all(|keys| keys.len() > 1), "{keys:?}");
    let cases = policy_tests::SET_KEYS
        .iter()
        .map(|key| (*key).to_owned())
        .collect();
    for key in keys.iter().chain([&cases]).flatten() {
        let shown = text.contains(&format!("`{key}`"))
            || text.contains(&format!("`{key} ="))
            || text.contains(&format!("{key} = "));
        assert!(shown, "docs/policy-sets.md says nothing of `{key}`");
    }
    for action in Action::ALL {
        assert!(text.contains(&format!("`{action}`")), "{action}");
    }
}

#[test]
fn nothing_at_all_is_no_set() {
    assert_snapshot!(read_it("schema = 1\nrevision = 1\n").expect_err("empty"), @r#"
        set.toml: there are no policies: give at least one [policies.NAME]
        set.toml: there are no routes, so nobody gets a policy: give at least one [[routes]]; `function = "*"` is for everybody
        "#);
}

#[test]
fn what_is_in_vain_is_warned_of() {
    let odd = GOOD
        .replace(
            "function = \"*:function:tasker:finance\"",
            "function = \"*\"",
        )
        .replace(
            "grants = { targets = [\"etl\"], actions = [\"execute-statement\"] }",
            "",
        )
        .replace(
            "policies = [\"finance\", \"standard\"]",
            "policies = [\"standard\"]",
        );
    let manifest = read_it(&odd).expect("odd and good");
    assert_snapshot!(list(manifest.warnings), @r#"
        set.toml, line 35, routes[1].function: is never used: the route `finance` before it matches every function that this one does
        set.toml, line 9, policies.finance: no route leads to this policy
        set.toml, line 5, policies.standard.grants: without `targets` and `actions` the policy may do nothing
        "#);
    let crossed = GOOD
        .replace("function = \"*\"", "function = \"arn:*:function:tasker:*\"")
        .replace("\"*:function:tasker:finance\"", "\"*:finance\"");
    let manifest = read_it(&crossed).expect("odd and good");
    assert_snapshot!(list(manifest.warnings), @"set.toml, line 35, routes[1].function: may match the same functions as the route `finance` before it, which serves those");
}

/// The set with these keys in its first route, which offers `finance` and `standard`. The one is granted all that the
/// other is.
fn with_mode(keys: &str) -> Result<Manifest, String> {
    read_it(&unbounded().replace(
        "name = \"finance\"\n",
        &format!("name = \"finance\"\n{keys}\n"),
    ))
}

/// The set without bounds of `finance`, line by line where it was.
fn unbounded() -> String {
    GOOD.replace("sql_bytes = 2000\nstatements_per_minute = 30\n", "\n\n")
}

#[test]
fn modes_are_read() {
    let of = |keys: &str| {
        let manifest = with_mode(keys).expect("good");
        assert_eq!(list(manifest.warnings), "");
        let route = &manifest.routes[0];
        (route.mode.clone(), route.fail_open.clone())
    };
    let standard = || "standard".to_owned();
    let tenth = signalbox_policy::share::Share::percent(10.0).expect("a share");
    let whole = signalbox_policy::share::Share::WHOLE;
    assert_eq!(of(""), (Mode::Enforce, None));
    assert_eq!(of("mode = \"enforce\""), (Mode::Enforce, None));
    assert_eq!(
        of("baseline = \"standard\"\nfail_open = true"),
        (Mode::Enforce, Some(standard()))
    );
    assert_eq!(
        of("mode = \"monitor\"\nbaseline = \"standard\""),
        (
            Mode::Monitor {
                baseline: standard(),
                sample: whole
            },
            None
        )
    );
    assert_eq!(
        of("mode = \"shadow\"\nshadow = \"standard\"\nsample = 10"),
        (
            Mode::Shadow {
                shadow: standard(),
                sample: tenth
            },
            None
        )
    );
    assert_eq!(
        of("mode = \"canary\"\nbaseline = \"standard\"\npercent = 10.0\nfail_open = true"),
        (
            Mode::Canary {
                baseline: standard(),
                percent: tenth
            },
            Some(standard())
        )
    );
}

#[test]
fn every_fault_of_a_mode_has_its_line() {
    let refused = |keys: &str| with_mode(keys).expect_err("refused");
    assert_snapshot!(refused("mode = \"canari\""), @"set.toml, line 29, routes[0].mode: there is no mode `canari`; did you mean `canary`?");
    assert_snapshot!(refused("mode = \"dry-run\""), @"set.toml, line 29, routes[0].mode: there is no mode `dry-run`; the modes are enforce, monitor, shadow, canary");
    assert_snapshot!(refused("mode = \"monitor\""), @"set.toml, line 27, routes[0]: the mode `monitor` needs a `baseline`: the policy that acts");
    assert_snapshot!(refused("mode = \"canary\"\nbaseline = \"standard\""), @"set.toml, line 27, routes[0]: the mode `canary` needs a `percent`: the share of the executions");
    assert_snapshot!(refused("mode = \"canary\"\npercent = 5"), @"set.toml, line 27, routes[0]: the mode `canary` needs a `baseline`: the policy that acts for the other executions");
    assert_snapshot!(refused("mode = \"canary\"\nbaseline = \"standard\"\npercent = 101"), @"set.toml, line 31, routes[0].percent: 101 is no share: a number of percent, 0 to 100");
    assert_snapshot!(refused("mode = \"shadow\""), @"set.toml, line 27, routes[0]: the mode `shadow` needs a `shadow`: the policy that is compared");
    assert_snapshot!(refused("mode = \"shadow\"\nshadow = \"standart\"\nsample = -1"), @r#"
        set.toml, line 30, routes[0].shadow: there is no policy `standart` in this set; did you mean `standard`?
        set.toml, line 31, routes[0].sample: -1 is no share: a number of percent, 0 to 100
        "#);
    assert_snapshot!(refused("fail_open = true"), @"set.toml, line 27, routes[0]: `fail_open` needs a `baseline`: the policy that acts after a fault");
    assert_snapshot!(refused("mode = \"monitor\"\nbaseline = \"standard\"\nfail_open = true"), @"set.toml, line 31, routes[0].fail_open: says nothing in the mode `monitor`: the baseline acts there anyway");
    assert_snapshot!(refused("baseline = \"standard\"\nshadow = \"standard\"\nsample = 5\npercent = 5"), @r#"
        set.toml, line 29, routes[0].baseline: says nothing in the mode `enforce`; it is read in the modes `monitor` and `canary`, or with `fail_open = true`
        set.toml, line 30, routes[0].shadow: says nothing in the mode `enforce`; it is read in the mode `shadow`
        set.toml, line 31, routes[0].sample: says nothing in the mode `enforce`; it is read in the modes `shadow` and `monitor`
        set.toml, line 32, routes[0].percent: says nothing in the mode `enforce`; it is read in the mode `canary`
        "#);
    assert_snapshot!(refused("mode = \"shadow\"\nshadow = \"standard\"\nbaseline = \"standard\"\npercent = 5"), @r#"
        set.toml, line 31, routes[0].baseline: says nothing in the mode `shadow`; it is read in the modes `monitor` and `canary`, or with `fail_open = true`
        set.toml, line 32, routes[0].percent: says nothing in the mode `shadow`; it is read in the mode `canary`
        "#);
    assert_snapshot!(refused("mode = \"monitor\"\nbaseline = 5"), @"set.toml, line 30, routes[0].baseline: invalid type: integer `5`, expected a string");
    let alone = GOOD.replace(
        "name = \"others\"\n",
        "name = \"others\"\nmode = \"monitor\"\nbaseline = \"standard\"\n",
    );
    assert_snapshot!(read_it(&alone).expect_err("refused"), @"set.toml, line 36, routes[1].baseline: `standard` is the only policy that this route offers: it has to be another one");
}

#[test]
fn a_policy_that_only_a_mode_names_is_led_to() {
    let text = unbounded()
        .replace(
            "policies = [\"finance\", \"standard\"]",
            "policies = [\"finance\"]\nmode = \"monitor\"\nbaseline = \"standard\"",
        )
        .replace("policy = \"standard\" }]", "policy = \"finance\" }]")
        .replace("policies = [\"standard\"]", "policies = [\"finance\"]");
    assert_eq!(list(read_it(&text).expect("good").warnings), "");
}

#[test]
fn a_policy_that_is_granted_less_than_its_baseline_is_warned_of() {
    let warnings = |text: &str, keys: &str| {
        let text = text.replace(
            "name = \"finance\"\n",
            &format!("name = \"finance\"\n{keys}\n"),
        );
        list(read_it(&text).expect("good").warnings)
    };
    let canary = "mode = \"canary\"\nbaseline = \"standard\"\npercent = 5";
    let monitor = "mode = \"monitor\"\nbaseline = \"finance\"";
    let open = "baseline = \"finance\"\nfail_open = true";
    assert_snapshot!(warnings(GOOD, canary), @"set.toml, line 33, routes[0].policies[0]: `finance` is granted less than `standard` (a lower `sql_bytes`, a lower `statements_per_minute`), which acts for the other executions: what it is refused for that is no difference of the policies");
    assert_snapshot!(warnings(GOOD, monitor), @"set.toml, line 32, routes[0].policies[1]: `standard` is granted less than `finance` (no target `adhoc`, no `describe-statement`), which acts here: the mode does not show it, for grants of a policy that is compared are not looked at");
    assert_snapshot!(warnings(GOOD, open), @"set.toml, line 32, routes[0].policies[1]: `standard` is granted less than `finance` (no target `adhoc`, no `describe-statement`), which acts after its faults, and may then do more than it");
    // A target that the route does not offer is nobody's.
    let offered = unbounded()
        .replace(
            "\"execute-statement\", \"describe-statement\"",
            "\"execute-statement\"",
        )
        .replace(
            "policy = \"standard\" }]\n",
            "policy = \"standard\" }]\ntargets = [\"etl\"]\n",
        );
    for keys in [
        canary,
        monitor,
        open,
        "mode = \"shadow\"\nshadow = \"standard\"",
    ] {
        assert_eq!(warnings(&offered, keys), "", "{keys}");
    }
}
