//! From a manifest's bytes to policies that may be put in force.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use signalbox_policy::{
    ComponentPolicy, Identity, LoadError, Loading, Policy as _, PolicyEngine,
    contract::UnknownFields, digest,
};
use signalbox_tasker::{Granted, PolicySet, secrets::secrets_out};

use super::{
    expiry,
    lines::Path,
    manifest::{self, Around, Code, Entry, Pinned, Place},
    signature::{PublicKey, Signed, Untrusted},
    source::{FetchError, Source},
    windows,
};
use crate::{
    config::{ConfigError, LimitsFile, Problem},
    policy_tests::{Case, Subject},
    start::standard,
};

/// An artifact may be so many times as long as its component.
const ARTIFACT_TIMES: usize = 4;

/// What a set has to keep to, by the configuration.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// The targets that there are; none if they are not known.
    pub targets: Option<Vec<String>>,
    /// What no policy may go beyond.
    pub ceilings: LimitsFile,
    /// Who may sign.
    pub trusted_keys: Vec<PublicKey>,
    /// Whether a set without a signature is taken.
    pub allow_unsigned: bool,
    /// What policies are to do about unknown fields.
    pub unknown_fields: Option<UnknownFields>,
    /// Whose set it has to be; none if that is not known.
    pub deployment: Option<String>,
    /// Whether a set that is out of date is refused.
    pub refuse_expired: bool,
    /// How long before its end a set is warned of.
    pub expiry_notice: Duration,
    /// Whether to say what tests leave out, which is for those who write a set.
    pub review_tests: bool,
    /// Whether the set is one that is worked on: its tests are left out, which are then run by themselves, and files may
    /// have another digest than the manifest says.
    pub is_draft: bool,
}

/// Loads sets.
pub struct Loader {
    engine: Arc<PolicyEngine>,
    source: Arc<dyn Source>,
    terms: Terms,
}

/// A set that is whole: every policy is loaded, has taken its settings and passed its tests.
pub struct Loaded {
    /// Its revision.
    pub revision: u64,
    /// SHA-256 of the manifest without its signatures, hexadecimal.
    pub digest: String,
    /// Who signed; none for an unsigned set.
    pub signed_by: Option<PublicKey>,
    /// The deployments that it is for, as patterns; none if it does not say.
    pub deployments: Option<Vec<String>>,
    /// The moment from which on it is out of date.
    pub not_after: Option<Timestamp>,
    /// The policies, by name.
    pub policies: Vec<LoadedPolicy>,
    /// What is odd and no error.
    pub warnings: Vec<Problem>,
    /// The policies with their tests, for whoever runs them.
    pub tested: Vec<Tested>,
    set: PolicySet,
    /// By the digest of the file that was fetched.
    code: BTreeMap<String, Arc<ComponentPolicy>>,
}

/// A policy of a loaded set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedPolicy {
    /// Which it is.
    pub identity: Identity,
    /// How many tests it passed.
    pub tests: usize,
}

/// A policy of a loaded set with its tests.
pub struct Tested {
    /// The policy.
    pub subject: Subject,
    /// Its tests.
    pub cases: Vec<Case>,
}

impl Loaded {
    /// The policies, to be put in force.
    #[must_use]
    pub fn set(&self) -> PolicySet {
        self.set.clone()
    }
}

/// A set is not put in force.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SetError {
    /// Something of it cannot be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It is from nobody who is trusted.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// It is wrong.
    #[error(transparent)]
    Wrong(#[from] ConfigError),
    /// It is out of date.
    #[error(
        "the set is out of date: its `not_after` was {0}. Publish it anew, with a later one and a higher revision; \
         `refuse_expired = false` in [policy_set] would take it with a warning"
    )]
    Expired(Timestamp),
    /// Another revision was in force.
    #[error(transparent)]
    Revision(#[from] signalbox_tasker::revision::RevisionError),
    /// It took too long.
    #[error("it was not loaded within {0} seconds")]
    TooSlow(u64),
    /// A defect of the host.
    #[error("the host has a defect: loading the set ended without a result")]
    Defect,
}

impl SetError {
    /// Whether the same set may be put in force a little later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        use signalbox_tasker::revision::RevisionError;
        matches!(
            self,
            Self::Fetch(_) | Self::TooSlow(_) | Self::Revision(RevisionError::Ledger(_))
        )
    }
}

impl Loader {
    /// Loads sets from a source.
    #[must_use]
    pub fn new(
        engine: impl Into<Arc<PolicyEngine>>,
        source: Arc<dyn Source>,
        terms: Terms,
    ) -> Self {
        Self {
            engine: engine.into(),
            source,
            terms,
        }
    }

    /// Where sets come from.
    #[must_use]
    pub fn source(&self) -> &dyn Source {
        self.source.as_ref()
    }

    /// Fetches the set as it is now and loads it.
    ///
    /// # Errors
    /// Everything that keeps it from being put in force.
    pub async fn load_now(&self) -> Result<Loaded, SetError> {
        match self.source.manifest(None).await? {
            Some(fetched) => self.load(&fetched.bytes, None).await,
            None => Err(SetError::Defect),
        }
    }

