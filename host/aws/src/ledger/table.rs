//! The ledger's table: made, or completed.
//!
//! It has the original's keys: `id` and `invocationId`, both texts; it is paid per request, its items expire by
//! the attribute `TTL`, and it can be restored to any point in time.

use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, PointInTimeRecoverySpecification,
    PointInTimeRecoveryStatus, ScalarAttributeType, TableDescription, TableStatus,
    TimeToLiveSpecification, TimeToLiveStatus,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::time::{Instant, sleep};

use super::attributes::{ID, INVOCATION_ID, TTL};
use super::errors;

/// How long a new table may take until it can be used. AWS takes seconds.
pub const READY_TIMEOUT: Duration = Duration::from_secs(120);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What became of one property of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was made now.
    Done,
    /// It was there already.
    AlreadyThere,
}

/// What [`create`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReport {
    /// The table's name as it was given.
    pub name: String,
    /// Its ARN, where the service says it.
    pub arn: Option<String>,
    /// The table itself.
    pub table: Outcome,
    /// Expiry of items by the attribute `TTL`.
    pub time_to_live: Outcome,
    /// Point-in-time recovery.
    pub point_in_time_recovery: Outcome,
}

impl fmt::Display for TableReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |outcome, done| match outcome {
            Outcome::Done => done,
            Outcome::AlreadyThere => "was there already",
        };
        writeln!(
            f,
            "table {}: {}",
            self.arn.as_deref().unwrap_or(&self.name),
            word(self.table, "created")
        )?;
        writeln!(
            f,
            "expiry of items by TTL: {}",
            word(self.time_to_live, "switched on")
        )?;
        write!(
            f,
            "point-in-time recovery: {}",
            word(self.point_in_time_recovery, "switched on")
        )
    }
}

/// The table is not as it should be. What was made before stays, and the call can be repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A table of this name has other keys.
    #[error(
        "the table `{table}` exists and has the keys {found}; a ledger needs `id` (text, partition key) and \
         `invocationId` (text, sort key): give the ledger another name"
    )]
    OtherKeys {
        /// Its name.
        table: String,
        /// Its keys.
        found: String,
    },
    /// Items of the table expire by another attribute.
    #[error(
        "items of the table `{table}` expire by the attribute `{attribute}`; a ledger needs `TTL`, and DynamoDB \
         takes one attribute only: switch that one off first, or give the ledger another name"
    )]
    OtherTimeToLive {
        /// Its name.
        table: String,
        /// The attribute.
        attribute: String,
    },
    /// The table did not become usable in time.
    #[error("the table `{table}` is {status} after {} s; try again later", READY_TIMEOUT.as_secs())]
    NotReady {
        /// Its name.
        table: String,
        /// Its status.
        status: String,
    },
    /// DynamoDB refused, or could not be asked.
    #[error("{0}")]
    Refused(String),
}

/// Creates the table, waits until it can be used, and switches on expiry and point-in-time recovery, each if it
/// is not so already. Safe to repeat.
///
/// # Errors
/// See [`TableError`].
pub async fn create(client: &Client, table: &str) -> Result<TableReport, TableError> {
    let made = match describe(client, table).await? {
        Some(_) => Outcome::AlreadyThere,
        None => make(client, table).await?,
    };
    let described = ready(client, table).await?;
    keys(table, &described)?;
    Ok(TableReport {
        name: table.to_owned(),
        arn: described.table_arn,
        table: made,
        time_to_live: time_to_live(client, table).await?,
        point_in_time_recovery: point_in_time_recovery(client, table).await?,
    })
}

pub(super) async fn describe(
    client: &Client,
    table: &str,
) -> Result<Option<TableDescription>, TableError> {
    match client.describe_table().table_name(table).send().await {
        Ok(reply) => Ok(reply.table),
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(refused(&error, table)),
    }
}

async fn make(client: &Client, table: &str) -> Result<Outcome, TableError> {
    let mut call = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest);
    for (name, key) in [(ID, KeyType::Hash), (INVOCATION_ID, KeyType::Range)] {
        let definition = AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S);
        let element = KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(key);
        call = call
            .attribute_definitions(
                definition
                    .build()
                    .map_err(|error| TableError::Refused(error.to_string()))?,
            )
            .key_schema(
                element
                    .build()
                    .map_err(|error| TableError::Refused(error.to_string()))?,
            );
    }
    match call.send().await {
        Ok(_) => Ok(Outcome::Done),
        // Somebody else is making it.
        Err(error) if error.code() == Some("ResourceInUseException") => Ok(Outcome::AlreadyThere),
        Err(error) => Err(refused(&error, table)),
    }
}

