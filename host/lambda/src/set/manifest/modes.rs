//! What is checked of the modes of routes: that every key has its partners, and none is there for nothing.

use std::collections::BTreeMap;

use signalbox_policy::share::Share;
use signalbox_tasker::{Mode, Route};

use super::{Entry, check::Check, file::RouteFile};
use crate::{nearest::nearest, set::lines::Path};

const ENFORCE: &str = "enforce";
const MONITOR: &str = "monitor";
const SHADOW: &str = "shadow";
const CANARY: &str = "canary";
const MODES: [&str; 4] = [ENFORCE, MONITOR, SHADOW, CANARY];

/// Whether a route can lead to a policy, or compares with it.
pub(super) fn uses(route: &Route, policy: &str) -> bool {
    let other = match &route.mode {
        Mode::Enforce => None,
        Mode::Shadow { shadow, .. } => Some(shadow),
        Mode::Monitor { baseline, .. } | Mode::Canary { baseline, .. } => Some(baseline),
    };
    let others = [other, route.fail_open.as_ref()];
    route.policies.iter().any(|offered| offered == policy)
        || others.into_iter().flatten().any(|other| other == policy)
}

impl Check<'_> {
    /// The mode of a route, and who acts after a fault.
    pub(super) fn mode(
        &mut self,
        path: &Path,
        file: &RouteFile,
        policies: &[String],
    ) -> (Mode, Option<String>) {
        let mode = file.mode.as_deref().unwrap_or(ENFORCE);
        if !MODES.contains(&mode) {
            let message = match nearest(mode, MODES) {
                Some(meant) => format!("there is no mode `{mode}`; did you mean `{meant}`?"),
                None => format!(
                    "there is no mode `{mode}`; the modes are {}",
                    MODES.join(", ")
                ),
            };
            self.note(&path.clone().name("mode"), message);
            return (Mode::Enforce, None);
        }
        let fails_open = file.fail_open == Some(true);
        self.pointless(path, file, mode, fails_open);
        let baseline = self.partner(path, "baseline", file.baseline.as_deref(), policies);
        let shadow = self.partner(path, "shadow", file.shadow.as_deref(), policies);
        if baseline.is_none() && (fails_open || matches!(mode, MONITOR | CANARY)) {
            let why = match mode {
                MONITOR => "the mode `monitor` needs a `baseline`: the policy that acts",
                CANARY => {
                    "the mode `canary` needs a `baseline`: the policy that acts for the other executions"
                }
                _ => "`fail_open` needs a `baseline`: the policy that acts after a fault",
            };
            self.note(path, why);
        }
        if let Some(baseline) = &baseline {
            self.alone(path, file, "baseline", baseline);
        }
        let sample = self
            .percent(path, "sample", file.sample)
            .unwrap_or(Share::WHOLE);
        let percent = self.percent(path, "percent", file.percent);
        let fail_open = baseline.clone().filter(|_| fails_open);
        let mode = match (mode, baseline, shadow) {
            (MONITOR, Some(baseline), _) => Mode::Monitor { baseline, sample },
            (SHADOW, _, Some(shadow)) => {
                self.alone(path, file, "shadow", &shadow);
                Mode::Shadow { shadow, sample }
            }
            (SHADOW, _, None) => {
                self.note(
                    path,
                    "the mode `shadow` needs a `shadow`: the policy that is compared",
                );
                Mode::Enforce
            }
            (CANARY, Some(baseline), _) => match percent {
                Some(percent) => Mode::Canary { baseline, percent },
                None => {
                    if file.percent.is_none() {
                        self.note(
                            path,
                            "the mode `canary` needs a `percent`: the share of the executions",
                        );
                    }
                    Mode::Enforce
                }
            },
            _ => Mode::Enforce,
        };
        (mode, fail_open)
    }

    /// Warns of policies that are granted less than their baseline: then the two differ though they decide the same.
    pub(super) fn narrower(&mut self, routes: &[Route], policies: &BTreeMap<String, Entry>) {
        for (index, route) in routes.iter().enumerate() {
            let (baseline, remark) = match (&route.mode, &route.fail_open) {
                (Mode::Monitor { baseline, .. }, _) => (
                    baseline,
                    "which acts here: the mode does not show it, for grants of a policy that is compared are not looked at",
                ),
                (Mode::Canary { baseline, .. }, _) => (
                    baseline,
                    "which acts for the other executions: what it is refused for that is no difference of the policies",
                ),
                (_, Some(baseline)) => (
                    baseline,
                    "which acts after its faults, and may then do more than it",
                ),
                _ => continue,
            };
            let Some(wide) = policies.get(baseline) else {
                continue;
            };
            for (at, name) in route.policies.iter().enumerate() {
                let Some(narrow) = policies.get(name) else {
                    continue;
                };
                let offers = |target: &&String| {
                    let offered = route.targets.as_ref();
                    offered.is_none_or(|offered| offered.contains(target))
                };
                let targets = wide.targets.iter().filter(offers);
                let mut lacks: Vec<_> = targets
                    .filter(|target| !narrow.targets.contains(target))
                    .map(|target| format!("no target `{target}`"))
                    .collect();
                lacks.extend(narrow.grants.lacks(&wide.grants));
                if !lacks.is_empty() {
                    let path = Path::of(&["routes"]).item(index).name("policies").item(at);
                    let lacks = lacks.join(", ");
                    self.warn(
                        &path,
                        format!("`{name}` is granted less than `{baseline}` ({lacks}), {remark}"),
                    );
                }
            }
        }
    }

    /// Notes keys that say nothing in this mode: whoever wrote them expects something of them.
    fn pointless(&mut self, path: &Path, file: &RouteFile, mode: &str, fails_open: bool) {
        let compares = matches!(mode, SHADOW | MONITOR);
        let has_baseline = matches!(mode, MONITOR | CANARY) || fails_open;
        for (key, is_given, is_read, reader) in [
            (
                "baseline",
                file.baseline.is_some(),
                has_baseline,
                "the modes `monitor` and `canary`, or with `fail_open = true`",
            ),
            (
                "shadow",
                file.shadow.is_some(),
                mode == SHADOW,
                "the mode `shadow`",
            ),
            (
                "sample",
                file.sample.is_some(),
                compares,
                "the modes `shadow` and `monitor`",
            ),
            (
                "percent",
                file.percent.is_some(),
                mode == CANARY,
                "the mode `canary`",
            ),
        ] {
            if is_given && !is_read {
                self.note(
                    &path.clone().name(key),
                    format!("says nothing in the mode `{mode}`; it is read in {reader}"),
                );
            }
        }
        if fails_open && mode == MONITOR {
            self.note(
                &path.clone().name("fail_open"),
                "says nothing in the mode `monitor`: the baseline acts there anyway",
            );
        }
    }

    /// A policy that a key of a mode names.
    fn partner(
        &mut self,
        path: &Path,
        key: &str,
        name: Option<&str>,
        policies: &[String],
    ) -> Option<String> {
        let name = name?;
        self.known_policy(&path.clone().name(key), name, policies);
        Some(name.to_owned())
    }

    /// Notes a partner that is all that the route offers.
    fn alone(&mut self, path: &Path, file: &RouteFile, key: &str, name: &str) {
        if !file.policies.is_empty() && file.policies.iter().all(|offered| offered == name) {
            self.note(
                &path.clone().name(key),
                format!(
                    "`{name}` is the only policy that this route offers: it has to be another one"
                ),
            );
        }
    }

    fn percent(&mut self, path: &Path, key: &str, value: Option<f64>) -> Option<Share> {
        let value = value?;
        let share = Share::percent(value);
        if share.is_none() {
            self.note(
                &path.clone().name(key),
                format!("{value} is no share: a number of percent, 0 to 100"),
            );
        }
        share
    }
}
