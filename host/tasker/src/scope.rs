//! Whose world an event is in.
//!
//! The world of a caller is its route: locks, idempotency keys, the latest statement of an execution, statement ids, sessions
//! and rates of one route are not there on another, also where both offer the same policy. Within a route each policy has
//! a world of its own, but for the keys and locks that a canary or a baseline shares with the policy in whose place it acts.
//! Without a policy set there are no routes, and one world.

use crate::{
    ids::{digest, state_machine_of},
    policies::Granted,
    record::{Record, Session},
};

/// The world of one event: its route, and the policy that acts there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    deployment: String,
    route: Option<String>,
    policy: String,
    /// The policy whose locks and keys its own are.
    keys: String,
    /// Whether there is anything of others that is not to be seen.
    is_bounded: bool,
}

impl Scope {
    /// The world of an event that this policy serves.
    pub(crate) fn of(deployment: &str, granted: &Granted) -> Self {
        Self {
            deployment: deployment.to_owned(),
            route: granted.route.clone(),
            policy: granted.name().to_owned(),
            keys: granted.keys().to_owned(),
            is_bounded: granted.route.is_some() || granted.grants.is_some(),
        }
    }

    /// The world that a recorded statement is in, whichever routes lead to its policy now.
    pub(crate) fn of_record(deployment: &str, granted: &Granted, record: &Record) -> Self {
        Self {
            route: record.route.clone(),
            is_bounded: record.route.is_some() || granted.grants.is_some(),
            ..Self::of(deployment, granted)
        }
    }

    /// The route's name; none where there are no routes.
    pub(crate) fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }

    /// The policy that acts.
    pub(crate) fn policy(&self) -> &str {
        &self.policy
    }

    /// Whether there is anything of others that is not to be seen.
    pub(crate) fn is_bounded(&self) -> bool {
        self.is_bounded
    }

    /// Whether a statement is one of this world.
    pub(crate) fn owns(&self, record: &Record) -> bool {
        !self.is_bounded || (record.is_of(&self.policy) && record.route.as_deref() == self.route())
    }

    /// Whether a session may be used on a target.
    pub(crate) fn owns_session(&self, session: &Session, target: &str) -> bool {
        session.is_of(&self.deployment, &self.policy, target)
            && session.route.as_deref() == self.route()
    }

    /// The lock of a statement's own text.
    pub(crate) fn lock_of_statement(&self, target: &str, sql: &str) -> String {
        match &self.route {
            // One text runs once in a deployment, whichever policy is asked, as with the original.
            None => digest(&["statement", &self.deployment, target, sql]),
            Some(_) => self.named("statement", &[target, sql]),
        }
    }

    /// The lock of a key.
    pub(crate) fn lock_of_key(&self, target: &str, key: &str) -> String {
        self.named("key", &[target, key])
    }

    /// What an `idempotencyKey` names: work of one state machine. Callers that are no execution share their keys.
    pub(crate) fn work(&self, execution_arn: Option<&str>, key: &str) -> String {
        let caller = |arn: &str| state_machine_of(arn).unwrap_or_else(|| arn.to_owned());
        let state_machine = execution_arn.map(caller).unwrap_or_default();
        self.named("work", &[&state_machine, key])
    }

    /// A name within this world, as a digest.
    fn named(&self, kind: &str, parts: &[&str]) -> String {
        let mut all = vec![kind, self.deployment.as_str()];
        if let Some(route) = &self.route {
            all.extend(["route", route]);
        }
        all.push(&self.keys);
        all.extend(parts);
        digest(&all)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn scope(deployment: &str, route: Option<&str>, policy: &str, keys: &str) -> Scope {
        Scope {
            deployment: deployment.to_owned(),
            route: route.map(str::to_owned),
            policy: policy.to_owned(),
            keys: keys.to_owned(),
            is_bounded: route.is_some(),
        }
    }

    /// All names of a world.
    fn names(scope: &Scope) -> [String; 3] {
        [
            scope.lock_of_statement("t", "select 1"),
            scope.lock_of_key("t", "k"),
            scope.work(None, "k"),
        ]
    }

    #[test]
    fn no_two_worlds_share_a_name() {
        let worlds = [
            scope("d", Some("a"), "p", "p"),
            scope("d", Some("b"), "p", "p"),
            scope("e", Some("a"), "p", "p"),
            scope("d", Some("a"), "q", "q"),
            scope("d", Some("route"), "a", "a"),
            scope("d", None, "p", "p"),
        ];
        let all: BTreeSet<_> = worlds.iter().flat_map(names).collect();
        assert_eq!(all.len(), 3 * worlds.len());
    }

    #[test]
    fn who_acts_in_another_s_place_has_its_keys() {
        let of = |policy: &str| names(&scope("d", Some("a"), policy, "baseline"));
        assert_eq!(of("canary"), of("baseline"));
    }

    #[test]
    fn without_routes_one_text_runs_once_for_all_policies() {
        let of = |policy: &str| scope("d", None, policy, policy);
        let lock = |policy: &str| of(policy).lock_of_statement("t", "select 1");
        assert_eq!(lock("p"), lock("q"));
        assert_ne!(of("p").lock_of_key("t", "k"), of("q").lock_of_key("t", "k"));
    }

    #[test]
    fn a_key_is_one_of_a_state_machine() {
        let arn = |rest: &str| format!("arn:aws:states:eu-west-1:111122223333:{rest}");
        let world = scope("d", Some("a"), "p", "p");
        let first = world.work(Some(&arn("execution:etl:one")), "k");
        for same in [
            "execution:etl:two",
            "execution:etl/map-label:a-child",
            "express:etl:one:run",
        ] {
            assert_eq!(first, world.work(Some(&arn(same)), "k"), "{same}");
        }
        for other in ["execution:etl2:one", "execution:one:etl"] {
            assert_ne!(first, world.work(Some(&arn(other)), "k"), "{other}");
        }
        assert_ne!(first, world.work(None, "k"));
        assert_ne!(first, world.work(Some(&arn("execution:etl:one")), "l"));
        assert_ne!(
            world.work(Some("arn:e"), "k"),
            world.work(Some("arn:f"), "k")
        );
    }
}
