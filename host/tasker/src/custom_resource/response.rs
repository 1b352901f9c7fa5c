//! The response to a custom resource: JSON of at most 4,096 bytes.

use serde_json::{Map, Value, json};
use signalbox_policy::Answer;

use super::CustomResource;
use crate::shorten;

/// The most bytes that CloudFormation takes.
const RESPONSE_MAX: usize = 4_096;

/// Renders the response. What is too long is shortened: first the reason, to a third of the room, then the data inside
/// its longest texts; data that does not fit all the same is replaced by a pointer.
pub(super) fn render(resource: &CustomResource, physical_id: &str, answer: &Answer) -> String {
    let (status, reason, data) = match answer {
        Answer::Succeed { output } => ("SUCCESS", "success".to_owned(), as_data(output)),
        Answer::Fail { error, cause } => ("FAILED", reason(error, cause), failure_data(cause)),
    };
    let write = |reason: &str, data: Option<&Value>| {
        let mut body = Map::new();
        for (name, value) in [
            ("Status", status),
            ("Reason", reason),
            ("PhysicalResourceId", physical_id),
            ("StackId", &resource.stack_id),
            ("RequestId", &resource.request_id),
            ("LogicalResourceId", &resource.logical_resource_id),
        ] {
            body.insert(name.to_owned(), Value::from(value));
        }
        body.insert("NoEcho".to_owned(), Value::from(false));
        if let Some(data) = data {
            body.insert("Data".to_owned(), data.clone());
        }
        Value::Object(body).to_string()
    };
    let fits = |body: &String| body.len() <= RESPONSE_MAX;

    let whole = write(&reason, data.as_ref());
    if fits(&whole) {
        return whole;
    }
    let room = RESPONSE_MAX.saturating_sub(write("", None).len());
    let reason = shorten_text(&reason, room / 3);
    let taken = write(&reason, Some(&Value::Null)).len() - "null".len();
    let data =
        data.and_then(|data| shorten::data(data, RESPONSE_MAX.saturating_sub(taken), str::len));
    let short = write(&reason, data.as_ref());
    if fits(&short) {
        short
    } else {
        write(&reason, None)
    }
}

/// How long a text is in JSON, without its quotation marks.
pub(super) fn json_length(text: &str) -> usize {
    Value::from(text).to_string().len().saturating_sub(2)
}

/// CloudFormation wants names and values.
fn as_data(output: &str) -> Option<Value> {
    match serde_json::from_str(output) {
        Ok(data @ Value::Object(_)) => Some(data),
        Ok(Value::Null) => None,
        Ok(other) => Some(json!({ "output": other })),
        Err(_) => Some(json!({ "output": output })),
    }
}

fn failure_data(cause: &str) -> Option<Value> {
    serde_json::from_str(cause).ok().filter(Value::is_object)
}

/// Why, in words: CloudFormation shows them to the owner of the stack.
fn reason(error: &str, cause: &str) -> String {
    let cause_value: Value = serde_json::from_str(cause).unwrap_or_default();
    let part = |pointer: &str| cause_value.pointer(pointer).and_then(Value::as_str);
    let told = part("/detail/error").or_else(|| part("/message"));
    let why = match (told, part("/detail/state")) {
        (Some(told), _) => told.to_owned(),
        (None, Some(state)) => format!("the statement ended as {state}"),
        (None, None) if cause.is_empty() => "no cause was given".to_owned(),
        (None, None) => cause.to_owned(),
    };
    let statement = part("/detail/statementId").or_else(|| part("/statement/Id"));
    match statement {
        Some(id) => format!("{error}: {why} (statement {id})"),
        None => format!("{error}: {why}"),
    }
}

