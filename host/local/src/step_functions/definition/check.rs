//! What must hold beyond the form of each state.

use super::{After, DefinitionError, Kind, Machine, State};

/// Every state that is named exists.
pub(super) fn transitions(machine: &Machine, place: &str) -> Result<(), DefinitionError> {
    let missing = |name: &str, place: String| DefinitionError {
        place,
        reason: format!("there is no state '{name}' to go to"),
    };
    if !machine.states.contains_key(&machine.start_at) {
        return Err(missing(&machine.start_at, place.to_owned()));
    }
    for (name, state) in &machine.states {
        for next in targets(state) {
            if !machine.states.contains_key(next) {
                return Err(missing(next, format!("{place}, state '{name}'")));
            }
        }
    }
    Ok(())
}

/// The states that may follow.
fn targets(state: &State) -> Vec<&str> {
    let (after, results) = match &state.kind {
        Kind::Task(task) => (Some(&task.results.after), Some(&task.results)),
        Kind::Parallel(parallel) => (Some(&parallel.results.after), Some(&parallel.results)),
        Kind::Pass { after, .. } | Kind::Wait { after, .. } => (Some(after), None),
        Kind::Choice(choice) => {
            let rules = choice.rules.iter().map(|branch| branch.next.as_str());
            return rules.chain(choice.default.as_deref()).collect();
        }
        Kind::Succeed | Kind::Fail { .. } => (None, None),
    };
    let next = after.and_then(|after| match after {
        After::Next(next) => Some(next.as_str()),
        After::End => None,
    });
    let caught = results
        .into_iter()
        .flat_map(|results| results.catch.iter().map(|catcher| catcher.next.as_str()));
    next.into_iter().chain(caught).collect()
}