async fn ready(client: &Client, table: &str) -> Result<TableDescription, TableError> {
    let end = Instant::now() + READY_TIMEOUT;
    loop {
        let described = describe(client, table).await?;
        let status = described
            .as_ref()
            .and_then(|described| described.table_status.clone());
        match (described, status) {
            (Some(described), Some(TableStatus::Active | TableStatus::Updating)) => {
                return Ok(described);
            }
            (_, status) if Instant::now() >= end => {
                let status = status
                    .map_or_else(|| "missing".to_owned(), |status| status.as_str().to_owned());
                return Err(TableError::NotReady {
                    table: table.to_owned(),
                    status,
                });
            }
            _ => sleep(LOOK_EVERY).await,
        }
    }
}

pub(super) fn keys(table: &str, described: &TableDescription) -> Result<(), TableError> {
    let of_type = |name: &str| {
        let definition = described
            .attribute_definitions()
            .iter()
            .find(|known| known.attribute_name == name);
        definition.map_or("?", |definition| definition.attribute_type.as_str())
    };
    let found: Vec<_> = described
        .key_schema()
        .iter()
        .map(|key| {
            (
                key.attribute_name.as_str(),
                of_type(&key.attribute_name),
                key.key_type.as_str(),
            )
        })
        .collect();
    if found == [(ID, "S", "HASH"), (INVOCATION_ID, "S", "RANGE")] {
        return Ok(());
    }
    let found: Vec<_> = found
        .iter()
        .map(|(name, of, key)| format!("`{name}` ({of}, {key})"))
        .collect();
    Err(TableError::OtherKeys {
        table: table.to_owned(),
        found: found.join(", "),
    })
}

async fn time_to_live(client: &Client, table: &str) -> Result<Outcome, TableError> {
    let reply = client
        .describe_time_to_live()
        .table_name(table)
        .send()
        .await;
    let reply = reply.map_err(|error| refused(&error, table))?;
    let found = reply.time_to_live_description;
    let status = found
        .as_ref()
        .and_then(|found| found.time_to_live_status.clone());
    if let Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling) = status {
        let attribute = found
            .and_then(|found| found.attribute_name)
            .unwrap_or_default();
        return match attribute == TTL {
            true => Ok(Outcome::AlreadyThere),
            false => Err(TableError::OtherTimeToLive {
                table: table.to_owned(),
                attribute,
            }),
        };
    }
    let wanted = TimeToLiveSpecification::builder()
        .attribute_name(TTL)
        .enabled(true)
        .build();
    let wanted = wanted.map_err(|error| TableError::Refused(error.to_string()))?;
    let sent = client
        .update_time_to_live()
        .table_name(table)
        .time_to_live_specification(wanted)
        .send()
        .await;
    sent.map_err(|error| refused(&error, table))?;
    Ok(Outcome::Done)
}

async fn point_in_time_recovery(client: &Client, table: &str) -> Result<Outcome, TableError> {
    let reply = client
        .describe_continuous_backups()
        .table_name(table)
        .send()
        .await;
    let reply = reply.map_err(|error| refused(&error, table))?;
    let found = reply
        .continuous_backups_description
        .and_then(|found| found.point_in_time_recovery_description);
    if found.and_then(|found| found.point_in_time_recovery_status)
        == Some(PointInTimeRecoveryStatus::Enabled)
    {
        return Ok(Outcome::AlreadyThere);
    }
    let end = Instant::now() + READY_TIMEOUT;
    loop {
        let wanted = PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(true)
            .build();
        let wanted = wanted.map_err(|error| TableError::Refused(error.to_string()))?;
        let call = client.update_continuous_backups().table_name(table);
        match call
            .point_in_time_recovery_specification(wanted)
            .send()
            .await
        {
            Ok(_) => return Ok(Outcome::Done),
            // A new table's backups take a moment longer than the table.
            Err(error)
                if error.code() == Some("ContinuousBackupsUnavailableException")
                    && Instant::now() < end =>
            {
                sleep(LOOK_EVERY).await;
            }
            Err(error) => return Err(refused(&error, table)),
        }
    }
}

pub(super) fn refused<E>(error: &SdkError<E, HttpResponse>, table: &str) -> TableError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    TableError::Refused(errors::read(error, table).to_string())
}
