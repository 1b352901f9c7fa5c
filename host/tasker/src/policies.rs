//! The policies in force: one immutable set, of which every event takes a snapshot.

use std::{collections::BTreeMap, sync::Arc};

use signalbox_policy::Policy;

use crate::raised::{Raised, names};

/// A policy and what it was granted.
#[derive(Clone)]
pub struct Granted {
    /// The policy.
    pub policy: Arc<dyn Policy>,
    /// The targets it may use, the default one first; empty for all of [`crate::Options`].
    pub targets: Vec<String>,
    /// Who acts in its place if it misbehaves before it has started anything. Without one the fault is the answer.
    pub baseline: Option<Arc<Granted>>,
}

/// Policies by name.
#[derive(Clone)]
pub struct PolicySet {
    policies: BTreeMap<String, Granted>,
    default: String,
}

impl PolicySet {
    /// A set of one policy that may use every target.
    #[must_use]
    pub fn single(policy: Arc<dyn Policy>) -> Self {
        let default = policy.identity().name.clone();
        Self {
            policies: BTreeMap::from([(
                default.clone(),
                Granted {
                    policy,
                    targets: Vec::new(),
                    baseline: None,
                },
            )]),
            default,
        }
    }

    /// A set whose `default` serves payloads that name no policy; none if there is no policy of that name.
    #[must_use]
    pub fn new(default: &str, policies: Vec<Granted>) -> Option<Self> {
        let policies: BTreeMap<_, _> = policies
            .into_iter()
            .map(|granted| (granted.policy.identity().name.clone(), granted))
            .collect();
        policies.contains_key(default).then(|| Self {
            policies,
            default: default.to_owned(),
        })
    }

    /// The same set with every policy replaced by what `wrap` makes of it, which keeps its identity.
    #[must_use]
    pub fn map(mut self, wrap: impl Fn(Arc<dyn Policy>) -> Arc<dyn Policy>) -> Self {
        for granted in self.policies.values_mut() {
            granted.policy = wrap(Arc::clone(&granted.policy));
        }
        self
    }

    /// The policy for a payload.
    ///
    /// # Errors
    /// `NotGranted` if there is none of that name.
    pub fn choose(&self, name: Option<&str>) -> Result<&Granted, Raised> {
        let name = name.unwrap_or(&self.default);
        self.policies.get(name).ok_or_else(|| {
            Raised::new(
                names::NOT_GRANTED,
                format!("there is no policy `{name}` for this caller"),
            )
        })
    }

    /// The policy that settles a statement: the one of the same name in the current set, else the default one.
    /// The second value says that it is not the same name.
    #[must_use]
    pub fn settling(&self, name: &str) -> Option<(&Granted, bool)> {
        match self.policies.get(name) {
            Some(granted) => Some((granted, false)),
            None => self
                .policies
                .get(&self.default)
                .map(|granted| (granted, true)),
        }
    }
}
