//! Which addresses are CloudFormation's.
//!
//! CloudFormation has a bucket of its own in every region. Anybody may write an event, so that an answer that went
//! wherever an event says would let the caller reach what only the function can.

/// What the names of the buckets begin with; the region follows, without its hyphens.
const BUCKET: &str = "cloudformation-custom-resource-response-";
/// The ends of S3's host names, by partition.
const DOMAINS: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"];

/// Checks an address: https and a bucket of CloudFormation, or one of `origins`, given as `scheme://host[:port]`.
pub(super) fn check(url: &str, origins: &[String]) -> Result<(), String> {
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
    if !is_response_bucket(host) {
        return Err("its host is none of CloudFormation's response buckets".to_owned());
    }
    if !path.starts_with('/') {
        return Err("it names no key in the bucket".to_owned());
    }
    Ok(())
}

/// Whether this is `<bucket>.s3[.dualstack][.-]<region>.<domain>`, or without the region, as it was once.
fn is_response_bucket(host: &str) -> bool {
    let Some((bucket_region, service)) = host
        .strip_prefix(BUCKET)
        .and_then(|rest| rest.split_once(".s3"))
    else {
        return false;
    };
    let letters = bucket_region.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = bucket_region.len() - letters.len();
    if letters.is_empty()
        || !letters.bytes().all(|b| b.is_ascii_lowercase())
        || !(1..=2).contains(&digits)
    {
        return false;
    }
    DOMAINS.iter().any(|domain| {
        let Some(region) = service.strip_suffix(domain) else {
            return false;
        };
        let region = region.strip_prefix(".dualstack").unwrap_or(region);
        match region.strip_prefix(['.', '-']) {
            Some(region) => region.replace('-', "") == bucket_region,
            None => region.is_empty(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_cloudformation() {
        for host in [
            "useast1.s3.amazonaws.com",
            "euwest1.s3-eu-west-1.amazonaws.com",
            "useast1.s3.us-east-1.amazonaws.com",
            "eucentral1.s3.dualstack.eu-central-1.amazonaws.com",
            "usgovwest1.s3.us-gov-west-1.amazonaws.com",
            "cnnorth1.s3.cn-north-1.amazonaws.com.cn",
            "euscdeeast1.s3.eusc-de-east-1.amazonaws.eu",
        ] {
            let url = format!("https://{BUCKET}{host}/arn%3Aaws%3Acloudformation?Signature=x");
            assert_eq!(check(&url, &[]), Ok(()), "{url}");
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
            assert!(check(&url, &[]).is_err(), "{url}");
        }
    }

    #[test]
    fn a_configured_origin_is_taken_whole() {
        let origins = ["http://127.0.0.1:9000".to_owned()];
        assert_eq!(check("http://127.0.0.1:9000/k?x", &origins), Ok(()));
        for url in [
            "http://127.0.0.1:90001/k",
            "https://127.0.0.1:9000/k",
            "http://127.0.0.1:9000@evil.example/k",
            "http://127.0.0.1/k",
        ] {
            assert!(check(url, &origins).is_err(), "{url}");
        }
    }
}
