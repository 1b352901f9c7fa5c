//! The names of the members of the settings, by place. The schema has the same, which a test compares.

pub(super) const TOP: &[&str] = &[
    "$schema",
    "rules",
    "unparsed",
    "unqualified",
    "unknownTables",
    "knownFunctions",
    "callbacks",
    "abortedError",
    "transientError",
    "stamp",
    "explain",
    "onStop",
    "custom",
    "sets",
    "holidays",
];
pub(super) const RULE: &[&str] = &["name", "when", "then"];
pub(super) const WHEN: &[&str] = &[
    "kinds",
    "tables",
    "schemas",
    "functions",
    "functionsWithEffects",
    "access",
    "targets",
    "executionArns",
    "time",
    "longerThan",
    "unparsed",
    "unqualified",
    "withoutWhere",
    "selectStar",
    "withoutLimit",
    "crossJoin",
    "locations",
    "iamRoles",
    "options",
    "creates",
    "drops",
    "grants",
    "stateMachines",
    "labels",
    "not",
    "any",
];
pub(super) const TIME: &[&str] = &[
    "zone",
    "from",
    "to",
    "days",
    "outside",
    "weekdays",
    "daysOfMonth",
    "dates",
    "businessDays",
];
pub(super) const DATES: &[&str] = &["from", "to"];
pub(super) const THEN: &[&str] = &[
    "deny",
    "allow",
    "target",
    "singleton",
    "deadlineSeconds",
    "session",
    "requireParameters",
    "estimate",
    "expect",
    "maxResultRows",
    "maxResultBytes",
    "largeResult",
    "help",
    "warn",
];
pub(super) const ESTIMATE: &[&str] = &[
    "maxCost",
    "maxRows",
    "otherwise",
    "unexplained",
    "waitSeconds",
];
pub(super) const ESTIMATE_OTHERWISE: &[&str] = &["target"];
pub(super) const SINGLETON: &[&str] = &["key"];
pub(super) const SESSION: &[&str] = &["keepAliveSeconds"];
pub(super) const UNQUALIFIED: &[&str] = &["schema"];
pub(super) const CALLBACK_WHEN: &[&str] = &[
    "states",
    "codes",
    "texts",
    "kinds",
    "targets",
    "steps",
    "transient",
];
pub(super) const CALLBACK_THEN: &[&str] = &["succeed", "error", "cause"];
pub(super) const ON_STOP: &[&str] = &["aborted", "timedOut", "failed", "taskClosed"];
