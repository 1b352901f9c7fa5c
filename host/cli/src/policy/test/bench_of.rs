//! What policies are loaded with: one engine that meters fuel, with the user's cache of compiled components.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use signalbox_lambda::{
    config::ConfigError,
    policy_tests::Subject,
    set::{FileSource, Loader, SetError, Terms},
};
use signalbox_policy::{
    ComponentPolicy, Limits, Loading, Metering, PolicyEngine, Source, contract::UnknownFields,
    digest,
};
use signalbox_tasker::{Action, Granted, Grants};

use crate::policy::{component, engine, set};

/// Loads policies to be tried.
pub(crate) struct Workbench {
    pub(crate) engine: Arc<PolicyEngine>,
    /// By the digest of the component.
    known: Mutex<HashMap<String, Arc<ComponentPolicy>>>,
}

impl Workbench {
    pub(crate) fn new() -> Result<Self, String> {
        Self::metering(Metering::Fuel)
    }

    pub(crate) fn metering(metering: Metering) -> Result<Self, String> {
        let engine = engine(metering)?;
        Ok(Self {
            engine: Arc::new(engine),
            known: Mutex::default(),
        })
    }

    /// A policy that may do everything on these targets.
    pub(crate) async fn subject(
        &self,
        policy: &str,
        settings: String,
        targets: Vec<String>,
    ) -> Result<Subject, String> {
        let bytes = component(policy)?;
        let digest = digest::hex(&bytes);
        let known = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(&digest).cloned()
        };
        let loading = Loading {
            name: Path::new(policy)
                .file_stem()
                .map_or(policy, |stem| stem.to_str().unwrap_or(policy))
                .to_owned(),
            source: match known {
                Some(known) => Source::Loaded(known),
                None => Source::Component(bytes),
            },
            settings: settings.clone(),
            limits: Limits::default(),
            redact: None,
        };
        let loaded = self.engine.load(loading).await;
        let code = Arc::new(loaded.map_err(|error| error.to_string())?);
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(digest, Arc::clone(&code));
        }
        Ok(Subject {
            granted: Granted::new(
                Arc::<ComponentPolicy>::clone(&code),
                targets,
                Some(Arc::new(Grants::of(Action::ALL))),
            ),
            code,
            settings,
            unknown_fields: UnknownFields::Warn,
        })
    }

    /// The policies of a set with their tests, which are not run.
    pub(crate) async fn set(
        &self,
        path: &Path,
    ) -> Result<Vec<signalbox_lambda::set::Tested>, String> {
        let text = set::read(path).await.map_err(|error| error.to_string())?;
        let terms = Terms {
            is_draft: true,
            ..set::terms_of(&text, None).0
        };
        let loader = Loader::new(
            Arc::clone(&self.engine),
            Arc::new(FileSource::new(path)),
            terms,
        );
        match loader.load(&text, None).await {
            Ok(loaded) => Ok(loaded.tested),
            Err(SetError::Wrong(ConfigError { problems })) => {
                let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
                Err(problems.join("\n"))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}
