//! One state of a definition by itself.

use super::{Definition, DefinitionError};
use serde_json::{Map, Value, json};

/// A Task state that was taken out of a definition, of which the rest need not run here.
#[derive(Debug, Clone)]
pub struct SingleState {
    name: String,
    state: Value,
    language: Option<Value>,
}

impl SingleState {
    /// Takes a state out. `value` is a whole definition, in which `name` is looked for in branches and in iterations
    /// too, or the state alone, for which a name is not needed.
    ///
    /// # Errors
    /// There is no such state, or it is no Task.
    pub fn take(value: &Value, name: Option<&str>) -> Result<Self, DefinitionError> {
        let wrong = |place: &str, reason: String| DefinitionError {
            place: place.to_owned(),
            reason,
        };
        let object = value
            .as_object()
            .ok_or_else(|| wrong("the definition", "is no object".to_owned()))?;
        let (name, state) = if object.contains_key("States") {
            let mut states = Vec::new();
            gather(value, &mut states);
            choose(&states, name).map_err(|reason| wrong("the definition", reason))?
        } else if object.contains_key("Type") {
            (name.unwrap_or("the state"), value)
        } else {
            let reason = "has neither States, as a state machine, nor Type, as a state".to_owned();
            return Err(wrong("the definition", reason));
        };
        let place = format!("state '{name}'");
        match state.get("Type").and_then(Value::as_str) {
            Some("Task") => {}
            Some(other) => {
                let reason = format!("is a {other}; only a Task can be run by itself");
                return Err(wrong(&place, reason));
            }
            None => return Err(wrong(&place, "Type is missing".to_owned())),
        }
        Ok(Self {
            name: name.to_owned(),
            state: state.clone(),
            language: object.get("QueryLanguage").cloned(),
        })
    }

    /// The state's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The state as it is written.
    pub fn state(&self) -> &Value {
        &self.state
    }

    /// What the state writes as its function's payload; none if it is computed as a whole.
    pub fn payload_mut(&mut self) -> Option<&mut Map<String, Value>> {
        let is_function = self
            .state
            .get("Resource")
            .and_then(Value::as_str)
            .is_some_and(|resource| super::task::integration(resource).is_none());
        let members = self.state.as_object_mut()?;
        let name = ["Parameters", "Arguments"]
            .into_iter()
            .find(|name| members.contains_key(*name))?;
        let arguments = members.get_mut(name)?;
        if is_function {
            return arguments.as_object_mut();
        }
        let arguments = arguments.as_object_mut()?;
        let name = ["Payload", "MessageBody"]
            .into_iter()
            .find(|name| arguments.contains_key(*name))?;
        arguments.get_mut(name)?.as_object_mut()
    }

    /// A machine that starts with the state. Every state that may follow it ends the machine as a success, with what
    /// it was handed as the output.
    ///
    /// # Errors
    /// The state cannot be run here.
    pub fn definition(&self) -> Result<Definition, DefinitionError> {
        Definition::from_value(&alone(&self.name, &self.state, self.language.as_ref()))
    }
}

/// All states of a machine, those of branches and iterations among them.
fn gather<'v>(value: &'v Value, states: &mut Vec<(&'v str, &'v Value)>) {
    let Some(members) = value.get("States").and_then(Value::as_object) else {
        return;
    };
    for (name, state) in members {
        states.push((name, state));
        for branch in state
            .get("Branches")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            gather(branch, states);
        }
        for inner in ["ItemProcessor", "Iterator"] {
            if let Some(inner) = state.get(inner) {
                gather(inner, states);
            }
        }
    }
}

fn choose<'v>(
    states: &[(&'v str, &'v Value)],
    name: Option<&str>,
) -> Result<(&'v str, &'v Value), String> {
    let tasks = states
        .iter()
        .filter(|(_, state)| state.get("Type").and_then(Value::as_str) == Some("Task"));
    let names: Vec<_> = tasks.clone().map(|(name, _)| *name).collect();
    let known = match names.as_slice() {
        [] => "it has no Task states".to_owned(),
        names => format!("its Task states are {}", names.join(", ")),
    };
    match name {
        Some(name) => {
            let mut named = states.iter().filter(|(known, _)| *known == name);
            match (named.next(), named.next()) {
                (Some(state), None) => Ok(*state),
                (None, _) => Err(format!("there is no state '{name}'; {known}")),
                (Some(_), Some(_)) => Err(format!("there is more than one state '{name}'")),
            }
        }
        None => {
            let mut tasks = tasks;
            match (tasks.next(), tasks.next()) {
                (Some(state), None) => Ok(*state),
                _ => Err(format!("it has to be said which state; {known}")),
            }
        }
    }
}

