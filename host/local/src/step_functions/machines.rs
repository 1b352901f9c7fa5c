//! The definitions that come with the project.
//!
//! [`sql_step`] is the state that users of the original have; [`SCENARIOS`] play what its integration tests play.

use super::definition::{Definition, DefinitionError};
use serde_json::{Value, json};

const SQL_STEP: &str = include_str!("../../definitions/sql_step.asl.json");

/// A machine that plays something through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    /// Its name, which is also its file's.
    pub name: &'static str,
    /// Its definition. `${Tasker}` and `${SecondTasker}` stand for the ARNs of functions.
    pub template: &'static str,
}

/// The scenarios, in the order in which they are best run. Each ends as SUCCEEDED if all went as it should.
///
/// They use `public.f_slow(text, seconds)`, which sleeps and returns the text.
pub const SCENARIOS: [Scenario; 6] = [
    Scenario {
        name: "cancel",
        template: include_str!("../../definitions/cancel.asl.json"),
    },
    Scenario {
        name: "poll",
        template: include_str!("../../definitions/poll.asl.json"),
    },
    Scenario {
        name: "good-and-bad",
        template: include_str!("../../definitions/good-and-bad.asl.json"),
    },
    Scenario {
        name: "singleton",
        template: include_str!("../../definitions/singleton.asl.json"),
    },
    Scenario {
        name: "fetch",
        template: include_str!("../../definitions/fetch.asl.json"),
    },
    Scenario {
        name: "second-tasker",
        template: include_str!("../../definitions/second-tasker.asl.json"),
    },
];

impl Scenario {
    /// The definition for two functions, given by ARN. (They may be the same one.)
    pub fn definition(
        &self,
        tasker: &str,
        second_tasker: &str,
    ) -> Result<Definition, DefinitionError> {
        filled(
            self.template,
            &[("${Tasker}", tasker), ("${SecondTasker}", second_tasker)],
        )
    }
}

/// `sql_step.asl.json`: one task with a callback that runs `sql`. `heartbeat_seconds` replaces the 3600 seconds
/// after which the task times out.
pub fn sql_step(
    function_arn: &str,
    sql: &str,
    heartbeat_seconds: Option<u32>,
) -> Result<Definition, DefinitionError> {
    let mut value = parse(SQL_STEP)?;
    fill(
        &mut value,
        &[
            (
                "arn:aws:lambda:REGION:ACCOUNT_ID:function:FUNCTION_NAME",
                function_arn,
            ),
            ("SQL_STATEMENT", sql),
        ],
    );
    if let (Some(seconds), Some(state)) = (
        heartbeat_seconds,
        value
            .pointer_mut("/States/SqlStep")
            .and_then(Value::as_object_mut),
    ) {
        state.insert("HeartbeatSeconds".to_owned(), json!(seconds));
    }
    Definition::from_value(&value)
}

fn filled(template: &str, values: &[(&str, &str)]) -> Result<Definition, DefinitionError> {
    let mut value = parse(template)?;
    fill(&mut value, values);
    Definition::from_value(&value)
}

fn parse(template: &str) -> Result<Value, DefinitionError> {
    serde_json::from_str(template).map_err(|error| DefinitionError {
        place: "the template".to_owned(),
        reason: error.to_string(),
    })
}

/// Replaces texts that are a placeholder. The text of the file is left alone: what is put in may have quotes.
fn fill(value: &mut Value, values: &[(&str, &str)]) {
    match value {
        Value::String(text) => {
            if let Some((_, new)) = values.iter().find(|(placeholder, _)| text == placeholder) {
                *text = (*new).to_owned();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, values)),
        Value::Object(members) => members.values_mut().for_each(|item| fill(item, values)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:lambda:eu-west-1:000000000000:function:tasker";

    #[test]
    fn every_scenario_can_be_run() {
        for scenario in SCENARIOS {
            let definition = scenario.definition(ARN, ARN);
            let definition =
                definition.unwrap_or_else(|error| panic!("{}: {error}", scenario.name));
            assert!(definition.states().count() >= 2, "{}", scenario.name);
            assert!(scenario.template.contains("${"), "{}", scenario.name);
        }
    }

    #[test]
    fn no_placeholder_is_left() {
        for scenario in SCENARIOS {
            let mut value = parse(scenario.template).expect("JSON");
            fill(&mut value, &[("${Tasker}", ARN), ("${SecondTasker}", ARN)]);
            assert!(!value.to_string().contains("${"), "{}", scenario.name);
        }
    }

    #[test]
    fn the_sql_of_the_step_may_have_quotes() {
        let definition = sql_step(ARN, "select '\"' as \"a\"", Some(7)).expect("a definition");
        let states: Vec<&str> = definition.states().collect();
        assert_eq!(
            states,
            ["FAILURE", "SQL_FAILURE", "SUCCESS", "SqlStep", "TIMEOUT"]
        );
    }
}
