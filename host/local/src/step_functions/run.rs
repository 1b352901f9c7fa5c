//! Running a machine, state by state.

use super::definition::{After, Catcher, Kind, Machine, Parallel, Results, Retrier, State, Text};
use super::error::{StateError, within_limit};
use super::execution::Execution;
use super::observe::What;
use super::paths::Path;
use super::task::{self, Place};
use serde_json::{Map, Value};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// What follows a state, with the data it gets.
enum Step {
    Next(String, Value),
    End(Value),
}

type Ended = Result<Value, StateError>;

/// Runs a machine or a branch to its end.
pub(crate) fn machine(
    execution: Arc<Execution>,
    machine: Arc<Machine>,
    input: Value,
    branch: Vec<usize>,
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
            match step(&execution, &branch, &name, state, data).await? {
                Step::End(output) => return Ok(output),
                Step::Next(next, output) => {
                    let what = What::Next {
                        state: name,
                        next: next.clone(),
                    };
                    execution.observe(&branch, what);
                    (name, data) = (next, output);
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
) -> Result<Step, StateError> {
    let context = execution.context(name, 0, None);
    let input = select(state.input.as_ref(), &data, &context, "InputPath")?;
    let output = |value: &Value| select(state.output.as_ref(), value, &context, "OutputPath");
    let follow = |after: &After, value: &Value| -> Result<Step, StateError> {
        let value = within_limit(output(value)?)?;
        Ok(match after {
            After::Next(next) => Step::Next(next.clone(), value),
            After::End => Step::End(value),
        })
    };
    match &state.kind {
        Kind::Task(_) | Kind::Parallel(_) => {
            let results = match &state.kind {
                Kind::Task(task) => &task.results,
                Kind::Parallel(parallel) => &parallel.results,
                _ => return Err(StateError::runtime("The state has no results.")),
            };
            match persist(execution, branch, name, &state.kind, results, &input).await {
                Ok(done) => follow(&results.after, &done),
                Err(error) => caught(execution, branch, name, &results.catch, error, input),
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
                (None, Some(template)) => template
                    .fill(&input, &context)
                    .map_err(StateError::runtime)?,
                (None, None) => input.clone(),
            };
            follow(after, &placed(result_path.as_ref(), input, made)?)
        }
        Kind::Choice(choice) => {
            let next = choice.next(&input, &context).map_err(StateError::runtime)?;
            let next = next.ok_or_else(|| {
                StateError::new(
                    "States.NoChoiceMatched",
                    format!("No choice of '{name}' holds."),
                )
            })?;
            follow(&After::Next(next.to_owned()), &input)
        }
        Kind::Wait { seconds, after } => {
            let time = task::seconds(Some(seconds), &input, &context)?.unwrap_or_default();
            tokio::time::sleep(execution.core.time_scale.wall(time)).await;
            follow(after, &input)
        }
        Kind::Succeed => follow(&After::End, &input),
        Kind::Fail { error, cause } => Err(StateError {
            error: text(error, &input, &context)?,
            cause: text(cause, &input, &context)?,
        }),
    }
}

/// Runs a state that can be tried again, until it succeeds or no `Retry` is left.
async fn persist(
    execution: &Arc<Execution>,
    branch: &[usize],
    name: &str,
    kind: &Kind,
    results: &Results,
    input: &Value,
) -> Ended {
    let mut used = vec![0_u32; results.retry.len()];
    let mut retries = 0;
    loop {
        let place = Place {
            execution,
            branch,
            state: name,
            retries,
        };
        let ended = match kind {
            Kind::Task(task) => observed(&place, task::attempt(&place, task, input).await),
            Kind::Parallel(state) => parallel(&place, state, input).await,
            _ => return Err(StateError::runtime("The state cannot be tried again.")),
        };
        let ended = ended.and_then(within_limit).and_then(|result| {
            let context = execution.context(name, retries, None);
            let result = match &results.selector {
                None => result,
                Some(selector) => selector
                    .fill(&result, &context)
                    .map_err(|reason| StateError::new("States.ParameterPathFailure", reason))?,
            };
            placed(results.path.as_ref(), input.clone(), result)
        });
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
        retries += 1;
        place.observe(What::Retried {
            state: name.to_owned(),
            error: error.error,
            wait,
        });
        tokio::time::sleep(execution.core.time_scale.wall(wait)).await;
    }
}

/// How long to wait before the next attempt, in the time of the story.
fn delay(retrier: &Retrier, used: u32) -> Duration {
    let most = retrier.max_delay_seconds.map_or(f64::MAX, f64::from);
    let exponent = i32::try_from(used).unwrap_or(i32::MAX);
    let seconds = f64::from(retrier.interval_seconds) * retrier.backoff_rate.powi(exponent);
    Duration::try_from_secs_f64(seconds.min(most)).unwrap_or(Duration::MAX)
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
    let input = match &state.parameters {
        None => input.clone(),
        Some(template) => template
            .fill(input, &context)
            .map_err(|reason| StateError::new("States.ParameterPathFailure", reason))?,
    };
    let mut running = JoinSet::new();
    for (at, branch) in state.branches.iter().enumerate() {
        let mut path = place.branch.to_vec();
        path.push(at);
        let ended = machine(
            Arc::clone(place.execution),
            Arc::clone(branch),
            input.clone(),
            path,
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
    input: Value,
) -> Result<Step, StateError> {
    let Some(catcher) = catch
        .iter()
        .find(|catcher| error.is_one_of(&catcher.errors))
    else {
        return Err(error);
    };
    let output = placed(catcher.result_path.as_ref(), input, error.output())?;
    let what = What::Caught {
        state: name.to_owned(),
        error: error.error,
        next: catcher.next.clone(),
    };
    execution.observe(branch, what);
    Ok(Step::Next(catcher.next.clone(), within_limit(output)?))
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

fn text(text: &Text, input: &Value, context: &Value) -> Result<String, StateError> {
    match text {
        Text::Fixed(text) => Ok(text.clone().unwrap_or_default()),
        Text::At(path) => path
            .find(input, context)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or_else(|| StateError::runtime(format!("The path '{path}' leads to no text."))),
    }
}