    /// What sets have to keep to.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Loads the set of a manifest. `before` is the one in force: its components are not fetched again.
    ///
    /// # Errors
    /// Everything that keeps it from being put in force.
    pub async fn load(&self, text: &[u8], before: Option<&Loaded>) -> Result<Loaded, SetError> {
        self.load_at(text, before, now()).await
    }

    /// As [`Loader::load`], at this time.
    ///
    /// # Errors
    /// As [`Loader::load`].
    pub async fn load_at(
        &self,
        text: &[u8],
        before: Option<&Loaded>,
        now: Timestamp,
    ) -> Result<Loaded, SetError> {
        let signed = Signed::split(text);
        // Nothing is read of what is from nobody.
        let signed_by = signed.verify(&self.terms.trusted_keys, self.terms.allow_unsigned)?;
        let name = self.source.place();
        let text = std::str::from_utf8(signed.manifest).map_err(|_| {
            wrong(vec![Problem {
                place: name.clone(),
                message: "is no UTF-8 text".to_owned(),
            }])
        })?;
        let around = Around {
            name: &name,
            targets: self.terms.targets.as_deref(),
            ceilings: self.terms.ceilings,
        };
        let manifest = manifest::read(text, &around).map_err(wrong)?;
        let place = Place { name: &name, text };
        let deployment = self.terms.deployment.as_deref();
        if let Err(reason) = manifest.is_for(deployment, signed_by.is_some()) {
            let path = Path::of(&["deployments"]);
            return Err(wrong(vec![place.problem(&path, reason)]));
        }
        let mut warnings = manifest.warnings;
        if let Some(end) = manifest.not_after {
            if self.terms.refuse_expired && end <= now {
                return Err(SetError::Expired(end));
            }
            if let Some(notice) = expiry::notice(end, now, self.terms.expiry_notice) {
                warnings.push(place.problem(&Path::of(&["not_after"]), notice));
            }
        }

        let mut problems = Vec::new();
        let mut loaded = Loaded {
            revision: manifest.revision,
            digest: digest::hex(signed.manifest),
            signed_by,
            deployments: manifest.deployments.map(|named| {
                let named = named.iter().map(|pattern| pattern.as_str().to_owned());
                named.collect()
            }),
            not_after: manifest.not_after,
            policies: Vec::new(),
            warnings,
            tested: Vec::new(),
            set: PolicySet::unavailable("it is being loaded"),
            code: BTreeMap::new(),
        };
        let mut all = Vec::new();
        for (name, entry) in &manifest.policies {
            match self.policy(&place, name, entry, before, &mut loaded).await {
                Ok(granted) => all.push(granted),
                Err(Refused::Fetch(error)) => return Err(error.into()),
                Err(Refused::Wrong(mut found)) => problems.append(&mut found),
            }
        }
        if !problems.is_empty() {
            return Err(wrong(problems));
        }
        loaded.set = PolicySet::routed(all, manifest.routes).revised(manifest.revision);
        Ok(loaded)
    }

    async fn policy(
        &self,
        place: &Place<'_>,
        name: &str,
        entry: &Entry,
        before: Option<&Loaded>,
        loaded: &mut Loaded,
    ) -> Result<Granted, Refused> {
        let path = Path::of(&["policies", name]);
        let others = [before, Some(&*loaded)];
        let is_signed = loaded.signed_by.is_some();
        let (source, key) = self
            .code(place, &path, name, entry, others, is_signed)
            .await?;
        let loading = Loading {
            name: name.to_owned(),
            source,
            settings: entry.settings.clone(),
            limits: entry.limits,
            redact: Some(Arc::new(secrets_out)),
        };
        let policy = match self.engine.load(loading).await {
            Ok(policy) => Arc::new(policy),
            Err(error) => return Err(Refused::Wrong(explain(place, &path, error))),
        };
        for finding in policy.warnings() {
            let at = path.clone().name("settings").within(&finding.path);
            loaded.warnings.push(place.problem(&at, with_help(finding)));
        }
        let granted = Granted::new(
            Arc::<ComponentPolicy>::clone(&policy),
            entry.targets.clone(),
            Some(Arc::new(entry.grants.grants())),
        );
        let subject = Subject {
            granted: granted.clone(),
            code: Arc::clone(&policy),
            settings: entry.settings.clone(),
            unknown_fields: self.terms.unknown_fields.unwrap_or(UnknownFields::Warn),
        };
        let mut failed = Vec::new();
        if !self.terms.is_draft {
            for (index, case) in entry.tests.iter().enumerate() {
                let verdict = subject.test(&self.engine, case).await;
                if let Some(first) = verdict.differences.first() {
                    let at = path.clone().name("tests").item(index);
                    failed.push(place.problem(&at, format!("test {:?}: {first}", case.name)));
                }
            }
        }
        if !failed.is_empty() {
            return Err(Refused::Wrong(failed));
        }
        if self.terms.review_tests && entry.code == Code::Standard {
            let rules = path.clone().name("settings").name("rules");
            for (at, message) in windows::untested(&self.engine, &policy, entry, &rules).await {
                loaded.warnings.push(place.problem(&at, message));
            }
        }
        loaded.tested.push(Tested {
            subject,
            cases: entry.tests.clone(),
        });
        loaded.policies.push(LoadedPolicy {
            identity: policy.identity().clone(),
            tests: entry.tests.len(),
        });
        loaded.code.insert(key, policy);
        Ok(granted)
    }

