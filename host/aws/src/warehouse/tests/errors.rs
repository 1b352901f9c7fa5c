//! What errors, lost tries and junk come to.

use super::*;

#[tokio::test]
async fn each_error_of_a_start_has_its_kind() {
    let cases = [
        (400, "ValidationException", Kind::Invalid),
        (
            400,
            "com.amazonaws.redshiftdata#ResourceNotFoundException",
            Kind::NotFound,
        ),
        (400, "ActiveStatementsExceededException", Kind::Limit),
        (400, "ActiveSessionsExceededException", Kind::Limit),
        (400, "ActiveWaitingRequestsExceededException", Kind::Limit),
        (400, "ThrottlingException", Kind::Throttled),
        (500, "ExecuteStatementException", Kind::ExecutionFailed),
        (500, "DatabaseConnectionException", Kind::Unavailable),
        (400, "QueryTimeoutException", Kind::Unclear),
        (500, "InternalServerException", Kind::Unclear),
        (503, "SomethingNew", Kind::Unclear),
        (
            400,
            "SomethingNew:http://internal.amazon.com/coral/",
            Kind::Invalid,
        ),
        (400, "AccessDeniedException", Kind::Denied),
        (403, "ExpiredTokenException", Kind::Denied),
    ];
    for (status, code, kind) in cases {
        let (warehouse, _service) = of(cluster(), vec![error(status, code, "says why"); 3]).await;
        let failed = warehouse.start("main", &start()).await.expect_err(code);
        assert_eq!(failed.kind, kind, "{code}: {failed}");
        assert!(
            code.contains(&failed.code) && !failed.code.contains(['#', ':']),
            "{code}: {failed}"
        );
        assert_eq!(failed.message, "says why");
        assert!(
            failed
                .document
                .is_some_and(|document| document.contains("says why"))
        );
    }
}

#[tokio::test]
async fn an_errors_name_may_come_in_a_header_and_its_statement_in_the_body() {
    let body = json!({"Message": "refused", "StatementId": ID}).to_string();
    let (warehouse, _service) = of(
        cluster(),
        vec![Turn::Typed(500, "ExecuteStatementException", body); 3],
    )
    .await;
    let failed = warehouse
        .start("main", &start())
        .await
        .expect_err("refused");
    assert_eq!(
        (failed.kind, failed.statement_id.as_deref()),
        (Kind::ExecutionFailed, Some(ID))
    );
    assert_eq!(failed.to_string(), "ExecuteStatementException: refused");
}

#[tokio::test]
async fn a_session_that_is_gone() {
    for message in [
        "Session is not available",
        "Session with Id: abc is invalid",
    ] {
        let (warehouse, _service) = of(
            cluster(),
            vec![error(400, "ValidationException", message); 2],
        )
        .await;
        let in_session = StartStatement {
            session_id: Some("abc".to_owned()),
            ..start()
        };
        assert_eq!(
            warehouse
                .start("main", &in_session)
                .await
                .expect_err("gone")
                .kind,
            Kind::SessionLost
        );
        assert_eq!(
            warehouse
                .start("main", &start())
                .await
                .expect_err("invalid")
                .kind,
            Kind::Invalid
        );
    }
}

#[tokio::test]
async fn a_lost_try_is_repeated_with_the_same_token() {
    let (warehouse, service) = of(
        cluster(),
        [
            Turn::Close,
            error(500, "InternalServerException", "x"),
            started(),
        ],
    )
    .await;
    assert_eq!(
        warehouse.start("main", &start()).await.expect("started").id,
        ID
    );
    let tokens: Vec<_> = service
        .requests()
        .iter()
        .map(|r| r.json()["ClientToken"].clone())
        .collect();
    assert_eq!(tokens, vec![json!("token-of-the-client"); 3]);
}

