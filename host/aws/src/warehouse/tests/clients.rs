//! Targets, their clients, regions and roles.

use super::*;

#[tokio::test]
async fn an_unknown_target_names_the_known_ones() {
    let (warehouse, service) = of(cluster(), []).await;
    let failed = warehouse
        .start("other", &start())
        .await
        .expect_err("unknown");
    assert_eq!(failed.kind, Kind::Invalid);
    insta::assert_snapshot!(failed, @"InvalidRequest: there is no target `other`: the configuration has `main`");
    assert!(service.requests().is_empty());
}

fn through_a_role() -> Target {
    TargetConfig {
        role_arn: Some("arn:aws:iam::123456789012:role/runner".to_owned()),
        external_id: Some("ext-1".to_owned()),
        cluster_identifier: Some("analytics".to_owned()),
        database: Some("dev".to_owned()),
        ..TargetConfig::default()
    }
    .check()
    .expect("a target")
}

#[tokio::test]
async fn a_role_is_assumed_once() {
    let assumed = r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
        <Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>k</SecretAccessKey><SessionToken>t</SessionToken>
        <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"#;
    let (warehouse, service) = of(through_a_role(), [reply(assumed), started(), started()]).await;
    warehouse.start("main", &start()).await.expect("started");
    warehouse.start("main", &start()).await.expect("started");
    let requests = service.requests();
    assert_eq!(requests.len(), 3);
    let (asked, started) = (&requests[0], &requests[1]);
    assert!(
        asked.body.contains("ExternalId=ext-1") && asked.body.contains("RoleSessionName=signalbox"),
        "{}",
        asked.body
    );
    assert!(
        started.head.contains("Credential=ASIAROLE/"),
        "{}",
        started.head
    );
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_denied_and_nothing_is_started() {
    let refusal = r#"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to assume</Message></Error></ErrorResponse>"#;
    let (warehouse, service) = of(
        through_a_role(),
        vec![Turn::Reply(403, refusal.to_owned()); 9],
    )
    .await;
    let failed = warehouse.start("main", &start()).await.expect_err("denied");
    assert_eq!(
        (failed.kind, failed.code.as_str()),
        (Kind::Denied, "CredentialsError"),
        "{failed}"
    );
    assert!(
        failed.message.contains("not authorized to assume"),
        "{failed}"
    );
    assert!(
        service
            .requests()
            .iter()
            .all(|request| request.operation().is_empty()),
        "only STS was asked"
    );
}

#[tokio::test]
async fn targets_of_one_region_and_role_share_a_client() {
    let service = Service::start([]).await;
    let elsewhere = Target {
        region: Some("us-east-1".to_owned()),
        ..cluster()
    };
    let targets = [
        ("a", cluster()),
        ("b", cluster()),
        ("c", elsewhere),
        ("d", through_a_role()),
    ];
    let targets = targets
        .into_iter()
        .map(|(name, target)| (name.to_owned(), target))
        .collect();
    let clients = Clients::new(service.session().await, targets);
    let at = |client: &aws_sdk_redshiftdata::Client| std::ptr::from_ref(client) as usize;
    let mut found = Vec::new();
    for name in ["a", "b", "c", "d"] {
        found.push(at(clients.of(name).await.expect("a client").client));
    }
    assert_eq!(found[0], found[1]);
    found.dedup();
    assert_eq!(found.len(), 3);
    assert!(service.requests().is_empty(), "making clients asks nobody");
}

/// Says to the test below that it is the process in which the variables are set.
const INNER: &str = "SIGNALBOX_TEST_INNER";

/// Variables are of a whole process: this test runs itself in one of its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_standard_variables_hold() {
    if std::env::var_os(INNER).is_some() {
        let targets = BTreeMap::from([("main".to_owned(), cluster())]);
        let warehouse = RedshiftData::new(Arc::new(Session::from_environment()), targets);
        let reply = warehouse.start("main", &start()).await.expect("started");
        assert_eq!(reply.id, ID);
        return;
    }
    let service = Service::start([started()]).await;
    let mut inner = std::process::Command::new(std::env::current_exe().expect("this test"));
    inner
        .args([
            "--exact",
            "warehouse::tests::clients::the_standard_variables_hold",
        ])
        .env(INNER, "yes")
        .env("AWS_ENDPOINT_URL_REDSHIFT_DATA", service.url())
        .env("AWS_REGION", "ap-south-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDOFTHEENVIRONMENT")
        .env("AWS_SECRET_ACCESS_KEY", "x")
        .env_remove("AWS_PROFILE");
    let output = tokio::task::spawn_blocking(move || inner.output())
        .await
        .expect("joined")
        .expect("run");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let requests = service.requests();
    assert_eq!(
        requests.len(),
        1,
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let scope = "/ap-south-1/redshift-data/";
    assert!(
        requests[0].head.contains("AKIDOFTHEENVIRONMENT/") && requests[0].head.contains(scope),
        "{}",
        requests[0].head
    );
}
