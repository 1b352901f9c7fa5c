//! Which decisions are written down, and where: `[records]`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use signalbox_policy::record::MaskRule;

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordsFile {
    line: Option<bool>,
    line_mask: Option<String>,
    directory: Option<String>,
    mask: Option<String>,
}

/// Which decisions are written down, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordsConfig {
    /// Whether each is a line of the log.
    pub line: bool,
    /// What is hidden in lines.
    pub line_mask: MaskRule,
    /// Where they are kept whole; none if they are not.
    pub directory: Option<PathBuf>,
    /// What is hidden in whole ones.
    pub mask: MaskRule,
}

impl Default for RecordsConfig {
    fn default() -> Self {
        Self {
            line: true,
            line_mask: MaskRule::Literals,
            directory: None,
            mask: MaskRule::Secrets,
        }
    }
}

/// Reads the section; notes each bad value. Paths are relative to `folder`.
pub(super) fn check(
    file: &RecordsFile,
    folder: &Path,
    note: &mut impl FnMut(&str, String),
) -> RecordsConfig {
    let default = RecordsConfig::default();
    let mut rule = |key: &str, value: Option<&str>, default: MaskRule| match value {
        None => default,
        Some("secrets") => MaskRule::Secrets,
        Some("literals") => MaskRule::Literals,
        Some(other) => {
            note(key, format!("`{other}` must be `secrets` or `literals`"));
            default
        }
    };
    let line_mask = rule("line_mask", file.line_mask.as_deref(), default.line_mask);
    let mask = rule("mask", file.mask.as_deref(), default.mask);
    let directory = match file.directory.as_deref() {
        Some("") => {
            note(
                "directory",
                "is empty: name a folder, or leave it out".to_owned(),
            );
            None
        }
        directory => directory.map(|directory| folder.join(directory)),
    };
    if file.mask.is_some() && directory.is_none() {
        note(
            "mask",
            "says what is hidden in whole records, and no `directory` keeps any; for the log it is `line_mask`".to_owned(),
        );
    }
    RecordsConfig {
        line: file.line.unwrap_or(default.line),
        line_mask,
        directory,
        mask,
    }
}
