//! The task of one call: what was started for it and what it is to be told.
//!
//! The rules of the contract about the order of things are here and nowhere else.

use std::fmt::Display;

use crate::{
    call::Answer,
    contract::{
        Failure, FailureDetail, StartedStatement, StatementDescription, StatementStatus, Waiter,
    },
};

/// The longest output of a task, in bytes: AWS Step Functions' limit.
pub(crate) const OUTPUT: usize = 262_144;
/// The longest response to a custom resource, in bytes: AWS CloudFormation's limit.
pub(crate) const RESPONSE: usize = 4096;
/// The longest name of an error, in UTF-16 code units: AWS Step Functions' limit.
pub(crate) const ERROR: usize = 256;
/// The longest cause, in UTF-16 code units: AWS Step Functions' limit.
pub(crate) const CAUSE: usize = 32_768;

/// Which export runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Export {
    Describe,
    ValidateSettings,
    PrepareSettings,
    Invoke,
    Settle,
    Closed,
}

impl Export {
    /// As the contract names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::ValidateSettings => "validate-settings",
            Self::PrepareSettings => "prepare-settings",
            Self::Invoke => "invoke",
            Self::Settle => "settle",
            Self::Closed => "closed",
        }
    }
}

impl Display for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What became of the task so far.
#[derive(Debug)]
pub(crate) struct Task {
    export: Export,
    waiter: Option<Waiter>,
    started: bool,
    bound: Option<Bound>,
    answer: Option<Answer>,
}

#[derive(Debug)]
struct Bound {
    /// None if it is not known whether the statement runs.
    id: Option<String>,
    ended: bool,
}

impl Task {
    pub(crate) fn new(export: Export, waiter: Option<Waiter>) -> Self {
        Self {
            export,
            waiter,
            started: false,
            bound: None,
            answer: None,
        }
    }

    /// Who waits. A guest that asks has a handle, so somebody does.
    pub(crate) fn waiter(&self) -> Waiter {
        self.waiter.unwrap_or(Waiter::StepFunctions)
    }

    /// Whether anybody waits.
    pub(crate) fn waits(&self) -> bool {
        self.waiter.is_some()
    }

    /// Whether a statement is bound to the task.
    pub(crate) fn bound(&self) -> bool {
        self.bound.is_some()
    }

    /// Whether any statement was started, for the task or not.
    pub(crate) fn started(&self) -> bool {
        self.started
    }

    /// Whether an answer is staged.
    pub(crate) fn is_answered(&self) -> bool {
        self.answer.is_some()
    }

    /// The staged answer.
    pub(crate) fn take_answer(&mut self) -> Option<Answer> {
        self.answer.take()
    }

    /// Whether this export may change anything but the task.
    pub(crate) fn may_act(&self, what: &str) -> Result<(), Failure> {
        match self.export {
            Export::Settle | Export::Closed => Err(invalid(format!(
                "{what} in `{}`: only reads are allowed there",
                self.export
            ))),
            Export::Invoke
            | Export::Describe
            | Export::ValidateSettings
            | Export::PrepareSettings => Ok(()),
        }
    }

    /// Whether a statement may be started, `with_task` or without.
    pub(crate) fn may_start(&self, with_task: bool) -> Result<(), Failure> {
        self.may_act("statements cannot be started")?;
        if !with_task {
            return Ok(());
        }
        if self.bound.is_some() {
            return Err(invalid(
                "a statement is bound to this task already; start further ones without the task",
            ));
        }
        if self.answer.is_some() {
            return Err(invalid(
                "this task has its answer already, so no statement can be bound to it",
            ));
        }
        Ok(())
    }

    /// A start returned. One whose effect is not known counts: the host finds out.
    pub(crate) fn note_start(
        &mut self,
        with_task: bool,
        result: &Result<StartedStatement, Failure>,
    ) {
        let bound = match result {
            Ok(started) => Bound {
                id: Some(started.id.clone()),
                ended: is_final(started.status),
            },
            Err(Failure::Uncertain(_)) => Bound {
                id: None,
                ended: false,
            },
            Err(_) => return,
        };
        self.started = true;
        if with_task {
            self.bound = Some(bound);
        }
    }

    /// A statement was described: the bound one may have ended.
    pub(crate) fn note_description(&mut self, description: &StatementDescription) {
        if let Some(bound) = &mut self.bound
            && bound.id.as_deref() == Some(&description.id)
        {
            bound.ended |= is_final(description.status);
        }
    }

    /// Stages a success.
    pub(crate) fn succeed(&mut self, output: String) -> Result<(), Failure> {
        self.may_answer()?;
        let allowed = match self.waiter() {
            Waiter::StepFunctions => OUTPUT,
            Waiter::Cloudformation => RESPONSE,
        };
        if output.len() > allowed {
            return Err(invalid(format!(
                "the output is {} bytes long; at most {allowed} are allowed",
                output.len()
            )));
        }
        is_json(&output).map_err(|reason| invalid(format!("the output is not JSON: {reason}")))?;
        self.answer = Some(Answer::Succeed { output });
        Ok(())
    }

