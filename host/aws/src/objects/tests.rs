use super::*;
use crate::testing::{Service, Turn};

async fn objects(turns: Vec<Turn>) -> (S3Objects, Service) {
    let service = Service::start(turns).await;
    let objects = S3Objects::at(service.session().await, service.url());
    (objects, service)
}

fn denied() -> String {
    "<Error><Code>AccessDenied</Code><Message>no</Message></Error>".to_owned()
}

#[tokio::test]
async fn a_request_is_signed_and_names_what_is_known() {
    let (objects, service) = objects(vec![
        Turn::Reply(200, "content".to_owned()),
        Turn::Reply(304, String::new()),
    ])
    .await;
    let found = objects.get("sets", "team a/set.toml", None, 100).await;
    assert_eq!(found.unwrap().unwrap().bytes, b"content");
    let same = objects.get("sets", "set.toml", Some("\"e1\""), 100).await;
    assert_eq!(same, Ok(None));
    let requests = service.requests();
    assert!(
        requests[0].head.starts_with("GET /sets/team%20a/set.toml "),
        "{}",
        requests[0].head
    );
    let head = &requests[1].head;
    assert!(head.contains("if-none-match: \"e1\""), "{head}");
    assert!(
        head.contains("Credential=AKIDEXAMPLE/") && head.contains("/eu-central-1/s3/aws4_request"),
        "{head}"
    );
    assert!(
        head.contains("SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-date"),
        "{head}"
    );
}

#[tokio::test]
async fn every_request_names_the_account_whose_bucket_it_is_for() {
    let (objects, service) = objects(vec![
        Turn::Reply(200, "x".to_owned()),
        Turn::Reply(200, String::new()),
        Turn::Reply(404, "<Error><Code>NoSuchUpload</Code></Error>".to_owned()),
    ])
    .await;
    let objects = objects.owned_by(Some("123456789012"));
    assert!(objects.get("b", "k", None, 100).await.is_ok());
    assert!(objects.put("b", "k", b"x").await.is_ok());
    assert!(objects.may_put("b", "k").await.is_ok());
    let requests = service.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert!(
            request
                .head
                .contains("x-amz-expected-bucket-owner: 123456789012\n")
                && request.head.contains(";x-amz-expected-bucket-owner"),
            "it is sent and signed: {}",
            request.head
        );
    }
}

#[tokio::test]
async fn a_refusal_is_named_and_not_repeated() {
    let (objects, service) = objects(vec![Turn::Reply(403, denied())]).await;
    let error = objects.get("b", "k", None, 100).await.unwrap_err();
    assert!(error.to_string().contains("s3:GetObject"), "{error}");
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let (objects, service) = objects(vec![
        Turn::Reply(503, String::new()),
        Turn::Close,
        Turn::Reply(200, "x".to_owned()),
    ])
    .await;
    assert!(objects.get("b", "k", None, 100).await.unwrap().is_some());
    assert_eq!(service.requests().len(), 3);
}

#[tokio::test]
async fn no_more_is_read_than_was_asked_for() {
    let (objects, _service) = objects(vec![Turn::Reply(200, "x".repeat(101))]).await;
    assert_eq!(
        objects.get("b", "k", None, 100).await,
        Err(ObjectError::TooLong(100))
    );
}

#[tokio::test]
async fn an_object_is_written_with_its_content_signed() {
    let (objects, service) = objects(vec![
        Turn::Reply(503, String::new()),
        Turn::Reply(200, String::new()),
    ])
    .await;
    let written = objects.put("records", "a b/1.json", b"{\"a\":1}").await;
    assert_eq!(written, Ok(()));
    let request = &service.requests()[1];
    assert!(
        request.head.starts_with("PUT /records/a%20b/1.json "),
        "{}",
        request.head
    );
    assert_eq!(request.body, "{\"a\":1}");
    // The digest of the very content, which the signature covers.
    let digest = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
    assert!(
        request
            .head
            .contains(&format!("x-amz-content-sha256: {digest}")),
        "{}",
        request.head
    );
}

#[tokio::test]
async fn a_refused_write_says_what_to_allow() {
    let (objects, _service) = objects(vec![Turn::Reply(403, denied())]).await;
    let error = objects.put("b", "k", b"x").await.unwrap_err();
    assert!(error.to_string().contains("s3:PutObject"), "{error}");
}

#[tokio::test]
async fn whether_an_object_may_be_written_shows_without_writing_one() {
    let reply = |code: &str| format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    let (objects, service) = objects(vec![
        Turn::Reply(404, reply("NoSuchUpload")),
        Turn::Reply(403, denied()),
        Turn::Reply(404, reply("NoSuchBucket")),
        Turn::Reply(200, String::new()),
    ])
    .await;
    let mut tried = Vec::new();
    for _ in 0..4 {
        tried.push(objects.may_put("records", "etl/x").await);
    }
    assert_eq!(tried[0], Ok(()));
    for (tried, part) in tried[1..]
        .iter()
        .zip(["s3:PutObject", "NoSuchBucket", "cannot exist"])
    {
        let error = tried.as_ref().unwrap_err().to_string();
        assert!(error.contains(part), "{part}: {error}");
    }
    for request in service.requests() {
        assert!(
            request
                .head
                .starts_with("PUT /records/etl/x?partNumber=1&uploadId="),
            "{}",
            request.head
        );
        assert_eq!(request.body, "");
    }
}

#[test]
fn addresses() {
    assert_eq!(
        url(None, "eu-west-1", "sets", "a/b c.toml"),
        "https://sets.s3.eu-west-1.amazonaws.com/a/b%20c.toml"
    );
    assert_eq!(
        url(None, "cn-north-1", "my.sets", "k"),
        "https://s3.cn-north-1.amazonaws.com.cn/my.sets/k"
    );
    assert_eq!(
        url(Some("http://127.0.0.1:9/"), "r", "b", "k"),
        "http://127.0.0.1:9/b/k"
    );
}
