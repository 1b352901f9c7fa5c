//! Routes: which policies an alias of the function offers, and which of two acts.

use signalbox_policy::share::Share;

use crate::{ids::state_machine_of, pattern::Pattern};

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
    /// Whether the policy that is chosen acts.
    pub mode: Mode,
    /// The policy that acts in place of one that misbehaves before it has started anything. None: the fault is the
    /// answer.
    pub fail_open: Option<String>,
}

/// What becomes of the policy that a route chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// It acts.
    Enforce,
    /// It acts, and another one is compared with it.
    Shadow {
        /// The policy that is compared.
        shadow: String,
        /// On which part of the decisions.
        sample: Share,
    },
    /// The baseline acts, and it is compared with that.
    Monitor {
        /// The policy that acts.
        baseline: String,
        /// On which part of the decisions.
        sample: Share,
    },
    /// It acts for a share of the executions, the baseline for all others.
    Canary {
        /// The policy that acts for the others.
        baseline: String,
        /// Its share of the executions.
        percent: Share,
    },
}

/// Who asks, and what for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller<'a> {
    /// The ARN of the function that was invoked, with its alias or version.
    pub function_arn: Option<&'a str>,
    /// The execution that the payload says it is of.
    pub execution_arn: Option<&'a str>,
    /// What the host calls the task: its idempotency key, else what its record's id is made of.
    pub task: &'a str,
    /// The policy that the payload asks for.
    pub policy: Option<&'a str>,
}

impl Route {
    /// The policy that a caller gets before the mode is looked at: the one it asks for, that of its state machine, or
    /// the first one.
    pub(super) fn wanted<'a>(&'a self, caller: &Caller<'a>) -> &'a str {
        caller
            .policy
            .or_else(|| self.of_execution(caller.execution_arn?))
            .or_else(|| self.policies.first().map(String::as_str))
            .unwrap_or_default()
    }

    /// The policy that is compared with `acting` wherever this route lets it act, and on which part of its decisions.
    pub(super) fn shadow_of(&self, acting: &str) -> Option<(&str, Share)> {
        match &self.mode {
            Mode::Shadow { shadow, sample } if self.offers(acting) && shadow != acting => {
                Some((shadow, *sample))
            }
            Mode::Monitor { baseline, sample } if baseline == acting => {
                let monitored = self.policies.iter().find(|policy| *policy != acting)?;
                Some((monitored, *sample))
            }
            _ => None,
        }
    }

    pub(super) fn offers(&self, policy: &str) -> bool {
        self.policies.iter().any(|offered| offered == policy)
    }

    /// The policy of the state machine that an execution is of.
    fn of_execution(&self, execution_arn: &str) -> Option<&str> {
        let machine = state_machine_of(execution_arn)?;
        self.state_machines
            .iter()
            .find(|(pattern, _)| pattern.matches(&machine))
            .map(|(_, policy)| policy.as_str())
    }
}
