use std::io;
use std::sync::{Mutex, PoisonError};

use signalbox_tasker::ports::ExecutionStatus;

use super::*;
use crate::testing::{Service, Turn};

const TOKEN: &str = "AQCkAAAAKgAAAAMAAAAAtokenOfATask==";

fn token() -> TaskToken {
    TaskToken::new(TOKEN)
}

async fn adapter(turns: impl IntoIterator<Item = Turn>) -> (StepFunctions, Service) {
    let service = Service::start(turns).await;
    (StepFunctions::new(service.session().await), service)
}

fn error(status: u16, code: &str) -> Turn {
    Turn::Reply(
        status,
        format!(r#"{{"__type":"com.amazonaws.states#{code}","message":"about {TOKEN}"}}"#),
    )
}

#[tokio::test]
async fn requests_as_the_service_wants_them() {
    let (adapter, service) = adapter(vec![Turn::Reply(200, "{}".to_owned()); 4]).await;
    adapter
        .succeed(&token(), r#"{"a":1}"#)
        .await
        .expect("taken");
    adapter
        .fail(&token(), Some("FAILED"), Some("why"))
        .await
        .expect("taken");
    adapter.fail(&token(), None, None).await.expect("taken");
    adapter.heartbeat(&token()).await.expect("taken");
    let sent: Vec<_> = service
        .requests()
        .iter()
        .map(|r| format!("{} {}", r.operation(), r.body))
        .collect();
    insta::assert_snapshot!(sent.join("\n"), @r#"
    SendTaskSuccess {"taskToken":"AQCkAAAAKgAAAAMAAAAAtokenOfATask==","output":"{\"a\":1}"}
    SendTaskFailure {"taskToken":"AQCkAAAAKgAAAAMAAAAAtokenOfATask==","error":"FAILED","cause":"why"}
    SendTaskFailure {"taskToken":"AQCkAAAAKgAAAAMAAAAAtokenOfATask=="}
    SendTaskHeartbeat {"taskToken":"AQCkAAAAKgAAAAMAAAAAtokenOfATask=="}
    "#);
}

fn class(error: &SendError) -> &'static str {
    match error {
        SendError::Closed { .. } => "closed",
        SendError::Refused { .. } => "refused",
        SendError::KeyDenied { .. } => "key denied",
        SendError::Denied { .. } => "denied",
        SendError::Passing { .. } => "passing",
    }
}

#[tokio::test]
async fn each_error_has_its_class_and_none_shows_the_token() {
    let cases = [
        (400, "TaskTimedOut", "closed"),
        (400, "TaskDoesNotExist", "closed"),
        (400, "InvalidToken", "closed"),
        (400, "InvalidOutput", "refused"),
        (400, "ValidationException", "refused"),
        (400, "KmsAccessDeniedException", "key denied"),
        (400, "KmsInvalidStateException", "key denied"),
        (400, "KmsThrottlingException", "passing"),
        (400, "ThrottlingException", "passing"),
        (400, "AccessDeniedException", "denied"),
        (403, "SomethingNew", "denied"),
        (400, "SomethingNew", "refused"),
        (500, "InternalServerError", "passing"),
        (503, "ServiceUnavailable", "passing"),
    ];
    for (status, code, expected) in cases {
        let (adapter, _service) = adapter(vec![error(status, code); 3]).await;
        let failed = adapter.succeed(&token(), "{}").await.expect_err(code);
        assert_eq!(class(&failed), expected, "{code}: {failed}");
        assert!(failed.to_string().contains(code), "{failed}");
        assert!(
            !format!("{failed} {failed:?}").contains(TOKEN),
            "{failed:?}"
        );
    }
}

#[tokio::test]
async fn a_text_that_can_be_no_token_is_closed() {
    let body = r#"{"__type":"ValidationException","message":"Value at 'taskToken' failed to satisfy constraint"}"#;
    let (adapter, _service) = adapter([Turn::Reply(400, body.to_owned())]).await;
    let failed = adapter.succeed(&token(), "{}").await.expect_err("refused");
    assert_eq!(class(&failed), "closed");
}

#[tokio::test]
async fn a_lost_connection_passes_and_is_tried_again() {
    let (adapter, service) = adapter([Turn::Close, Turn::Reply(200, "{}".to_owned())]).await;
    adapter
        .succeed(&token(), "{}")
        .await
        .expect("taken at the second try");
    assert_eq!(service.requests().len(), 2);
    let (adapter, _service) = self::adapter(vec![Turn::Close; 3]).await;
    let failed = adapter.succeed(&token(), "{}").await.expect_err("lost");
    assert!(
        matches!(&failed, SendError::Passing { code, .. } if code == "ConnectionError"),
        "{failed}"
    );
}

#[tokio::test]
async fn junk_for_a_reply_passes() {
    let (adapter, _service) = adapter([Turn::Reply(200, "<html>".to_owned())]).await;
    // The reply has no members to read, so that what it says does not matter.
    adapter.succeed(&token(), "{}").await.expect("taken");
    let (adapter, _service) = self::adapter(vec![Turn::Reply(502, "<html>".to_owned()); 3]).await;
    let failed = adapter
        .succeed(&token(), "{}")
        .await
        .expect_err("bad gateway");
    assert_eq!(class(&failed), "passing", "{failed}");
}

#[tokio::test]
async fn an_execution_is_described_without_its_data() {
    let cases = [
        ("RUNNING", "", ExecutionStatus::Running, None),
        (
            "ABORTED",
            r#","stopDate":1798761600.5"#,
            ExecutionStatus::Aborted,
            Some(1_798_761_600_500),
        ),
        (
            "TIMED_OUT",
            r#","stopDate":1798761600"#,
            ExecutionStatus::TimedOut,
            Some(1_798_761_600_000),
        ),
        ("FAILED", "", ExecutionStatus::Failed, None),
        ("SUCCEEDED", "", ExecutionStatus::Succeeded, None),
        (
            "PENDING_REDRIVE",
            "",
            ExecutionStatus::Other("PENDING_REDRIVE".to_owned()),
            None,
        ),
    ];
    for (name, stop, status, stopped_at) in cases {
        let body = format!(
            r#"{{"executionArn":"arn:e","stateMachineArn":"arn:m","status":"{name}","startDate":1798761000{stop}}}"#
        );
        let (adapter, service) = adapter([Turn::Reply(200, body)]).await;
        let execution = adapter
            .describe_execution("arn:e")
            .await
            .expect("described");
        assert_eq!(execution, Execution { status, stopped_at });
        assert_eq!(
            service.requests()[0].body,
            r#"{"executionArn":"arn:e","includedData":"METADATA_ONLY"}"#
        );
    }
}

#[tokio::test]
async fn an_execution_that_is_not_described_is_unknown_denied_or_asked_for_again() {
    for (status, code, expected) in [
        (400, "ExecutionDoesNotExist", "unknown"),
        (400, "InvalidArn", "unknown"),
        (400, "ValidationException", "unknown"),
        (400, "AccessDeniedException", "denied"),
        (400, "KmsAccessDeniedException", "denied"),
        (400, "ThrottlingException", "passing"),
        (500, "InternalServerError", "passing"),
    ] {
        let (adapter, _service) = adapter(vec![error(status, code); 3]).await;
        let failed = adapter.describe_execution("arn:e").await.expect_err(code);
        let class = match &failed {
            ExecutionError::Unknown { .. } => "unknown",
            ExecutionError::Denied { .. } => "denied",
            ExecutionError::Passing { .. } => "passing",
        };
        assert_eq!(class, expected, "{code}: {failed}");
        assert!(failed.to_string().contains(code), "{failed}");
    }
}

/// Everything that the SDK logs, at the most talkative level that is compiled in.
#[tokio::test]
async fn the_log_never_shows_the_token() {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let (adapter, _service) = adapter([
        Turn::Close,
        Turn::Reply(200, "{}".to_owned()),
        error(400, "TaskTimedOut"),
    ])
    .await;
    adapter
        .succeed(&token(), r#"{"secret":"of the output"}"#)
        .await
        .expect("taken");
    adapter.succeed(&token(), "{}").await.expect_err("closed");
    drop(guard);
    let text = String::from_utf8(log.0.lock().expect("log").clone()).expect("UTF-8");
    assert!(text.contains("SendTaskSuccess"), "the log is on: {text}");
    assert!(!text.contains(TOKEN), "{text}");
    assert!(!text.contains("of the output"), "{text}");
}
