//! `signalbox policy keygen`, `sign` and `verify`.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::json;
use signalbox_lambda::set::{
    manifest::{Manifest, NO_DEPLOYMENTS},
    signature::{PublicKey, Signed, SigningKey},
};

use super::{push, set::scope_line};
use crate::{Done, out};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Makes a key pair: the private half into a file that only its owner can read, the public half to print.
pub(super) fn generate(output: &Path) -> Done {
    let (key, document) = SigningKey::generate().map_err(|error| error.to_string())?;
    // 48 bytes of PKCS#8 are one line of at most 64 characters.
    let pem = format!("{BEGIN}\n{}\n{END}\n", BASE64.encode(document));
    create_own(output, pem.as_bytes())
        .map_err(|error| format!("{} cannot be written: {error}", output.display()))?;
    let public = key.public().to_string();
    out::line(format_args!(
        "{}: the private key; keep it where only those can read it who may publish policies",
        out::styled(out::NAME, output.display())
    ));
    out::line(format_args!("trusted_keys = [\"{public}\"]"));
    out::json(&json!({ "file": output, "publicKey": public }));
    Ok(true)
}

/// A new file for its owner alone; one that is there already is not touched: it may be the key of a deployment.
fn create_own(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Signs a manifest, in its place or into another file.
pub(super) fn sign(set: &Path, key: &Path, output: Option<&Path>) -> Done {
    let pem = fs::read_to_string(key)
        .map_err(|error| format!("{} cannot be read: {error}", key.display()))?;
    let signing = private_key(&pem).map_err(|error| format!("{}: {error}", key.display()))?;
    let text = read(set)?;
    let scope = scope(set, &text)?;
    let Some(deployments) = &scope.deployments else {
        return Err(format!(
            "{}: nothing is signed: {NO_DEPLOYMENTS}",
            set.display()
        ));
    };
    let signed = signing.sign(&text);
    let output = output.unwrap_or(set);
    replace(output, &signed)
        .map_err(|error| format!("{} cannot be written: {error}", output.display()))?;
    let public = signing.public().to_string();
    out::line(format_args!(
        "{}: signed by {public}",
        out::styled(out::NAME, output.display())
    ));
    scope.line().into_iter().for_each(out::line);
    out::json(&json!({
        "file": output,
        "signedBy": public,
        "deployments": deployments,
        "notAfter": scope.not_after,
    }));
    Ok(true)
}

/// What a signature is for.
struct Scope {
    manifest: Manifest,
    deployments: Option<Vec<String>>,
    not_after: Option<String>,
}

impl Scope {
    fn line(&self) -> Option<String> {
        scope_line(self.deployments.as_deref(), self.not_after.clone())
    }
}

/// Reads a manifest as far as it says what its signature is for.
fn scope(set: &Path, text: &[u8]) -> Result<Scope, String> {
    let name = set.display().to_string();
    let manifest = push::read(&name, Signed::split(text).manifest)?;
    let deployments = manifest.deployments.as_ref().map(|named| {
        let named = named.iter().map(|pattern| pattern.as_str().to_owned());
        named.collect()
    });
    Ok(Scope {
        deployments,
        not_after: manifest.not_after.map(|end| end.to_string()),
        manifest,
    })
}

fn private_key(pem: &str) -> Result<SigningKey, String> {
    let body = pem
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END))
        .map(|(body, _)| body)
        .ok_or("this is no private key in PEM: `signalbox policy keygen` makes one")?;
    let digits: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    let document = BASE64
        .decode(digits)
        .map_err(|error| format!("its base64 is broken: {error}"))?;
    SigningKey::from_pkcs8(&document).map_err(|error| error.to_string())
}

/// Writes beside the place and moves there, so that nobody reads half a file.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    draft.write_all(content)?;
    draft.as_file().sync_all()?;
    if let Ok(before) = fs::metadata(path) {
        draft.as_file().set_permissions(before.permissions())?;
    } else {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // A draft is for its owner alone; a set is to be published.
            draft
                .as_file()
                .set_permissions(fs::Permissions::from_mode(0o644))?;
        }
    }
    draft.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Says whether one of these keys signed a manifest, and for which deployments it did.
pub(super) fn verify(set: &Path, keys: &[String], deployment: Option<&str>) -> Done {
    let keys: Vec<PublicKey> = keys
        .iter()
        .map(|key| key.parse().map_err(|error| format!("{key}: {error}")))
        .collect::<Result<_, String>>()?;
    let text = read(set)?;
    let verified = Signed::split(&text)
        .verify(&keys, false)
        .map_err(|error| error.to_string())
        .and_then(|by| {
            let scope = scope(set, &text)?;
            scope.manifest.is_for(deployment, true)?;
            Ok((by, scope))
        });
    match verified {
        Ok((by, scope)) => {
            let by = by.map(|key| key.to_string()).unwrap_or_default();
            out::line(format_args!(
                "{} {} is signed by {by}",
                out::styled(out::GOOD, "good:"),
                out::styled(out::NAME, set.display())
            ));
            scope.line().into_iter().for_each(out::line);
            out::json(&json!({
                "good": true,
                "signedBy": by,
                "deployments": scope.deployments,
                "notAfter": scope.not_after,
            }));
            Ok(true)
        }
        Err(error) => {
            out::json(&json!({ "good": false, "reason": error }));
            out::error(error);
            Ok(false)
        }
    }
}

fn read(set: &Path) -> Result<Vec<u8>, String> {
    fs::read(set).map_err(|error| format!("{} cannot be read: {error}", set.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `openssl genpkey -algorithm ed25519` writes it.
    const OPENSSL: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

    #[test]
    fn keys_of_openssl_sign() {
        // RFC 8032, 7.1, test 1.
        let key = private_key(OPENSSL).expect("a key");
        assert_eq!(
            key.public().to_string(),
            "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
    }

    #[test]
    fn what_is_no_key_is_said_to_be_none() {
        for bad in [
            "",
            "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            assert!(private_key(bad).is_err(), "{bad}");
        }
    }
}