/// Lists of errors are not empty, and `States.ALL` stands alone and last.
pub(super) fn error_names(lists: &[&[String]]) -> Result<(), String> {
    for (at, errors) in lists.iter().enumerate() {
        if errors.is_empty() {
            return Err("ErrorEquals is empty".to_owned());
        }
        let is_last = at + 1 == lists.len();
        let has_all = errors.iter().any(|error| error == "States.ALL");
        if has_all && !(is_last && errors.len() == 1) {
            return Err("States.ALL must stand alone and in the last entry".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::step_functions::Definition;
    use serde_json::{Value, json};

    fn task(more: Value) -> Value {
        let mut task = json!({
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f"},
            "End": true
        });
        for (name, value) in more.as_object().expect("object") {
            task[name] = value.clone();
        }
        task
    }

    fn refused(state: Value) -> String {
        let definition = json!({"StartAt": "A", "States": {"A": state}});
        Definition::from_value(&definition)
            .expect_err("refused")
            .to_string()
    }

    #[test]
    fn what_cannot_be_run_is_refused_with_the_reason() {
        let pass = |more: Value| {
            let mut pass = json!({"Type": "Pass", "End": true});
            for (name, value) in more.as_object().expect("object") {
                pass[name] = value.clone();
            }
            pass
        };
        for (state, reason) in [
            (
                json!({"Type": "Map", "End": true}),
                "state 'A': the type 'Map' is not supported here",
            ),
            (json!({}), "state 'A': Type is missing"),
            (
                pass(json!({"Oops": 1})),
                "state 'A': a Pass state with the field 'Oops' is not supported here",
            ),
            (
                pass(json!({"Next": "A"})),
                "state 'A': needs either Next or End",
            ),
            (
                json!({"Type": "Pass", "Next": "B"}),
                "the definition, state 'A': there is no state 'B' to go to",
            ),
            (
                pass(json!({"Parameters": {"x.$": "States.UUID(1)"}})),
                "state 'A': in 'x.$', 'States.UUID(1)': States.UUID takes no arguments, not 1",
            ),
            (
                pass(json!({"Parameters": {"x.$": "States.Uid()"}})),
                "state 'A': in 'x.$', 'States.Uid()': there is no intrinsic function 'States.Uid'; there are \
                 States.Array, States.ArrayContains, States.ArrayGetItem, States.ArrayLength, \
                 States.ArrayPartition, States.ArrayRange, States.ArrayUnique, States.Base64Decode, \
                 States.Base64Encode, States.Format, States.Hash, States.JsonMerge, States.JsonToString, \
                 States.MathAdd, States.MathRandom, States.StringSplit, States.StringToJson, States.UUID",
            ),
            (
                pass(json!({"QueryLanguage": "JSONata", "Parameters": {}})),
                "state 'A': a Pass state in JSONata with the field 'Parameters' is not supported here",
            ),
            (
                pass(json!({"QueryLanguage": "JSONata", "Output": "{% ( %}"})),
                "state 'A': the JSONata expression '(' cannot be read: S0207: Unexpected end of expression",
            ),
            (
                pass(json!({"QueryLanguage": "JSONata", "Assign": {"states": 1}})),
                "state 'A': Assign cannot give a value to 'states', which is reserved",
            ),
            (
                pass(json!({"QueryLanguage": "XPath"})),
                "state 'A': QueryLanguage is JSONPath or JSONata, not 'XPath'",
            ),
            (
                pass(json!({"Assign": {"a": 1}})),
                "state 'A': a Pass state with the field 'Assign' is not supported here",
            ),
            (
                json!({"Type": "Wait", "Seconds": 1, "Timestamp": "x", "End": true}),
                "state 'A': Seconds and Timestamp exclude each other",
            ),
            (
                json!({"Type": "Choice", "QueryLanguage": "JSONata", "Choices": [{"Condition": "yes", "Next": "A"}]}),
                "state 'A': the Condition 'yes' is no expression '{% … %}'",
            ),
            (
                pass(json!({"ResultPath": "$$.x"})),
                "state 'A': ResultPath cannot lead into the context object",
            ),
            (
                task(json!({"Resource": "arn:aws:states:::sns:publish"})),
                "state 'A': the resource 'arn:aws:states:::sns:publish' is not supported here; lambda:invoke, \
                 lambda:invoke.waitForTaskToken, sqs:sendMessage.waitForTaskToken and a function's ARN are",
            ),
            (
                task(json!({"Parameters": {"Payload": 1}})),
                "state 'A': Parameters need a FunctionName",
            ),
            (
                task(json!({"HeartbeatSeconds": 5, "TimeoutSeconds": 5})),
                "state 'A': HeartbeatSeconds must be smaller than TimeoutSeconds",
            ),
            (
                task(json!({"HeartbeatSeconds": 1.5})),
                "state 'A': HeartbeatSeconds must be a whole number of seconds, at most 99999999",
            ),
            (
                task(json!({"Catch": [{"ErrorEquals": ["States.ALL", "X"], "Next": "A"}]})),
                "state 'A': States.ALL must stand alone and in the last entry",
            ),
            (
                task(json!({"Retry": [{"ErrorEquals": ["X"], "BackoffRate": 0.5}]})),
                "state 'A': the BackoffRate 0.5 is less than 1",
            ),
            (
                task(json!({"Retry": [{"ErrorEquals": ["X"], "JitterStrategy": "HALF"}]})),
                "state 'A': JitterStrategy is FULL or NONE, not 'HALF'",
            ),
            (
                task(
                    json!({"Retry": [{"ErrorEquals": ["X"], "IntervalSeconds": 5, "MaxDelaySeconds": 5}]}),
                ),
                "state 'A': MaxDelaySeconds must be greater than IntervalSeconds and less than 31622400",
            ),
            (
                json!({"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Map"}}}], "End": true}),
                "state 'A', branch 0, state 'B': the type 'Map' is not supported here",
            ),
            (
                json!({"Type": "Choice", "Choices": [{"Variable": "$.a", "Odd": 1, "Next": "A"}]}),
                "state 'A': there is no test 'Odd'",
            ),
        ] {
            assert_eq!(refused(state), reason);
        }
    }

    #[test]
    fn broken_definitions_are_refused() {
        Definition::parse("{").expect_err("no JSON");
        Definition::parse("[]").expect_err("no object");
        Definition::parse(r#"{"StartAt": "A", "States": {}}"#).expect_err("no states");
        let mixed = r#"{"StartAt": "A", "QueryLanguage": "JSONata",
                        "States": {"A": {"Type": "Succeed", "QueryLanguage": "JSONPath"}}}"#;
        Definition::parse(mixed).expect_err("JSONPath within JSONata");
    }
}
