//! The policies in force: one immutable set, of which every event takes a snapshot.

use std::{collections::BTreeMap, sync::Arc};

use signalbox_policy::Policy;

use crate::{
    grants::Grants,
    ids::state_machine_of,
    pattern::Pattern,
    raised::{Raised, names},
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
}

/// Policies by name, and which of them serves whom.
#[derive(Clone)]
pub struct PolicySet {
    policies: BTreeMap<String, Granted>,
    choice: Choice,
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

/// Which policies an alias of the function offers.
///
/// The invoked function's ARN is the one thing about a caller that IAM enforces. All else is what the caller says, so
/// it chooses only among what is listed here.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name, for messages.
    pub name: String,
    /// Functions whose callers it is for.
    pub function: Pattern,
    /// The policies that it offers; the first one serves payloads that name none.
    pub policies: Vec<String>,
    /// The targets that it offers; none for all that a policy is granted.
    pub targets: Option<Vec<String>>,
    /// The policies of state machines: the first pattern that matches the state machine's ARN counts.
    pub state_machines: Vec<(Pattern, String)>,
}

/// Who asks, and what for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller<'a> {
    /// The ARN of the function that was invoked, with its alias or version.
    pub function_arn: Option<&'a str>,
    /// The execution that the payload says it is of.
    pub execution_arn: Option<&'a str>,
    /// The policy that the payload asks for.
    pub policy: Option<&'a str>,
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
                    grants: None,
                },
            )]),
            choice: Choice::Default(default),
        }
    }

    /// A set whose `default` serves payloads that name no policy; none if there is no policy of that name.
    #[must_use]
    pub fn new(default: &str, policies: Vec<Granted>) -> Option<Self> {
        let policies = by_name(policies);
        policies.contains_key(default).then(|| Self {
            policies,
            choice: Choice::Default(default.to_owned()),
        })
    }

    /// A set in which routes say who gets which policy. A route to a policy that is not there offers nothing by that
    /// name.
    #[must_use]
    pub fn routed(policies: Vec<Granted>, routes: Vec<Route>) -> Self {
        Self {
            policies: by_name(policies),
            choice: Choice::Routes(routes.into()),
        }
    }

    /// What is in force while no set could be loaded: payloads are refused, and may be sent again. Statements that
    /// end are answered as the original would.
    #[must_use]
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self {
            policies: BTreeMap::new(),
            choice: Choice::Unavailable(reason.into()),
        }
    }

    /// Whether there is no set to choose from for the time being.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self.choice, Choice::Unavailable(_))
    }

    /// The same set with every policy replaced by what `wrap` makes of it, which keeps its identity.
    #[must_use]
    pub fn map(mut self, wrap: impl Fn(Arc<dyn Policy>) -> Arc<dyn Policy>) -> Self {
        for granted in self.policies.values_mut() {
            granted.policy = wrap(Arc::clone(&granted.policy));
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
            Choice::Default(default) => {
                let name = caller.policy.unwrap_or(default);
                self.policies
                    .get(name)
                    .cloned()
                    .ok_or_else(|| no_policy(name))
            }
            Choice::Routes(routes) => self.by_route(routes, caller),
        }
    }

    fn by_route(&self, routes: &[Route], caller: &Caller<'_>) -> Result<Granted, Raised> {
        let function = caller.function_arn.unwrap_or_default();
        let route = routes
            .iter()
            .find(|route| route.function.matches(function))
            .ok_or_else(|| {
                Raised::new(
                    names::NOT_GRANTED,
                    "there is no policy for callers of this function: no route of the policy set matches its ARN",
                )
            })?;
        let name = caller
            .policy
            .or_else(|| route.of_execution(caller.execution_arn?))
            .or_else(|| route.policies.first().map(String::as_str))
            .unwrap_or_default();
        let granted = self
            .policies
            .get(name)
            .filter(|_| route.policies.iter().any(|offered| offered == name))
            .ok_or_else(|| no_policy(name))?;
        let mut granted = granted.clone();
        if let Some(targets) = &route.targets {
            granted.targets.retain(|target| targets.contains(target));
        }
        Ok(granted)
    }

    /// The policy that settles a statement: the one of the same name in the current set. Any other has other rules,
    /// and did not start it.
    #[must_use]
    pub fn settling(&self, name: &str) -> Option<&Granted> {
        self.policies.get(name)
    }
}

impl Route {
    /// The policy of the state machine that an execution is of.
    fn of_execution(&self, execution_arn: &str) -> Option<&str> {
        let machine = state_machine_of(execution_arn)?;
        self.state_machines
            .iter()
            .find(|(pattern, _)| pattern.matches(&machine))
            .map(|(_, policy)| policy.as_str())
    }
}

fn by_name(policies: Vec<Granted>) -> BTreeMap<String, Granted> {
    policies
        .into_iter()
        .map(|granted| (granted.policy.identity().name.clone(), granted))
        .collect()
}

