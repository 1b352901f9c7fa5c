//! The policy set as the configuration names it.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use signalbox_tasker::Pattern;

use super::{
    environment::days,
    file::LimitsFile,
    records::{is_account, no_account},
};
use crate::set::{Timing, signature::PublicKey};

/// How old the last look at the source may be, in seconds.
const MAX_AGE: i64 = 60;
const MAX_AGE_MOST: i64 = 86_400;
/// How long an invocation waits for a look, in milliseconds.
const WITHIN: i64 = 500;
const WITHIN_MOST: i64 = 60_000;
/// How long before its end a set is warned of, in days.
const NOTICE_DAYS: i64 = 14;
const NOTICE_DAYS_MOST: i64 = 3_650;
/// How long before its end a set is warned of, unless a configuration says otherwise.
pub const EXPIRY_NOTICE: Duration = days(NOTICE_DAYS.unsigned_abs());

/// Where policies come from that are swapped while the function runs.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicySetConfig {
    /// Where the manifest is.
    pub source: SetSource,
    /// How often is looked, and how long is waited.
    pub timing: Timing,
    /// Who may sign.
    pub trusted_keys: Vec<PublicKey>,
    /// Whether a set without a signature is taken.
    pub allow_unsigned: bool,
    /// Whether a set that is out of date is refused, and one in force given up.
    pub refuse_expired: bool,
    /// How long before its end a set is warned of.
    pub expiry_notice: Duration,
    /// Functions whose callers may ask how the set stands.
    pub status_for: Vec<Pattern>,
    /// The hosts (`HOST` or `HOST:PORT`) beside the registry itself to which its login may go.
    pub login_hosts: Vec<String>,
    /// What no policy may go beyond.
    pub ceilings: LimitsFile,
}

/// Where a manifest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetSource {
    /// A file.
    File(PathBuf),
    /// An object of Amazon S3.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// The account that the bucket has to be of.
        owner: Option<String>,
    },
    /// An artifact in a registry: `REGISTRY/REPOSITORY:TAG` or `REGISTRY/REPOSITORY@sha256:DIGEST`.
    #[cfg(feature = "registry")]
    Registry(String),
}

impl SetSource {
    /// Reads a source. A relative path is relative to `folder`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str, folder: &Path) -> Result<Self, String> {
        match text.split_once("://") {
            Some(("s3", rest)) => match rest.split_once('/') {
                Some((bucket, key))
                    if !bucket.is_empty() && !key.is_empty() && !key.ends_with('/') =>
                {
                    Ok(SetSource::S3 {
                        bucket: bucket.to_owned(),
                        key: key.to_owned(),
                        owner: None,
                    })
                }
                _ => Err(format!(
                    "{text:?} names no object: s3://BUCKET/KEY, the key being that of the manifest"
                )),
            },
            Some(("oci", rest)) => registry(text, rest),
            Some((other, _)) => Err(format!(
                "this version reads no policy sets from `{other}://`: give the path of a file, s3://BUCKET/KEY, or \
             oci://REGISTRY/REPOSITORY:TAG"
            )),
            None => Ok(SetSource::File(folder.join(text))),
        }
    }
}

impl fmt::Display for SetSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::S3 { bucket, key, .. } => write!(f, "s3://{bucket}/{key}"),
            #[cfg(feature = "registry")]
            Self::Registry(reference) => write!(f, "oci://{reference}"),
        }
    }
}

/// `[policy_set]` of the file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicySetFile {
    source: Option<String>,
    max_age_seconds: Option<i64>,
    within_ms: Option<i64>,
    #[serde(default)]
    trusted_keys: Vec<String>,
    allow_unsigned: Option<bool>,
    #[serde(default)]
    status_for: Vec<String>,
    #[serde(default)]
    login_hosts: Vec<String>,
    bucket_owner: Option<String>,
    #[serde(default)]
    refuse_expired: bool,
    expiry_notice_days: Option<i64>,
}

#[cfg(feature = "registry")]
fn registry(text: &str, rest: &str) -> Result<SetSource, String> {
    match signalbox_registry::Registry::check(rest) {
        Ok(()) => Ok(SetSource::Registry(rest.to_owned())),
        Err(_) => Err(format!(
            "{text:?} names nothing in a registry: oci://REGISTRY/REPOSITORY:TAG or \
             oci://REGISTRY/REPOSITORY@sha256:DIGEST"
        )),
    }
}

