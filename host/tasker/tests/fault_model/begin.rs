//! How the process of an event begins.

use std::{sync::Arc, time::Duration};

use signalbox_policy::contract::Source;
use signalbox_tasker::{
    Call, Options, PolicySet, Ports, Tasker,
    ports::{Callbacks, Clock, CustomResources, Ledger, Warehouse},
};
use tokio::time::Instant;

use super::{
    batch::Work,
    bugs::Spoiled,
    messages::{completion, payload, stopped},
    policy::ModelPolicy,
    run::{DEPLOYMENT, Outcome, Process, Run},
    schedule::{Event, TARGETS},
    services::{Caller, ClosedBy, Task},
    world::Door,
};

/// What the host keeps of an invocation's time to answer in, and of that to hand the answer over. The rule of
/// `host/lambda/src/dispatch/mod.rs`.
fn reserves(time: Duration) -> (Duration, Duration) {
    let reserve = (time / 4).min(Duration::from_millis(1_500));
    (reserve, (reserve / 3).min(Duration::from_millis(400)))
}
/// Nobody delivers an invocation again after so long: Lambda tries for six hours.
const DELIVERED_FOR: Duration = Duration::from_secs(6 * 60 * 60);

impl Run {
    pub fn begin(&mut self, event: Event) {
        let actor = self.next_actor;
        let caller = match &event {
            Event::Invoke(task) if self.is_worked_off(*task) => return,
            Event::Invoke(task) if self.is_being_delivered(*task) => {
                let at = Instant::now() + Duration::from_secs(1);
                self.to_come.push((at, event));
                return;
            }
            Event::Invoke(task) if self.is_of_the_original(*task) => {
                self.start_as_the_original(*task);
                return;
            }
            Event::Invoke(_) => Caller::Invocation,
            Event::Completion { .. }
            | Event::Reported { .. }
            | Event::Foreign
            | Event::Stopped { .. } => Caller::Settling,
            Event::Batch(events) => {
                let invokes = events.iter().any(|event| matches!(event, Event::Invoke(_)));
                if invokes {
                    Caller::Invocation
                } else {
                    Caller::Settling
                }
            }
            Event::Sweep => Caller::Sweep,
            Event::Stop(task) => {
                self.world.note(|| format!("task {task} is stopped"));
                self.world.services().close(*task, ClosedBy::Stop);
                return;
            }
            Event::StopExecution(task) => {
                self.stop_execution(*task);
                return;
            }
            Event::ForgedStop(task) => {
                let at = self.world.now().as_millisecond();
                let (task, receives) = (*task, 0);
                self.to_come
                    .push((Instant::now(), Event::Stopped { task, at, receives }));
                return;
            }
            Event::Jump(by) => {
                self.world
                    .note(|| format!("the time of day jumps by {by} ms"));
                self.world.jump(*by);
                return;
            }
            Event::Swap(set) => {
                self.world
                    .note(|| format!("policy set {set} is put in force"));
                self.policies = self.set(*set);
                return;
            }
        };
        self.next_actor += 1;
        self.world.control().calls_of.push(0);
        self.world.control().blind.push(false);
        self.world.control().asked.push(false);
        self.world
            .note(|| format!("process {actor} begins: {event:?}"));
        let door = Door {
            world: Arc::clone(&self.world),
            actor,
            caller,
            skew_ms: self.skew_ms * [0, 1, -1][actor % 3],
        };
        let tasker = self.tasker(door, &event);
        let (reserve, reply) = reserves(self.time);
        let call = Call {
            request_id: format!("request-{actor}"),
            function_arn: None,
            source: Source::Invocation,
            deadline: Instant::now() + self.time - reserve,
            answer_by: Instant::now() + self.time - reply,
        };
        let work = match &event {
            Event::Batch(events) => {
                let works = events.iter().enumerate().map(|(at, event)| {
                    let call = Call {
                        request_id: format!("{}-{at}", call.request_id),
                        ..call.clone()
                    };
                    (event.clone(), self.work(event, tasker.clone(), call))
                });
                let works = works.collect();
                self.side_by_side(works)
            }
            event => self.work(event, tasker, call),
        };
        self.processes.push(Process {
            actor,
            event,
            work,
            ends: Instant::now() + self.time,
            ready: true,
        });
    }

