use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::*;
use crate::testing::{Service, Turn};

const SECRET: &str = "SIGNATURE0123456789abcdef";

fn adapter(service: &Service) -> (CloudFormation, ResponseUrl) {
    let adapter = CloudFormation {
        region: None,
        origins: vec![service.url().to_owned()],
        proxy: ProxyConfig::disabled(),
        connector: OnceLock::new(),
    };
    let url = format!(
        "{}/arn%3Aaws%3Acloudformation%3Aeu-west-1%7CTable%7Cr-1?AWSAccessKeyId=k&Signature={SECRET}",
        service.url()
    );
    (adapter, ResponseUrl::new(url))
}

async fn respond(turn: Turn) -> (Result<(), SendError>, Service) {
    let service = Service::start([turn]).await;
    let (adapter, url) = adapter(&service);
    (
        adapter.respond(&url, r#"{"Status":"SUCCESS"}"#).await,
        service,
    )
}

fn error_of_s3(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><StringToSign>{SECRET}</StringToSign></Error>"
    )
}

#[tokio::test]
async fn a_response_is_put_as_the_address_was_signed_for() {
    let (sent, service) = respond(Turn::Reply(200, String::new())).await;
    assert_eq!(sent, Ok(()));
    let requests = service.requests();
    assert_eq!(requests.len(), 1);
    assert!(
        requests[0].head.starts_with(&format!(
            "PUT /arn%3Aaws%3Acloudformation%3Aeu-west-1%7CTable%7Cr-1?AWSAccessKeyId=k&Signature={SECRET} HTTP/1.1"
        )),
        "{}",
        requests[0].head
    );
    assert!(
        requests[0].head.contains("content-type: \n"),
        "{}",
        requests[0].head
    );
    assert!(
        requests[0].head.contains("content-length: 20\n"),
        "{}",
        requests[0].head
    );
    assert!(!requests[0].head.contains("transfer-encoding"));
    assert_eq!(requests[0].body, r#"{"Status":"SUCCESS"}"#);
}

#[tokio::test]
async fn each_status_has_its_meaning() {
    for (status, code, passing) in [
        (500, "InternalError", true),
        (503, "SlowDown", true),
        (429, "", true),
        (400, "RequestTimeout", true),
        (409, "OperationAborted", true),
        (307, "TemporaryRedirect", true),
        (400, "EntityTooLarge", false),
        (403, "AccessDenied", false),
        (403, "SignatureDoesNotMatch", false),
        (404, "NoSuchBucket", false),
        (301, "PermanentRedirect", false),
        (302, "", false),
    ] {
        let body = if code.is_empty() {
            String::new()
        } else {
            error_of_s3(code)
        };
        let (sent, service) = respond(Turn::Reply(status, body)).await;
        let error = sent.unwrap_err();
        assert_eq!(
            matches!(error, SendError::Passing { .. }),
            passing,
            "{status} {error}"
        );
        let name = if code.is_empty() {
            format!("HTTP {status}")
        } else {
            code.to_owned()
        };
        assert!(error.to_string().contains(&name), "{status} {error}");
        assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
        assert_eq!(service.requests().len(), 1, "it is put once");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Service::start([Turn::Reply(200, String::new())]).await;
    let service = Service::start([Turn::Redirect(302, other.url().to_owned())]).await;
    let (adapter, url) = adapter(&service);
    assert!(matches!(
        adapter.respond(&url, "{}").await,
        Err(SendError::Closed { .. })
    ));
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_lost_connection_and_a_missing_reply_pass() {
    let (sent, _service) = respond(Turn::Close).await;
    assert!(matches!(sent, Err(SendError::Passing { .. })), "{sent:?}");
    assert!(!format!("{sent:?}").contains("127.0.0.1"), "{sent:?}");

    let service = Service::start([Turn::Hang]).await;
    let (adapter, url) = adapter(&service);
    let sent = adapter.respond(&url, "{}").await;
    assert!(
        matches!(&sent, Err(SendError::Passing { code, .. }) if code == "RequestTimeout" || code == "ConnectionError"),
        "{sent:?}"
    );
}

#[tokio::test]
async fn no_other_host_is_ever_asked() {
    let service = Service::start([]).await;
    let (mut adapter, url) = adapter(&service);
    adapter.origins.clear();
    assert!(adapter.check(&url).is_err());
    assert_eq!(
        adapter.respond(&url, "{}").await,
        Err(SendError::Closed {
            code: "ForeignResponseUrl".to_owned()
        })
    );
    assert!(service.requests().is_empty());
}

/// Everything that the client logs, at the most talkative level that is compiled in.
#[tokio::test]
async fn the_log_never_shows_the_address() {
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
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    tracing::info!("the log is on");
    for turn in [
        Turn::Reply(200, String::new()),
        Turn::Reply(403, error_of_s3("AccessDenied")),
        Turn::Close,
    ] {
        let _ = respond(turn).await;
    }
    drop(guard);
    let text = String::from_utf8(log.0.lock().expect("log").clone()).expect("UTF-8");
    assert!(text.contains("the log is on"));
    assert!(!text.contains(SECRET), "{text}");
    assert!(!text.contains("arn%3A"), "{text}");
}
