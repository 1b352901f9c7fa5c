//! The function, who may invoke it, and the queues that it reads.

use std::collections::BTreeMap;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use aws_sdk_lambda::types::{EventSourceMappingConfiguration, FunctionResponseType};

use super::{LookError, Surroundings, found, limits};

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its ARN, without a version or an alias.
    pub arn: String,
    /// Its runtime; none if it is a container.
    pub runtime: Option<String>,
    /// The time of an invocation: seconds.
    pub timeout: u32,
    /// Why it cannot be invoked, if so: its state, or what became of its last update.
    pub trouble: Option<String>,
    /// Its environment, or why that is not shown.
    pub environment: Result<BTreeMap<String, String>, String>,
}

/// An event source mapping: a queue that a function reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Its name.
    pub uuid: String,
    /// The queue's ARN, or another source's.
    pub source_arn: String,
    /// The function's ARN, with its alias if it is one's.
    pub function_arn: String,
    /// `Enabled`, `Disabled` and so on.
    pub state: String,
    /// Whether the function says which messages of a batch are to stay (`ReportBatchItemFailures`).
    pub reports_failures: bool,
    /// Whether messages are filtered out before they reach the function.
    pub filtered: bool,
}

impl Mapping {
    /// Whether it is on, or about to be.
    #[must_use]
    pub fn is_on(&self) -> bool {
        matches!(
            self.state.as_str(),
            "Enabled" | "Enabling" | "Creating" | "Updating"
        )
    }
}

impl Surroundings {
    async fn functions(&self) -> Result<&Client, LookError> {
        let make = || async {
            let config = Builder::from(self.base().await?).timeout_config(limits());
            Ok(Client::from_conf(config.build()))
        };
        self.functions.get_or_try_init(make).await
    }

    /// A function; none if there is none of this name.
    ///
    /// # Errors
    /// It could not be looked at.
    pub async fn function(&self, name: &str) -> Result<Option<Function>, LookError> {
        let call = self.functions().await?.get_function_configuration();
        let reply = call.function_name(name).send().await;
        let reply = reply.map_err(|error| LookError::of("lambda:GetFunctionConfiguration", &error));
        Ok(found(reply)?.map(function))
    }

    /// How many invocations of a function there may be at once, if that is reserved for it.
    ///
    /// # Errors
    /// It could not be looked at.
    pub async fn reserved_concurrency(&self, name: &str) -> Result<Option<u32>, LookError> {
        let call = self.functions().await?.get_function_concurrency();
        let reply = call.function_name(name).send().await;
        let reply = reply.map_err(|error| LookError::of("lambda:GetFunctionConcurrency", &error));
        let reserved = found(reply)?.and_then(|reply| reply.reserved_concurrent_executions);
        Ok(reserved.and_then(|count| count.try_into().ok()))
    }

    /// The policy of a function that says who may invoke it, or that of one of its versions or aliases: JSON. None if it
    /// has none.
    ///
    /// # Errors
    /// It could not be looked at.
    pub async fn invoke_policy(
        &self,
        name: &str,
        qualifier: Option<&str>,
    ) -> Result<Option<String>, LookError> {
        let call = self.functions().await?.get_policy().function_name(name);
        let reply = call
            .set_qualifier(qualifier.map(str::to_owned))
            .send()
            .await;
        let reply = reply.map_err(|error| LookError::of("lambda:GetPolicy", &error));
        Ok(found(reply)?.and_then(|reply| reply.policy))
    }

    /// Who reads a queue.
    ///
    /// # Errors
    /// They could not be listed.
    pub async fn readers(&self, queue_arn: &str) -> Result<Vec<Mapping>, LookError> {
        self.mappings(Some(queue_arn), None).await
    }

    /// What a function reads.
    ///
    /// # Errors
    /// They could not be listed.
    pub async fn sources(&self, function: &str) -> Result<Vec<Mapping>, LookError> {
        self.mappings(None, Some(function)).await
    }

    async fn mappings(
        &self,
        source: Option<&str>,
        function: Option<&str>,
    ) -> Result<Vec<Mapping>, LookError> {
        let client = self.functions().await?;
        let mut pages = client
            .list_event_source_mappings()
            .set_event_source_arn(source.map(str::to_owned))
            .set_function_name(function.map(str::to_owned))
            .into_paginator()
            .send();
        let mut mappings = Vec::new();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => {
                    let page = page.event_source_mappings.unwrap_or_default();
                    mappings.extend(page.into_iter().map(mapping));
                }
                Err(error) => {
                    let error = LookError::of("lambda:ListEventSourceMappings", &error);
                    // A function that does not exist reads nothing.
                    return found(Err(error)).map(Option::unwrap_or_default);
                }
            }
        }
        Ok(mappings)
    }
}

fn function(reply: GetFunctionConfigurationOutput) -> Function {
    let reason = |text: Option<String>| text.map(|text| format!(" ({text})")).unwrap_or_default();
    let state = reply
        .state
        .as_ref()
        .map_or("Active", |state| state.as_str());
    let update = reply
        .last_update_status
        .as_ref()
        .map_or("Successful", |status| status.as_str());
    let trouble = match (state, update) {
        // An idle function is woken by its next invocation.
        ("Active" | "Inactive", "Failed") => Some(format!(
            "its last update failed{}",
            reason(reply.last_update_status_reason)
        )),
        ("Active" | "Inactive", _) => None,
        (state, _) => Some(format!("it is {state}{}", reason(reply.state_reason))),
    };
    let environment = match reply.environment {
        None => Ok(BTreeMap::new()),
        Some(environment) => match environment.error {
            Some(error) => Err(error.message.or(error.error_code).unwrap_or_default()),
            None => Ok(environment
                .variables
                .unwrap_or_default()
                .into_iter()
                .collect()),
        },
    };
    Function {
        arn: reply.function_arn.unwrap_or_default(),
        runtime: reply.runtime.map(|runtime| runtime.as_str().to_owned()),
        timeout: reply
            .timeout
            .and_then(|time| time.try_into().ok())
            .unwrap_or_default(),
        trouble,
        environment,
    }
}

fn mapping(mapping: EventSourceMappingConfiguration) -> Mapping {
    Mapping {
        reports_failures: mapping
            .function_response_types
            .unwrap_or_default()
            .contains(&FunctionResponseType::ReportBatchItemFailures),
        filtered: mapping
            .filter_criteria
            .and_then(|criteria| criteria.filters)
            .is_some_and(|filters| !filters.is_empty()),
        uuid: mapping.uuid.unwrap_or_default(),
        source_arn: mapping.event_source_arn.unwrap_or_default(),
        function_arn: mapping.function_arn.unwrap_or_default(),
        state: mapping.state.unwrap_or_default(),
    }
}