    /// What a process does with an event.
    fn work(&self, event: &Event, tasker: Tasker, mut call: Call) -> Work {
        let source = |task: &Task| match (task.plan.queue, task.plan.resource) {
            (true, _) => Source::Queue,
            (_, true) => Source::CustomResource,
            _ => Source::Invocation,
        };
        match event {
            Event::Invoke(number) => {
                let mut services = self.world.services();
                let task = &mut services.tasks[*number];
                task.invocations += 1;
                task.invoked_at.get_or_insert(Instant::now());
                call.source = source(task);
                let mut payload = payload(*number, &task.plan, &task.token, &task.arn);
                if !task.plan.waits {
                    // Lambda repeats a request under the same id.
                    call.request_id.clone_from(&task.token);
                }
                // A state that runs is one of an execution that runs: it was redriven.
                let (open, arn) = (task.closed.is_none(), task.arn.clone());
                services.ask_for_session(*number, &mut payload);
                if open {
                    services.stopped.remove(&arn);
                }
                drop(services);
                Box::pin(async move { Outcome::Invoked(tasker.invoke(&call, payload).await) })
            }
            Event::Completion {
                task, state, real, ..
            } => {
                let services = self.world.services();
                let name = &services.tasks[*task].statement_name;
                let id = match (real, services.bound(*task)) {
                    (true, Some(statement)) => statement.id.clone(),
                    (true, None) => "00000000-0000-4000-8000-999999999999".to_owned(),
                    (false, _) => "somebody-else-s".to_owned(),
                };
                let event = completion(name, &id, state);
                drop(services);
                Box::pin(async move { Outcome::Settled(tasker.settle(&call, event).await) })
            }
            Event::Reported { statement, .. } => {
                let services = self.world.services();
                let statement = &services.statements[*statement];
                let state = super::redshift::name_of(statement.status(Instant::now()));
                let event = completion(&statement.name, &statement.id, state);
                drop(services);
                Box::pin(async move { Outcome::Settled(tasker.settle(&call, event).await) })
            }
            Event::Stopped { task, at, .. } => {
                let arn = self.world.services().tasks[*task].arn.clone();
                let event = stopped(&arn, *at);
                Box::pin(async move { Outcome::Settled(tasker.stopped(&call, event).await) })
            }
            Event::Foreign => {
                let event = completion(
                    "nightly_report",
                    "00000000-0000-4000-8000-000000000001",
                    "FINISHED",
                );
                Box::pin(async move { Outcome::Settled(tasker.settle(&call, event).await) })
            }
            _ => Box::pin(async move { Outcome::Swept(tasker.sweep(&call).await) }),
        }
    }

    /// Step Functions invokes a function for a state that has not ended, and for no other.
    fn is_over(&self, number: usize) -> bool {
        let services = self.world.services();
        let task = &services.tasks[number];
        let is_heard = task.plan.waits && !task.plan.is_delivered_again() && task.closed.is_some();
        is_heard || task.worked_off.is_some()
    }

    /// Whether a process works on a request for which nobody waits, and that Lambda delivers again only when that has ended.
    /// A queue may show a message twice at once.
    pub fn is_being_delivered(&self, number: usize) -> bool {
        let is_it = |event: &Event| matches!(event, Event::Invoke(task) if *task == number);
        let mut processes = self.processes.iter();
        let plan = &self.world.services().tasks[number].plan.clone();
        !plan.waits
            && !plan.queue
            && processes.any(|process| match &process.event {
                Event::Batch(events) => events.iter().any(is_it),
                event => is_it(event),
            })
    }

    /// Whether nobody delivers a task's payload any more.
    pub fn is_worked_off(&self, number: usize) -> bool {
        self.is_over(number) || self.is_too_old(number)
    }

    fn is_too_old(&self, number: usize) -> bool {
        let services = self.world.services();
        let task = &services.tasks[number];
        let is_worked_off = !task.plan.is_delivered_again() || task.closed.is_some();
        is_worked_off && (task.invoked_at).is_some_and(|at| at.elapsed() > DELIVERED_FOR)
    }

    /// A policy set: the first one, one with another version of the policy, or none.
    pub fn set(&self, number: usize) -> PolicySet {
        match number {
            0 => PolicySet::single(Arc::new(ModelPolicy::new(Arc::clone(&self.world), "1"))),
            1 => PolicySet::single(Arc::new(ModelPolicy::new(Arc::clone(&self.world), "2"))),
            _ => {
                self.world.services().was_without_policy = true;
                PolicySet::unavailable("there is none")
            }
        }
    }

    pub fn is_of_the_original(&self, number: usize) -> bool {
        self.world.services().tasks[number].plan.original
    }

    /// A new process: nothing is left of those before.
    fn tasker(&self, door: Door, event: &Event) -> Tasker {
        let ports = match self.bug {
            None => {
                let door = Arc::new(door);
                ports(Arc::clone(&door), door)
            }
            Some(bug) => {
                let spoiled = Arc::new(Spoiled::new(door, bug, event));
                ports(Arc::clone(&spoiled), spoiled)
            }
        };
        let options = Options {
            deployment: DEPLOYMENT.to_owned(),
            targets: TARGETS.map(str::to_owned).to_vec(),
            ..Options::default()
        };
        Tasker::new(ports, options, self.policies.clone())
    }
}

fn ports<P>(services: Arc<P>, clock: Arc<dyn Clock>) -> Ports
where
    P: Warehouse + Callbacks + CustomResources + Ledger + 'static,
{
    Ports {
        warehouse: services.clone(),
        callbacks: services.clone(),
        custom_resources: services.clone(),
        ledger: services,
        clock,
    }
}
