//! How events reach the function: by a rule and perhaps a queue.

use signalbox_aws::surroundings::{LookError, Mapping, Rule, RuleTarget, Surroundings};

use super::{
    arn::{self, Thing},
    finding::{Finding, State},
    fit::Fit,
    grant,
    wanted::{Taken, Wanted},
};

/// How many times the function's time a message is to be hidden from other readers, as AWS advises.
const VISIBILITY_FACTOR: u64 = 6;
/// SQS's key in KMS, whose policy nobody can change.
const SQS_KEY: &str = "alias/aws/sqs";

/// Whose events are looked for, and how.
pub(super) struct Routes<'a> {
    pub(super) around: &'a Surroundings,
    /// The function's name.
    pub(super) function: &'a str,
    /// Its time-out, where it is known: seconds.
    pub(super) timeout: Option<u32>,
    /// Whether its routes say who may ask for a sweep.
    pub(super) has_policy_set: bool,
}

impl Routes<'_> {
    /// What is to be said of the way that these events take: of its rule, its queue, the queue's mapping.
    pub(super) async fn of(
        &self,
        wanted: &Wanted,
        rules: &Result<Vec<Rule>, LookError>,
    ) -> Vec<Finding> {
        let rules = match rules {
            Ok(rules) => rules,
            Err(error) => return vec![Finding::unseen(wanted.check, error)],
        };
        let (mut ways, mut elsewhere) = (Vec::new(), Vec::new());
        for rule in rules {
            let taken = rule
                .pattern
                .as_deref()
                .map_or(Taken::None, |pattern| wanted.taken(pattern));
            if taken == Taken::None {
                continue;
            }
            let targets = match self.around.targets_of(&rule.name).await {
                Ok(targets) => targets,
                Err(error) => {
                    ways.push(vec![Finding::unseen(wanted.check, &error)]);
                    continue;
                }
            };
            for target in &targets {
                match self.way(wanted, rule, &taken, target).await {
                    Some(way) => ways.push(way),
                    None => elsewhere.push((rule, taken.clone(), target.arn.clone())),
                }
            }
        }
        // Several ways do no harm: an event that comes twice changes nothing. The best one counts.
        let count =
            |way: &Vec<Finding>, state| way.iter().filter(|finding| finding.state == state).count();
        let best = ways
            .into_iter()
            .min_by_key(|way| (count(way, State::Mend), count(way, State::Unknown)));
        let mut findings = best.unwrap_or_else(|| vec![self.no_way(wanted, &elsewhere)]);
        if wanted.ours_alone && findings.iter().any(|finding| finding.state == State::Good) {
            findings.extend(others(&elsewhere));
        }
        findings
    }

    /// What is to be mended of the queues that the function reads, whatever comes by them.
    pub(super) async fn mappings(&self) -> Vec<Finding> {
        match self.around.sources(self.function).await {
            Err(error) => vec![Finding::unseen("mappings", &error)],
            Ok(sources) => sources
                .iter()
                .filter_map(|source| match arn::thing(&source.source_arn) {
                    Thing::Queue { name, .. } => Some(mapping(name, source)),
                    _ => None,
                })
                .filter(|finding| finding.state == State::Mend)
                .collect(),
        }
    }

    /// The way from a rule to one of its targets, if it leads to the function.
    async fn way(
        &self,
        wanted: &Wanted,
        rule: &Rule,
        taken: &Taken,
        target: &RuleTarget,
    ) -> Option<Vec<Finding>> {
        match arn::thing(&target.arn) {
            Thing::Function { name, qualifier } if name == self.function => {
                let place = format!("rule `{}`, straight to the function", rule.name);
                let finding = self.rule(wanted, rule, taken, target, place);
                Some(vec![self.let_in(finding, rule, qualifier).await])
            }
            Thing::Queue { account, name } => {
                let place = format!("rule `{}`, by the queue `{name}`", rule.name);
                let rule_finding = self.rule(wanted, rule, taken, target, place);
                let mapping = match self.around.readers(&target.arn).await {
                    Err(error) => Finding::unseen(format!("mapping of {name}"), &error),
                    Ok(readers) => {
                        let ours = |reader: &&Mapping| {
                            arn::is_function(&reader.function_arn, self.function)
                        };
                        mapping(name, readers.iter().find(ours)?)
                    }
                };
                let queue = self.around.queue(account, name).await;
                let check = format!("queue {name}");
                let (rule_finding, queue) = match queue {
                    Err(error) => (rule_finding, Finding::unseen(check, &error)),
                    Ok(None) => (
                        rule_finding,
                        Finding::new(check, State::Mend, "there is no such queue"),
                    ),
                    Ok(Some(queue)) => {
                        let allowed =
                            grant::allows(queue.policy.as_deref(), "sqs:SendMessage", &rule.arn);
                        let how = format!(
                            "allow sqs:SendMessage on {} to events.amazonaws.com in the queue's policy, with \
                             aws:SourceArn {} (docs/deploy.md)",
                            target.arn, rule.arn
                        );
                        let let_in = permitted(
                            rule_finding,
                            allowed,
                            "the queue's policy does not let it in",
                            how,
                        );
                        (let_in, self.queue(check, &queue))
                    }
                };
                Some(vec![rule_finding, queue, mapping])
            }
            _ => None,
        }
    }

    fn rule(
        &self,
        wanted: &Wanted,
        rule: &Rule,
        taken: &Taken,
        target: &RuleTarget,
        place: String,
    ) -> Finding {
        let mut finding = Finding::new(wanted.check, State::Good, place);
        let put_rule = || Some(put_rule(&rule.name, wanted));
        finding = match taken {
            Taken::All | Taken::None => finding,
            Taken::AllBut(missed) => finding.and(
                State::Mend,
                format!("it does not take those of state {}", missed.join(" and ")),
                put_rule(),
            ),
            Taken::Open(why) => finding.and(State::Unknown, why, None),
        };
        if !rule.enabled {
            let enable = format!("aws events enable-rule --name {}", rule.name);
            finding = finding.and(State::Mend, "it is disabled", Some(enable));
        }
        if target.reshaped || target.input.is_some() {
            finding = finding.and(
                State::Mend,
                "its target is sent something else than the event",
                Some(format!(
                    "aws events put-targets --rule {} --targets Id=signalbox,Arn={}",
                    rule.name, target.arn
                )),
            );
        }
        finding
    }

    /// The same finding, and whether the function lets the rule in.
    pub(super) async fn let_in(
        &self,
        finding: Finding,
        rule: &Rule,
        qualifier: Option<&str>,
    ) -> Finding {
        match self.around.invoke_policy(self.function, qualifier).await {
            Err(error) => finding.and_unseen(&error),
            Ok(policy) => {
                let allowed = grant::allows(policy.as_deref(), "lambda:InvokeFunction", &rule.arn);
                let qualifier = qualifier
                    .map(|of| format!(" --qualifier {of}"))
                    .unwrap_or_default();
                let how = format!(
                    "aws lambda add-permission --function-name {}{qualifier} --statement-id {} --action lambda:InvokeFunction \
                     --principal events.amazonaws.com --source-arn {}",
                    self.function, rule.name, rule.arn
                );
                permitted(
                    finding,
                    allowed,
                    "the function's policy does not let it in",
                    how,
                )
            }
        }
    }

    fn queue(&self, check: String, queue: &signalbox_aws::surroundings::Queue) -> Finding {
        let hidden = queue.visibility.as_secs();
        let mut finding = Finding::new(
            check,
            State::Good,
            format!("a message is hidden for {hidden} s"),
        );
        if let Some(timeout) = self.timeout.map(u64::from) {
            let advised = timeout * VISIBILITY_FACTOR;
            let set = || {
                Some(format!(
                    "set VisibilityTimeout to {advised}: aws sqs set-queue-attributes"
                ))
            };
            if hidden < timeout {
                let text = format!("that is shorter than the function's time-out, {timeout} s");
                finding = finding.and(State::Mend, text, set());
            } else if hidden < advised {
                let text = format!("AWS advises six times the function's time-out, {advised} s");
                finding = finding.and(State::Good, text, None);
            }
        }
        let letters = match queue.receives {
            Some(count) => format!("after {count} receives it goes to the dead letters"),
            None => "there are no dead letters: what cannot be worked off comes again until the queue forgets it".to_owned(),
        };
        finding = finding.and(State::Good, letters, None);
        match queue.key.as_deref() {
            None => finding,
            Some(key) if key == SQS_KEY || key.ends_with(SQS_KEY) => finding.and(
                State::Mend,
                format!("it is encrypted with `{key}`, which EventBridge may not use"),
                Some("encrypt it with SQS's own keys (SqsManagedSseEnabled) or a key of your own".to_owned()),
            ),
            Some(key) => finding.and(
                State::Unknown,
                format!("it is encrypted with `{key}`; whether that lets EventBridge in is not looked at"),
                Some("kms:GenerateDataKey and kms:Decrypt for events.amazonaws.com in the key's policy".to_owned()),
            ),
        }
    }

    fn no_way(&self, wanted: &Wanted, elsewhere: &[(&Rule, Taken, String)]) -> Finding {
        let function = self.function;
        let Some((rule, _, arn)) = elsewhere.first() else {
            let found = format!("no rule of the default bus takes {}", wanted.what);
            return Finding::new(wanted.check, State::Mend, found)
                .mend(put_rule(wanted.rule, wanted))
                .mend("and give it the queue, or the function, as its target (docs/deploy.md)");
        };
        let places: Vec<_> = elsewhere
            .iter()
            .map(|(rule, _, arn)| format!("rule `{}` sends them to {arn}", rule.name))
            .collect();
        let found = format!(
            "{}; none of that leads to the function `{function}`",
            places.join(", ")
        );
        let finding = Finding::new(wanted.check, State::Mend, found);
        match arn::thing(arn) {
            Thing::Queue { .. } if elsewhere.len() == 1 => finding.mend(format!(
                "aws lambda create-event-source-mapping --function-name {function} --event-source-arn {arn} \
                 --function-response-types ReportBatchItemFailures"
            )),
            _ => finding.mend(format!(
                "a target for rule `{}`, or a rule of your own (docs/deploy.md)",
                rule.name
            )),
        }
    }
}

