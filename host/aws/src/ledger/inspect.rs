//! Looks at the ledger's table and changes nothing.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    BillingMode, PointInTimeRecoveryStatus, TableStatus, TimeToLiveStatus,
};

use super::table::{self, TableError};

/// How the table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Its ARN, where the service says it.
    pub arn: Option<String>,
    /// Whether it can be used now.
    pub active: bool,
    /// Whether its keys are those of a ledger.
    pub keys: Result<(), TableError>,
    /// Whether it is paid per request; otherwise its capacity is provisioned.
    pub on_demand: bool,
    /// The attribute by which items expire; none if they do not.
    pub time_to_live: Result<Option<String>, TableError>,
    /// Whether it can be restored to any point in time.
    pub point_in_time_recovery: Result<bool, TableError>,
}

/// Looks at the table; none if there is no table of this name.
///
/// # Errors
/// The table itself could not be described. What else could not be asked is said in its place.
pub(super) async fn inspect(
    client: &Client,
    table: &str,
) -> Result<Option<Inspection>, TableError> {
    let Some(described) = table::describe(client, table).await? else {
        return Ok(None);
    };
    let billing = described
        .billing_mode_summary
        .as_ref()
        .and_then(|summary| summary.billing_mode.clone());
    Ok(Some(Inspection {
        active: matches!(
            described.table_status,
            Some(TableStatus::Active | TableStatus::Updating)
        ),
        keys: table::keys(table, &described),
        on_demand: billing == Some(BillingMode::PayPerRequest),
        time_to_live: time_to_live(client, table).await,
        point_in_time_recovery: point_in_time_recovery(client, table).await,
        arn: described.table_arn,
    }))
}

async fn time_to_live(client: &Client, table: &str) -> Result<Option<String>, TableError> {
    let reply = client.describe_time_to_live().table_name(table).send();
    let found = reply
        .await
        .map_err(|error| table::refused(&error, table))?
        .time_to_live_description;
    Ok(found
        .filter(|found| {
            matches!(
                found.time_to_live_status,
                Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
            )
        })
        .and_then(|found| found.attribute_name))
}

async fn point_in_time_recovery(client: &Client, table: &str) -> Result<bool, TableError> {
    let reply = client
        .describe_continuous_backups()
        .table_name(table)
        .send();
    let status = reply
        .await
        .map_err(|error| table::refused(&error, table))?
        .continuous_backups_description
        .and_then(|found| found.point_in_time_recovery_description)
        .and_then(|found| found.point_in_time_recovery_status);
    Ok(status == Some(PointInTimeRecoveryStatus::Enabled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::DynamoLedger;
    use crate::testing::{Service, Turn};

    const TABLE: &str = r#"{"Table": {"TableArn": "arn:t", "TableStatus": "ACTIVE",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "invocationId", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "invocationId", "KeyType": "RANGE"}],
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}}}"#;

    async fn inspected(turns: Vec<(u16, &str)>) -> Result<Option<Inspection>, TableError> {
        let turns: Vec<_> = turns
            .into_iter()
            .map(|(status, body)| Turn::Reply(status, body.to_owned()))
            .collect();
        let service = Service::start(turns).await;
        DynamoLedger::new(service.session().await, "tasks")
            .inspect_table()
            .await
    }

    #[tokio::test]
    async fn a_table_as_it_should_be() {
        let found = inspected(vec![
            (200, TABLE),
            (200, r#"{"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": "TTL"}}"#),
            (200, r#"{"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED"}}}"#),
        ])
        .await;
        assert_eq!(
            found,
            Ok(Some(Inspection {
                arn: Some("arn:t".to_owned()),
                active: true,
                keys: Ok(()),
                on_demand: true,
                time_to_live: Ok(Some("TTL".to_owned())),
                point_in_time_recovery: Ok(true),
            }))
        );
    }

    #[tokio::test]
    async fn what_is_missing_and_what_is_denied_are_told_apart() {
        let denied = r#"{"__type": "com.amazon.coral.service#AccessDeniedException", "message": "not yours"}"#;
        let found = inspected(vec![
            (
                200,
                &TABLE
                    .replace("invocationId", "other")
                    .replace("PAY_PER_REQUEST", "PROVISIONED"),
            ),
            (
                200,
                r#"{"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}"#,
            ),
            (400, denied),
        ])
        .await
        .expect("described")
        .expect("there");
        assert!(matches!(found.keys, Err(TableError::OtherKeys { .. })));
        assert_eq!((found.on_demand, &found.time_to_live), (false, &Ok(None)));
        let unknown = found
            .point_in_time_recovery
            .expect_err("denied")
            .to_string();
        assert!(unknown.contains("not yours"), "{unknown}");

        let missing = r#"{"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "no"}"#;
        assert_eq!(inspected(vec![(400, missing)]).await, Ok(None));
        assert!(inspected(vec![(400, denied)]).await.is_err());
    }
}
