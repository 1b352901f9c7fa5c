//! What a table is beside its items: keys, billing, expiry, recovery.

use serde_json::{Value, json};

use super::{Refusal, invalid, only, refuse};

/// The table's properties, if there is a table.
pub(super) struct Properties {
    name: String,
    made: Option<Made>,
    /// The operations that changed something, in order.
    changes: Vec<String>,
}

struct Made {
    request: Value,
    /// How often it is still described as on its way.
    creating: u32,
    expires_by: Option<String>,
    recovery: bool,
}

impl Properties {
    /// Of a table that is there, as the original and `signalbox ledger create` make it.
    pub(super) fn of_a_table(name: &str) -> Self {
        let request = json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "invocationId", "AttributeType": "S"},
            ],
            "KeySchema": [
                {"AttributeName": "id", "KeyType": "HASH"},
                {"AttributeName": "invocationId", "KeyType": "RANGE"},
            ],
        });
        Self {
            made: Some(Made {
                request,
                creating: 0,
                expires_by: Some("TTL".to_owned()),
                recovery: true,
            }),
            ..Self::of_no_table(name)
        }
    }

    /// Of a table that is still to be made.
    pub(super) fn of_no_table(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            made: None,
            changes: Vec::new(),
        }
    }

    pub(super) fn changes(&self) -> Vec<String> {
        self.changes.clone()
    }

    /// What the table was made of.
    pub(super) fn request(&self) -> Option<Value> {
        self.made.as_ref().map(|made| made.request.clone())
    }

    /// Serves an operation; none if it is not about a table's properties.
    pub(super) fn operate(
        &mut self,
        operation: &str,
        body: &Value,
    ) -> Option<Result<Value, Refusal>> {
        let served = match operation {
            "CreateTable" => self.create(body),
            "DescribeTable" => self.describe(body),
            "DescribeTimeToLive" => self.time_to_live(body),
            "UpdateTimeToLive" => self.set_time_to_live(body),
            "DescribeContinuousBackups" => self.backups(body),
            "UpdateContinuousBackups" => self.set_backups(body),
            _ => return None,
        };
        if served.is_ok() && !operation.starts_with("Describe") {
            self.changes.push(operation.to_owned());
        }
        Some(served)
    }

    fn create(&mut self, body: &Value) -> Result<Value, Refusal> {
        only(
            body,
            &[
                "TableName",
                "BillingMode",
                "AttributeDefinitions",
                "KeySchema",
            ],
        )?;
        if body["TableName"] != self.name.as_str() {
            return invalid("a table of another name is made");
        }
        if self.made.is_some() {
            return refuse("ResourceInUseException", "Table already exists");
        }
        self.made = Some(Made {
            request: body.clone(),
            creating: 1,
            expires_by: None,
            recovery: false,
        });
        Ok(json!({"TableDescription": {"TableName": self.name, "TableStatus": "CREATING"}}))
    }

    fn describe(&mut self, body: &Value) -> Result<Value, Refusal> {
        only(body, &["TableName"])?;
        let made = self.made(body)?;
        let status = if made.creating > 0 {
            made.creating -= 1;
            "CREATING"
        } else {
            "ACTIVE"
        };
        let request = made.request.clone();
        Ok(json!({"Table": {
            "TableName": self.name,
            "TableArn": format!("arn:aws:dynamodb:us-east-1:000000000000:table/{}", self.name),
            "TableStatus": status,
            "AttributeDefinitions": request["AttributeDefinitions"],
            "KeySchema": request["KeySchema"],
            "BillingModeSummary": {"BillingMode": request["BillingMode"]},
        }}))
    }

    fn time_to_live(&mut self, body: &Value) -> Result<Value, Refusal> {
        only(body, &["TableName"])?;
        Ok(match &self.made(body)?.expires_by {
            Some(attribute) => json!({"TimeToLiveDescription": {
                "TimeToLiveStatus": "ENABLED", "AttributeName": attribute
            }}),
            None => json!({"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}),
        })
    }

    fn set_time_to_live(&mut self, body: &Value) -> Result<Value, Refusal> {
        only(body, &["TableName", "TimeToLiveSpecification"])?;
        let wanted = &body["TimeToLiveSpecification"];
        let made = self.made(body)?;
        match (wanted["Enabled"].as_bool(), &made.expires_by) {
            (Some(true), None) => {
                made.expires_by = wanted["AttributeName"].as_str().map(str::to_owned);
                Ok(json!({"TimeToLiveSpecification": wanted}))
            }
            _ => invalid("TimeToLive is already enabled"),
        }
    }

    fn backups(&mut self, body: &Value) -> Result<Value, Refusal> {
        only(body, &["TableName"])?;
        let recovery = if self.made(body)?.recovery {
            "ENABLED"
        } else {
            "DISABLED"
        };
        Ok(json!({"ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": recovery},
        }}))
    }

    fn set_backups(&mut self, body: &Value) -> Result<Value, Refusal> {
        only(body, &["TableName", "PointInTimeRecoverySpecification"])?;
        let wanted = &body["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        let Some(wanted) = wanted.as_bool() else {
            return invalid("whether recovery is on is not said");
        };
        self.made(body)?.recovery = wanted;
        self.backups(&json!({"TableName": self.name}))
    }

    fn made(&mut self, body: &Value) -> Result<&mut Made, Refusal> {
        match &mut self.made {
            Some(made) if body["TableName"] == self.name.as_str() => Ok(made),
            _ => refuse("ResourceNotFoundException", "Requested resource not found"),
        }
    }
}