    /// Stages a failure.
    pub(crate) fn fail(&mut self, error: String, cause: String) -> Result<(), Failure> {
        self.may_answer()?;
        error_name(&error, &["States."]).map_err(invalid)?;
        let length = cause.encode_utf16().count();
        if length > CAUSE {
            return Err(invalid(format!(
                "the cause is {length} UTF-16 code units long; at most {CAUSE} are allowed"
            )));
        }
        self.answer = Some(Answer::Fail { error, cause });
        Ok(())
    }

    fn may_answer(&self) -> Result<(), Failure> {
        if self.answer.is_some() {
            return Err(invalid("this task has its answer already"));
        }
        match &self.bound {
            Some(Bound { id: None, .. }) => Err(invalid(
                "it is not known whether a statement of this task runs; the host finds out and settles it",
            )),
            Some(Bound { ended: false, .. }) => Err(invalid(
                "a statement is bound to this task and has not ended; `settle` is called when it has",
            )),
            Some(Bound { ended: true, .. }) | None => Ok(()),
        }
    }
}

/// Whether a name can be the name of an error.
pub(crate) fn error_name(name: &str, reserved: &[&str]) -> Result<(), String> {
    let length = name.encode_utf16().count();
    if !(1..=ERROR).contains(&length) {
        return Err(format!(
            "the error's name is {length} characters long; it has to be 1 to {ERROR}"
        ));
    }
    match reserved.iter().find(|prefix| name.starts_with(**prefix)) {
        Some(prefix) => Err(format!(
            "the error's name `{name}` begins with `{prefix}`, which is reserved"
        )),
        None => Ok(()),
    }
}

/// Whether a text is JSON.
pub(crate) fn is_json(text: &str) -> Result<(), String> {
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// A refusal by the host itself.
pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    Failure::InvalidRequest(FailureDetail {
        code: "InvalidRequest".to_owned(),
        message: message.into(),
        retryable: false,
        statement_id: None,
        document: None,
    })
}

fn is_final(status: StatementStatus) -> bool {
    matches!(
        status,
        StatementStatus::Finished | StatementStatus::Failed | StatementStatus::Aborted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(status: StatementStatus) -> Result<StartedStatement, Failure> {
        Ok(StartedStatement {
            id: "a".to_owned(),
            target: "default".to_owned(),
            status,
            session_id: None,
            has_result_set: None,
            document: "{}".to_owned(),
        })
    }

    fn invoke() -> Task {
        Task::new(Export::Invoke, Some(Waiter::StepFunctions))
    }

    #[test]
    fn a_task_is_bound_once() {
        let mut task = invoke();
        task.note_start(true, &started(StatementStatus::Submitted));
        assert!(task.bound() && task.may_start(true).is_err() && task.may_start(false).is_ok());
    }

    #[test]
    fn a_refused_start_binds_nothing() {
        let mut task = invoke();
        task.note_start(true, &Err(invalid("no")));
        assert!(!task.bound() && !task.started() && task.may_start(true).is_ok());
    }

    #[test]
    fn an_uncertain_start_binds() {
        let Failure::InvalidRequest(detail) = invalid("lost") else {
            panic!()
        };
        let mut task = invoke();
        task.note_start(true, &Err(Failure::Uncertain(detail)));
        assert!(task.bound());
        assert!(task.succeed("1".to_owned()).is_err());
    }

    #[test]
    fn a_bound_task_is_answered_when_its_statement_ended() {
        let mut task = invoke();
        task.note_start(true, &started(StatementStatus::Started));
        assert!(task.succeed("1".to_owned()).is_err());
        let mut task = invoke();
        task.note_start(true, &started(StatementStatus::Finished));
        assert!(task.succeed("1".to_owned()).is_ok());
    }

    #[test]
    fn answers_have_the_services_sizes() {
        let mut task = invoke();
        assert!(
            task.succeed(format!("\"{}\"", "x".repeat(OUTPUT - 1)))
                .is_err()
        );
        assert!(task.fail("E".repeat(ERROR + 1), String::new()).is_err());
        assert!(
            task.fail("E".to_owned(), "\u{1F600}".repeat(CAUSE / 2 + 1))
                .is_err()
        );
        assert!(
            task.fail("E".repeat(ERROR), "\u{1F600}".repeat(CAUSE / 2))
                .is_ok()
        );

        let mut resource = Task::new(Export::Invoke, Some(Waiter::Cloudformation));
        assert!(
            resource
                .succeed(format!("\"{}\"", "x".repeat(RESPONSE)))
                .is_err()
        );
        assert!(
            resource
                .succeed(format!("\"{}\"", "x".repeat(RESPONSE - 2)))
                .is_ok()
        );
    }

    #[test]
    fn only_reads_in_settle_and_closed() {
        for export in [Export::Settle, Export::Closed] {
            let task = Task::new(export, None);
            assert!(task.may_start(false).is_err() && task.may_act("x").is_err());
        }
    }
}
