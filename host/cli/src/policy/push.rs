//! `signalbox policy push`: a policy set into a registry.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;
use signalbox_lambda::{
    config::SetSource,
    set::{
        self as sets,
        manifest::{self, Around, Code, MANIFEST_MAX, Manifest, Pinned},
        signature::{Signed, Untrusted},
    },
};
use signalbox_policy::digest;
use signalbox_registry::{File, FileKind, PolicySet};

use super::set;
use crate::{Done, out};

/// Loads a set as the host does, and pushes it with all files that it names.
pub(super) async fn run(
    path: &Path,
    to: &str,
    config: Option<&Path>,
    allow_unsigned: bool,
) -> Done {
    let reference = match SetSource::read(to, Path::new(""))? {
        SetSource::Registry(reference) if !reference.contains('@') => reference,
        _ => {
            return Err(format!(
                "{to:?} is no place to push to: give oci://REGISTRY/REPOSITORY:TAG"
            ));
        }
    };
    let config = set::configuration(config)?;
    if config.is_none() {
        out::note(
            "no --config: targets, ceilings and trusted keys of the function are not looked at",
        );
    }
    let text = match set::read(path).await {
        Ok(text) => text,
        Err(error) => return Ok(set::tell_faults(&error)),
    };
    let (loaded, untrusted) =
        match set::load(path, &text, config.as_ref(), set::named_deployment()).await? {
            Ok(loaded) => loaded,
            Err(error) => return Ok(set::tell_faults(&error)),
        };
    let untrusted = match untrusted {
        // A configuration may take such sets from a file, and a registry is none.
        None if loaded.signed_by.is_none() => Some(Untrusted::Unsigned),
        found => found,
    };
    if let Some(untrusted) = untrusted
        && !(allow_unsigned && matches!(untrusted, Untrusted::Unsigned))
    {
        return Ok(tell_not_pushed(
            to,
            format_args!(
                "{} is not what functions take from a registry: {}{}",
                path.display(),
                set::advice(untrusted),
                match untrusted {
                    Untrusted::Unsigned => ". --allow-unsigned pushes it as it is",
                    _ => "",
                }
            ),
        ));
    }
    let all = PolicySet {
        files: files(path, &text)?,
        manifest: File {
            name: name(path),
            kind: FileKind::Manifest,
            bytes: text,
        },
    };
    let login_hosts = config
        .as_ref()
        .and_then(|config| config.policy_set.as_ref())
        .map_or(&[][..], |set| set.login_hosts.as_slice());
    let registry = sets::registry(&reference, login_hosts).map_err(|error| error.to_string())?;
    let progress = out::Progress::of("pushing the policy set");
    // There may be nothing yet, or nothing that can be read: what is pushed says so then.
    if let Ok(Some(before)) = registry.manifest(None, MANIFEST_MAX).await
        && let Ok(Manifest { revision, .. }) = read(to, &before.bytes)
        && (revision > loaded.revision
            || (revision == loaded.revision
                && digest::hex(Signed::split(&before.bytes).manifest) != loaded.digest))
    {
        out::note(format_args!(
            "{to} had revision {revision}: functions that put that in force refuse a lower one, and another one of the \
             same number. Publish older content under a new, higher revision"
        ));
    }
    let pushed = registry.push(&all).await;
    drop(progress);
    match pushed {
        Ok(digest) => {
            let repository = reference.rsplit_once(':').map_or("", |(before, _)| before);
            let pinned = format!("oci://{repository}@{digest}");
            out::line(format_args!(
                "{} revision {} is {} now",
                out::styled(out::GOOD, "pushed:"),
                loaded.revision,
                out::styled(out::NAME, to)
            ));
            out::line(format_args!("never another set: {pinned}"));
            out::json(&json!({
                "pushed": true,
                "revision": loaded.revision,
                "reference": to,
                "digest": digest,
                "pinned": pinned,
            }));
            Ok(true)
        }
        Err(error) => Ok(tell_not_pushed(to, error)),
    }
}

/// Says why the tag is what it was; that is not good.
fn tell_not_pushed(to: &str, reason: impl ToString) -> bool {
    let reason = reason.to_string();
    out::json(&json!({ "pushed": false, "reason": reason }));
    out::error(format_args!("{to} is not pushed: {reason}"));
    false
}

/// A manifest by itself.
pub(super) fn read(called: &str, text: &[u8]) -> Result<Manifest, String> {
    let around = Around {
        name: called,
        targets: None,
        ceilings: Default::default(),
    };
    let text = std::str::from_utf8(text).map_err(|error| format!("{called}: {error}"))?;
    manifest::read(text, &around).map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        problems.join("\n")
    })
}

/// The files that a manifest names, each once; those for other architectures than this machine's too.
fn files(path: &Path, text: &[u8]) -> Result<Vec<File>, String> {
    let manifest = read(&path.display().to_string(), text)?;
    let mut known = BTreeSet::new();
    let mut files = Vec::new();
    for entry in manifest.policies.values() {
        let Code::Files {
            component,
            artifacts,
        } = &entry.code
        else {
            continue;
        };
        let components = component.iter().map(|pinned| (FileKind::Component, pinned));
        let artifacts = artifacts
            .values()
            .map(|pinned| (FileKind::Artifact, pinned));
        for (kind, pinned) in components.chain(artifacts) {
            if known.insert(&pinned.sha256) {
                files.push(file(path, kind, pinned)?);
            }
        }
    }
    Ok(files)
}

fn file(set: &Path, kind: FileKind, pinned: &Pinned) -> Result<File, String> {
    let path: PathBuf = set.with_file_name(&pinned.file);
    let bytes =
        fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let found = digest::hex(&bytes);
    if found != pinned.sha256 {
        return Err(format!(
            "{} has SHA-256 {found}, but the manifest says {}",
            path.display(),
            pinned.sha256
        ));
    }
    Ok(File {
        name: pinned.file.clone(),
        kind,
        bytes,
    })
}

fn name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.unwrap_or_default().into_owned()
}
