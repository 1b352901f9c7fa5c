//! `signalbox policy pin`: the digests of the files that a set names.

use std::path::Path;

use serde_json::json;
use signalbox_lambda::set::{
    manifest::{Code, Pinned},
    signature::Signed,
};
use signalbox_policy::digest;

use super::push;
use crate::{Done, out};

/// Writes the digest of every file in the place of the one that the manifest says.
pub(super) fn run(path: &Path) -> Done {
    let shown = path.display().to_string();
    let text = std::fs::read(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let signed = Signed::split(&text);
    if !signed.signatures.is_empty() {
        return Err(format!(
            "{shown} is signed, and a signature is for its exact bytes: pin the set that it was made of, and sign that"
        ));
    }
    let manifest = push::read(&shown, &text)?;
    let mut new = String::from_utf8_lossy(&text).into_owned();
    let mut pinned = Vec::new();
    for entry in manifest.policies.values() {
        let Code::Files {
            component,
            artifacts,
        } = &entry.code
        else {
            continue;
        };
        for file in component.iter().chain(artifacts.values()) {
            let digest = digest_of(path, file)?;
            new = replaced(&new, file, &digest)
                .ok_or_else(|| format!("{shown}: the digest of {} is not found: write it as `sha256 = \"…\"` behind the file's name", file.file))?;
            let is_new = digest != file.sha256;
            out::line(format_args!(
                "{} {digest}{}",
                out::styled(out::NAME, &file.file),
                if is_new { "" } else { " (as before)" }
            ));
            pinned.push(json!({ "file": file.file, "sha256": digest, "changed": is_new }));
        }
    }
    if pinned.is_empty() {
        out::line("the set names no files");
    }
    if new.as_bytes() != text {
        std::fs::write(path, new).map_err(|error| format!("{shown} cannot be written: {error}"))?;
    }
    out::json(&json!({ "pinned": pinned }));
    Ok(true)
}

fn digest_of(set: &Path, file: &Pinned) -> Result<String, String> {
    let path = set.with_file_name(&file.file);
    let bytes = std::fs::read(&path).map_err(|error| {
        format!(
            "{} cannot be read: {error}. Build it first; the set names it",
            path.display()
        )
    })?;
    Ok(digest::hex(&bytes))
}

/// The manifest with another digest for a file: the first one behind the file's name.
fn replaced(text: &str, file: &Pinned, digest: &str) -> Option<String> {
    let mut from = 0;
    while let Some(at) = text.get(from..)?.find(&file.file) {
        let behind = from + at + file.file.len();
        let rest = text.get(behind..)?;
        // In whichever case it is written.
        let found = rest.to_ascii_lowercase().find(&file.sha256)?;
        let between = rest.get(..found)?;
        if !between.contains("[[") && between.matches("sha256").count() == 1 {
            let (begin, end) = (behind + found, behind + found + file.sha256.len());
            return Some(format!(
                "{}{digest}{}",
                text.get(..begin)?,
                text.get(end..)?
            ));
        }
        from = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_gets_its_own_digest() {
        let old = "0".repeat(64);
        let text = format!(
            "# a.wasm\n[policies.a]\ncomponent = \"a.wasm\"\nsha256 = \"{old}\"\nartifacts = {{ x86_64 = {{ file = \"a.cwasm\", sha256 = \"{old}\" }} }}\n"
        );
        let pinned = |file: &str| Pinned {
            file: file.to_owned(),
            sha256: old.clone(),
        };
        let once = replaced(&text, &pinned("a.cwasm"), "2").unwrap();
        let twice = replaced(&once, &pinned("a.wasm"), "1").unwrap();
        assert_eq!(
            twice,
            "# a.wasm\n[policies.a]\ncomponent = \"a.wasm\"\nsha256 = \"1\"\nartifacts = { x86_64 = { file = \"a.cwasm\", sha256 = \"2\" } }\n"
        );
        assert_eq!(replaced(&text, &pinned("b.wasm"), "1"), None);
    }
}
