//! The policies in force: one immutable set, of which every event takes a snapshot.

mod route;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use signalbox_policy::{Policy, share::Share};

pub use self::route::{Caller, Mode, Route};
use crate::{
    grants::Grants,
    raised::{Raised, names},
    record::Record,
};

/// A policy and what it was granted.
#[derive(Clone)]
pub struct Granted {
    /// The policy.
    pub policy: Arc<dyn Policy>,
    /// The targets it may use, the default one first. Where `grants` is none, empty means all of [`crate::Options`].
    pub targets: Vec<String>,
    /// What it may do there, by the manifest of a policy set. None without one: everything, as with the original.
    pub grants: Option<Arc<Grants>>,
    /// Who acts in its place if it misbehaves before it has started anything. Without one the fault is the answer.
    pub baseline: Option<Arc<Granted>>,
    /// Who is compared with it, after it has acted.
    pub shadow: Option<Shadow>,
    /// The policy whose singletons and idempotency keys its own are: two policies that act for the same callers share
    /// them. None for its own.
    pub keys_of: Option<String>,
    /// The route by which it serves a caller; none without routes.
    pub route: Option<String>,
}

/// A policy that is compared with the one that acts.
#[derive(Clone)]
pub struct Shadow {
    /// The policy, without any witness of the acting one.
    pub policy: Arc<dyn Policy>,
    /// The part of the decisions on which it is compared.
    pub sample: Share,
}

impl Granted {
    /// A policy that acts, with what it may use.
    #[must_use]
    pub fn new(policy: Arc<dyn Policy>, targets: Vec<String>, grants: Option<Arc<Grants>>) -> Self {
        Self {
            policy,
            targets,
            grants,
            baseline: None,
            shadow: None,
            keys_of: None,
            route: None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.policy.identity().name
    }

    /// The policy whose keys its own are.
    #[must_use]
    pub fn keys(&self) -> &str {
        self.keys_of.as_deref().unwrap_or_else(|| self.name())
    }
}

/// Policies by name, and which of them serves whom.
#[derive(Clone)]
pub struct PolicySet {
    policies: BTreeMap<String, Granted>,
    /// The same policies as they came, without witnesses: for those that do not act.
    plain: BTreeMap<String, Arc<dyn Policy>>,
    choice: Choice,
    /// What is granted by route and policy: rates are counted for each of them by itself.
    rates: BTreeMap<(String, String), Arc<Grants>>,
    revision: Option<u64>,
}

/// How the policy of a payload is chosen.
#[derive(Clone)]
enum Choice {
    /// Any policy may be asked for; else this one serves.
    Default(String),
    /// By the first route that the invoked function matches.
    Routes(Arc<[Route]>),
    /// There is no set to choose from.
    Unavailable(String),
}

impl PolicySet {
    /// A set of one policy that may use every target.
    #[must_use]
    pub fn single(policy: Arc<dyn Policy>) -> Self {
        let default = policy.identity().name.clone();
        Self::of(
            vec![Granted::new(policy, Vec::new(), None)],
            Choice::Default(default),
        )
    }

    /// A set whose `default` serves payloads that name no policy; none if there is no policy of that name.
    #[must_use]
    pub fn new(default: &str, policies: Vec<Granted>) -> Option<Self> {
        let set = Self::of(policies, Choice::Default(default.to_owned()));
        set.policies.contains_key(default).then_some(set)
    }

    /// A set in which routes say who gets which policy. A route to a policy that is not there offers nothing by that
    /// name.
    #[must_use]
    pub fn routed(policies: Vec<Granted>, routes: Vec<Route>) -> Self {
        let mut set = Self::of(policies, Choice::Routes(Arc::default()));
        for route in &routes {
            for (name, granted) in &set.policies {
                if let Some(grants) = &granted.grants {
                    let place = (route.name.clone(), name.clone());
                    set.rates.insert(place, Arc::new(grants.counted_anew()));
                }
            }
        }
        set.choice = Choice::Routes(routes.into());
        set
    }

    /// What is in force while no set could be loaded: payloads are refused, and may be sent again. Statements that
    /// end are answered as the original would.
    #[must_use]
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::of(Vec::new(), Choice::Unavailable(reason.into()))
    }

    fn of(policies: Vec<Granted>, choice: Choice) -> Self {
        let policies: BTreeMap<_, _> = policies
            .into_iter()
            .map(|granted| (granted.name().to_owned(), granted))
            .collect();
        let plain = policies
            .iter()
            .map(|(name, granted)| (name.clone(), Arc::clone(&granted.policy)))
            .collect();
        Self {
            policies,
            plain,
            choice,
            rates: BTreeMap::new(),
            revision: None,
        }
    }

    /// The same set, which is this revision of a manifest.
    #[must_use]
    pub fn revised(self, revision: u64) -> Self {
        Self {
            revision: Some(revision),
            ..self
        }
    }

