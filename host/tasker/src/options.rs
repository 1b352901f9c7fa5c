//! What the deployer settles.

use std::{collections::BTreeMap, time::Duration};

use signalbox_policy::contract::UnknownFields;

/// Settings of the domain.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Whose statements these are: the middle of every statement name.
    pub deployment: String,
    /// How long a record stays after its end. The original's `TTL`, there in days.
    pub retention: Duration,
    /// How old an open record is before the sweep looks at it.
    pub sweep_after: Duration,
    /// The longest an invocation can take: Lambda's 15 minutes. A start that is not known to have happened
    /// after that did not happen.
    pub longest_invocation: Duration,
    /// The names of all targets, the default one first.
    pub targets: Vec<String>,
    /// What policies are to do about unknown fields.
    pub unknown_fields: UnknownFields,
    /// How often the host asks Redshift by itself.
    pub rates: Rates,
    /// What becomes of a task whose statement this role may not describe.
    pub describe_denied: DescribeDenied,
    /// As whom each target is asked, and in which region; a target of which that is not known is not in it. Redshift lists
    /// to a role what that role started there and nothing else, so of a start that another one made a list proves nothing.
    pub asks_as: BTreeMap<String, String>,
}

/// Calls a second that one process of the host makes of its own accord: in sweeps, and to stop statements. What
/// invocations and completion events ask for is not counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// DescribeStatement. AWS allows an account about 100 a second in a region.
    pub describes: f64,
    /// ListStatements. AWS allows an account about 3 a second in a region.
    pub lists: f64,
    /// CancelStatement. AWS allows an account about 3 a second in a region.
    pub cancels: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            describes: 80.0,
            lists: 2.0,
            cancels: 2.0,
        }
    }
}

/// What becomes of a task whose statement this role may not describe: how it ends cannot be known then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DescribeDenied {
    /// The task waits until the permission is mended, or until Redshift has forgotten the statement.
    #[default]
    Wait,
    /// The task fails with `StatementLost` when DescribeStatement has been denied for so long.
    FailAfter(Duration),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deployment: "local".to_owned(),
            retention: Duration::from_secs(24 * 60 * 60),
            sweep_after: Duration::from_secs(120),
            longest_invocation: Duration::from_secs(15 * 60),
            targets: vec!["default".to_owned()],
            unknown_fields: UnknownFields::Warn,
            rates: Rates::default(),
            describe_denied: DescribeDenied::default(),
            asks_as: BTreeMap::new(),
        }
    }
}
