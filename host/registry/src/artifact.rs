//! The manifest of an artifact, as registries have it.

use serde::Deserialize;

use crate::{MANIFEST_TYPE, error::RegistryError};

/// The kinds of manifest that are read.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

#[derive(Deserialize)]
struct Artifact {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
}

/// The digest of the layer that is the policy set's manifest.
pub(crate) fn manifest_layer(text: &[u8]) -> Result<String, RegistryError> {
    let form = |message: String| RegistryError::Form(message);
    let artifact: Artifact = serde_json::from_slice(text)
        .map_err(|error| form(format!("its manifest cannot be read: {error}")))?;
    let mut layers = artifact
        .layers
        .into_iter()
        .filter(|layer| layer.media_type == MANIFEST_TYPE);
    match (layers.next(), layers.next()) {
        (Some(layer), None) if is_digest(&layer.digest) => Ok(layer.digest),
        (Some(_), None) => Err(form("its layer's digest is no SHA-256".to_owned())),
        (Some(_), Some(_)) => Err(form(format!(
            "it has several layers of the type {MANIFEST_TYPE}: keep one"
        ))),
        (None, _) => Err(form(format!(
            "it has no layer of the type {MANIFEST_TYPE}: push the manifest as one"
        ))),
    }
}

/// Whether a text is `sha256:` and 64 hexadecimal digits in lower case.
pub(crate) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() == 64
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_layer_of_the_type_is_the_manifest() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let layer = |kind: &str, digest: &str| {
            format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":1}}"#)
        };
        let artifact = |layers: &[String]| {
            let text = format!(r#"{{"schemaVersion":2,"layers":[{}]}}"#, layers.join(","));
            manifest_layer(text.as_bytes()).map_err(|error| error.to_string())
        };
        let (set, other) = (
            layer(MANIFEST_TYPE, &digest),
            layer("application/wasm", &digest),
        );
        assert_eq!(artifact(&[other.clone(), set.clone()]), Ok(digest));
        for (layers, says) in [
            (vec![other], "no layer of the type"),
            (vec![set.clone(), set], "several layers"),
            (vec![layer(MANIFEST_TYPE, "md5:1")], "no SHA-256"),
            (vec![layer(MANIFEST_TYPE, "sha256:../../x")], "no SHA-256"),
            (vec!["3".to_owned()], "cannot be read"),
        ] {
            let told = artifact(&layers).expect_err(says);
            assert!(told.contains(says), "{told}");
        }
        assert!(manifest_layer(b"{}").is_err());
    }
}
