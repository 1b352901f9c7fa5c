//! What is meant in which registry.

use oci_client::Reference;

use crate::{RegistryError, is_digest};

/// Reads `REGISTRY/REPOSITORY:TAG` or `REGISTRY/REPOSITORY@sha256:DIGEST`. What other tools leave out has to be there: no
/// registry and no tag is meant by default.
pub(crate) fn read(text: &str) -> Result<Reference, RegistryError> {
    let wrong = || {
        RegistryError::Setting(format!(
            "{text:?} names nothing in a registry: REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST"
        ))
    };
    let image: Reference = text.parse().map_err(|_| wrong())?;
    let one = match (image.tag(), image.digest()) {
        (Some(_), None) => true,
        (None, Some(digest)) => is_digest(digest),
        (Some(_), Some(_)) | (None, None) => false,
    };
    // What was added is not in the text.
    if one && image.whole() == text {
        Ok(image)
    } else {
        Err(wrong())
    }
}

/// The registry's host, without a port.
pub(crate) fn host(registry: &str) -> &str {
    registry.rsplit_once(':').map_or(registry, |(host, _)| host)
}

/// Whether a host is this machine, where there is no TLS.
pub(crate) fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reference_says_everything() {
        let digest = format!("@sha256:{}", "0a".repeat(32));
        let registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        for good in [
            format!("{registry}/team/policies:live"),
            format!("{registry}/policies{digest}"),
            "127.0.0.1:5000/p:v1.2_3".to_owned(),
            "localhost/p:1".to_owned(),
        ] {
            assert_eq!(read(&good).map(|image| image.whole()), Ok(good));
        }
        for bad in [
            "",
            "policies:live",
            "r.example/p",
            "r.example/p:",
            "r.example/P:live",
            "r.example/../p:live",
            "r.example//p:live",
            "r.example/a..b:t",
            "r.example:80:90/p:live",
            "example/p:live",
            "me:secret@r.example/p:live",
            "r.example/p@sha256:0a",
            "r.example/p:a b",
            "r.example/p:live\n",
            &format!("r.example/p:live{digest}"),
            &format!("r.example/p{}", digest.replace("0a", "0A")),
        ] {
            let told = read(bad).expect_err(bad).to_string();
            assert!(told.contains("REGISTRY/REPOSITORY:TAG"), "{told}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_read_leads_anywhere_else(text in "[a-zA-Z0-9.:@/_%?#\\\\ -]{0,60}") {
            if let Ok(image) = read(&text) {
                let address = reqwest::Url::parse(&format!("https://{}/v2/{}/", image.registry(), image.repository())).unwrap();
                prop_assert_eq!(address.host_str().unwrap(), host(image.registry()).to_ascii_lowercase());
                prop_assert_eq!(address.path(), format!("/v2/{}/", image.repository()));
                prop_assert!(address.username().is_empty() && address.query().is_none());
            }
        }
    }
}