/// A machine of one state and of ends for all that may follow it.
fn alone(name: &str, state: &Value, language: Option<&Value>) -> Value {
    let catch = state.get("Catch").and_then(Value::as_array);
    let nexts = catch
        .into_iter()
        .flatten()
        .chain([state])
        .filter_map(|place| place.get("Next").and_then(Value::as_str));
    let mut states: Map<String, Value> = nexts
        .map(|next| (next.to_owned(), json!({ "Type": "Succeed" })))
        .collect();
    states.insert(name.to_owned(), state.clone());
    let mut machine = json!({ "StartAt": name, "States": states });
    if let (Some(language), Some(members)) = (language, machine.as_object_mut()) {
        members.insert("QueryLanguage".to_owned(), language.clone());
    }
    machine
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(next: &str) -> Value {
        json!({
            "Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:000000000000:function:f", "Next": next,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}]
        })
    }

    fn states(single: &SingleState) -> Vec<String> {
        let definition = single.definition().expect("runs");
        definition.states().map(str::to_owned).collect()
    }

    #[test]
    fn a_state_is_taken_out_of_what_cannot_be_run() {
        let definition = json!({"StartAt": "Each", "States": {
            "Each": {"Type": "Map", "ItemProcessor": {"StartAt": "Load", "States": {"Load": task("Other")}}},
            "Glue": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync"},
        }});
        let single = SingleState::take(&definition, Some("Load")).expect("taken");
        assert_eq!(single.name(), "Load");
        assert_eq!(states(&single), ["Failed", "Load", "Other"]);
    }

    #[test]
    fn a_state_alone_and_the_only_task_need_no_name() {
        SingleState::take(&task("Other"), None).expect("a state");
        let definition = json!({"StartAt": "Load", "States": {
            "Load": task("Done"), "Done": {"Type": "Succeed"}
        }});
        let single = SingleState::take(&definition, None).expect("the only one");
        assert_eq!(single.name(), "Load");
    }

    #[test]
    fn a_task_that_follows_itself_stays_what_it_is() {
        let single = SingleState::take(&task("the state"), None).expect("taken");
        assert_eq!(states(&single), ["Failed", "the state"]);
    }

    #[test]
    fn what_cannot_be_taken_is_said() {
        let machine = |states: Value| json!({"StartAt": "A", "States": states});
        let two = machine(json!({"A": task("B"), "B": task("A")}));
        for (value, name, wanted) in [
            (json!([]), None, "the definition: is no object"),
            (
                json!({}),
                None,
                "the definition: has neither States, as a state machine, nor Type, as a state",
            ),
            (
                two.clone(),
                Some("C"),
                "the definition: there is no state 'C'; its Task states are A, B",
            ),
            (
                two,
                None,
                "the definition: it has to be said which state; its Task states are A, B",
            ),
            (
                machine(json!({"A": {"Type": "Succeed"}})),
                Some("A"),
                "state 'A': is a Succeed; only a Task can be run by itself",
            ),
            (
                machine(
                    json!({"A": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": true}}),
                ),
                Some("A"),
                "state 'A': the resource 'arn:aws:states:::sns:publish' is not supported here; lambda:invoke, \
                 lambda:invoke.waitForTaskToken, sqs:sendMessage.waitForTaskToken and a function's ARN are",
            ),
        ] {
            let error = SingleState::take(&value, name)
                .and_then(|single| single.definition())
                .expect_err(wanted);
            assert_eq!(error.to_string(), wanted);
        }
    }

    #[test]
    fn the_payload_is_found_where_it_is_written() {
        let invoke = "arn:aws-us-gov:states:::lambda:invoke.waitForTaskToken";
        for (state, found) in [
            (
                json!({"Resource": invoke, "Parameters": {"Payload": {"a": 1}}}),
                true,
            ),
            (
                json!({"Resource": invoke, "Arguments": {"Payload": {"a": 1}}}),
                true,
            ),
            (
                json!({"Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"MessageBody": {"a": 1}}}),
                true,
            ),
            (
                json!({"Resource": "arn:aws:lambda:eu-west-1:000000000000:function:f", "Parameters": {"a": 1}}),
                true,
            ),
            (
                json!({"Resource": invoke, "Parameters": {"Payload.$": "$"}}),
                false,
            ),
            (json!({"Resource": invoke, "Arguments": "{% 1 %}"}), false),
        ] {
            let mut value = state.clone();
            value["Type"] = json!("Task");
            let mut single = SingleState::take(&value, None).expect("a task");
            let payload = single.payload_mut();
            assert_eq!(
                payload.is_some_and(|p| p.contains_key("a")),
                found,
                "{state}"
            );
        }
    }
}
