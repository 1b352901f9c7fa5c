use super::*;
use crate::testing::{Service, Turn};

async fn ecr(turns: Vec<Turn>) -> (Ecr, Service) {
    let service = Service::start(turns).await;
    let ecr = Ecr::at(service.session().await, service.url());
    (ecr, service)
}

#[test]
fn which_registries_are_amazon_s() {
    for (registry, region) in [
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            Some("eu-west-1"),
        ),
        (
            "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
            Some("us-gov-west-1"),
        ),
        (
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
            Some("cn-north-1"),
        ),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
            None,
        ),
        ("123456789012.dkr.ecr.evil.example/x.amazonaws.com", None),
        ("12345678901.dkr.ecr.eu-west-1.amazonaws.com", None),
        ("123456789012.dkr.ecr..amazonaws.com", None),
        ("123456789012.dkr.ecr.amazonaws.com", None),
        ("public.ecr.aws", None),
        ("127.0.0.1:5000", None),
    ] {
        assert_eq!(Ecr::region_of(registry), region, "{registry}");
    }
}

#[tokio::test]
async fn a_login_is_asked_for_in_the_registry_s_region() {
    // Of `AWS:a:password`.
    let reply = r#"{"authorizationData":[{"authorizationToken":"QVdTOmE6cGFzc3dvcmQ=","expiresAt":1.7e9}]}"#;
    let (ecr, service) = ecr(vec![
        Turn::Reply(503, String::new()),
        Turn::Reply(200, reply.to_owned()),
    ])
    .await;
    let login = ecr.login("ap-south-1").await.unwrap();
    assert_eq!(
        (login.username.as_str(), login.password.as_str()),
        ("AWS", "a:password")
    );
    assert!(!format!("{login:?}").contains("password\""), "{login:?}");
    let requests = service.requests();
    let head = &requests[1].head;
    assert!(head.starts_with("POST / "), "{head}");
    assert!(
        head.contains("x-amz-target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"),
        "{head}"
    );
    assert!(head.contains("/ap-south-1/ecr/aws4_request"), "{head}");
    assert!(
        head.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-target"),
        "{head}"
    );
}

#[tokio::test]
async fn a_refusal_says_what_to_allow() {
    let refusal = r#"{"__type":"com.amazonaws.ecr#AccessDeniedException","Message":"no"}"#;
    let (ecr, service) = ecr(vec![Turn::Reply(400, refusal.to_owned())]).await;
    let error = ecr.login("eu-west-1").await.unwrap_err().to_string();
    assert!(error.contains("ecr:GetAuthorizationToken"), "{error}");
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test]
async fn a_reply_without_a_token_is_no_login() {
    for reply in [
        "{}",
        r#"{"authorizationData":[]}"#,
        r#"{"authorizationData":[{"authorizationToken":"QVdT"}]}"#,
    ] {
        let turn = || Turn::Reply(200, reply.to_owned());
        let (ecr, _service) = ecr(vec![turn(), turn(), turn()]).await;
        let error = ecr.login("eu-west-1").await.unwrap_err().to_string();
        assert!(error.contains("no authorization token"), "{error}");
    }
}