/// The beginning of a text, at most so many bytes in JSON.
fn shorten_text(text: &str, max: usize) -> String {
    if json_length(text) <= max {
        return text.to_owned();
    }
    let room = max.saturating_sub('…'.len_utf8());
    let mut length = 0;
    let mut short: String = text
        .chars()
        .take_while(|c| {
            length += json_length(c.encode_utf8(&mut [0; 4]));
            length <= room
        })
        .collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;

    fn resource() -> CustomResource {
        CustomResource {
            response_url: None,
            request_type: "Create".to_owned(),
            stack_id: "arn:aws:cloudformation:eu-west-1:111122223333:stack/s/1".to_owned(),
            request_id: "r-1".to_owned(),
            logical_resource_id: "Table".to_owned(),
            physical_resource_id: None,
            response: None,
        }
    }

    fn fail(error: &str, cause: &str) -> Answer {
        Answer::Fail {
            error: error.to_owned(),
            cause: cause.to_owned(),
        }
    }

    #[test]
    fn what_cloudformation_reads() {
        let output = json!({"detail": {"statementId": "s", "state": "FINISHED"}}).to_string();
        assert_snapshot!(
            render(&resource(), "sbx-d:1", &Answer::Succeed { output }),
            @r#"{"Status":"SUCCESS","Reason":"success","PhysicalResourceId":"sbx-d:1","StackId":"arn:aws:cloudformation:eu-west-1:111122223333:stack/s/1","RequestId":"r-1","LogicalResourceId":"Table","NoEcho":false,"Data":{"detail":{"statementId":"s","state":"FINISHED"}}}"#
        );
        let cause = json!({"detail": {"statementId": "s", "state": "FAILED", "error": "ERROR: no such table"}});
        assert_snapshot!(
            render(&resource(), "sbx-d:1", &fail("FAILED", &cause.to_string())),
            @r#"{"Status":"FAILED","Reason":"FAILED: ERROR: no such table (statement s)","PhysicalResourceId":"sbx-d:1","StackId":"arn:aws:cloudformation:eu-west-1:111122223333:stack/s/1","RequestId":"r-1","LogicalResourceId":"Table","NoEcho":false,"Data":{"detail":{"statementId":"s","state":"FAILED","error":"ERROR: no such table"}}}"#
        );
        assert_snapshot!(
            render(&resource(), "sbx-d:1", &fail("PolicyDenied", "no drops")),
            @r#"{"Status":"FAILED","Reason":"PolicyDenied: no drops","PhysicalResourceId":"sbx-d:1","StackId":"arn:aws:cloudformation:eu-west-1:111122223333:stack/s/1","RequestId":"r-1","LogicalResourceId":"Table","NoEcho":false}"#
        );
    }

    #[test]
    fn a_long_message_keeps_its_beginning_and_the_statement_stays_findable() {
        let error = "ERROR: schöner Fehler 😀 ".repeat(5_000);
        let cause = json!({"detail": {"statementId": "s", "state": "FAILED", "error": error}});
        let body = render(&resource(), "sbx-d:1", &fail("FAILED", &cause.to_string()));
        assert!(body.len() <= RESPONSE_MAX, "{}", body.len());
        let body: Value = serde_json::from_str(&body).unwrap();
        assert!(
            body["Reason"]
                .as_str()
                .unwrap()
                .starts_with("FAILED: ERROR: schöner")
        );
        assert_eq!(body["Data"]["detail"]["statementId"], "s");
    }

    #[test]
    fn data_of_many_small_parts_is_replaced_by_a_pointer() {
        let rows: Vec<Value> = (0..5_000).map(Value::from).collect();
        let output = json!({"detail": {"statementId": "s", "state": "FINISHED"}, "rows": rows});
        let body = render(
            &resource(),
            "sbx-d:1",
            &Answer::Succeed {
                output: output.to_string(),
            },
        );
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["Data"]["detail"]["statementId"], "s");
        assert!(body["Data"]["omitted"].is_string());
    }

    proptest! {
        #[test]
        fn whatever_the_texts_are_it_fits_and_is_json(
            ids in prop::collection::vec("[a-z:/\"\\\\]{1,290}", 3),
            physical in "\\PC{1,500}",
            error in "\\PC{0,256}",
            text in "[a\u{1}\"😀é]{0,6000}",
            parts in 0_usize..40,
        ) {
            let resource = CustomResource {
                stack_id: ids[0].clone(),
                request_id: ids[1].clone(),
                logical_resource_id: ids[2].clone(),
                ..resource()
            };
            let value = json!({
                "detail": {"statementId": text.get(..5), "error": text}, "parts": vec![text.get(..2); parts * parts],
            })
            .to_string();
            let answers = [Answer::Succeed { output: value.clone() }, fail(&error, &value), fail(&error, &text)];
            for answer in answers {
                let body = render(&resource, &physical, &answer);
                prop_assert!(body.len() <= RESPONSE_MAX, "{}", body.len());
                let body: Value = serde_json::from_str(&body).expect("JSON");
                prop_assert_eq!(body["StackId"].as_str(), Some(ids[0].as_str()));
                prop_assert_eq!(body["PhysicalResourceId"].as_str(), Some(physical.as_str()));
                prop_assert!(!body["Reason"].as_str().unwrap_or_default().is_empty());
            }
        }
    }
}
