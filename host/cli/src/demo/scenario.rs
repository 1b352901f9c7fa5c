//! The stories.

use std::{
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use signalbox_local::{
    data_api::EventFault,
    step_functions::{
        Definition, InvokeFunction as _, Outcome,
        machines::{Scenario as Machine, sql_step},
    },
};

use super::{
    narrator::{Narrator, shorten},
    stage::{GUARDED, SECOND_TASKER, Stage, TASKER},
    table::Row,
    text,
};
use crate::machine::functions::arn;

type Played<'a> = Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;

/// A story and how it should end.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    expected: &'static str,
    play: for<'a> fn(&'a Stage, &'a Narrator) -> Played<'a>,
}

/// The stories of our own. The expected end is the state that the machine reaches, or what else is to be seen.
pub(crate) const OURS: [Scenario; 8] = [
    Scenario {
        name: "success",
        about: "a statement runs for a while, and its task goes on",
        expected: "SUCCESS",
        play: |stage, narrator| {
            Box::pin(step(
                stage,
                narrator,
                TASKER,
                "select public.f_slow('done', 20)",
            ))
        },
    },
    Scenario {
        name: "sql-failure",
        about: "a statement fails, and the state machine catches FAILED",
        expected: "SQL_FAILURE",
        play: |stage, narrator| {
            Box::pin(step(stage, narrator, TASKER, "select no_such_function()"))
        },
    },
    Scenario {
        name: "denied-and-swapped",
        about: "a policy refuses a statement; another is put in force while a task runs, and it goes through",
        expected: "FAILURE, then SUCCESS; the running one SUCCESS",
        play: |stage, narrator| Box::pin(denied_and_swapped(stage, narrator)),
    },
    Scenario {
        name: "singleton-conflict",
        about: "of two executions with the same statement one runs; the other is told which",
        expected: "ConcurrentExecution, then SUCCESS",
        play: |stage, narrator| Box::pin(singleton(stage, narrator)),
    },
    Scenario {
        name: "cancelled",
        about: "a running statement is cancelled by its execution's ARN, and the waiting task hears of it",
        expected: "ABORTED, task failed with FAILED",
        play: |stage, narrator| Box::pin(cancelled(stage, narrator)),
    },
    Scenario {
        name: "heartbeat-time-out",
        about: "a statement takes longer than the state's HeartbeatSeconds; the execution ends, and its SQL is cancelled",
        expected: "TIMEOUT, its SQL ABORTED",
        play: |stage, narrator| Box::pin(timed_out(stage, narrator)),
    },
    Scenario {
        name: "polling",
        about: "a caller without a token starts a statement, asks how it is, and reads the rows",
        expected: "FINISHED, 2 rows",
        play: |stage, narrator| Box::pin(polling(stage, narrator)),
    },
    Scenario {
        name: "lost-event",
        about: "the completion event is lost; the sweep finds out and answers",
        expected: "SUCCESS",
        play: |stage, narrator| Box::pin(lost_event(stage, narrator)),
    },
];

impl Scenario {
    pub(crate) async fn play(&self, stage: &Stage, narrator: &Narrator) -> Row {
        let began = Instant::now();
        let got = (self.play)(stage, narrator)
            .await
            .unwrap_or_else(|error| error);
        Row {
            name: self.name.to_owned(),
            expected: self.expected.to_owned(),
            got,
            time: began.elapsed(),
        }
    }
}

/// What one of the original's six integration scenarios, written anew, is about.
pub(crate) fn about(machine: &str) -> &'static str {
    match machine {
        "cancel" => {
            "the original's: a task times out, and the machine cancels its statement by LATEST"
        }
        "poll" => {
            "the original's: without a token, the machine waits and asks until the statement is FINISHED"
        }
        "good-and-bad" => "the original's: a statement succeeds, the next one fails and is caught",
        "singleton" => "the original's: ten branches want the same singleton at once",
        "fetch" => "the original's: the rows of the execution's latest statement are read",
        "second-tasker" => "the original's: a second function, with another database user",
        _ => "one of the original's integration scenarios",
    }
}