#[cfg(not(feature = "registry"))]
fn registry(_: &str, _: &str) -> Result<SetSource, String> {
    Err(
        "this host was built without the feature `registry`, so it reads no policy sets from `oci://`: give \
         s3://BUCKET/KEY or the path of a file, or build it with the feature"
            .to_owned(),
    )
}

/// Checks what is said of the policy set; none if nothing is. `note` takes the key, or none for the variable.
pub(super) fn check(
    variable: Option<&str>,
    file: Option<PolicySetFile>,
    folder: &Path,
    ceilings: LimitsFile,
    note: &mut impl FnMut(Option<&str>, String),
) -> Option<PolicySetConfig> {
    let named = file.is_some();
    let file = file.unwrap_or_default();
    let source = match (variable, &file.source) {
        (Some(text), _) => {
            SetSource::read(text, Path::new("")).map_err(|message| note(None, message))
        }
        (None, Some(text)) => {
            SetSource::read(text, folder).map_err(|message| note(Some("source"), message))
        }
        (None, None) if named => {
            note(
                Some("source"),
                "is missing: give it here or in SIGNALBOX_POLICY_SET".to_owned(),
            );
            return None;
        }
        (None, None) => return None,
    };
    let mut trusted_keys = Vec::new();
    for text in &file.trusted_keys {
        match text.parse() {
            Ok(key) => trusted_keys.push(key),
            Err(error) => note(Some("trusted_keys"), format!("{text:?}: {error}")),
        }
    }
    for host in &file.login_hosts {
        if !is_host(host) {
            note(
                Some("login_hosts"),
                format!("{host:?} is no host: HOST or HOST:PORT, without a scheme and a path"),
            );
        }
    }
    let mut whole = |key: &str, value: Option<i64>, default: i64, from: i64, to: i64| {
        let value = value.unwrap_or(default);
        if !(from..=to).contains(&value) {
            note(
                Some(key),
                format!("{value} is out of range: {from} to {to}"),
            );
        }
        u64::try_from(value).unwrap_or_default()
    };
    let timing = Timing {
        max_age: Duration::from_secs(whole(
            "max_age_seconds",
            file.max_age_seconds,
            MAX_AGE,
            0,
            MAX_AGE_MOST,
        )),
        within: Duration::from_millis(whole("within_ms", file.within_ms, WITHIN, 0, WITHIN_MOST)),
    };
    let expiry_notice = days(whole(
        "expiry_notice_days",
        file.expiry_notice_days,
        NOTICE_DAYS,
        0,
        NOTICE_DAYS_MOST,
    ));
    let mut source = source.ok()?;
    if let Some(account) = file.bucket_owner {
        match &mut source {
            SetSource::S3 { owner, .. } if is_account(&account) => *owner = Some(account),
            SetSource::S3 { .. } => note(Some("bucket_owner"), no_account(&account)),
            _ => note(
                Some("bucket_owner"),
                "goes only with a source in a bucket of S3".to_owned(),
            ),
        }
    }
    let is_file = matches!(source, SetSource::File(_));
    let allow_unsigned = file
        .allow_unsigned
        .unwrap_or(is_file && trusted_keys.is_empty());
    if !allow_unsigned && trusted_keys.is_empty() {
        note(
            Some("trusted_keys"),
            "is empty, so no set would be taken: give the public key of `signalbox policy keygen`, or set \
             `allow_unsigned = true`"
                .to_owned(),
        );
    }
    Some(PolicySetConfig {
        source,
        timing,
        trusted_keys,
        allow_unsigned,
        refuse_expired: file.refuse_expired,
        expiry_notice,
        status_for: file.status_for.into_iter().map(Pattern::new).collect(),
        login_hosts: file.login_hosts,
        ceilings,
    })
}