#[tokio::test]
async fn a_refusal_after_a_lost_try_is_unclear() {
    for refusal in [
        "ThrottlingException",
        "AccessDeniedException",
        "ActiveStatementsExceededException",
    ] {
        let turns = [
            Turn::Close,
            error(400, refusal, "no"),
            error(400, refusal, "no"),
        ];
        let (warehouse, _service) = of(cluster(), turns).await;
        let failed = warehouse
            .start("main", &start())
            .await
            .expect_err("refused");
        assert_eq!(
            (failed.kind, failed.code.as_str()),
            (Kind::Unclear, refusal)
        );
    }
    // A refused try leaves no doubt, and a read has no effect to doubt.
    let turns = [
        error(400, "ThrottlingException", "no"),
        error(400, "ValidationException", "no"),
    ];
    let (warehouse, _service) = of(cluster(), turns).await;
    assert_eq!(
        warehouse
            .start("main", &start())
            .await
            .expect_err("refused")
            .kind,
        Kind::Invalid
    );
    let (warehouse, _service) = of(
        cluster(),
        [Turn::Close, error(400, "ResourceNotFoundException", "no")],
    )
    .await;
    assert_eq!(
        warehouse
            .describe("main", ID, None)
            .await
            .expect_err("refused")
            .kind,
        Kind::NotFound
    );
}

#[tokio::test]
async fn no_reply_is_unclear() {
    let (mut warehouse, _service) = of(cluster(), vec![Turn::Hang; 3]).await;
    warehouse.limits = Limits {
        attempt: Duration::from_millis(60),
        operation: Duration::from_millis(400),
    };
    let failed = warehouse
        .start("main", &start())
        .await
        .expect_err("no reply");
    assert_eq!(
        (failed.kind, failed.code.as_str()),
        (Kind::Unclear, "RequestTimeout")
    );
    let (warehouse, _service) = of(cluster(), vec![Turn::Close; 3]).await;
    let failed = warehouse.start("main", &start()).await.expect_err("closed");
    assert_eq!(
        (failed.kind, failed.code.as_str()),
        (Kind::Unclear, "ConnectionError")
    );
}

#[tokio::test]
async fn junk_for_a_reply_is_unclear() {
    for junk in ["<html>", "{}", r#"{"Id":7}"#, ""] {
        let (warehouse, _service) = of(cluster(), vec![reply(junk); 3]).await;
        let failed = warehouse.start("main", &start()).await.expect_err("junk");
        assert_eq!(
            (failed.kind, failed.code.as_str()),
            (Kind::Unclear, "InvalidResponse"),
            "{junk:?}: {failed}"
        );
    }
}

#[tokio::test]
async fn throttling_inside_of_a_validation_error_is_throttling() {
    let message = "ValidationException: Could not get credentials for workgroup etl: \
                   ThrottlingException: Rate exceeded (Service: RedshiftServerless, Status Code: 400)";
    // It passes: the SDK tries again, under the same token.
    let (warehouse, service) = of(
        cluster(),
        [error(400, "ValidationException", message), started()],
    )
    .await;
    assert_eq!(
        warehouse.start("main", &start()).await.expect("started").id,
        ID
    );
    let requests = service.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(
        requests[0].json()["ClientToken"],
        requests[1].json()["ClientToken"]
    );

    // It stays: it is told as what it is, for every call.
    let (warehouse, _service) = of(
        cluster(),
        vec![error(400, "ValidationException", message); 12],
    )
    .await;
    let failures = [
        warehouse
            .start("main", &start())
            .await
            .expect_err("a start"),
        warehouse
            .describe("main", ID, None)
            .await
            .expect_err("a describe"),
        warehouse.cancel("main", ID).await.expect_err("a cancel"),
        warehouse
            .list_named("main", "n", None)
            .await
            .expect_err("a list"),
    ];
    for failed in failures {
        assert_eq!(
            (failed.kind, failed.code.as_str()),
            (Kind::Throttled, "ThrottlingException"),
            "{failed}"
        );
        assert_eq!(failed.message, message);
    }
}

#[tokio::test]
async fn what_else_a_validation_error_wraps_has_its_own_kind_too() {
    for (inner, kind) in [
        ("AccessDeniedException", Kind::Denied),
        ("ResourceNotFoundException", Kind::NotFound),
        // Whether it had an effect is not said.
        ("InternalServerException", Kind::Unclear),
        ("ParameterException", Kind::Invalid),
    ] {
        let message = format!("the service behind it says {inner}: no");
        let (warehouse, _service) = of(
            cluster(),
            vec![error(400, "ValidationException", &message); 3],
        )
        .await;
        let failed = warehouse.start("main", &start()).await.expect_err(inner);
        assert_eq!(failed.kind, kind, "{inner}");
    }
}