/// Plays a machine that judges itself.
pub(crate) async fn play_machine(machine: &Machine, stage: &Stage, _: &Narrator) -> Row {
    let began = Instant::now();
    let got = match machine.definition(&arn(TASKER), &arn(SECOND_TASKER)) {
        Ok(definition) => match stage
            .states()
            .run(machine.name, &definition, json!({}))
            .await
        {
            Outcome::Failed { error } => {
                format!("FAILED with {} {}", error.error, shorten(&error.cause))
            }
            outcome => outcome.status().to_owned(),
        },
        Err(error) => error.to_string(),
    };
    Row {
        name: machine.name.to_owned(),
        expected: "SUCCEEDED".to_owned(),
        got,
        time: began.elapsed(),
    }
}

/// Runs `sql_step.asl.json`; the end is the name of its last state.
async fn step(
    stage: &Stage,
    narrator: &Narrator,
    function: &str,
    sql: &str,
) -> Result<String, String> {
    narrator.tell("sql", sql);
    let definition = sql_step(&arn(function), sql, None).map_err(|error| error.to_string())?;
    Ok(ended_in(&stage.states().run("sql-step", &definition, json!({})).await).to_owned())
}

/// The last state of `sql_step.asl.json`, by the error that each of its Fail states has.
fn ended_in(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Succeeded { .. } => "SUCCESS",
        Outcome::Failed { error } => match error.error.as_str() {
            "SqlFailure" => "SQL_FAILURE",
            "Failure" => "FAILURE",
            "Timeout" => "TIMEOUT",
            other => other,
        },
        other => other.status(),
    }
}

async fn denied_and_swapped(stage: &Stage, narrator: &Narrator) -> Result<String, String> {
    step(
        stage,
        narrator,
        TASKER,
        "create table if not exists old_orders (id integer)",
    )
    .await?;
    let slow = "select public.f_slow('under way', 60)";
    narrator.tell("sql", slow);
    let slow = sql_step(&arn(GUARDED), slow, None).map_err(|error| error.to_string())?;
    let running = stage
        .states()
        .start_execution("under-way", &slow, json!({}));
    let drop = "drop table old_orders";
    let denied = step(stage, narrator, GUARDED, drop).await?;
    stage.swap_rules("{}").await?;
    narrator.tell("platform team", "puts a policy without rules in force");
    let allowed = step(stage, narrator, GUARDED, drop).await?;
    let under_way = ended_in(&running.end().await).to_owned();
    stage.swap_rules(super::stage::RULES).await?;
    Ok(format!(
        "{denied}, then {allowed}; the running one {under_way}"
    ))
}

async fn singleton(stage: &Stage, narrator: &Narrator) -> Result<String, String> {
    let definition = waiting_task(
        "executeSingletonStatement",
        "select public.f_slow('alone', 30)",
    )?;
    narrator.tell("sql", "select public.f_slow('alone', 30)");
    let first = stage
        .states()
        .start_execution("first", &definition, json!({}));
    until_latest_has_id(stage, first.arn()).await?;
    let second = stage
        .states()
        .start_execution("second", &definition, json!({}));
    let refused = match second.end().await {
        Outcome::Failed { error } => error.error,
        other => other.status().to_owned(),
    };
    Ok(format!("{refused}, then {}", ended_in(&first.end().await)))
}

async fn cancelled(stage: &Stage, narrator: &Narrator) -> Result<String, String> {
    let definition = waiting_task("executeStatement", "select public.f_slow('cancel me', 600)")?;
    narrator.tell("sql", "select public.f_slow('cancel me', 600)");
    let execution = stage
        .states()
        .start_execution("to-cancel", &definition, json!({}));
    until_latest_has_id(stage, execution.arn()).await?;
    narrator.tell(
        "somebody",
        "asks to cancel the latest statement of the execution",
    );
    invoke(stage, json!({"action": "cancelStatement", "statementId": "LATEST", "executionArn": execution.arn()})).await?;
    let Outcome::Failed { error } = execution.end().await else {
        return Err("the task was not failed".to_owned());
    };
    let described = describe(stage, "LATEST", Some(execution.arn())).await?;
    Ok(format!(
        "{}, task failed with {}",
        text(&described, "/Status"),
        error.error
    ))
}

