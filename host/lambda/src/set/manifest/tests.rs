use insta::assert_snapshot;

use super::{file::*, *};

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
        set.toml, line 25, policies.finance.tests[0].expect: give either `error`, or `sql`, `target` or both
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
        fields::<TestFile>(),
        fields::<ExpectFile>(),
        fields::<RouteFile>(),
        fields::<StateMachineFile>(),
    ];
    assert!(keys.iter().all(|keys| keys.len() > 1), "{keys:?}");
    for key in keys.iter().flatten() {
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
