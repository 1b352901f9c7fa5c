//! The state that is to be run, made ready.

use serde_json::Value;
use signalbox_local::step_functions::SingleState;

/// The original's placeholder for the SQL.
const PLACEHOLDER: &str = "SQL_STATEMENT";
/// Three periods of the sweep, by which heartbeats are sent.
const HEARTBEAT: u64 = 180;

/// Takes the state out of its definition and puts the SQL in.
pub(super) fn prepare(
    definition: &Value,
    name: Option<&str>,
    sql: Option<&str>,
) -> Result<SingleState, String> {
    let mut single = SingleState::take(definition, name).map_err(|error| error.to_string())?;
    let name = single.name().to_owned();
    match (sql, single.payload_mut()) {
        (Some(sql), Some(payload)) => {
            payload.remove("sqlStatement.$");
            payload.insert("sqlStatement".to_owned(), Value::from(sql));
        }
        (Some(_), None) => {
            return Err(format!(
                "state '{name}': its payload is not written in the definition but computed, so --sql cannot be put in; \
                 give the SQL with --input"
            ));
        }
        (None, Some(payload)) => {
            let written = payload.get("sqlStatement").and_then(Value::as_str);
            if let Some(sql) = written.filter(|sql| is_placeholder(sql)) {
                return Err(format!(
                    "state '{name}': its SQL is the placeholder {sql}; give the SQL with --sql"
                ));
            }
        }
        (None, None) => {}
    }
    Ok(single)
}

fn is_placeholder(sql: &str) -> bool {
    let sql = sql.trim();
    sql == PLACEHOLDER || (sql.starts_with("${") && sql.ends_with('}'))
}

/// What will hardly be meant.
pub(super) fn warnings(single: &SingleState) -> Vec<String> {
    let mut single = single.clone();
    let name = single.name().to_owned();
    let seconds = single
        .state()
        .get("HeartbeatSeconds")
        .and_then(Value::as_u64);
    let waits = single
        .state()
        .get("Resource")
        .and_then(Value::as_str)
        .is_some_and(|resource| resource.ends_with(":lambda:invoke.waitForTaskToken"));
    let mut warnings = Vec::new();
    let Some(payload) = single.payload_mut() else {
        return warnings;
    };
    if waits && !payload.contains_key("taskToken") && !payload.contains_key("taskToken.$") {
        warnings.push(format!(
            "state '{name}': it waits for its token, and its payload has no `taskToken`, so nobody can answer it"
        ));
    }
    let sends = payload.get("heartbeat") == Some(&Value::Bool(true));
    if let Some(seconds) = seconds.filter(|seconds| sends && *seconds < HEARTBEAT) {
        warnings.push(format!(
            "state '{name}': HeartbeatSeconds is {seconds}; heartbeats are sent about once a minute, by the sweep, so \
             that less than {HEARTBEAT} ends tasks that live"
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn task(payload: Value) -> Value {
        json!({
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "f", "Payload": payload}, "End": true
        })
    }

    fn payload(state: &Value, sql: Option<&str>) -> Result<Value, String> {
        let mut single = prepare(state, None, sql)?;
        Ok(json!(single.payload_mut()))
    }

    #[test]
    fn sql_takes_the_place_of_what_is_written() {
        for written in [
            json!({"sqlStatement": "SQL_STATEMENT"}),
            json!({"sqlStatement": "${Sql}"}),
            json!({"sqlStatement": "select 2"}),
            json!({"sqlStatement.$": "$.sql"}),
            json!({}),
        ] {
            assert_eq!(
                payload(&task(written), Some("select 1")),
                Ok(json!({"sqlStatement": "select 1"}))
            );
        }
    }

    #[test]
    fn a_placeholder_is_not_run() {
        for written in ["SQL_STATEMENT", " ${Sql} "] {
            let error = payload(&task(json!({"sqlStatement": written})), None).unwrap_err();
            assert!(error.contains("give the SQL with --sql"), "{error}");
        }
        payload(&task(json!({"sqlStatement": "select '${x}'"})), None).unwrap();
        let computed = json!({
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f", "Payload.$": "$"}, "End": true
        });
        assert!(prepare(&computed, None, None).is_ok());
        let error = prepare(&computed, None, Some("select 1")).unwrap_err();
        assert!(error.contains("give the SQL with --input"), "{error}");
    }

    #[test]
    fn a_token_that_is_not_passed_on_is_warned_of() {
        let warned = |state| {
            let single = prepare(&state, None, Some("select 1")).unwrap();
            warnings(&single).join("\n")
        };
        assert!(warned(task(json!({}))).contains("no `taskToken`"));
        assert_eq!(warned(task(json!({"taskToken.$": "$$.Task.Token"}))), "");
        let mut returns = task(json!({}));
        returns["Resource"] = json!("arn:aws:states:::lambda:invoke");
        assert_eq!(warned(returns), "");
    }

    #[test]
    fn a_short_heartbeat_is_warned_of() {
        for (seconds, sends, warned) in [(179, true, true), (180, true, false), (10, false, false)]
        {
            let mut state = task(json!({"heartbeat": sends, "taskToken.$": "$$.Task.Token"}));
            state["HeartbeatSeconds"] = json!(seconds);
            let single = prepare(&state, None, Some("select 1")).unwrap();
            assert_eq!(!warnings(&single).is_empty(), warned, "{seconds} {sends}");
        }
    }
}
