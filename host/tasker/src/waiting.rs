//! Who waits for a statement to end.

use signalbox_policy::contract::Waiter;

use crate::{
    custom_resource::CustomResource,
    ids::{IdSource, RecordId, digest},
    ports::TaskToken,
};

/// Who waits, and how they are reached.
#[derive(Debug, Clone, PartialEq)]
pub enum Waiting {
    /// A task of a state machine.
    Task(TaskToken),
    /// A custom resource of a stack.
    Resource(CustomResource),
}

impl Waiting {
    /// The record of this task or request: a repeat has the same one.
    #[must_use]
    pub fn record_id(&self, deployment: &str) -> RecordId {
        match self {
            Self::Task(token) => RecordId::new(deployment, IdSource::Token(token.reveal())),
            // CloudFormation's request ids are unique within a stack; names of resources are not even that.
            Self::Resource(resource) => {
                let request = digest(&[
                    &resource.stack_id,
                    &resource.logical_resource_id,
                    &resource.request_id,
                    &resource.request_type,
                ]);
                RecordId::new(deployment, IdSource::CustomResource(&request))
            }
        }
    }

    /// Who waits, as a policy is told.
    #[must_use]
    pub fn waiter(&self) -> Waiter {
        match self {
            Self::Task(_) => Waiter::StepFunctions,
            Self::Resource(_) => Waiter::Cloudformation,
        }
    }

    /// What nobody but the host may see.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::Task(token) => Some(token.reveal()),
            Self::Resource(resource) => Some(resource.response_url.as_ref()?.reveal()),
        }
    }
}
