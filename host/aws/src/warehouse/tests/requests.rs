//! What is sent, and what is made of the replies.

use super::*;

#[tokio::test]
async fn a_start_and_its_document() {
    let body = r#"{"ClusterIdentifier":"analytics","CreatedAt":1.633003200123E9,"Database":"dev","DbUser":"admin","Id":"d9b6c0c9-0747-4bf4-b142-e8883122f766","NewMember":{"x":1}}"#;
    let (warehouse, service) = of(cluster(), [reply(body)]).await;
    let started = warehouse.start("main", &start()).await.expect("started");
    assert_eq!(
        (started.id.as_str(), started.target.as_str(), started.status),
        (ID, "main", StatementStatus::Submitted)
    );
    assert_eq!((started.session_id, started.has_result_set), (None, None));
    insta::assert_snapshot!(started.document, @r#"{"ClusterIdentifier":"analytics","CreatedAt":"2021-09-30T12:00:00.123000+00:00","Database":"dev","DbUser":"admin","Id":"d9b6c0c9-0747-4bf4-b142-e8883122f766","NewMember":{"x":1}}"#);
    let request = &service.requests()[0];
    assert_eq!(request.operation(), "ExecuteStatement");
    assert_eq!(
        request.json(),
        json!({
            "Sql": "select 1", "ClusterIdentifier": "analytics", "Database": "dev", "DbUser": "admin",
            "StatementName": "sbx-d:r", "WithEvent": true, "ClientToken": "token-of-the-client",
        })
    );
}

#[tokio::test]
async fn a_start_in_a_session_says_nothing_of_the_place() {
    let body =
        json!({"Id": ID, "SessionId": "s", "Status": "FINISHED", "HasResultSet": true}).to_string();
    let (warehouse, service) = of(cluster(), [reply(&body)]).await;
    let start = StartStatement {
        session_id: Some("s".to_owned()),
        session_keep_alive_seconds: Some(60),
        wait_seconds: Some(30),
        ..start()
    };
    let started = warehouse.start("main", &start).await.expect("started");
    assert_eq!(
        (started.status, started.session_id.as_deref()),
        (StatementStatus::Finished, Some("s"))
    );
    assert_eq!(started.has_result_set, Some(true));
    assert_eq!(
        service.requests()[0].json(),
        json!({
            "Sql": "select 1", "SessionId": "s", "SessionKeepAliveSeconds": 60, "WaitTimeSeconds": 30,
            "StatementName": "sbx-d:r", "WithEvent": true, "ClientToken": "token-of-the-client",
        })
    );
}

#[tokio::test]
async fn a_batch_with_everything() {
    let workgroup = target(TargetConfig {
        workgroup_name: Some("wg-1".to_owned()),
        secret_arn: Some("redshift/dev".to_owned()),
        ..TargetConfig::default()
    });
    let (warehouse, service) = of(workgroup, [started()]).await;
    let start = StartStatement {
        sql: Sql::Batch {
            sqls: vec!["a".to_owned(), "b".to_owned()],
            mode: ExecutionMode::AutoCommit,
        },
        parameters: vec![Parameter {
            name: "n".to_owned(),
            value: "1".to_owned(),
        }],
        result_format: ResultFormat::Csv,
        with_event: false,
        ..start()
    };
    warehouse.start("main", &start).await.expect("started");
    let request = &service.requests()[0];
    assert_eq!(request.operation(), "BatchExecuteStatement");
    assert_eq!(
        request.json(),
        json!({
            "Sqls": ["a", "b"], "ExecutionMode": "AUTO_COMMIT", "WorkgroupName": "wg-1", "Database": "dev",
            "SecretArn": "redshift/dev", "Parameters": [{"name": "n", "value": "1"}], "ResultFormat": "CSV",
            "StatementName": "sbx-d:r", "WithEvent": false, "ClientToken": "token-of-the-client",
        })
    );
}

#[tokio::test]
async fn a_description_tells_none_from_nothing() {
    let body = json!({
        "Id": ID, "Status": "FAILED", "Error": "ERROR: division by zero", "Duration": 12, "ResultRows": -1,
        "ResultSize": 0, "HasResultSet": false, "CreatedAt": 1_633_003_200.5, "RedshiftPid": 1,
        "SubStatements": [
            {"Id": format!("{ID}:1"), "Status": "FINISHED", "ResultRows": 3, "HasResultSet": true, "UpdatedAt": 1_633_003_200},
            {"Id": format!("{ID}:2"), "Status": "SOMETHING", "Duration": -1},
        ],
    });
    let (warehouse, service) = of(cluster(), [reply(&body.to_string())]).await;
    let described = warehouse
        .describe("main", ID, Some(1))
        .await
        .expect("described");
    assert_eq!(described.status, StatementStatus::Failed);
    assert_eq!(described.error.as_deref(), Some("ERROR: division by zero"));
    assert_eq!(
        (
            described.duration_ns,
            described.result_rows,
            described.result_size
        ),
        (Some(12), None, Some(0))
    );
    assert_eq!(
        (described.created_at, described.updated_at),
        (Some(1_633_003_200_500), None)
    );
    let parts: Vec<_> = described
        .sub_statements
        .iter()
        .map(|s| (s.status, s.result_rows, s.duration_ns))
        .collect();
    assert_eq!(
        parts,
        [
            (StatementStatus::Finished, Some(3), None),
            (StatementStatus::Unknown, None, None)
        ]
    );
    assert!(
        described
            .document
            .contains(r#""UpdatedAt":"2021-09-30T12:00:00+00:00""#),
        "{}",
        described.document
    );
    assert_eq!(
        service.requests()[0].json(),
        json!({"Id": ID, "WaitTimeSeconds": 1})
    );
}

#[tokio::test]
async fn pages_of_both_formats() {
    // 0.1 + 0.2: a reader that rounds would spoil the last digit.
    let page = r#"{"Records":[[{"doubleValue":0.30000000000000004},{"blobValue":"AQI="},{"isNull":true}]],"ColumnMetadata":[],"TotalNumRows":7,"NextToken":"n"}"#;
    let csv = r#"{"Records":[{"CSVRecords":"a,b\n1,2\n"}],"TotalNumRows":1,"ResultFormat":"CSV","NextToken":""}"#;
    let (warehouse, service) = of(cluster(), [reply(page), reply(csv)]).await;
    let request = GetStatementResultRequest {
        id: ID.to_owned(),
        target: Some("ignored".to_owned()),
        next_token: Some("t".to_owned()),
        result_format: ResultFormat::Json,
        wait_seconds: None,
    };
    let result = warehouse.result("main", &request).await.expect("a page");
    assert_eq!(
        (
            result.next_token.as_deref(),
            result.total_rows,
            result.document.as_str()
        ),
        (Some("n"), 7, page)
    );
    let request = GetStatementResultRequest {
        result_format: ResultFormat::Csv,
        next_token: None,
        ..request
    };
    let result = warehouse.result("main", &request).await.expect("a page");
    assert_eq!(
        (
            result.next_token,
            result.total_rows,
            result.document.as_str()
        ),
        (None, 1, csv)
    );
    let sent: Vec<_> = service
        .requests()
        .iter()
        .map(|r| (r.operation().to_owned(), r.json()))
        .collect();
    assert_eq!(
        sent[0],
        (
            "GetStatementResult".to_owned(),
            json!({"Id": ID, "NextToken": "t"})
        )
    );
    assert_eq!(
        sent[1],
        ("GetStatementResultV2".to_owned(), json!({"Id": ID}))
    );
}

#[tokio::test]
async fn cancel_and_lists() {
    let list = json!({"Statements": [
        {"Id": ID, "StatementName": "sbx-d:r", "Status": "PICKED", "CreatedAt": 1_633_003_200},
        {"Id": "other", "Status": "FINISHED"},
    ], "NextToken": "n"});
    let turns = [
        reply(r#"{"Status":true}"#),
        reply(&list.to_string()),
        reply(&list.to_string()),
    ];
    let (warehouse, service) = of(cluster(), turns).await;
    assert!(
        warehouse
            .cancel("main", ID)
            .await
            .expect("cancelled")
            .status
    );
    let request = ListStatementsRequest {
        target: None,
        statement_name: None,
        status: Some(StatementStatus::Picked),
        max_results: Some(5),
        next_token: None,
    };
    let listed = warehouse.list("main", &request).await.expect("a list");
    assert_eq!(listed.next_token.as_deref(), Some("n"));
    assert!(
        listed
            .document
            .contains(r#""CreatedAt":"2021-09-30T12:00:00+00:00""#),
        "{}",
        listed.document
    );
    let named = warehouse
        .list_named("main", "sbx-d:r", Some("t"))
        .await
        .expect("a page");
    let found: Vec<_> = named
        .statements
        .iter()
        .map(|s| (s.statement_name.as_deref(), s.status))
        .collect();
    assert_eq!(
        found,
        [
            (Some("sbx-d:r"), StatementStatus::Picked),
            (None, StatementStatus::Finished)
        ]
    );
    let sent: Vec<_> = service.requests().iter().map(|r| r.json()).collect();
    assert_eq!(sent[0], json!({"Id": ID}));
    assert_eq!(
        sent[1],
        json!({"ClusterIdentifier": "analytics", "Database": "dev", "Status": "PICKED", "MaxResults": 5})
    );
    assert_eq!(
        sent[2],
        json!({"StatementName": "sbx-d:r", "Status": "ALL", "NextToken": "t"})
    );
    let unknown = ListStatementsRequest {
        status: Some(StatementStatus::Unknown),
        ..request
    };
    assert_eq!(
        warehouse
            .list("main", &unknown)
            .await
            .expect_err("refused")
            .kind,
        Kind::Invalid
    );
}
