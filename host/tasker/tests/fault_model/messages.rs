//! What reaches the function, in words: payloads and events.

use serde_json::{Value, json};

use super::{policy::Session, schedule::TaskPlan};

pub fn sql(number: usize) -> String {
    format!("call work_{number}")
}

/// The second part of the key of a row of the original.
pub fn original_time(number: usize) -> String {
    format!("1799999990.{number:06}")
}

pub fn payload(number: usize, plan: &TaskPlan, token: &str, arn: &str) -> Value {
    let mut payload = json!({"sqlStatement": sql(plan.work.unwrap_or(number))});
    if let Some(Session::Opens { keep_alive_seconds }) = plan.script.session {
        payload["sessionKeepAliveSeconds"] = json!(keep_alive_seconds);
    }
    if plan.resource {
        payload["RequestType"] = json!("Create");
        payload["ResponseURL"] = json!(token);
        payload["StackId"] = json!("arn:aws:cloudformation:eu-west-1:111122223333:stack/etl/1");
        payload["RequestId"] = json!(format!("request-{number}"));
        payload["LogicalResourceId"] = json!("Table");
        return payload;
    }
    payload["executionArn"] = json!(arn);
    if plan.work.is_some() {
        payload["idempotencyKey"] = json!("work");
    }
    if plan.waits {
        payload["taskToken"] = json!(token);
    }
    payload
}

pub fn completion(name: &str, id: &str, state: &str) -> Value {
    json!({
        "version": "0", "id": "e", "detail-type": "Redshift Data Statement Status Change", "source": "aws.redshift-data",
        "detail": {"statementName": name, "statementId": id, "state": state, "rows": 1}
    })
}

pub fn stopped(arn: &str, at: i64) -> Value {
    json!({
        "version": "0", "id": "e", "detail-type": "Step Functions Execution Status Change", "source": "aws.states",
        "detail": {"executionArn": arn, "status": "ABORTED", "stopDate": at}
    })
}