/// Whether a text is `HOST` or `HOST:PORT`.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "1"));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    !host.is_empty() && host.chars().all(plain) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(
        variable: Option<&str>,
        file: Option<&str>,
    ) -> (Option<PolicySetConfig>, Vec<String>) {
        let file = file.map(|text| toml::from_str(text).expect("TOML"));
        let mut notes = Vec::new();
        let config = check(
            variable,
            file,
            Path::new("conf"),
            LimitsFile::default(),
            &mut |key, message| notes.push(format!("{}: {message}", key.unwrap_or("variable"))),
        );
        (config, notes)
    }

    const KEY: &str = "trusted_keys = [\"ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"]";

    #[test]
    fn where_a_set_is() {
        let source = |variable, file| checked(variable, file).0.map(|config| config.source);
        assert_eq!(source(None, None), None);
        assert_eq!(
            source(None, Some("source = \"set.toml\"")),
            Some(SetSource::File("conf/set.toml".into()))
        );
        assert_eq!(
            source(Some("here/set.toml"), Some("source = \"set.toml\"")),
            Some(SetSource::File("here/set.toml".into())),
            "the environment beats the file"
        );
        assert_eq!(
            source(Some("s3://sets/team/set.toml"), Some(KEY)),
            Some(SetSource::S3 {
                bucket: "sets".to_owned(),
                key: "team/set.toml".to_owned(),
                owner: None,
            })
        );
        let owned = format!("{KEY}\nbucket_owner = \"123456789012\"");
        assert!(matches!(
            source(Some("s3://sets/set.toml"), Some(&owned)),
            Some(SetSource::S3 { owner: Some(owner), .. }) if owner == "123456789012"
        ));
    }

    #[cfg(feature = "registry")]
    #[test]
    fn a_reference_into_a_registry_says_everything() {
        let good = "127.0.0.1:5000/p:v1.2_3";
        assert_eq!(
            SetSource::read(&format!("oci://{good}"), Path::new("")),
            Ok(SetSource::Registry(good.to_owned()))
        );
        for bad in ["policies:live", "r.example/p", "me:secret@r.example/p:live"] {
            let told = SetSource::read(&format!("oci://{bad}"), Path::new("")).expect_err(bad);
            assert!(told.contains("oci://REGISTRY/REPOSITORY:TAG"), "{told}");
        }
    }

    #[cfg(not(feature = "registry"))]
    #[test]
    fn a_build_without_registries_says_so() {
        let told =
            SetSource::read("oci://r.example/p:live", Path::new("")).expect_err("no registries");
        assert!(told.contains("without the feature `registry`"), "{told}");
    }

    #[test]
    fn unsigned_sets_are_for_files_without_keys_unless_it_is_said() {
        let unsigned = |variable, file| {
            checked(Some(variable), Some(file))
                .0
                .map(|config| config.allow_unsigned)
        };
        assert_eq!(unsigned("set.toml", ""), Some(true));
        assert_eq!(unsigned("set.toml", KEY), Some(false));
        assert_eq!(unsigned("s3://b/k", KEY), Some(false));
        assert_eq!(unsigned("s3://b/k", "allow_unsigned = true"), Some(true));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (variable, file, note) in [
            (Some("s3://b/k"), "", "trusted_keys: is empty"),
            (Some("s3://b"), KEY, "variable: \"s3://b\" names no object"),
            (
                Some("http://r/i"),
                KEY,
                "variable: this version reads no policy sets from `http://`",
            ),
            (None, "", "source: is missing"),
            (
                None,
                "source = \"s\"\nmax_age_seconds = -1",
                "max_age_seconds: -1 is out of range",
            ),
            (
                None,
                "source = \"s\"\ntrusted_keys = [\"x\"]",
                "trusted_keys: \"x\": this is no public key",
            ),
            (
                None,
                "source = \"s\"\nlogin_hosts = [\"https://auth.example/\"]",
                "login_hosts: \"https://auth.example/\" is no host",
            ),
            (
                None,
                "source = \"s\"\nexpiry_notice_days = -1",
                "expiry_notice_days: -1 is out of range",
            ),
            (
                Some("s3://b/k"),
                "bucket_owner = \"12345678901x\"",
                "bucket_owner: \"12345678901x\" is no account",
            ),
            (
                None,
                "source = \"s\"\nbucket_owner = \"123456789012\"",
                "bucket_owner: goes only with a source in a bucket",
            ),
        ] {
            let (_, notes) = checked(variable, Some(file));
            assert!(
                notes.iter().any(|found| found.starts_with(note)),
                "{notes:?}"
            );
        }
    }
}