    /// A policy's code, and the digest under which it is known.
    async fn code(
        &self,
        place: &Place<'_>,
        path: &Path,
        name: &str,
        entry: &Entry,
        others: [Option<&Loaded>; 2],
        is_signed: bool,
    ) -> Result<(signalbox_policy::Source, String), Refused> {
        let wrong = |message: String| Refused::Wrong(vec![place.problem(path, message)]);
        let (component, artifact) = match &entry.code {
            Code::Standard => {
                let key = "standard".to_owned();
                if let Some(known) = known(others, &key) {
                    return Ok((known, key));
                }
                let source = standard::source(name).map_err(|error| wrong(error.to_string()))?;
                return Ok((source, key));
            }
            Code::Files {
                component,
                artifacts,
            } => (component, artifacts.get(architecture())),
        };
        // An artifact is machine code: whoever made it runs in the host, and a digest says only that it is what was
        // written down. By whom is for the signature to say.
        if artifact.is_some() && !is_signed && component.is_none() {
            return Err(wrong(
                "has artifacts only, and the set is not signed: an artifact is machine code, which only a signed set may \
                 bring. Sign the set, or give a `component`"
                    .to_owned(),
            ));
        }
        let artifact = artifact.filter(|_| is_signed);
        let (pinned, most) = match (artifact, component) {
            (Some(artifact), _) => (
                artifact,
                entry.limits.component.saturating_mul(ARTIFACT_TIMES),
            ),
            (None, Some(component)) => (component, entry.limits.component),
            (None, None) => {
                return Err(wrong(format!(
                    "has neither a component nor an artifact for this host, which is {}",
                    architecture()
                )));
            }
        };
        // What a draft says of a digest is not so.
        let key = match self.terms.is_draft {
            true => pinned.file.clone(),
            false => pinned.sha256.clone(),
        };
        if let Some(known) = known(others, &key) {
            return Ok((known, key));
        }
        let bytes = self.source.file(&pinned.file, &pinned.sha256, most).await?;
        if !self.terms.is_draft {
            check_digest(pinned, &bytes).map_err(wrong)?;
        }
        let source = if artifact.is_some() {
            signalbox_policy::Source::Artifact {
                bytes: Cow::Owned(bytes),
                sha256: pinned.sha256.clone(),
                component: component.as_ref().map(|pinned| pinned.sha256.clone()),
            }
        } else {
            signalbox_policy::Source::Component(Cow::Owned(bytes))
        };
        Ok((source, key))
    }
}

/// Why a policy is not loaded.
enum Refused {
    Fetch(FetchError),
    Wrong(Vec<Problem>),
}

impl From<FetchError> for Refused {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

fn wrong(problems: Vec<Problem>) -> SetError {
    SetError::Wrong(ConfigError { problems })
}

/// Code that was fetched before: for the set in force, or for another policy of this one.
fn known(others: [Option<&Loaded>; 2], key: &str) -> Option<signalbox_policy::Source> {
    let policy = others
        .into_iter()
        .flatten()
        .find_map(|set| set.code.get(key))?;
    Some(signalbox_policy::Source::Loaded(Arc::clone(policy)))
}

fn check_digest(pinned: &Pinned, bytes: &[u8]) -> Result<(), String> {
    let found = digest::hex(bytes);
    if found == pinned.sha256 {
        return Ok(());
    }
    Err(format!(
        "{} has SHA-256 {found}, but the manifest says {}: it was changed, is not whole, or is another file. Nothing of \
         it was run",
        pinned.file, pinned.sha256
    ))
}

/// This host's architecture in AWS Lambda's words.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    }
}

fn now() -> Timestamp {
    use signalbox_tasker::ports::{Clock as _, SystemClock};
    SystemClock.now()
}

/// A policy's own findings have their places in the manifest.
fn explain(place: &Place<'_>, path: &Path, error: LoadError) -> Vec<Problem> {
    match error {
        LoadError::Settings { findings, .. } => findings
            .iter()
            .map(|finding| {
                let at = path.clone().name("settings").within(&finding.path);
                place.problem(&at, with_help(finding))
            })
            .collect(),
        error => vec![place.problem(path, error.to_string())],
    }
}

fn with_help(finding: &signalbox_policy::contract::Finding) -> String {
    match &finding.help {
        Some(help) => format!("{} ({help})", finding.message),
        None => finding.message.clone(),
    }
}
