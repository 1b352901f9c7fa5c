//! What has the function sweep: a rule with a schedule, or a schedule of EventBridge Scheduler.

use std::time::Duration;

use signalbox_aws::surroundings::{LookError, Rule};
use signalbox_lambda::event::Event;

use super::{
    arn::{self, Thing},
    finding::{Finding, State},
    period::{self, Period},
    route::Routes,
};

const CHECK: &str = "schedule";
/// How often the function has to sweep: deadlines and heartbeats have this precision.
const PERIOD: Duration = Duration::from_secs(60);

impl Routes<'_> {
    /// What is to be said of the schedule.
    pub(super) async fn schedule(&self, rules: &Result<Vec<Rule>, LookError>) -> Finding {
        let mut found = self.by_rules(rules).await;
        // One that is as it should be is enough: nobody needs to look for another.
        if !found.iter().any(|finding| finding.state == State::Good) {
            found.extend(self.by_scheduler().await);
        }
        // Where one is bad and others could not be looked at, a good one may be among those.
        found
            .into_iter()
            .min_by_key(|finding| finding.state)
            .unwrap_or_else(none)
    }

    async fn by_rules(&self, rules: &Result<Vec<Rule>, LookError>) -> Vec<Finding> {
        let rules = match rules {
            Ok(rules) => rules,
            Err(error) => return vec![Finding::unseen(CHECK, error)],
        };
        let mut found = Vec::new();
        for rule in rules {
            let Some(expression) = &rule.schedule else {
                continue;
            };
            let targets = match self.around.targets_of(&rule.name).await {
                Ok(targets) => targets,
                Err(error) => {
                    found.push(Finding::unseen(CHECK, &error));
                    continue;
                }
            };
            for target in targets {
                let qualifier = match arn::thing(&target.arn) {
                    Thing::Function { name, qualifier } if name == self.function => qualifier,
                    _ => continue,
                };
                let finding = tick(&Tick {
                    name: format!("rule `{}`", rule.name),
                    expression,
                    enabled: rule.enabled,
                    input: target.input.as_deref(),
                    has_policy_set: self.has_policy_set,
                    enable: format!("aws events enable-rule --name {}", rule.name),
                });
                let finding = if target.reshaped {
                    finding.and(State::Mend, "its target is sent a part of the event", None)
                } else {
                    finding
                };
                found.push(self.let_in(finding, rule, qualifier).await);
            }
        }
        found
    }

    async fn by_scheduler(&self) -> Vec<Finding> {
        let names = match self.around.schedule_names().await {
            Ok(names) => names,
            Err(error) => return vec![Finding::unseen(CHECK, &error)],
        };
        let mut found = Vec::new();
        let ours = |arn: &str| arn::is_function(arn, self.function);
        for name in names.iter().filter(|name| ours(&name.target_arn)) {
            let (group, schedule) = (&name.group, &name.name);
            match self.around.schedule(name).await {
                Err(error) => found.push(Finding::unseen(CHECK, &error)),
                // It was removed meanwhile.
                Ok(None) => {}
                Ok(Some(of)) => {
                    let finding = tick(&Tick {
                        name: format!("schedule `{schedule}` of the group `{group}`"),
                        expression: &of.expression,
                        enabled: of.enabled,
                        input: of.input.as_deref(),
                        has_policy_set: self.has_policy_set,
                        enable: format!(
                            "aws scheduler update-schedule --group-name {group} --name {schedule} --state ENABLED …"
                        ),
                    });
                    found.push(if of.ends {
                        finding.and(State::Mend, "it has an end date", None)
                    } else {
                        finding
                    });
                }
            }
        }
        found
    }
}

/// Something that invokes the function again and again.
struct Tick<'a> {
    name: String,
    expression: &'a str,
    enabled: bool,
    /// What the function is sent; none for a scheduled event.
    input: Option<&'a str>,
    /// Whether the routes of a policy set say who may ask for a sweep. A scheduled event asks nobody.
    has_policy_set: bool,
    /// How to switch it on.
    enable: String,
}

fn tick(tick: &Tick<'_>) -> Finding {
    let mut finding = Finding::new(
        CHECK,
        State::Good,
        format!("{}, {}", tick.name, tick.expression),
    );
    match period::of(tick.expression) {
        Period::Every(period) if period <= PERIOD => {}
        Period::Every(_) | Period::Rarely => {
            finding = finding.and(
                State::Mend,
                "that is less often than once a minute: deadlines and heartbeats come late",
                Some("rate(1 minute)".to_owned()),
            );
        }
        Period::Unread => {
            finding = finding.and(
                State::Unknown,
                "how often that is cannot be told here",
                None,
            );
        }
    }
    if !tick.enabled {
        finding = finding.and(State::Mend, "it is disabled", Some(tick.enable.clone()));
    }
    let wrong = match tick.input.map(Event::read) {
        None | Some(Ok(Event::Sweep)) => None,
        Some(Ok(Event::SweepRequest)) if tick.has_policy_set => {
            Some("what it sends is refused where no route is for the function as it is invoked")
        }
        Some(Ok(Event::SweepRequest)) => None,
        Some(_) => Some("what it sends has the function do something else than sweep"),
    };
    if let Some(wrong) = wrong {
        finding = finding.and(State::Mend, wrong, Some("no input".to_owned()));
    }
    finding
}

fn none() -> Finding {
    Finding::new(
        CHECK,
        State::Mend,
        "nothing has the function sweep: a task whose event is lost waits for its time-out, and there are no deadlines and \
         no heartbeats",
    )
    .mend("aws events put-rule --name signalbox-sweep --schedule-expression 'rate(1 minute)'")
    .mend("and give it the function as its target (docs/deploy.md)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(expression: &str, enabled: bool, input: Option<&str>) -> State {
        tick(&Tick {
            name: "rule `tick`".to_owned(),
            expression,
            enabled,
            input,
            has_policy_set: false,
            enable: String::new(),
        })
        .state
    }

    #[test]
    fn an_order_to_sweep_needs_a_route_where_there_are_routes() {
        let state = |input| {
            tick(&Tick {
                name: "rule `tick`".to_owned(),
                expression: "rate(1 minute)",
                enabled: true,
                input,
                has_policy_set: true,
                enable: String::new(),
            })
            .state
        };
        assert_eq!(state(None), State::Good);
        assert_eq!(state(Some(r#"{"action": "sweep"}"#)), State::Mend);
    }

    #[test]
    fn a_tick_a_minute_that_sweeps_is_good() {
        assert_eq!(state("rate(1 minute)", true, None), State::Good);
        assert_eq!(
            state("cron(* * * * ? *)", true, Some(r#"{"action": "sweep"}"#)),
            State::Good
        );
        for (expression, enabled, input) in [
            ("rate(5 minutes)", true, None),
            ("cron(* 8-18 * * ? *)", true, None),
            ("rate(1 minute)", false, None),
            ("rate(1 minute)", true, Some("{}")),
            ("rate(1 minute)", true, Some("sweep")),
            (
                "rate(1 minute)",
                true,
                Some(r#"{"sqlStatement": "select 1"}"#),
            ),
        ] {
            assert_eq!(
                state(expression, enabled, input),
                State::Mend,
                "{expression} {enabled} {input:?}"
            );
        }
        assert_eq!(state("often", true, None), State::Unknown);
    }
}
