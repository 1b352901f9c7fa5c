//! Running a machine, state by state.

use super::definition::{
    After, Catcher, Kind, Machine, Parallel, Results, Retrier, Shape, State, Text, WaitTime,
};
use super::error::{StateError, within_limit};
use super::execution::Execution;
use super::observe::What;
use super::query::{Path, Scope, Variables, jitter};
use super::task::{self, Place};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// What follows a state: the data that is handed on, and the variables that were given a value.
struct Step {
    after: After,
    output: Value,
    assigned: Variables,
}

/// What a state came to.
struct Done {
    value: Value,
    assigned: Variables,
}

type Ended = Result<Value, StateError>;

/// Runs a machine or a branch to its end.
pub(crate) fn machine(
    execution: Arc<Execution>,
    machine: Arc<Machine>,
    input: Value,
    branch: Vec<usize>,
    mut variables: Variables,
) -> Pin<Box<dyn Future<Output = Ended> + Send>> {
    Box::pin(async move {
        let (mut name, mut data) = (machine.start_at.clone(), input);
        loop {
            let state = machine
                .states
                .get(&name)
                .ok_or_else(|| StateError::runtime(format!("There is no state '{name}'.")))?;
            execution.observe(
                &branch,
                What::StateEntered {
                    state: name.clone(),
                    type_name: state.type_name,
                },
            );
            let step = step(&execution, &branch, &name, state, data, &variables).await?;
            variables.extend(step.assigned);
            match step.after {
                After::End => return Ok(step.output),
                After::Next(next) => {
                    let what = What::Next {
                        state: name,
                        next: next.clone(),
                    };
                    execution.observe(&branch, what);
                    (name, data) = (next, step.output);
                }
            }
            // A loop of states that wait for nothing must not starve the rest of the process.
            tokio::task::yield_now().await;
        }
    })
}

async fn step(
    execution: &Arc<Execution>,
    branch: &[usize],
    name: &str,
    state: &State,
    data: Value,
    variables: &Variables,
) -> Result<Step, StateError> {
    let context = execution.context(name, 0, None);
    let input = select(state.input.as_ref(), &data, &context, "InputPath")?;
    let scope = Scope {
        data: &input,
        context: &context,
        outcome: None,
        variables,
    };
    let follow = |after: &After, done: Done| -> Result<Step, StateError> {
        let output = select(state.output.as_ref(), &done.value, &context, "OutputPath")?;
        Ok(Step {
            after: after.clone(),
            output: within_limit(output)?,
            assigned: done.assigned,
        })
    };
    match &state.kind {
        Kind::Task(_) | Kind::Parallel(_) => {
            let results = match &state.kind {
                Kind::Task(task) => &task.results,
                Kind::Parallel(parallel) => &parallel.results,
                _ => return Err(StateError::runtime("The state has no results.")),
            };
            let place = Place {
                execution,
                branch,
                state: name,
                retries: 0,
                variables,
            };
            match persist(place, state, results, &input).await {
                Ok(done) => follow(&results.after, done),
                Err(error) => caught(execution, branch, name, &results.catch, error, &scope),
            }
        }
        Kind::Pass {
            result,
            parameters,
            result_path,
            after,
        } => {
            let made = match (result, parameters) {
                (Some(result), _) => result.clone(),
                (None, Some(template)) => {
                    template.fill(&scope).map_err(|miss| miss.in_template())?
                }
                (None, None) => input.clone(),
            };
            let made = placed(result_path.as_ref(), input.clone(), made)?;
            follow(after, shaped(&state.shape, &scope, made)?)
        }
        Kind::Choice(choice) => {
            let chosen = choice.branch(&scope).map_err(|miss| miss.in_field())?;
            let (next, shape) = match (chosen, &choice.default) {
                (Some(branch), _) => (&branch.next, &branch.shape),
                (None, Some(default)) => (default, &state.shape),
                (None, None) => {
                    return Err(StateError::new(
                        "States.NoChoiceMatched",
                        format!("No choice of '{name}' holds."),
                    ));
                }
            };
            let done = shaped(shape, &scope, input.clone())?;
            follow(&After::Next(next.clone()), done)
        }
        Kind::Wait { time, after } => {
            tokio::time::sleep(execution.core.time_scale.wall(wait(time, &scope)?)).await;
            follow(after, shaped(&state.shape, &scope, input.clone())?)
        }
        Kind::Succeed => follow(&After::End, shaped(&state.shape, &scope, input.clone())?),
        Kind::Fail { error, cause } => Err(StateError {
            error: text(error, &scope)?,
            cause: text(cause, &scope)?,
        }),
    }
}

