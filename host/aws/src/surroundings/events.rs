//! Rules of EventBridge's default bus: AWS's own services send their events there.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::Builder;
use aws_sdk_eventbridge::types::RuleState;

use super::{LookError, Surroundings, limits};

/// A rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Whether it is on.
    pub enabled: bool,
    /// The events that it takes: JSON.
    pub pattern: Option<String>,
    /// When it fires: `rate(…)` or `cron(…)`.
    pub schedule: Option<String>,
}

/// Where a rule sends what it takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleTarget {
    /// The target's ARN.
    pub arn: String,
    /// A constant text that is sent in the event's place.
    pub input: Option<String>,
    /// Whether a part of the event or a text made of it is sent in its place.
    pub reshaped: bool,
}

impl Surroundings {
    async fn events(&self) -> Result<&Client, LookError> {
        let make = || async {
            let config = Builder::from(self.base().await?).timeout_config(limits());
            Ok(Client::from_conf(config.build()))
        };
        self.events.get_or_try_init(make).await
    }

    /// All rules of the default bus.
    ///
    /// # Errors
    /// They could not be listed.
    pub async fn rules(&self) -> Result<Vec<Rule>, LookError> {
        let client = self.events().await?;
        let (mut rules, mut next) = (Vec::new(), None);
        loop {
            let reply = client.list_rules().set_next_token(next).send().await;
            let reply = reply.map_err(|error| LookError::of("events:ListRules", &error))?;
            rules.extend(reply.rules.unwrap_or_default().into_iter().map(rule));
            next = reply.next_token;
            if next.is_none() {
                return Ok(rules);
            }
        }
    }

    /// The targets of a rule of the default bus.
    ///
    /// # Errors
    /// They could not be listed.
    pub async fn targets_of(&self, rule: &str) -> Result<Vec<RuleTarget>, LookError> {
        let client = self.events().await?;
        let (mut targets, mut next) = (Vec::new(), None);
        loop {
            let call = client
                .list_targets_by_rule()
                .rule(rule)
                .set_next_token(next);
            let reply = call.send().await;
            let reply = reply.map_err(|error| LookError::of("events:ListTargetsByRule", &error))?;
            targets.extend(reply.targets.unwrap_or_default().into_iter().map(|target| {
                RuleTarget {
                    arn: target.arn,
                    reshaped: target.input_transformer.is_some()
                        || target.input_path.is_some_and(|path| path != "$"),
                    input: target.input,
                }
            }));
            next = reply.next_token;
            if next.is_none() {
                return Ok(targets);
            }
        }
    }
}

fn rule(rule: aws_sdk_eventbridge::types::Rule) -> Rule {
    Rule {
        enabled: matches!(
            rule.state,
            Some(RuleState::Enabled | RuleState::EnabledWithAllCloudtrailManagementEvents)
        ),
        name: rule.name.unwrap_or_default(),
        arn: rule.arn.unwrap_or_default(),
        pattern: rule.event_pattern,
        schedule: rule.schedule_expression,
    }
}
