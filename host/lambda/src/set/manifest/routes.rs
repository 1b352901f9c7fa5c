//! What is checked of routes: that each leads somewhere, and what the order decides.

use std::collections::BTreeSet;

use signalbox_tasker::{Pattern, Route};

use super::{check::Check, file::RouteFile};
use crate::{config::name_rule, nearest::nearest, set::lines::Path};

/// What the ARN of a function looks like, with an alias or without.
const FUNCTION_ARN: &str = "arn:*:lambda:*:*:function:*";

impl Check<'_> {
    pub(super) fn routes(&mut self, files: Vec<RouteFile>, policies: &[String]) -> Vec<Route> {
        if files.is_empty() {
            self.note(
                &Path::default(),
                "there are no routes, so nobody gets a policy: give at least one [[routes]]; `function = \"*\"` is for \
                 everybody",
            );
        }
        let mut routes: Vec<Route> = Vec::new();
        for (index, file) in files.into_iter().enumerate() {
            let path = Path::of(&["routes"]).item(index);
            self.route(&path, &file, policies);
            let (mode, fail_open) = self.mode(&path, &file, policies);
            let route = Route {
                mode,
                fail_open,
                function: Pattern::new(file.function),
                name: file.name,
                policies: file.policies,
                targets: file.targets,
                state_machines: file
                    .state_machines
                    .into_iter()
                    .map(|machine| (Pattern::new(machine.arn), machine.policy))
                    .collect(),
            };
            if routes.iter().any(|before| before.name == route.name) {
                self.note(
                    &path.clone().name("name"),
                    format!("there is another route `{}`", route.name),
                );
            }
            let path = path.name("function");
            self.never_matches(&path, &route.function);
            self.overlaps(&path, &routes, &route);
            routes.push(route);
        }
        routes
    }

    /// Warns of a pattern that no function's ARN is like: the callers that are meant fall to another route.
    fn never_matches(&mut self, path: &Path, function: &Pattern) {
        if !Pattern::new(FUNCTION_ARN).overlaps(function) {
            self.warn(
                path,
                "is like no function's ARN, so the route is never used: a function of any account and region is \
                 `*:function:NAME`, an alias of it `*:function:NAME:ALIAS`",
            );
        }
    }

    /// Warns where the order of routes decides. That a special one comes before a general one is what the order is for.
    fn overlaps(&mut self, path: &Path, before: &[Route], route: &Route) {
        if let Some(before) = before
            .iter()
            .find(|before| before.function.covers(&route.function))
        {
            let message = format!(
                "is never used: the route `{}` before it matches every function that this one does",
                before.name
            );
            self.warn(path, message);
        } else if let Some(before) = before.iter().find(|before| {
            before.function.overlaps(&route.function) && !route.function.covers(&before.function)
        }) {
            let message = format!(
                "may match the same functions as the route `{}` before it, which serves those",
                before.name
            );
            self.warn(path, message);
        }
    }

    pub(super) fn known_policy(&mut self, path: &Path, name: &str, policies: &[String]) {
        if policies.iter().any(|policy| policy == name) {
            return;
        }
        let message = match nearest(name, policies.iter().map(String::as_str)) {
            Some(meant) => {
                format!("there is no policy `{name}` in this set; did you mean `{meant}`?")
            }
            None => format!(
                "there is no policy `{name}` in this set; the policies are {}",
                policies.join(", ")
            ),
        };
        self.note(path, message);
    }

    fn route(&mut self, path: &Path, file: &RouteFile, policies: &[String]) {
        if let Err(rule) = name_rule(&file.name) {
            self.note(&path.clone().name("name"), rule);
        }
        if file.function.is_empty() {
            self.note(
                &path.clone().name("function"),
                "is empty: a function's ARN, in which `*` stands for any characters",
            );
        }
        let offered = path.clone().name("policies");
        if file.policies.is_empty() {
            self.note(&offered, "is empty: the route leads nowhere");
        }
        let mut seen = BTreeSet::new();
        for (index, name) in file.policies.iter().enumerate() {
            let at = offered.clone().item(index);
            self.known_policy(&at, name, policies);
            if !seen.insert(name) {
                self.note(&at, format!("`{name}` is listed twice"));
            }
        }
        if let Some(targets) = &file.targets {
            let at = path.clone().name("targets");
            if targets.is_empty() {
                self.note(
                    &at,
                    "is empty: name at least one target, or leave it out for all that a policy is granted",
                );
            }
            self.known_targets(&at, targets);
        }
        for (index, machine) in file.state_machines.iter().enumerate() {
            let at = path.clone().name("state_machines").item(index);
            if !file.policies.contains(&machine.policy) {
                self.note(
                    &at.clone().name("policy"),
                    format!(
                        "`{}` is not among the policies that this route offers",
                        machine.policy
                    ),
                );
            }
            let pattern = Pattern::new(&*machine.arn);
            let covered = file
                .state_machines
                .iter()
                .take(index)
                .any(|before| Pattern::new(&*before.arn).covers(&pattern));
            if covered {
                self.warn(
                    &at.name("arn"),
                    "is never used: a pattern before it matches every state machine that this one does",
                );
            }
        }
    }
}