/// What `Output` and `Assign` make of a state; without `Output` it is `value`.
fn shaped(shape: &Shape, scope: &Scope<'_>, value: Value) -> Result<Done, StateError> {
    let assigned = match &shape.assign {
        None => Variables::new(),
        Some(assign) => match assign.fill(scope).map_err(|miss| miss.in_field())? {
            Value::Object(assigned) => assigned,
            other => {
                return Err(StateError::runtime(format!("Assign made {other}.")));
            }
        },
    };
    let value = match &shape.output {
        None => value,
        Some(output) => output.fill(scope).map_err(|miss| miss.in_field())?,
    };
    Ok(Done { value, assigned })
}

/// How long a Wait state waits from now on.
fn wait(time: &WaitTime, scope: &Scope<'_>) -> Result<Duration, StateError> {
    match time {
        WaitTime::For(seconds) => Ok(task::seconds(Some(seconds), scope)?.unwrap_or_default()),
        WaitTime::Until(time) => {
            let time = text(time, scope)?;
            let time: Timestamp = time
                .parse()
                .map_err(|error| StateError::runtime(format!("'{time}' is no time: {error}.")))?;
            Ok(Duration::try_from(time.duration_since(Timestamp::now())).unwrap_or_default())
        }
    }
}

/// Runs a state that can be tried again, until it succeeds or no `Retry` is left.
async fn persist(
    mut place: Place<'_>,
    state: &State,
    results: &Results,
    input: &Value,
) -> Result<Done, StateError> {
    let mut used = vec![0_u32; results.retry.len()];
    loop {
        let ended = match &state.kind {
            Kind::Task(task) => observed(&place, task::attempt(&place, task, input).await),
            Kind::Parallel(state) => parallel(&place, state, input).await,
            _ => return Err(StateError::runtime("The state cannot be tried again.")),
        };
        let ended = ended
            .and_then(within_limit)
            .and_then(|result| made_of(&place, state, results, input, result));
        let error = match ended {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let matched = results
            .retry
            .iter()
            .zip(used.iter_mut())
            .find(|(retrier, _)| error.is_one_of(&retrier.errors));
        let Some((retrier, used)) = matched.filter(|(retrier, used)| **used < retrier.max_attempts)
        else {
            return Err(error);
        };
        let wait = delay(retrier, *used);
        *used += 1;
        place.retries += 1;
        place.observe(What::Retried {
            state: place.state.to_owned(),
            error: error.error,
            wait,
        });
        tokio::time::sleep(place.execution.core.time_scale.wall(wait)).await;
    }
}

/// What the state hands on of a result.
fn made_of(
    place: &Place<'_>,
    state: &State,
    results: &Results,
    input: &Value,
    result: Value,
) -> Result<Done, StateError> {
    let context = place.execution.context(place.state, place.retries, None);
    let scope = Scope {
        data: input,
        context: &context,
        outcome: None,
        variables: place.variables,
    };
    let selected = match &results.selector {
        None => result.clone(),
        Some(selector) => {
            let scope = Scope {
                data: &result,
                ..scope
            };
            selector.fill(&scope).map_err(|miss| miss.in_template())?
        }
    };
    let value = placed(results.path.as_ref(), input.clone(), selected)?;
    shaped(&state.shape, &scope.with_result(&result), value)
}

/// How long to wait before the next attempt, in the time of the story.
fn delay(retrier: &Retrier, used: u32) -> Duration {
    let most = retrier.max_delay_seconds.map_or(f64::MAX, f64::from);
    let exponent = i32::try_from(used).unwrap_or(i32::MAX);
    let seconds = f64::from(retrier.interval_seconds) * retrier.backoff_rate.powi(exponent);
    let seconds = seconds.min(most) * if retrier.jitter { jitter() } else { 1.0 };
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

fn observed(place: &Place<'_>, ended: Ended) -> Ended {
    let state = place.state.to_owned();
    place.observe(match &ended {
        Ok(result) => What::TaskSucceeded {
            state,
            result: result.clone(),
        },
        Err(error) => What::TaskFailed {
            state,
            error: error.clone(),
        },
    });
    ended
}

/// Runs all branches at the same time. The first error cuts the others, whose tokens close.
async fn parallel(place: &Place<'_>, state: &Parallel, input: &Value) -> Ended {
    let context = place.execution.context(place.state, place.retries, None);
    let input = place.arguments(state.arguments.as_ref(), input, &context)?;
    let mut running = JoinSet::new();
    for (at, branch) in state.branches.iter().enumerate() {
        let mut path = place.branch.to_vec();
        path.push(at);
        let ended = machine(
            Arc::clone(place.execution),
            Arc::clone(branch),
            input.clone(),
            path,
            place.variables.clone(),
        );
        running.spawn(async move { (at, ended.await) });
    }
    let mut outputs = vec![Value::Null; state.branches.len()];
    while let Some(ended) = running.join_next().await {
        let (at, output) =
            ended.map_err(|error| StateError::runtime(format!("A branch broke down: {error}.")))?;
        if let Some(place) = outputs.get_mut(at) {
            *place = output?;
        }
    }
    Ok(Value::Array(outputs))
}

/// Goes on where a `Catch` says, if one matches.
fn caught(
    execution: &Execution,
    branch: &[usize],
    name: &str,
    catch: &[Catcher],
    error: StateError,
    scope: &Scope<'_>,
) -> Result<Step, StateError> {
    let Some(catcher) = catch
        .iter()
        .find(|catcher| error.is_one_of(&catcher.errors))
    else {
        return Err(error);
    };
    let told = error.output();
    let output = placed(
        catcher.result_path.as_ref(),
        scope.data.clone(),
        told.clone(),
    )?;
    let done = shaped(&catcher.shape, &scope.with_error(&told), output)?;
    let what = What::Caught {
        state: name.to_owned(),
        error: error.error,
        next: catcher.next.clone(),
    };
    execution.observe(branch, what);
    Ok(Step {
        after: After::Next(catcher.next.clone()),
        output: within_limit(done.value)?,
        assigned: done.assigned,
    })
}

fn select(
    path: Option<&Path>,
    data: &Value,
    context: &Value,
    name: &str,
) -> Result<Value, StateError> {
    match path {
        None => Ok(Value::Object(Map::new())),
        Some(path) => path.find(data, context).cloned().ok_or_else(|| {
            StateError::runtime(format!("The {name} '{path}' leads to nothing in the data."))
        }),
    }
}

/// Puts a result where `ResultPath` says.
fn placed(path: Option<&Path>, mut input: Value, result: Value) -> Result<Value, StateError> {
    if let Some(path) = path {
        path.put(&mut input, result)
            .map_err(|reason| StateError::new("States.ResultPathMatchFailure", reason))?;
    }
    Ok(input)
}

fn text(text: &Text, scope: &Scope<'_>) -> Result<String, StateError> {
    match text {
        Text::Fixed(text) => Ok(text.clone().unwrap_or_default()),
        Text::At(query) => match query.value(scope).map_err(|miss| miss.in_field())? {
            Value::String(text) => Ok(text),
            other => Err(StateError::runtime(format!(
                "A text is needed, and {other} was found."
            ))),
        },
    }
}
