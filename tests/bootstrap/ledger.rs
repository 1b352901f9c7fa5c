//! `signalbox ledger create`: the table for the settings that the function has.

use serde_json::json;

use crate::support::{
    dynamodb::DynamoDb,
    lambda::{Variables, lambda_variables},
    stage::{Said, original, run_signalbox},
};

fn variables(dynamodb: &DynamoDb) -> Variables {
    let mut all = lambda_variables();
    all.extend(original("redshift-tasker"));
    all.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb.url());
    all
}

async fn create(variables: &Variables) -> Said {
    run_signalbox(variables, &["ledger", "create", "--json"]).await
}

#[tokio::test]
async fn the_table_is_made_once_and_the_command_can_be_repeated() {
    let dynamodb = DynamoDb::bare("redshift-tasker").await;
    let variables = variables(&dynamodb);
    let first = create(&variables).await;
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(
        first.json()["made"],
        json!({"table": true, "timeToLive": true, "pointInTimeRecovery": true})
    );
    // The original's keys, paid per request, and no secondary index.
    assert_eq!(
        dynamodb.made_of(),
        Some(json!({
            "TableName": "redshift-tasker",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "invocationId", "AttributeType": "S"},
            ],
            "KeySchema": [
                {"AttributeName": "id", "KeyType": "HASH"},
                {"AttributeName": "invocationId", "KeyType": "RANGE"},
            ],
        }))
    );
    let changes = ["CreateTable", "UpdateTimeToLive", "UpdateContinuousBackups"];
    assert_eq!(dynamodb.changes(), changes);

    let again = create(&variables).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(
        again.json()["made"],
        json!({"table": false, "timeToLive": false, "pointInTimeRecovery": false})
    );
    assert_eq!(dynamodb.changes(), changes, "nothing was changed again");
    assert_eq!(dynamodb.odd_requests(), [""; 0]);
}

#[tokio::test]
async fn a_missing_setting_is_named_and_nothing_is_asked() {
    let dynamodb = DynamoDb::bare("redshift-tasker").await;
    let mut variables = variables(&dynamodb);
    variables.remove("DDB_TABLE_NAME");
    let said = create(&variables).await;
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("DDB_TABLE_NAME"), "{said:?}");
    assert_eq!(dynamodb.made_of(), None);
}
