//! `signalbox policy new`: a small project that passes its own tests.

mod files;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::{Done, out};

/// What is made.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The project's folder, whose name is that of the policy
    #[arg(value_name = "NAME")]
    path: PathBuf,
    /// Rules for the built-in policy, without code (the default)
    #[arg(long, conflicts_with = "lang")]
    settings: bool,
    /// A policy of your own in this language
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<Language>,
    /// In which form settings without code are written
    #[arg(long, default_value = "toml", conflicts_with = "lang")]
    format: Format,
}

/// A language that policies are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// The standard policy with one decision of your own
    Rust,
    /// A component of componentize-py
    Python,
    /// A component of componentize-js
    Javascript,
}

/// A form of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// In the manifest of a policy set
    Toml,
    /// In a file of their own, which the function's configuration names
    Json,
}

/// The longest name: it is also that of a policy in a set.
const NAME_MAX: usize = 64;

pub(crate) async fn run(args: &NewArgs) -> Done {
    let name = name(&args.path)?;
    if args.path.exists() {
        let mut entries = std::fs::read_dir(&args.path)
            .map_err(|error| format!("{} cannot be read: {error}", args.path.display()))?;
        if entries.next().is_some() {
            return Err(format!(
                "{} is there already, and nothing of it is replaced: give another name, or empty it",
                args.path.display()
            ));
        }
    }
    let schema = super::schema_text(super::STANDARD).await?;
    let files = match (args.lang, args.format) {
        (Some(language), _) => files::of_language(language, &name),
        (None, format) => files::of_settings(format, &name, &schema),
    };
    for (place, text) in &files {
        let path = args.path.join(place);
        write(&path, text)
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    }
    let next = match args.lang {
        None => "signalbox policy test",
        Some(Language::Rust) => "./build && signalbox policy test",
        Some(Language::Python | Language::Javascript) => "sh build && signalbox policy test",
    };
    let next = format!(
        "cd {} && {}",
        args.path.display(),
        next.replace("./build", "sh build")
    );
    out::line(format_args!(
        "{} {}: its README says what is in it. Now:",
        out::styled(out::GOOD, "made"),
        out::styled(out::NAME, args.path.display())
    ));
    out::line(format_args!("  {next}"));
    let places: Vec<_> = files.iter().map(|(place, _)| place).collect();
    out::json(&json!({ "made": args.path, "files": places, "next": next }));
    Ok(true)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}

/// The name of the policy: good for a package in every language, and for a policy of a set.
fn name(path: &Path) -> Result<String, String> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let good = name.len() <= NAME_MAX
        && name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && !name.ends_with('-')
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    // Names of what a project's own files stand on.
    let taken = [
        "test",
        "core",
        "std",
        "alloc",
        "signalbox-kit",
        "signalbox-sql",
    ]
    .contains(&name);
    match (good, taken) {
        (true, false) => Ok(name.to_owned()),
        (true, true) => Err(format!(
            "{name:?} is the name of something else: give another one"
        )),
        (false, _) => Err(format!(
            "{name:?} is no name for a policy: lower-case letters, digits and -, a letter first, at most {NAME_MAX}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_good_everywhere() {
        for good in ["finance", "a/b/no-drops", "p2"] {
            assert!(name(Path::new(good)).is_ok(), "{good}");
        }
        for bad in [
            "", "..", "Finance", "2p", "a_b", "a-", "a.b", "test", "ä", "/",
        ] {
            assert!(name(Path::new(bad)).is_err(), "{bad}");
        }
    }
}
