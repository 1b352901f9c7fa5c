//! Which addresses are CloudFormation's.
//!
//! CloudFormation has a bucket of its own in every region. Anybody may write an event, so that an answer that went
//! wherever an event says would let the caller reach what only the function can. A stack calls functions of its own region
//! only, so the bucket is that of this region: where CloudFormation has none yet, anybody may have made one of that name.

/// What the names of the buckets begin with; the region follows, without its hyphens.
const BUCKET: &str = "cloudformation-custom-resource-response-";
/// The end of S3's host names, by what the partition's regions begin with.
const DOMAINS: [(&str, &str); 3] = [
    ("cn-", ".amazonaws.com.cn"),
    ("eusc-", ".amazonaws.eu"),
    ("", ".amazonaws.com"),
];

/// Checks an address: https and CloudFormation's bucket of this region, or one of `origins`, given as
/// `scheme://host[:port]`.
pub(super) fn check(url: &str, region: Option<&str>, origins: &[String]) -> Result<(), String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err("it is no URL".to_owned());
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    if origins
        .iter()
        .any(|origin| origin.split_once("://") == Some((scheme, host)))
    {
        return Ok(());
    }
    if scheme != "https" {
        return Err("it is not https".to_owned());
    }
    let Some(region) = region else {
        return Err(
            "the region of this host is not known, so neither is CloudFormation's bucket: set AWS_REGION".to_owned(),
        );
    };
    if !is_response_bucket(host, region) {
        return Err(format!(
            "its host is not CloudFormation's response bucket of {region}"
        ));
    }
    if !path.starts_with('/') {
        return Err("it names no key in the bucket".to_owned());
    }
    Ok(())
}

/// Whether this is `<bucket>.s3[.dualstack][.-]<region>.<domain>`, or without the region, as it was once.
fn is_response_bucket(host: &str, region: &str) -> bool {
    let domain = DOMAINS
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("", |(_, domain)| domain);
    let Some(service) = host
        .strip_prefix(BUCKET)
        .and_then(|rest| rest.strip_prefix(&region.replace('-', "")))
        .and_then(|rest| rest.strip_prefix(".s3"))
        .and_then(|rest| rest.strip_suffix(domain))
    else {
        return false;
    };
    let place = service.strip_prefix(".dualstack").unwrap_or(service);
    match place.strip_prefix(['.', '-']) {
        Some(named) => named == region,
        None => place.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_cloudformation() {
        for (region, host) in [
            ("us-east-1", "useast1.s3.amazonaws.com"),
            ("eu-west-1", "euwest1.s3-eu-west-1.amazonaws.com"),
            ("us-east-1", "useast1.s3.us-east-1.amazonaws.com"),
            (
                "eu-central-1",
                "eucentral1.s3.dualstack.eu-central-1.amazonaws.com",
            ),
            ("us-gov-west-1", "usgovwest1.s3.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "cnnorth1.s3.cn-north-1.amazonaws.com.cn"),
            (
                "eusc-de-east-1",
                "euscdeeast1.s3.eusc-de-east-1.amazonaws.eu",
            ),
        ] {
            let url = format!("https://{BUCKET}{host}/arn%3Aaws%3Acloudformation?Signature=x");
            assert_eq!(check(&url, Some(region), &[]), Ok(()), "{url}");
            let other = check(&url, Some("ap-south-1"), &[]).expect_err(&url);
            assert!(other.contains("ap-south-1"), "{other}");
            let unknown = check(&url, None, &[]).expect_err(&url);
            assert!(unknown.contains("AWS_REGION"), "{unknown}");
        }
    }

    #[test]
    fn a_bucket_of_another_partition_is_another_bucket() {
        for (region, host) in [
            ("us-east-1", "useast1.s3.amazonaws.com.cn"),
            ("us-east-1", "useast1.s3.us-east-1.amazonaws.eu"),
            ("cn-north-1", "cnnorth1.s3.cn-north-1.amazonaws.com"),
            ("eusc-de-east-1", "euscdeeast1.s3.amazonaws.com"),
            ("us-east-1", "useast11.s3.amazonaws.com"),
            ("us-east-1", "useast.s3.amazonaws.com"),
            ("", ".s3.amazonaws.com"),
        ] {
            let url = format!("https://{BUCKET}{host}/k");
            let region = Some(region).filter(|region| !region.is_empty());
            assert!(check(&url, region, &[]).is_err(), "{url}");
        }
    }

    #[test]
    fn no_others() {
        let bucket = "cloudformation-custom-resource-response-useast1";
        for url in [
            "".to_owned(),
            "https://".to_owned(),
            format!("http://{bucket}.s3.amazonaws.com/k"),
            format!("HTTPS://{bucket}.s3.amazonaws.com/k"),
            format!("https://{bucket}.s3.amazonaws.com"),
            format!("https://{bucket}.s3.amazonaws.com?k"),
            format!("https://{bucket}.s3.amazonaws.com.evil.example/k"),
            format!("https://{bucket}.s3.amazonaws.com:8443/k"),
            format!("https://{bucket}.s3.amazonaws.com@evil.example/k"),
            format!("https://evil.example#{bucket}.s3.amazonaws.com/k"),
            format!("https://evil.example\\{bucket}.s3.amazonaws.com/k"),
            format!("https://user@{bucket}.s3.amazonaws.com/k"),
            format!("https://{bucket}.s3.eu-west-1.amazonaws.com/k"),
            format!("https://{bucket}.s3x.amazonaws.com/k"),
            format!("https://{bucket}.evil.s3.amazonaws.com/k"),
            format!("https://{bucket}-evil.s3.amazonaws.com/k"),
            format!("https://{bucket}.s3.us-east-1.evil.example/k"),
            "https://cloudformation-custom-resource-response-evil.s3.amazonaws.com/k".to_owned(),
            "https://cloudformation-custom-resource-response-.s3.amazonaws.com/k".to_owned(),
            "https://my-bucket.s3.amazonaws.com/k".to_owned(),
            "https://169.254.169.254/latest".to_owned(),
        ] {
            assert!(check(&url, Some("us-east-1"), &[]).is_err(), "{url}");
        }
    }

    #[test]
    fn a_configured_origin_is_taken_whole() {
        let origins = ["http://127.0.0.1:9000".to_owned()];
        assert_eq!(check("http://127.0.0.1:9000/k?x", None, &origins), Ok(()));
        for url in [
            "http://127.0.0.1:90001/k",
            "https://127.0.0.1:9000/k",
            "http://127.0.0.1:9000@evil.example/k",
            "http://127.0.0.1/k",
        ] {
            assert!(check(url, Some("us-east-1"), &origins).is_err(), "{url}");
        }
    }
}
