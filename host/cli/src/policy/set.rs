//! `signalbox policy check` of a whole set.

use std::{path::Path, sync::Arc};

use serde_json::{Map, Value, json};
use signalbox_lambda::{
    Config,
    set::{FileSource, Loaded, Loader, SetError, Source as _, Terms},
    start,
};

use crate::{Done, out, settings::Settings};

/// Whether what is to be checked is a set: a manifest is TOML, a component is not.
pub(super) fn is_set(path: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

/// Loads a set as the host does, with all policies, their settings and tests, and says what is wrong.
pub(super) async fn check(path: &str, config: Option<&Path>) -> Done {
    let path = Path::new(path);
    let text = read(path).await?;
    match load(path, &text, config).await? {
        Ok(loaded) => {
            out::json(&document(&loaded));
            for line in lines(&path.display().to_string(), &loaded) {
                out::line(line);
            }
            Ok(true)
        }
        Err(error) => Ok(tell_faults(&error)),
    }
}

/// Reads a manifest, within the bound that a host has for it.
pub(super) async fn read(path: &Path) -> Result<Vec<u8>, String> {
    let fetched = FileSource::new(path).manifest(None).await;
    let fetched = fetched.map_err(|error| error.to_string())?;
    Ok(fetched.map(|fetched| fetched.bytes).unwrap_or_default())
}

/// Loads the set of a manifest as the host does, with the files beside it. The outer error is one of the configuration.
pub(super) async fn load(
    path: &Path,
    text: &[u8],
    config: Option<&Path>,
) -> Result<Result<Loaded, SetError>, String> {
    let terms = match config {
        None => Terms {
            allow_unsigned: true,
            ..Terms::default()
        },
        Some(config) => terms_of(&Settings::of_file(config).read()?),
    };
    let loader = Loader::new(super::engine()?, Arc::new(FileSource::new(path)), terms);
    let _progress = out::Progress::of("loading the policy set");
    Ok(loader.load(text, None).await)
}

/// Says what keeps a set from being put in force; that is not good.
pub(super) fn tell_faults(error: &SetError) -> bool {
    let faults: Vec<String> = match error {
        SetError::Wrong(wrong) => wrong.problems.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    };
    out::json(&json!({ "good": false, "faults": faults }));
    faults.iter().for_each(out::error);
    false
}

/// What a set has to keep to in a deployment. Who signed is for `policy verify` and the host: a set is checked before
/// it is signed.
fn terms_of(config: &Config) -> Terms {
    let set = config.policy_set.as_ref();
    Terms {
        targets: Some(config.targets.keys().cloned().collect()),
        ceilings: set.map(|set| set.ceilings).unwrap_or_default(),
        trusted_keys: Vec::new(),
        allow_unsigned: true,
        unknown_fields: Some(config.unknown_fields),
    }
}

/// What is told of a loaded set, for programs.
pub(crate) fn document(loaded: &Loaded) -> Value {
    let policies: Vec<_> = loaded
        .policies
        .iter()
        .map(|policy| json!({ "identity": policy.identity, "tests": policy.tests }))
        .collect();
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    json!({
        "good": true,
        "revision": loaded.revision,
        "digest": loaded.digest,
        "signedBy": loaded.signed_by.map(|key| key.to_string()),
        "policies": policies,
        "warnings": warnings,
    })
}

/// And for people.
pub(crate) fn lines(name: &str, loaded: &Loaded) -> Vec<String> {
    let mut lines = vec![format!(
        "{} {} revision {}, SHA-256 {}",
        out::styled(out::GOOD, "good:"),
        out::styled(out::NAME, name),
        loaded.revision,
        loaded.digest
    )];
    for policy in &loaded.policies {
        lines.push(format!(
            "  {} version {}, SHA-256 {}, {} passed",
            out::styled(out::NAME, &policy.identity.name),
            policy.identity.version,
            policy.identity.digest,
            match policy.tests {
                1 => "1 test".to_owned(),
                count => format!("{count} tests"),
            }
        ));
    }
    for warning in &loaded.warnings {
        lines.push(format!("{} {warning}", out::styled(out::NOTE, "note:")));
    }
    lines
}

/// `signalbox status`: what the function's configuration leads to now.
pub(crate) async fn status(settings: &Settings) -> Done {
    let config = settings.read()?;
    let Some(set) = &config.policy_set else {
        return Err(
            "this configuration names no policy set: SIGNALBOX_POLICY_SET, or `source` in [policy_set], does"
                .to_owned(),
        );
    };
    let loader = start::loader(&config, set).map_err(|error| error.to_string())?;
    let progress = out::Progress::of("loading the policy set");
    let loaded = loader.load_now().await;
    let ports = start::aws(&config);
    let highest = signalbox_tasker::revision::highest(
        ports.ledger.as_ref(),
        ports.clock.as_ref(),
        &config.deployment,
    )
    .await;
    drop(progress);

    let place = loader.source().place();
    let mut good = true;
    let mut all = Map::new();
    let mut tell = |name: &str, value: Value| drop(all.insert(name.to_owned(), value));
    tell("source", json!(place));
    match &loaded {
        Ok(loaded) => {
            tell("set", document(loaded));
            lines(&place, loaded).into_iter().for_each(out::line);
        }
        Err(error) => {
            good = false;
            tell("set", json!({ "good": false, "reason": error.to_string() }));
            out::line(format_args!(
                "{} {}: {error}",
                out::styled(out::BAD, "not loaded:"),
                out::styled(out::NAME, &place)
            ));
        }
    }
    match &highest {
        Ok(None) => out::line("no revision was in force yet"),
        Ok(Some(highest)) => {
            let known = json!({
                "revision": highest.revision, "digest": highest.digest, "since": highest.since,
            });
            tell("highest", known);
            out::line(format_args!(
                "revision {} is the highest that was in force, first at {}",
                highest.revision, highest.since
            ));
            if let Ok(loaded) = &loaded
                && let Err(refusal) = highest.allows(loaded.revision, &loaded.digest)
            {
                good = false;
                out::line(format_args!(
                    "{} {refusal}",
                    out::styled(out::BAD, "refused:")
                ));
            }
        }
        Err(error) => {
            good = false;
            tell("highest", json!({ "error": error.to_string() }));
            out::line(format_args!(
                "{} which revision was in force is not known: {error}",
                out::styled(out::BAD, "not known:")
            ));
        }
    }
    tell("good", json!(good));
    out::json(&all);
    Ok(good)
}
