//! What executions share.

use super::StepFunctionsOptions;
use super::definition::Definition;
use super::execution::Execution;
use super::function::InvokeFunction;
use super::observe::Observer;
use super::tokens::Registry;
use crate::data_api::EventSink;
use crate::time::TimeScale;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;

/// How many executions are remembered. One that is forgotten while it runs goes on.
const REMEMBERED: usize = 10_000;

/// The state of a server.
pub(crate) struct Core {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) time_scale: TimeScale,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) events: Option<Arc<dyn EventSink>>,
    pub(crate) tokens: Registry,
    function: Mutex<Option<Arc<dyn InvokeFunction>>>,
    machines: Mutex<HashMap<String, Definition>>,
    executions: Mutex<Executions>,
    tasks: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct Executions {
    by_arn: HashMap<String, Arc<Execution>>,
    in_order: VecDeque<String>,
}

impl Core {
    pub(crate) fn new(options: StepFunctionsOptions) -> Self {
        Self {
            account: options.account,
            region: options.region,
            time_scale: options.time_scale,
            observer: options.observer,
            events: options.events,
            tokens: Registry::default(),
            function: Mutex::new(options.function),
            machines: Mutex::default(),
            executions: Mutex::default(),
            tasks: Mutex::default(),
        }
    }

    pub(crate) fn machine_arn(&self, name: &str) -> String {
        format!(
            "arn:aws:states:{}:{}:stateMachine:{name}",
            self.region, self.account
        )
    }

    pub(crate) fn execution_arn(&self, machine: &str, name: &str) -> String {
        format!(
            "arn:aws:states:{}:{}:execution:{machine}:{name}",
            self.region, self.account
        )
    }

    pub(crate) fn function(&self) -> Option<Arc<dyn InvokeFunction>> {
        lock(&self.function).clone()
    }

    pub(crate) fn set_function(&self, function: Arc<dyn InvokeFunction>) {
        *lock(&self.function) = Some(function);
    }

    pub(crate) fn register(&self, name: &str, definition: Definition) {
        lock(&self.machines).insert(name.to_owned(), definition);
    }

    pub(crate) fn machine(&self, name: &str) -> Option<Definition> {
        lock(&self.machines).get(name).cloned()
    }

    pub(crate) fn execution(&self, arn: &str) -> Option<Arc<Execution>> {
        lock(&self.executions).by_arn.get(arn).cloned()
    }

    /// Starts an execution, unless there is one of that name.
    pub(crate) fn start(
        self: &Arc<Self>,
        machine_name: &str,
        definition: Definition,
        name: &str,
        input: Value,
    ) -> Result<Arc<Execution>, Arc<Execution>> {
        let execution = Arc::new(Execution::new(self, machine_name, name, input));
        {
            let mut executions = lock(&self.executions);
            if let Some(known) = executions.by_arn.get(&execution.arn) {
                return Err(Arc::clone(known));
            }
            executions.in_order.push_back(execution.arn.clone());
            executions
                .by_arn
                .insert(execution.arn.clone(), Arc::clone(&execution));
            if executions.in_order.len() > REMEMBERED
                && let Some(oldest) = executions.in_order.pop_front()
            {
                executions.by_arn.remove(&oldest);
            }
        }
        self.spawn(Arc::clone(&execution).live(definition));
        Ok(execution)
    }

    /// Runs a task that ends with the server at the latest.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Cuts everything that runs, and forgets it: executions hold this, and this holds them.
    pub(crate) fn close(&self) {
        lock(&self.tasks).abort_all();
        *lock(&self.executions) = Executions::default();
    }

    /// Returns when all tasks have ended.
    pub(crate) async fn finished(&self) {
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.shutdown().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