fn no_policy(name: &str) -> Raised {
    Raised::new(
        names::NOT_GRANTED,
        format!("there is no policy `{name}` for this caller"),
    )
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use signalbox_policy::{
        CallContext, Closed, Fault, Identity, Invoked, Settled,
        contract::{Closing, Invocation, Settlement, Waiter},
    };

    use super::*;

    struct Named(Identity);

    #[async_trait]
    impl Policy for Named {
        fn identity(&self) -> &Identity {
            &self.0
        }

        async fn invoke(
            &self,
            _: CallContext,
            _: Invocation,
            _: Option<Waiter>,
        ) -> Result<Invoked, Fault> {
            panic!("nobody asks")
        }

        async fn settle(&self, _: CallContext, _: Settlement, _: Waiter) -> Result<Settled, Fault> {
            panic!("nobody asks")
        }

        async fn closed(&self, _: CallContext, _: Closing) -> Result<Closed, Fault> {
            panic!("nobody asks")
        }
    }

    fn granted(name: &str, targets: &[&str]) -> Granted {
        Granted {
            policy: Arc::new(Named(Identity {
                name: name.to_owned(),
                version: String::new(),
                digest: String::new(),
                settings_digest: String::new(),
            })),
            targets: targets.iter().map(|target| (*target).to_owned()).collect(),
            grants: Some(Arc::default()),
        }
    }

    fn route(name: &str, function: &str, policies: &[&str]) -> Route {
        Route {
            name: name.to_owned(),
            function: Pattern::new(function),
            policies: policies.iter().map(|policy| (*policy).to_owned()).collect(),
            targets: None,
            state_machines: Vec::new(),
        }
    }

    const FINANCE: &str = "arn:aws:lambda:eu-west-1:1:function:tasker:finance";
    const PLAIN: &str = "arn:aws:lambda:eu-west-1:1:function:tasker";

    fn set() -> PolicySet {
        let mut finance = route(
            "finance",
            "*:function:tasker:finance",
            &["finance", "standard"],
        );
        finance.targets = Some(vec!["b".to_owned()]);
        finance.state_machines = vec![(
            Pattern::new("*:stateMachine:nightly-*"),
            "standard".to_owned(),
        )];
        PolicySet::routed(
            vec![
                granted("standard", &["a", "b"]),
                granted("finance", &["b", "c"]),
                granted("secret", &["a"]),
            ],
            vec![
                finance,
                route("others", "*:function:tasker", &["standard"]),
                route("shadowed", "*", &["nobody"]),
            ],
        )
    }

    fn chosen(caller: Caller<'_>) -> Result<(String, Vec<String>), String> {
        set()
            .choose(&caller)
            .map(|granted| (granted.policy.identity().name.clone(), granted.targets))
            .map_err(|raised| raised.to_string())
    }

    #[test]
    fn the_alias_comes_first_and_the_payload_chooses_among_what_it_offers() {
        let of = |function_arn, execution_arn, policy| {
            chosen(Caller {
                function_arn: Some(function_arn),
                execution_arn,
                policy,
            })
        };
        let b = vec!["b".to_owned()];
        assert_eq!(
            of(FINANCE, None, None),
            Ok(("finance".to_owned(), b.clone()))
        );
        assert_eq!(
            of(FINANCE, None, Some("standard")),
            Ok(("standard".to_owned(), b.clone())),
            "and no further than the route's targets"
        );
        let nightly = "arn:aws:states:eu-west-1:1:execution:nightly-load:x";
        let express = "arn:aws:states:eu-west-1:1:express:nightly-load:x:y";
        let child = "arn:aws:states:eu-west-1:1:execution:nightly-load/label:x";
        for execution in [nightly, express, child] {
            assert_eq!(
                of(FINANCE, Some(execution), None),
                Ok(("standard".to_owned(), b.clone()))
            );
        }
        assert_eq!(
            of(FINANCE, Some(nightly), Some("finance")),
            Ok(("finance".to_owned(), b))
        );
        let refused = of(FINANCE, None, Some("secret")).unwrap_err();
        assert_eq!(
            of(FINANCE, None, Some("unheard-of")).unwrap_err(),
            refused.replace("secret", "unheard-of"),
            "one that is there is not told from one that is not"
        );
        assert_eq!(
            of(PLAIN, Some(nightly), None).map(|(name, _)| name),
            Ok("standard".to_owned())
        );
        assert!(of(PLAIN, None, Some("finance")).is_err());
        assert!(
            of(
                "arn:aws:lambda:eu-west-1:1:function:tasker:other",
                None,
                None
            )
            .is_err(),
            "its route leads nowhere"
        );
    }

    #[test]
    fn without_a_set_payloads_may_be_sent_again() {
        let set = PolicySet::unavailable("S3 did not answer");
        let raised = set.choose(&Caller::default()).map(|_| ()).unwrap_err();
        assert_eq!(raised.error_type, names::POLICY_UNAVAILABLE);
        assert!(raised.message.contains("S3 did not answer"), "{raised}");
        assert!(set.settling("standard").is_none() && set.is_unavailable());
    }

    #[test]
    fn who_has_no_arn_is_matched_by_a_star_only() {
        let of = |function: &str| {
            PolicySet::routed(
                vec![granted("p", &[])],
                vec![route("only", function, &["p"])],
            )
            .choose(&Caller::default())
            .is_ok()
        };
        assert!(of("*"));
        assert!(!of("arn:*"));
    }

    #[test]
    fn state_machines_are_named_by_their_executions() {
        for odd in [
            "",
            "arn",
            "arn:aws:states:r:a:execution:only",
            "a:b:c:d:e:execution:n:i",
        ] {
            assert_eq!(state_machine_of(odd), None, "{odd}");
        }
    }
}
