//! The manifest of an artifact, as registries have it.

use std::collections::BTreeMap;

use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};

use crate::{MANIFEST_TYPE, PolicySet, digest_of, error::RegistryError, is_digest};

/// The kinds of manifest that are read.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
/// The type of a policy set as a whole.
const ARTIFACT_TYPE: &str = "application/vnd.signalbox.policy-set.v1";
/// The type of a configuration that says nothing: an artifact has to have one.
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// And its content.
pub(crate) const EMPTY: &[u8] = b"{}";
/// Under which other tools find the name of a file.
const TITLE: &str = "org.opencontainers.image.title";

/// The digest of the layer that is the policy set's manifest.
pub(crate) fn manifest_layer(text: &[u8]) -> Result<String, RegistryError> {
    let form = |message: String| RegistryError::Form(message);
    let artifact: OciImageManifest = serde_json::from_slice(text)
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
            "it has no layer of the type {MANIFEST_TYPE}: `signalbox policy push` makes one of the manifest"
        ))),
    }
}

/// The manifest of an artifact of a policy set.
pub(crate) fn of(set: &PolicySet) -> Result<Vec<u8>, RegistryError> {
    let mut layers =
        vec![descriptor(MANIFEST_TYPE, &set.manifest.bytes)?.named(&set.manifest.name)];
    for file in &set.files {
        layers.push(descriptor(file.kind.media_type(), &file.bytes)?.named(&file.name));
    }
    let artifact = OciImageManifest {
        media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
        artifact_type: Some(ARTIFACT_TYPE.to_owned()),
        config: descriptor(EMPTY_TYPE, EMPTY)?,
        layers,
        ..OciImageManifest::default()
    };
    serde_json::to_vec(&artifact).map_err(|error| RegistryError::Form(error.to_string()))
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Result<OciDescriptor, RegistryError> {
    let size = i64::try_from(bytes.len());
    Ok(OciDescriptor {
        media_type: media_type.to_owned(),
        digest: digest_of(bytes),
        size: size.map_err(|error| RegistryError::Form(error.to_string()))?,
        ..OciDescriptor::default()
    })
}

trait Named {
    fn named(self, name: &str) -> Self;
}

impl Named for OciDescriptor {
    fn named(mut self, name: &str) -> Self {
        self.annotations = Some(BTreeMap::from([(TITLE.to_owned(), name.to_owned())]));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{File, FileKind};

    #[test]
    fn the_one_layer_of_the_type_is_the_manifest() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let layer = |kind: &str, digest: &str| {
            format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":1}}"#)
        };
        let artifact = |layers: &[String]| {
            let config = layer(EMPTY_TYPE, &digest);
            let text = format!(
                r#"{{"schemaVersion":2,"config":{config},"layers":[{}]}}"#,
                layers.join(",")
            );
            manifest_layer(text.as_bytes()).map_err(|error| error.to_string())
        };
        let (set, other) = (
            layer(MANIFEST_TYPE, &digest),
            layer("application/wasm", &digest),
        );
        assert_eq!(artifact(&[other.clone(), set.clone()]), Ok(digest.clone()));
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

    #[test]
    fn what_is_pushed_is_read_back() {
        let set = PolicySet {
            manifest: File {
                name: "set.toml".to_owned(),
                kind: FileKind::Manifest,
                bytes: b"schema = 1".to_vec(),
            },
            files: vec![File {
                name: "p.wasm".to_owned(),
                kind: FileKind::Component,
                bytes: b"\0asm".to_vec(),
            }],
        };
        let artifact = of(&set).expect("an artifact");
        assert_eq!(
            manifest_layer(&artifact),
            Ok(digest_of(&set.manifest.bytes))
        );
        let text = String::from_utf8(artifact).expect("text");
        insta::assert_snapshot!(text);
    }
}
