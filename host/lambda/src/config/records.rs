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
    bucket_owner: Option<String>,
}

/// Where whole records are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordsPlace {
    /// A folder.
    Folder(PathBuf),
    /// A bucket of Amazon S3.
    S3 {
        /// The bucket.
        bucket: String,
        /// What every key begins with, without a slash at its end; may be empty.
        prefix: String,
        /// The account that the bucket has to be of.
        owner: Option<String>,
    },
}

/// Which decisions are written down, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordsConfig {
    /// Whether each is a line of the log.
    pub line: bool,
    /// What is hidden in lines.
    pub line_mask: MaskRule,
    /// Where they are kept whole; none if they are not.
    pub directory: Option<RecordsPlace>,
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
    let mut directory = match file.directory.as_deref() {
        None => None,
        Some(text) => match place(text, folder) {
            Ok(place) => Some(place),
            Err(message) => {
                note("directory", message);
                None
            }
        },
    };
    if let Some(account) = &file.bucket_owner {
        match &mut directory {
            Some(RecordsPlace::S3 { owner, .. }) if is_account(account) => {
                *owner = Some(account.clone());
            }
            Some(RecordsPlace::S3 { .. }) => note("bucket_owner", no_account(account)),
            _ => note(
                "bucket_owner",
                "goes only with a `directory` in a bucket of S3".to_owned(),
            ),
        }
    }
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

fn place(text: &str, folder: &Path) -> Result<RecordsPlace, String> {
    match text.split_once("://") {
        None if text.is_empty() => {
            Err("is empty: name a folder or s3://BUCKET/PREFIX, or leave it out".to_owned())
        }
        None => Ok(RecordsPlace::Folder(folder.join(text))),
        Some(("s3", rest)) => {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(format!("{text:?} names no bucket: s3://BUCKET/PREFIX"));
            }
            Ok(RecordsPlace::S3 {
                bucket: bucket.to_owned(),
                prefix: prefix.trim_end_matches('/').to_owned(),
                owner: None,
            })
        }
        Some((other, _)) => Err(format!(
            "this version keeps no records at `{other}://`: give the path of a folder, or s3://BUCKET/PREFIX"
        )),
    }
}

/// Whether a text is the id of an AWS account.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn no_account(text: &str) -> String {
    format!("{text:?} is no account: 12 digits, in quotes")
}