    /// The revision of the manifest that it is of.
    #[must_use]
    pub fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// Whether there is no set to choose from for the time being.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self.choice, Choice::Unavailable(_))
    }

    /// The same set with every policy that acts replaced by what `wrap` makes of it, which keeps its identity.
    #[must_use]
    pub fn map(mut self, wrap: impl Fn(Arc<dyn Policy>) -> Arc<dyn Policy>) -> Self {
        for granted in self.policies.values_mut() {
            granted.policy = wrap(Arc::clone(&granted.policy));
            if let Some(baseline) = &granted.baseline {
                let mut baseline = Granted::clone(baseline);
                baseline.policy = wrap(Arc::clone(&baseline.policy));
                granted.baseline = Some(Arc::new(baseline));
            }
        }
        self
    }

    /// The policy for a payload, with what it may use for this caller.
    ///
    /// # Errors
    /// `NotGranted` if there is none for this caller, `PolicyUnavailable` if there is no set.
    pub fn choose(&self, caller: &Caller<'_>) -> Result<Granted, Raised> {
        match &self.choice {
            Choice::Unavailable(reason) => Err(Raised::new(
                names::POLICY_UNAVAILABLE,
                format!(
                    "no policy set is in force: {reason}. Nothing was started; it is safe to try again"
                ),
            )),
            Choice::Default(default) => self.named(caller.policy.unwrap_or(default)),
            Choice::Routes(routes) => self.by_route(routes, caller),
        }
    }

    fn named(&self, name: &str) -> Result<Granted, Raised> {
        let granted = self.policies.get(name).cloned();
        granted.ok_or_else(|| no_policy(name))
    }

    fn by_route(&self, routes: &[Route], caller: &Caller<'_>) -> Result<Granted, Raised> {
        let route = matching(routes, caller.function_arn).ok_or_else(|| {
                Raised::new(
                    names::NOT_GRANTED,
                    "there is no policy for callers of this function: no route of the policy set matches its ARN",
                )
            })?;
        let wanted = route.wanted(caller);
        // Nobody is told whether a policy that is not offered exists.
        if !route.offers(wanted) {
            return Err(no_policy(wanted));
        }
        let mut acting = match &route.mode {
            Mode::Enforce | Mode::Shadow { .. } => self.on(route, wanted)?,
            Mode::Monitor { baseline, sample } => Granted {
                shadow: self.shadow(wanted, baseline, *sample),
                ..self.on(route, baseline)?
            },
            Mode::Canary { baseline, percent } => {
                // Who leaves the execution out must not choose the baseline by that.
                let decider = caller.execution_arn.unwrap_or(caller.task);
                let is_canary = percent.takes(&route.name, decider);
                Granted {
                    keys_of: Some(baseline.clone()),
                    ..self.on(route, if is_canary { wanted } else { baseline })?
                }
            }
        };
        if let Mode::Shadow { shadow, sample } = &route.mode {
            acting.shadow = self.shadow(shadow, wanted, *sample);
        }
        if let Some(baseline) = &route.fail_open
            && baseline != acting.name()
        {
            acting.baseline = Some(Arc::new(Granted {
                keys_of: Some(acting.keys().to_owned()),
                ..self.on(route, baseline)?
            }));
        }
        Ok(acting)
    }

    /// A policy with what it may use on a route.
    fn on(&self, route: &Route, policy: &str) -> Result<Granted, Raised> {
        let mut granted = self.named(policy)?;
        if let Some(targets) = &route.targets {
            granted.targets.retain(|target| targets.contains(target));
        }
        let place = (route.name.clone(), policy.to_owned());
        if let Some(counted) = self.rates.get(&place) {
            granted.grants = Some(Arc::clone(counted));
        }
        granted.route = Some(place.0);
        Ok(granted)
    }

    /// A policy as it came, with what another one of its name may use: nobody is told what it is asked.
    pub(crate) fn unwatched(&self, granted: &Granted) -> Option<Granted> {
        let policy = Arc::clone(self.plain.get(granted.name())?);
        let (targets, grants) = (granted.targets.clone(), granted.grants.clone());
        Some(Granted::new(policy, targets, grants))
    }

    /// Whether callers of this function may have the host look for what is overdue: they have a route. Where there are no
    /// routes, or no set to say which there are, everybody may.
    pub(crate) fn serves(&self, function_arn: Option<&str>) -> bool {
        match &self.choice {
            Choice::Default(_) | Choice::Unavailable(_) => true,
            Choice::Routes(routes) => matching(routes, function_arn).is_some(),
        }
    }

    /// Whether a caller of this function is of another world than a record: that of another route. Where there is no set,
    /// nobody can tell, and who has the token or the request's id may be told what came of it.
    pub(crate) fn is_foreign(&self, function_arn: Option<&str>, record: &Record) -> bool {
        match (&self.choice, &record.route) {
            (Choice::Routes(routes), Some(name)) => {
                matching(routes, function_arn).is_none_or(|route| route.name != *name)
            }
            _ => false,
        }
    }

    /// The policy that is compared with the one that acts; none for one that would be compared with itself.
    fn shadow(&self, shadow: &str, acting: &str, sample: Share) -> Option<Shadow> {
        let policy = self.plain.get(shadow).filter(|_| shadow != acting)?;
        Some(Shadow {
            policy: Arc::clone(policy),
            sample,
        })
    }

    /// The policy that settles a statement: the one of the same name in the current set. Any other has other rules,
    /// and did not start it. It is compared with the shadow that the statement's own route gives it: another route's may be
    /// another team's.
    #[must_use]
    pub fn settling(&self, name: &str, route: Option<&str>) -> Option<Granted> {
        let mut granted = self.policies.get(name)?.clone();
        if let Choice::Routes(routes) = &self.choice {
            granted.shadow = routes
                .iter()
                .find(|known| Some(known.name.as_str()) == route)
                .and_then(|route| route.shadow_of(name))
                .and_then(|(shadow, sample)| self.shadow(shadow, name, sample));
        }
        Some(granted)
    }
}

/// The route of callers of a function: the first one that matches.
fn matching<'r>(routes: &'r [Route], function_arn: Option<&str>) -> Option<&'r Route> {
    let function = function_arn.unwrap_or_default();
    routes.iter().find(|route| route.function.matches(function))
}

fn no_policy(name: &str) -> Raised {
    Raised::new(
        names::NOT_GRANTED,
        format!("there is no policy `{name}` for this caller"),
    )
}
