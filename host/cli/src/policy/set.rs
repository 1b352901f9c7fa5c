//! `signalbox policy check` of a whole set.

use std::{path::Path, sync::Arc};

use serde_json::{Value, json};
use signalbox_lambda::{
    Config,
    config::EXPIRY_NOTICE,
    set::{
        FileSource, Loaded, Loader, SetError, Source as _, Terms,
        manifest::NO_DEPLOYMENTS,
        signature::{Signed, Untrusted},
    },
};
use signalbox_policy::Metering;

use crate::{Done, out, settings::Settings};

/// Whether what is to be checked is a set: a manifest is TOML, a component is not.
pub(super) fn is_set(path: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

/// Loads a set as the host does, with all policies, their settings and tests, and says what is wrong.
pub(super) async fn check(path: &str, config: Option<&Path>, deployment: Option<&str>) -> Done {
    let path = Path::new(path);
    let config = configuration(config)?;
    let deployment = deployment.map(str::to_owned).or_else(named_deployment);
    let text = match read(path).await {
        Ok(text) => text,
        Err(error) => return Ok(tell_faults(&error)),
    };
    match load(path, &text, config.as_ref(), deployment).await? {
        Ok((loaded, untrusted)) => {
            let untrusted = untrusted.map(|untrusted| match loaded.deployments {
                None => format!("{}. Before that: {NO_DEPLOYMENTS}", advice(untrusted)),
                Some(_) => advice(untrusted),
            });
            let mut document = document(&loaded);
            if let Value::Object(fields) = &mut document {
                fields.insert("untrusted".to_owned(), json!(untrusted));
            }
            out::json(&document);
            for line in lines(&path.display().to_string(), &loaded) {
                out::line(line);
            }
            if let Some(untrusted) = untrusted {
                out::line(format_args!(
                    "{} a function{} would not take the set as it stands: {untrusted}",
                    out::styled(out::NOTE, "note:"),
                    if config.is_some() {
                        " with this configuration"
                    } else {
                        ""
                    },
                ));
            }
            Ok(true)
        }
        Err(error) => Ok(tell_faults(&error)),
    }
}

/// The deployment that the environment names. The one of a configuration is that of the machine where it is read.
pub(super) fn named_deployment() -> Option<String> {
    let variable = std::env::var("SIGNALBOX_DEPLOYMENT").ok();
    variable.filter(|name| !name.is_empty())
}

/// The configuration that a set is for: the one that is named here, or else in the environment.
pub(super) fn configuration(named: Option<&Path>) -> Result<Option<Config>, String> {
    let variable = std::env::var_os("SIGNALBOX_CONFIG").filter(|name| !name.is_empty());
    let Some(path) = named.or(variable.as_deref().map(Path::new)) else {
        return Ok(None);
    };
    Settings::of_file(path).read().map(Some)
}

/// Reads a manifest, within the bound that a host has for it.
pub(super) async fn read(path: &Path) -> Result<Vec<u8>, SetError> {
    let fetched = FileSource::new(path).manifest(None).await?;
    Ok(fetched.map(|fetched| fetched.bytes).unwrap_or_default())
}

/// Loads the set of a manifest as the host does, with the files beside it, and says why a function would not trust it.
/// That is no fault: a set is checked before it is signed.
pub(super) async fn load(
    path: &Path,
    text: &[u8],
    config: Option<&Config>,
    deployment: Option<String>,
) -> Result<Result<(Loaded, Option<Untrusted>), SetError>, String> {
    let (mut terms, untrusted) = terms_of(text, config);
    terms.deployment = deployment;
    let loader = Loader::new(
        super::engine(Metering::Off)?,
        Arc::new(FileSource::new(path)),
        terms,
    );
    let _progress = out::Progress::of("loading the policy set");
    let loaded = loader.load(text, None).await;
    Ok(loaded.map(|loaded| (loaded, untrusted)))
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

/// What a set has to keep to in a deployment, but for its signature, and what is wrong with that. Where no deployment says
/// who is trusted, a signature has to hold all the same.
pub(super) fn terms_of(text: &[u8], config: Option<&Config>) -> (Terms, Option<Untrusted>) {
    let set = config.and_then(|config| config.policy_set.as_ref());
    let mut terms = Terms {
        targets: config.map(|config| config.targets.keys().cloned().collect()),
        ceilings: set.map(|set| set.ceilings).unwrap_or_default(),
        trusted_keys: Vec::new(),
        allow_unsigned: true,
        unknown_fields: config.map(|config| config.unknown_fields),
        deployment: None,
        refuse_expired: set.is_some_and(|set| set.refuse_expired),
        expiry_notice: set.map_or(EXPIRY_NOTICE, |set| set.expiry_notice),
        review_tests: true,
        is_draft: false,
    };
    let signed = Signed::split(text);
    let (trusted, allow_unsigned) = match set {
        Some(set) => (set.trusted_keys.clone(), set.allow_unsigned),
        None => (signed.signatures.iter().map(|one| one.key).collect(), true),
    };
    match signed.verify(&trusted, allow_unsigned) {
        Ok(_) => {
            // What only a signed set may bring is loaded then, as the function does.
            terms.trusted_keys = trusted;
            (terms, None)
        }
        Err(untrusted) => (terms, Some(untrusted)),
    }
}

/// Why a function would not trust the set, and what to run before it is published.
pub(super) fn advice(untrusted: Untrusted) -> String {
    match untrusted {
        Untrusted::Unsigned => untrusted.to_string(),
        Untrusted::Stranger { .. } | Untrusted::Broken { .. } => format!(
            "{untrusted}. If it is as it should be, sign it with `signalbox policy sign` and a key that is trusted"
        ),
    }
}

/// What is told of a loaded set, for programs.
pub(super) fn document(loaded: &Loaded) -> Value {
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
        "deployments": loaded.deployments,
        "notAfter": loaded.not_after.map(|end| end.to_string()),
        "policies": policies,
        "warnings": warnings,
    })
}

/// For which deployments a set is, and until when.
pub(super) fn scope_line(
    deployments: Option<&[String]>,
    not_after: Option<String>,
) -> Option<String> {
    let deployments = deployments.map(|named| format!("for the deployments {}", named.join(", ")));
    let end = not_after.map(|end| format!("until {end}"));
    let parts: Vec<_> = deployments.into_iter().chain(end).collect();
    (!parts.is_empty()).then(|| format!("  {}", parts.join(", ")))
}

/// And for people.
pub(super) fn lines(name: &str, loaded: &Loaded) -> Vec<String> {
    let mut lines = vec![format!(
        "{} {} revision {}, SHA-256 {}",
        out::styled(out::GOOD, "good:"),
        out::styled(out::NAME, name),
        loaded.revision,
        loaded.digest
    )];
    lines.extend(scope_line(
        loaded.deployments.as_deref(),
        loaded.not_after.map(|end| end.to_string()),
    ));
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
