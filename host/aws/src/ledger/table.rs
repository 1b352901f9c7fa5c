//! The ledger's table: made, or completed.
//!
//! It has the original's keys: `id` and `invocationId`, both texts; it is paid per request, its items expire by
//! the attribute `TTL`, and it can be restored to any point in time.

use std::fmt;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_types::service_config::ServiceConfigKey;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use signalbox_tasker::ports::LedgerError;
use tokio::time::{Instant, sleep};

use super::attributes::{ID, INVOCATION_ID, TTL};
use super::{LIMITS, errors};
use crate::call::Fault;
use crate::json::JsonService;
use crate::session::Session;
use crate::signed::Signed;

/// The longest reply that is read: a page of a query has 1 MB of items, and JSON can need six bytes for one.
const REPLY_MAX: usize = 16 * 1024 * 1024;
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

/// What [`create_table`](super::DynamoLedger::create_table) did.
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

impl From<LedgerError> for TableError {
    fn from(error: LedgerError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// A table, and the service that has it.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) service: JsonService,
}

impl Table {
    /// The table of this name or ARN, in the session's own region.
    pub(super) async fn open(
        session: &std::sync::Arc<Session>,
        name: &str,
    ) -> Result<Self, LedgerError> {
        let refused = |error: &dyn fmt::Display| LedgerError::Refused(error.to_string());
        let config = session.home().await.map_err(|error| refused(&error))?;
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        let params = Params::builder()
            .region(region.clone())
            .use_fips(config.use_fips().unwrap_or_default())
            .use_dual_stack(config.use_dual_stack().unwrap_or_default())
            .set_endpoint(endpoint(config))
            .build()
            .map_err(|error| refused(&error))?;
        let found = DefaultResolver::new().resolve_endpoint(&params).await;
        let found = found.map_err(|error| refused(&error))?;
        let retries = config
            .retry_config()
            .cloned()
            .unwrap_or_else(crate::session::retries);
        Ok(Self {
            name: name.to_owned(),
            service: JsonService {
                signed: Signed::new(session.clone()),
                url: format!("{}/", found.url().trim_end_matches('/')),
                region,
                name: "dynamodb",
                target: "DynamoDB_20120810",
                limits: LIMITS,
                most: retries.max_attempts(),
                pause: retries.initial_backoff(),
                reply_max: REPLY_MAX,
            },
        })
    }

    /// Creates the table, waits until it can be used, and switches on expiry and point-in-time recovery, each if it
    /// is not so already. Safe to repeat.
    pub(super) async fn create(&self) -> Result<TableReport, TableError> {
        let made = match self.describe().await? {
            Some(_) => Outcome::AlreadyThere,
            None => self.make().await?,
        };
        let described = self.ready().await?;
        self.keys(&described)?;
        Ok(TableReport {
            name: self.name.clone(),
            arn: described.table_arn,
            table: made,
            time_to_live: self.expire().await?,
            point_in_time_recovery: self.recover().await?,
        })
    }

    pub(super) async fn describe(&self) -> Result<Option<Description>, TableError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Reply {
            table: Option<Description>,
        }
        match self.ask("DescribeTable", json!({})).await {
            Ok(Reply { table }) => Ok(table),
            Err(Fault::Refused { code, .. }) if code == "ResourceNotFoundException" => Ok(None),
            Err(fault) => Err(self.refused(fault)),
        }
    }

