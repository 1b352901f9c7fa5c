use std::collections::BTreeMap;

use super::*;
use crate::config::{Environment, PolicySource};

fn config() -> Config {
    let environment: Environment = [
        ("CLUSTER_IDENTIFIER", "c"),
        ("DATABASE", "dev"),
        ("DB_USER", "u"),
        ("DDB_TABLE_NAME", "t"),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .into();
    Config::read(&environment, &|_| Err(std::io::Error::other("no files"))).expect("good")
}

#[test]
fn the_default_target_comes_first() {
    let mut config = config();
    let target = config.targets["default"].clone();
    config.targets = BTreeMap::from([("a".to_owned(), target.clone()), ("b".to_owned(), target)]);
    config.default_target = "b".to_owned();
    assert_eq!(options(&config).targets, ["b", "a"]);
}

#[test]
fn a_target_is_asked_under_its_own_role_or_under_that_of_the_function_and_in_its_region() {
    let file = "[ledger]\ntable = \"t\"\n\
        [targets.default]\nworkgroup_name = \"etl\"\ndatabase = \"d\"\n\
        [targets.far]\nworkgroup_name = \"etl\"\ndatabase = \"d\"\nregion = \"eu-west-1\"\n\
        [targets.lent]\nworkgroup_name = \"etl\"\ndatabase = \"d\"\nrole_arn = \"arn:aws:iam::111122223333:role/r\"\n";
    let asked = |role: &[(&str, &str)]| {
        let named = [("SIGNALBOX_CONFIG", "signalbox.toml")];
        let environment: Environment = role
            .iter()
            .chain(&named)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let config = Config::read(&environment, &|_| Ok(file.to_owned())).expect("good");
        options(&config).asks_as.into_iter().collect::<Vec<_>>()
    };
    let of = |name: &str, role: &str| (name.to_owned(), role.to_owned());
    let lent = of("lent", "arn:aws:iam::111122223333:role/r");
    assert_eq!(asked(&[]), std::slice::from_ref(&lent));
    assert_eq!(
        asked(&[("SIGNALBOX_ROLE", "AROA")]),
        [of("default", "AROA"), of("far", "AROA in eu-west-1"), lent]
    );
}

#[tokio::test]
async fn a_missing_file_is_named_with_its_policy() {
    let mut config = config();
    let policy = config.policies.get_mut("standard").expect("standard");
    policy.source = PolicySource::Component("gone/team.wasm".into());
    let error = load_policies(&config)
        .await
        .err()
        .expect("missing")
        .to_string();
    assert!(
        error.starts_with("policies.standard: cannot read gone/team.wasm: "),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_component_is_refused_and_so_is_an_artifact_with_another_digest() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("p.wasm");
    std::fs::write(&path, b"junk").expect("write");
    let mut config = config();
    let policy = config.policies.get_mut("standard").expect("standard");
    policy.source = PolicySource::Component(path.clone());
    let error = load_policies(&config)
        .await
        .err()
        .expect("junk")
        .to_string();
    assert!(error.contains("this is no component"), "{error}");
    let policy = config.policies.get_mut("standard").expect("standard");
    policy.source = PolicySource::Artifact {
        path,
        sha256: "0".repeat(64),
    };
    let error = load_policies(&config)
        .await
        .err()
        .expect("digest")
        .to_string();
    assert!(error.contains("SHA-256"), "{error}");
}
