//! Calls of services in the words of payloads and settings, as cases expect them.

use serde_json::{Map, Value, json};
use signalbox_policy::{functions, journal::HostCall};

/// All fields that calls can have.
pub(crate) const CALL_FIELDS: &[&str] = &[
    "call",
    "task",
    "sql",
    "sqls",
    "executionMode",
    "target",
    "action",
    "output",
    "parameters",
    "resultFormat",
    "sessionId",
    "sessionKeepAliveSeconds",
    "waitSeconds",
    "singleton",
    "deadlineSeconds",
    "heartbeat",
    "onStop",
    "step",
    "idempotencyKey",
    "memo",
    "id",
    "nextToken",
    "statementName",
    "status",
    "maxResults",
    "executionArn",
    "failed",
];

/// One call, flat: every field that is set, and the code of the failure if it failed.
pub(super) fn flat(call: &HostCall) -> Value {
    let mut flat = Map::new();
    flat.insert("call".to_owned(), json!(functions::name(&call.function)));
    if let Some(task) = call.arguments.get("task") {
        flat.insert("task".to_owned(), task.clone());
    }
    let request = call.arguments.get("request").and_then(Value::as_object);
    for (name, value) in request.into_iter().flatten() {
        match (name.as_str(), value) {
            ("options", Value::Object(options)) => {
                for (name, value) in options {
                    put(&mut flat, name, value);
                }
            }
            (name, value) => put(&mut flat, name, value),
        }
    }
    if let Some(failure) = call.reply.get("err").and_then(Value::as_object) {
        let code = failure
            .values()
            .next()
            .and_then(|detail| detail.get("code"));
        flat.insert("failed".to_owned(), code.cloned().unwrap_or_default());
    }
    Value::Object(flat)
}

fn put(flat: &mut Map<String, Value>, name: &str, value: &Value) {
    let value = match (name, value) {
        (_, Value::Null) => return,
        ("heartbeat", Value::Bool(false)) => return,
        ("memo", Value::String(text)) if text.is_empty() => return,
        ("parameters", Value::Array(items)) if items.is_empty() => return,
        ("parameters", Value::Array(items)) => items
            .iter()
            .filter_map(|item| {
                Some((
                    item.get("name")?.as_str()?.to_owned(),
                    item.get("value")?.clone(),
                ))
            })
            .collect::<Map<_, _>>()
            .into(),
        ("output" | "on_stop", Value::String(word)) => json!(word.to_lowercase()),
        ("result_format", Value::String(word)) => json!(word.to_uppercase()),
        ("execution_mode", Value::String(word)) if word == "AutoCommit" => json!("AUTO_COMMIT"),
        ("execution_mode" | "status", Value::String(word)) => json!(word.to_uppercase()),
        // As settings write it.
        ("exclusive", Value::Object(key)) => json!({ "key": key.values().next() }),
        ("exclusive", _) => json!(true),
        (_, other) => other.clone(),
    };
    let name = match name {
        "exclusive" => "singleton".to_owned(),
        name => camel(name),
    };
    flat.insert(name, value);
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use signalbox_policy::{
        ServiceCall,
        contract::{
            BatchExecuteStatementRequest, CancelStatementRequest, DescribeStatementRequest,
            Exclusivity, ExecuteStatementRequest, ExecutionMode, GetStatementResultRequest,
            LatestRequest, ListStatementsRequest, OnStop, OutputShape, Parameter, ResultFormat,
            StartOptions, StatementStatus,
        },
    };

    use super::*;

    fn options() -> StartOptions {
        StartOptions {
            target: Some("adhoc".to_owned()),
            action: "executeStatement".to_owned(),
            output: OutputShape::Rows,
            parameters: vec![Parameter {
                name: "id".to_owned(),
                value: "7".to_owned(),
            }],
            result_format: ResultFormat::Csv,
            session_id: Some("s".to_owned()),
            session_keep_alive_seconds: Some(1),
            wait_seconds: Some(2),
            exclusive: Some(Exclusivity::Key("k".to_owned())),
            deadline_seconds: Some(3),
            heartbeat: true,
            on_stop: Some(OnStop::Leave),
            step: Some("load".to_owned()),
            idempotency_key: Some("i".to_owned()),
            memo: "m".to_owned(),
        }
    }

    #[test]
    fn every_field_of_every_call_has_a_name_in_cases() {
        let id = || "1".to_owned();
        let calls = [
            ServiceCall::ExecuteStatement {
                bound: true,
                request: ExecuteStatementRequest {
                    sql: "select 1".to_owned(),
                    options: options(),
                },
            },
            ServiceCall::BatchExecuteStatement {
                bound: false,
                request: BatchExecuteStatementRequest {
                    sqls: vec!["select 1".to_owned()],
                    execution_mode: ExecutionMode::AutoCommit,
                    options: StartOptions {
                        exclusive: Some(Exclusivity::Statement),
                        ..options()
                    },
                },
            },
            ServiceCall::DescribeStatement(DescribeStatementRequest {
                id: id(),
                target: Some(id()),
                wait_seconds: Some(1),
            }),
            ServiceCall::CancelStatement(CancelStatementRequest {
                id: id(),
                target: Some(id()),
            }),
            ServiceCall::GetStatementResult(GetStatementResultRequest {
                id: id(),
                target: Some(id()),
                next_token: Some(id()),
                result_format: ResultFormat::Json,
                wait_seconds: Some(1),
            }),
            ServiceCall::ListStatements(ListStatementsRequest {
                target: Some(id()),
                statement_name: Some(id()),
                status: Some(StatementStatus::Finished),
                max_results: Some(1),
                next_token: Some(id()),
            }),
            ServiceCall::Latest(LatestRequest {
                execution_arn: Some(id()),
                step: Some(id()),
            }),
            ServiceCall::Heartbeat,
        ];
        let mut seen = std::collections::BTreeSet::new();
        let mut shown = Vec::new();
        for call in calls {
            let call = flat(&HostCall {
                function: call.function().to_owned(),
                arguments: call.arguments(),
                reply: json!({ "err": { "Throttled": { "code": "ThrottlingException" } } }),
                duration_us: 0,
                omitted: false,
            });
            seen.extend(call.as_object().expect("a table").keys().cloned());
            shown.push(call.to_string());
        }
        let known = CALL_FIELDS.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(seen, known);
        insta::assert_snapshot!(shown.join("\n"));
    }
}