/// Whoever else reads our events.
fn others(elsewhere: &[(&Rule, Taken, String)]) -> Vec<Finding> {
    let reads = |arn: &str| !matches!(arn::thing(arn), Thing::Other);
    elsewhere
        .iter()
        .filter(|(rule, taken, arn)| rule.enabled && *taken == Taken::All && reads(arn))
        .map(|(rule, _, arn)| {
            Finding::new(
                format!("other rule {}", rule.name),
                State::Unknown,
                format!("it takes our events too and sends them to {arn}. If that is the original's, each ends in its dead letters"),
            )
            .mend("docs/migrate.md, step 1")
        })
        .collect()
}

fn permitted(finding: Finding, allowed: Fit, refused: &str, how: String) -> Finding {
    match allowed {
        Fit::Yes => finding,
        Fit::No => finding.and(State::Mend, refused, Some(how)),
        Fit::Open(why) => finding.and(State::Unknown, why, None),
    }
}

/// What is to be said of a mapping of the function.
pub(super) fn mapping(queue: &str, mapping: &Mapping) -> Finding {
    let uuid = &mapping.uuid;
    let update = |option: &str| {
        Some(format!(
            "aws lambda update-event-source-mapping --uuid {uuid} {option}"
        ))
    };
    let mut finding = Finding::new(
        format!("mapping of {queue}"),
        State::Good,
        format!("its state is {}", mapping.state),
    );
    if !mapping.is_on() {
        finding = finding.and(
            State::Mend,
            "the function does not read the queue",
            update("--enabled"),
        );
    }
    finding = if mapping.reports_failures {
        finding.and(
            State::Good,
            "messages stay that could not be worked off",
            None,
        )
    } else {
        finding.and(
            State::Mend,
            "it has no ReportBatchItemFailures: messages that could not be worked off are deleted",
            update("--function-response-types ReportBatchItemFailures"),
        )
    };
    if mapping.filtered {
        finding = finding.and(
            State::Unknown,
            "it filters messages; whether it lets these through is not looked at",
            None,
        );
    }
    finding
}

fn put_rule(name: &str, wanted: &Wanted) -> String {
    format!(
        "aws events put-rule --name {name} --event-pattern '{}'",
        wanted.pattern
    )
}
