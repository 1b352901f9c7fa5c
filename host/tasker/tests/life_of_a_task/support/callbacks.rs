use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use signalbox_tasker::ports::{
    Callbacks, Execution, ExecutionError, ExecutionStatus, SendError, TaskToken,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Succeeded(String),
    Failed(Option<String>, Option<String>),
}

/// Step Functions: a token closes at the first answer that is taken.
#[derive(Default)]
pub struct FakeCallbacks {
    open: Mutex<BTreeSet<String>>,
    /// Answers that were taken.
    taken: Mutex<Vec<(String, Told)>>,
    beats: Mutex<Vec<String>>,
    /// All that was sent.
    sent: Mutex<Vec<(String, Told)>>,
    /// What the next sends get instead, and whether the answer is taken all the same.
    pub faults: Mutex<Vec<(SendError, bool)>>,
    /// What DescribeExecution says; without it the execution runs.
    pub execution: Mutex<Option<Result<Execution, ExecutionError>>>,
    /// How long each send takes.
    pub takes: Mutex<Duration>,
    /// Tokens to which nothing can be sent: there is no reply.
    pub hanging: Mutex<BTreeSet<String>>,
    /// How often DescribeExecution says that the execution runs before it says the other.
    pub lag: AtomicU32,
}

impl FakeCallbacks {
    async fn call(&self, token: &TaskToken) {
        let takes = *self.takes.lock().unwrap();
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        if self.hanging.lock().unwrap().contains(token.reveal()) {
            std::future::pending::<()>().await;
        }
    }

    pub fn open(&self, token: &str) {
        self.open.lock().unwrap().insert(token.to_owned());
    }

    pub fn beats(&self, token: &str) -> usize {
        self.beats
            .lock()
            .unwrap()
            .iter()
            .filter(|to| *to == token)
            .count()
    }

    pub fn close(&self, token: &str) {
        self.open.lock().unwrap().remove(token);
    }

    pub fn told(&self, token: &str) -> Vec<Told> {
        self.taken
            .lock()
            .unwrap()
            .iter()
            .filter(|(to, _)| to == token)
            .map(|(_, told)| told.clone())
            .collect()
    }

    pub fn sent(&self, token: &str) -> Vec<Told> {
        self.sent
            .lock()
            .unwrap()
            .iter()
            .filter(|(to, _)| to == token)
            .map(|(_, told)| told.clone())
            .collect()
    }

    pub fn error_of(&self, token: &str) -> Option<String> {
        match self.told(token).first() {
            Some(Told::Failed(error, _)) => error.clone(),
            _ => None,
        }
    }

    fn answer(&self, token: &TaskToken, told: Told) -> Result<(), SendError> {
        let token = token.reveal().to_owned();
        self.sent
            .lock()
            .unwrap()
            .push((token.clone(), told.clone()));
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            (!faults.is_empty()).then(|| faults.remove(0))
        };
        if let Some((error, false)) = fault {
            return Err(error);
        }
        if !self.open.lock().unwrap().remove(&token) {
            return Err(SendError::Closed {
                code: "TaskTimedOut".to_owned(),
            });
        }
        self.taken.lock().unwrap().push((token, told));
        fault.map_or(Ok(()), |(error, _)| Err(error))
    }
}

#[async_trait]
impl Callbacks for FakeCallbacks {
    async fn succeed(&self, token: &TaskToken, output: &str) -> Result<(), SendError> {
        self.call(token).await;
        self.answer(token, Told::Succeeded(output.to_owned()))
    }

    async fn fail(
        &self,
        token: &TaskToken,
        error: Option<&str>,
        cause: Option<&str>,
    ) -> Result<(), SendError> {
        self.call(token).await;
        self.answer(
            token,
            Told::Failed(error.map(str::to_owned), cause.map(str::to_owned)),
        )
    }

    async fn heartbeat(&self, token: &TaskToken) -> Result<(), SendError> {
        self.beats.lock().unwrap().push(token.reveal().to_owned());
        if self.open.lock().unwrap().contains(token.reveal()) {
            Ok(())
        } else {
            Err(SendError::Closed {
                code: "TaskTimedOut".to_owned(),
            })
        }
    }

    async fn describe_execution(&self, _: &str) -> Result<Execution, ExecutionError> {
        let running = Execution {
            status: ExecutionStatus::Running,
            stopped_at: None,
        };
        let lags = |left: u32| left.checked_sub(1);
        if self
            .lag
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, lags)
            .is_ok()
        {
            return Ok(running);
        }
        self.execution
            .lock()
            .unwrap()
            .clone()
            .unwrap_or(Ok(running))
    }
}
