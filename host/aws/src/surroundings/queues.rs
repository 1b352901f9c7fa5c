//! Queues of SQS.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::types::QueueAttributeName as Name;

use super::{LookError, Surroundings, found, limits};

/// A queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queue {
    /// Its policy, which says who may send to it: JSON.
    pub policy: Option<String>,
    /// How long a message that was received is hidden from other readers.
    pub visibility: Duration,
    /// After how many receives a message goes to the dead letters; none if it never does.
    pub receives: Option<u32>,
    /// The key of KMS that it is encrypted with; none if it is SQS's own.
    pub key: Option<String>,
}

impl Surroundings {
    async fn queues(&self) -> Result<&Client, LookError> {
        let make = || async {
            let config = Builder::from(self.base().await?).timeout_config(limits());
            Ok(Client::from_conf(config.build()))
        };
        self.queues.get_or_try_init(make).await
    }

    /// A queue; none if there is none of this name.
    ///
    /// # Errors
    /// It could not be looked at.
    pub async fn queue(&self, account: &str, name: &str) -> Result<Option<Queue>, LookError> {
        let client = self.queues().await?;
        let call = client
            .get_queue_url()
            .queue_name(name)
            .queue_owner_aws_account_id(account);
        let reply = call.send().await;
        let reply = reply.map_err(|error| LookError::of("sqs:GetQueueUrl", &error));
        let Some(url) = found(reply)?.and_then(|reply| reply.queue_url) else {
            return Ok(None);
        };
        let call = client.get_queue_attributes().queue_url(url);
        let reply = call.attribute_names(Name::All).send().await;
        let reply = reply.map_err(|error| LookError::of("sqs:GetQueueAttributes", &error));
        let Some(reply) = found(reply)? else {
            return Ok(None);
        };
        let mut attributes = reply.attributes.unwrap_or_default();
        Ok(Some(Queue {
            policy: attributes.remove(&Name::Policy),
            visibility: attributes
                .remove(&Name::VisibilityTimeout)
                .and_then(|text| text.parse().ok())
                .map(Duration::from_secs)
                .unwrap_or_default(),
            receives: attributes
                .remove(&Name::RedrivePolicy)
                .and_then(|text| receives(&text)),
            key: attributes
                .remove(&Name::KmsMasterKeyId)
                .filter(|key| !key.is_empty()),
        }))
    }
}

/// `maxReceiveCount` of a redrive policy: a number, or a text with one.
fn receives(policy: &str) -> Option<u32> {
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    let count = policy.get("maxReceiveCount")?;
    match count.as_str() {
        Some(text) => text.parse().ok(),
        None => count.as_u64()?.try_into().ok(),
    }
}