async fn timed_out(stage: &Stage, narrator: &Narrator) -> Result<String, String> {
    let sql = "select public.f_slow('too long', 600)";
    narrator.tell("sql", sql);
    let definition = sql_step(&arn(TASKER), sql, Some(10)).map_err(|error| error.to_string())?;
    let execution = stage
        .states()
        .start_execution("time-out", &definition, json!({}));
    let ended = ended_in(&execution.end().await).to_owned();
    let status = until_it_ended(stage, "LATEST", Some(execution.arn())).await?;
    Ok(format!("{ended}, its SQL {status}"))
}

async fn polling(stage: &Stage, narrator: &Narrator) -> Result<String, String> {
    let sql = "select 1 as n, public.f_slow('one', 20) as name union all select 2, 'two'";
    narrator.tell("sql", sql);
    let started = invoke(stage, json!({"sqlStatement": sql})).await?;
    let id = text(&started, "/Id").to_owned();
    narrator.tell("caller", format_args!("has the statement's id {}", id));
    let status = until_it_ended(stage, &id, None).await?;
    let rows = invoke(
        stage,
        json!({"action": "getStatementResult", "statementId": id}),
    )
    .await?;
    narrator.tell(
        "caller",
        format_args!("reads {}", shorten(&member(&rows, "Records").to_string())),
    );
    Ok(format!("{status}, {} rows", member(&rows, "TotalNumRows")))
}

async fn lost_event(stage: &Stage, narrator: &Narrator) -> Result<String, String> {
    stage.event_faults.next(EventFault::Drop);
    let sql = "select 'nobody heard of me'";
    narrator.tell("sql", sql);
    let definition = sql_step(&arn(TASKER), sql, None).map_err(|error| error.to_string())?;
    let execution = stage
        .states()
        .start_execution("lost-event", &definition, json!({}));
    narrator.tell("eventbridge", "will lose the completion event");
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let summary = invoke(stage, json!({"action": "sweep"})).await?;
        if member(&summary, "settled").as_u64().unwrap_or(0) > 0 {
            narrator.tell(
                "sweep",
                format_args!("has settled {} overdue task", member(&summary, "settled")),
            );
            return Ok(ended_in(&execution.end().await).to_owned());
        }
    }
    Err("the sweep did not find the task".to_owned())
}

/// A machine of one task, as a state machine of the user's might have it.
fn waiting_task(action: &str, sql: &str) -> Result<Definition, String> {
    let definition = json!({"StartAt": "SqlStep", "States": {"SqlStep": {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": arn(TASKER), "Payload": {
            "taskToken.$": "$$.Task.Token",
            "executionArn.$": "$$.Execution.Id",
            "action": action,
            "sqlStatement": sql
        }},
        "HeartbeatSeconds": 3600,
        "End": true
    }}});
    Definition::from_value(&definition).map_err(|error| error.to_string())
}

async fn invoke(stage: &Stage, payload: Value) -> Result<Value, String> {
    stage
        .functions()
        .invoke(TASKER, payload)
        .await
        .map_err(|error| error.to_string())
}

async fn describe(stage: &Stage, id: &str, execution_arn: Option<&str>) -> Result<Value, String> {
    let mut payload = json!({"action": "describeStatement", "statementId": id});
    if let (Some(fields), Some(arn)) = (payload.as_object_mut(), execution_arn) {
        fields.insert("executionArn".to_owned(), arn.into());
    }
    invoke(stage, payload).await
}

/// A member of an object; null if there is none.
fn member<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// Waits until a statement has ended; its status.
async fn until_it_ended(stage: &Stage, id: &str, arn: Option<&str>) -> Result<String, String> {
    let mut status = String::new();
    for _ in 0..400 {
        text(&describe(stage, id, arn).await?, "/Status").clone_into(&mut status);
        if ["FINISHED", "FAILED", "ABORTED"].contains(&status.as_str()) {
            return Ok(status);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(format!("the statement is still {status}"))
}

/// Waits until the latest statement of an execution runs.
async fn until_latest_has_id(stage: &Stage, execution_arn: &str) -> Result<(), String> {
    let mut last = String::new();
    for _ in 0..200 {
        match describe(stage, "LATEST", Some(execution_arn)).await {
            Ok(described) if text(&described, "/Status") == "STARTED" => return Ok(()),
            Ok(described) => text(&described, "/Status").clone_into(&mut last),
            Err(error) => last = error,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(format!("the statement does not run: {last}"))
}