    async fn make(&self) -> Result<Outcome, TableError> {
        let attributes =
            [ID, INVOCATION_ID].map(|name| json!({"AttributeName": name, "AttributeType": "S"}));
        let keys = [(ID, "HASH"), (INVOCATION_ID, "RANGE")]
            .map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind}));
        let wanted = json!({
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": attributes,
            "KeySchema": keys,
        });
        match self.ask("CreateTable", wanted).await {
            Ok(IgnoredAny) => Ok(Outcome::Done),
            // Somebody else is making it.
            Err(Fault::Refused { code, .. }) if code == "ResourceInUseException" => {
                Ok(Outcome::AlreadyThere)
            }
            Err(fault) => Err(self.refused(fault)),
        }
    }

    async fn ready(&self) -> Result<Description, TableError> {
        let end = Instant::now() + READY_TIMEOUT;
        loop {
            let status = match self.describe().await? {
                Some(described) if described.is_usable() => return Ok(described),
                Some(described) => described.table_status,
                None => None,
            };
            if Instant::now() >= end {
                return Err(TableError::NotReady {
                    table: self.name.clone(),
                    status: status.unwrap_or_else(|| "missing".to_owned()),
                });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Whether the keys are those of a ledger.
    pub(super) fn keys(&self, described: &Description) -> Result<(), TableError> {
        let of_type = |name: &str| {
            let mut known = described.attribute_definitions.iter();
            known
                .find(|known| known.attribute_name == name)
                .map_or("?", |definition| &definition.attribute_type)
        };
        let found: Vec<_> = described
            .key_schema
            .iter()
            .map(|key| {
                (
                    &*key.attribute_name,
                    of_type(&key.attribute_name),
                    &*key.key_type,
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
            table: self.name.clone(),
            found: found.join(", "),
        })
    }

    /// The attribute by which items expire; none if they do not.
    pub(super) async fn expiry(&self) -> Result<Option<String>, TableError> {
        let reply: Value = self.told("DescribeTimeToLive", json!({})).await?;
        let text = |name| {
            reply
                .pointer(&format!("/TimeToLiveDescription/{name}"))?
                .as_str()
        };
        let is_on = matches!(text("TimeToLiveStatus"), Some("ENABLED" | "ENABLING"));
        Ok(text("AttributeName").filter(|_| is_on).map(str::to_owned))
    }

    async fn expire(&self) -> Result<Outcome, TableError> {
        if let Some(attribute) = self.expiry().await? {
            return match attribute == TTL {
                true => Ok(Outcome::AlreadyThere),
                false => Err(TableError::OtherTimeToLive {
                    table: self.name.clone(),
                    attribute,
                }),
            };
        }
        let wanted = json!({"TimeToLiveSpecification": {"AttributeName": TTL, "Enabled": true}});
        let IgnoredAny = self.told("UpdateTimeToLive", wanted).await?;
        Ok(Outcome::Done)
    }

    /// Whether the table can be restored to any point in time.
    pub(super) async fn is_recoverable(&self) -> Result<bool, TableError> {
        let reply: Value = self.told("DescribeContinuousBackups", json!({})).await?;
        let status = "/ContinuousBackupsDescription/PointInTimeRecoveryDescription/PointInTimeRecoveryStatus";
        Ok(reply
            .pointer(status)
            .is_some_and(|status| status == "ENABLED"))
    }

    async fn recover(&self) -> Result<Outcome, TableError> {
        if self.is_recoverable().await? {
            return Ok(Outcome::AlreadyThere);
        }
        let end = Instant::now() + READY_TIMEOUT;
        loop {
            let wanted =
                json!({"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}});
            match self.ask("UpdateContinuousBackups", wanted).await {
                Ok(IgnoredAny) => return Ok(Outcome::Done),
                // A new table's backups take a moment longer than the table.
                Err(Fault::Refused { code, .. })
                    if code == "ContinuousBackupsUnavailableException" && Instant::now() < end =>
                {
                    sleep(LOOK_EVERY).await;
                }
                Err(fault) => return Err(self.refused(fault)),
            }
        }
    }

    /// As [`ask`](Self::ask), with the error of a table.
    async fn told<T: DeserializeOwned>(
        &self,
        operation: &str,
        request: Value,
    ) -> Result<T, TableError> {
        let reply = self.ask(operation, request).await;
        reply.map_err(|fault| self.refused(fault))
    }

    /// Makes a call about this table.
    async fn ask<T: DeserializeOwned>(
        &self,
        operation: &str,
        mut request: Value,
    ) -> Result<T, Fault> {
        if let Value::Object(members) = &mut request {
            members.insert("TableName".to_owned(), self.name.clone().into());
        }
        self.service.call(operation, &request).await
    }

    fn refused(&self, fault: Fault) -> TableError {
        errors::read(fault, &self.name).into()
    }
}

/// The address that the environment, the profile or the caller gives in place of the service's own.
fn endpoint(config: &SdkConfig) -> Option<String> {
    let general = || config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return general();
    }
    let key = ServiceConfigKey::builder()
        .service_id("DynamoDB")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let own = config
        .service_config()
        .and_then(|known| known.load_config(key));
    own.or_else(general)
}

/// What DynamoDB says of a table.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Description {
    pub(super) table_arn: Option<String>,
    table_status: Option<String>,
    #[serde(default)]
    attribute_definitions: Vec<Definition>,
    #[serde(default)]
    key_schema: Vec<KeyElement>,
    #[serde(default)]
    billing_mode_summary: Billing,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyElement {
    attribute_name: String,
    key_type: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Billing {
    billing_mode: Option<String>,
}

impl Description {
    /// Whether the table can be used now.
    pub(super) fn is_usable(&self) -> bool {
        matches!(self.table_status.as_deref(), Some("ACTIVE" | "UPDATING"))
    }

    /// Whether it is paid per request.
    pub(super) fn is_on_demand(&self) -> bool {
        self.billing_mode_summary.billing_mode.as_deref() == Some("PAY_PER_REQUEST")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws_config::Region;

    use super::*;

    #[tokio::test]
    async fn addresses_are_those_of_the_partition_and_of_the_settings() {
        for (region, fips, dual_stack, expected) in [
            (
                "eu-west-1",
                false,
                false,
                "https://dynamodb.eu-west-1.amazonaws.com/",
            ),
            (
                "cn-north-1",
                false,
                false,
                "https://dynamodb.cn-north-1.amazonaws.com.cn/",
            ),
            (
                "us-gov-west-1",
                true,
                false,
                "https://dynamodb.us-gov-west-1.amazonaws.com/",
            ),
            (
                "us-east-1",
                true,
                false,
                "https://dynamodb-fips.us-east-1.amazonaws.com/",
            ),
            (
                "eu-west-1",
                false,
                true,
                "https://dynamodb.eu-west-1.api.aws/",
            ),
        ] {
            let config = SdkConfig::builder()
                .region(Region::new(region))
                .use_fips(fips)
                .use_dual_stack(dual_stack)
                .build();
            let table = Table::open(&Arc::new(Session::of(config)), "tasks").await;
            assert_eq!(table.expect("open").service.url, expected);
        }
    }
}
