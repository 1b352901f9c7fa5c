//! Looks at the ledger's table and changes nothing.

use super::table::{Table, TableError};

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
pub(super) async fn inspect(table: &Table) -> Result<Option<Inspection>, TableError> {
    let Some(described) = table.describe().await? else {
        return Ok(None);
    };
    Ok(Some(Inspection {
        active: described.is_usable(),
        keys: table.keys(&described),
        on_demand: described.is_on_demand(),
        time_to_live: table.expiry().await,
        point_in_time_recovery: table.is_recoverable().await,
        arn: described.table_arn,
    }))
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
