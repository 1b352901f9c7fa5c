use super::*;

fn cluster() -> TargetConfig {
    TargetConfig {
        cluster_identifier: Some("analytics-1".to_owned()),
        database: Some("dev".to_owned()),
        ..TargetConfig::default()
    }
}

fn fields(config: &TargetConfig) -> Vec<&'static str> {
    config
        .check()
        .expect_err("should be refused")
        .0
        .into_iter()
        .map(|p| p.field)
        .collect()
}

#[test]
fn a_cluster_with_a_user() {
    let config = TargetConfig {
        db_user: Some("admin".to_owned()),
        ..cluster()
    };
    let target = config.check().expect("good");
    assert_eq!(target.location, Location::Cluster("analytics-1".to_owned()));
    assert_eq!(target.login, Login::DbUser("admin".to_owned()));
    assert_eq!((target.region, target.role), (None, None));
}

#[test]
fn a_workgroup_as_the_iam_identity_through_a_role() {
    let config = TargetConfig {
        workgroup_name: Some(
            "arn:aws:redshift-serverless:eu-west-1:123456789012:workgroup/0f-1".to_owned(),
        ),
        cluster_identifier: None,
        region: Some("us-gov-west-1".to_owned()),
        role_arn: Some("arn:aws:iam::123456789012:role/path/runner".to_owned()),
        ..cluster()
    };
    let target = config.check().expect("good");
    assert!(matches!(target.location, Location::Workgroup(_)));
    assert_eq!(target.login, Login::Iam);
    assert_eq!(
        target.role.expect("role").session_name,
        DEFAULT_ROLE_SESSION_NAME
    );
}

#[test]
fn nothing_given_names_both_fields() {
    let error = TargetConfig::default().check().expect_err("empty");
    insta::assert_snapshot!(error, @"cluster_identifier: is missing, and workgroup_name too: give one of the two; database: is missing: name the database to connect to");
}

#[test]
fn what_excludes_each_other() {
    let both = TargetConfig {
        workgroup_name: Some("wg1".to_owned()),
        ..cluster()
    };
    assert_eq!(fields(&both), ["cluster_identifier"]);
    let two_logins = TargetConfig {
        db_user: Some("u".to_owned()),
        secret_arn: Some("name".to_owned()),
        ..cluster()
    };
    assert_eq!(fields(&two_logins), ["db_user"]);
    let user_of_workgroup = TargetConfig {
        cluster_identifier: None,
        workgroup_name: Some("wg1".to_owned()),
        db_user: Some("u".to_owned()),
        ..cluster()
    };
    assert_eq!(fields(&user_of_workgroup), ["db_user"]);
    let no_role = TargetConfig {
        external_id: Some("abc".to_owned()),
        role_session_name: Some("abc".to_owned()),
        ..cluster()
    };
    assert_eq!(fields(&no_role), ["external_id", "role_session_name"]);
}

#[test]
fn rules_of_each_field() {
    type Rule = fn(&str) -> Result<(), &'static str>;
    let long = "a".repeat(64);
    let cases: [(&str, Rule, &[&str], &[&str]); 8] = [
        (
            "cluster",
            rules::cluster_identifier,
            &["a", "a-b-1", &long[..63]],
            &["", "1a", "a--b", "a-", "A", "ä", &long],
        ),
        (
            "workgroup",
            rules::workgroup_name,
            &[
                "abc",
                "1-a",
                "arn:aws-cn:redshift-serverless:cn-north-1:1:workgroup/x",
            ],
            &[
                "ab",
                "Abc",
                "a_b",
                "arn:aws:redshift:eu-west-1:1:cluster/x",
                "arn:aws:redshift-serverless:r:1:workgroup/",
                "arn:",
            ],
        ),
        ("database", rules::database, &["dev", "Öl"], &["", "a\nb"]),
        (
            "region",
            rules::region,
            &["eu-central-1", "us-iso-east-1"],
            &["", "eu", "eu-1", "EU-central-1", "eu--1", "eu-central"],
        ),
        (
            "role",
            rules::role_arn,
            &["arn:aws:iam::123456789012:role/r"],
            &[
                "",
                "r",
                "arn:aws:iam::123456789012:user/r",
                "arn:aws:iam::123456789012:role/",
                "arn:azure:iam::123456789012:role/r",
            ],
        ),
        (
            "secret",
            rules::secret_arn,
            &[
                "redshift/dev",
                "arn:aws:secretsmanager:eu-west-1:1:secret:a-xyz",
            ],
            &["", "{\"password\":\"x\"}", "arn:aws:iam::1:secret:a"],
        ),
        (
            "external id",
            rules::external_id,
            &["ab", "a:/b"],
            &["a", "a b"],
        ),
        (
            "session",
            rules::role_session_name,
            &["signalbox"],
            &["a", "a:b", &long[..1], "a/b"],
        ),
    ];
    for (name, rule, good, bad) in cases {
        for text in good {
            assert!(rule(text).is_ok(), "{name}: {text:?} should be taken");
        }
        for text in bad {
            assert!(rule(text).is_err(), "{name}: {text:?} should be refused");
        }
    }
}

#[test]
fn unknown_fields_are_refused() {
    let error = serde_json::from_str::<TargetConfig>(r#"{"database":"d","cluster":"c"}"#)
        .expect_err("unknown field");
    assert!(
        error.to_string().contains("unknown field `cluster`"),
        "{error}"
    );
}
