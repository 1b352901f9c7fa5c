//! `signalbox status`.

use serde_json::{Map, Value, json};
use signalbox_lambda::start;

use super::set::{document, lines};
use crate::{Done, out, settings::Settings};

/// `signalbox status`: what the function's configuration leads to now.
pub(crate) async fn run(settings: &Settings) -> Done {
    let config = settings.read_named()?;
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
    // None where it is not known.
    let mut good = Some(true);
    let mut all = Map::new();
    let mut tell = |name: &str, value: Value| drop(all.insert(name.to_owned(), value));
    tell("source", json!(place));
    match &loaded {
        Ok(loaded) => {
            tell("set", document(loaded));
            lines(&place, loaded).into_iter().for_each(out::line);
        }
        Err(error) => {
            good = Some(false);
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
                good = Some(false);
                out::line(format_args!(
                    "{} {refusal}",
                    out::styled(out::BAD, "refused:")
                ));
            }
        }
        Err(error) => {
            good = good.filter(|good| !good);
            tell("highest", json!({ "error": error.to_string() }));
            out::line(format_args!(
                "{} which revision was in force: {error}",
                out::styled(out::NOTE, "not known:")
            ));
        }
    }
    tell("good", json!(good));
    out::json(&all);
    good.ok_or_else(|| {
        format!(
            "whether a host would put this set in force is not known, for want of the ledger, the table `{}`. Set AWS_REGION, \
             and credentials that are allowed dynamodb:GetItem on it: AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY",
            config.ledger.table
        )
    })
}
