//! Schedules of EventBridge Scheduler.

use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::config::Builder;
use aws_sdk_scheduler::types::ScheduleState;

use super::{LookError, Surroundings, found, limits};

/// Where a schedule is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScheduleName {
    /// Its group.
    pub group: String,
    /// Its name within the group.
    pub name: String,
    /// The ARN of what it invokes.
    pub target_arn: String,
}

/// A schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    /// `rate(…)`, `cron(…)` or `at(…)`.
    pub expression: String,
    /// Whether it is on.
    pub enabled: bool,
    /// What is sent; none for a scheduled event.
    pub input: Option<String>,
    /// Whether it ends at some date.
    pub ends: bool,
}

impl Surroundings {
    async fn schedules(&self) -> Result<&Client, LookError> {
        let make = || async {
            let config = Builder::from(self.base().await?).timeout_config(limits());
            Ok(Client::from_conf(config.build()))
        };
        self.schedules.get_or_try_init(make).await
    }

    /// All schedules, in all groups.
    ///
    /// # Errors
    /// They could not be listed.
    pub async fn schedule_names(&self) -> Result<Vec<ScheduleName>, LookError> {
        let mut pages = self
            .schedules()
            .await?
            .list_schedules()
            .into_paginator()
            .send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| LookError::of("scheduler:ListSchedules", &error))?;
            names.extend(page.schedules.into_iter().map(|schedule| ScheduleName {
                group: schedule.group_name.unwrap_or_default(),
                name: schedule.name.unwrap_or_default(),
                target_arn: schedule.target.map(|target| target.arn).unwrap_or_default(),
            }));
        }
        Ok(names)
    }

    /// A schedule; none if it is gone.
    ///
    /// # Errors
    /// It could not be looked at.
    pub async fn schedule(&self, name: &ScheduleName) -> Result<Option<Schedule>, LookError> {
        let call = self.schedules().await?.get_schedule();
        let reply = call.name(&name.name).group_name(&name.group).send().await;
        let reply = reply.map_err(|error| LookError::of("scheduler:GetSchedule", &error));
        Ok(found(reply)?.map(|reply| Schedule {
            expression: reply.schedule_expression.unwrap_or_default(),
            enabled: matches!(reply.state, Some(ScheduleState::Enabled)),
            input: reply.target.and_then(|target| target.input),
            ends: reply.end_date.is_some(),
        }))
    }
}
