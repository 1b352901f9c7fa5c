//! Runs a schedule: starts a process for every event, lets their calls through one by one, and recovers.

use std::{
    collections::BTreeMap, future::poll_fn, pin::Pin, sync::Arc, task::Poll, time::Duration,
};

use serde_json::Value;
use signalbox_policy::contract::Source;
use signalbox_tasker::{
    Call, Options, PolicySet, Ports, Raised, Settling, SweepSummary, Tasker, Waiting,
    custom_resource::CustomResource,
    ids::{IdSource, RecordId, statement_name},
    ports::{Clock, LedgerError},
};
use tokio::time::{Instant, sleep_until};

use super::{
    choice::{Order, Plan},
    faults::Fault,
    items::Items,
    messages::{completion, original_time, payload, stopped},
    policy::ModelPolicy,
    schedule::{Event, Schedule},
    services::{Caller, ClosedBy, Services, Task},
    world::{Door, World},
};

pub const DEPLOYMENT: &str = "model";
const ARN: &str = "arn:aws:states:eu-west-1:111122223333:execution:etl:one";
/// What Lambda leaves an invocation beyond the time that the domain is given: the host's reserve.
const RESERVE: Duration = Duration::from_millis(1_500);
/// What of it the domain may use to close what it has begun.
const CLOSING: Duration = Duration::from_millis(1_100);
/// When a queue shows a message again that was not worked off.
const AGAIN: Duration = Duration::from_secs(30);
/// How often a queue shows a completion event.
const RECEIVES: u32 = 3;
/// More calls than any one process may make: what makes more, loops.
const CALLS_MAX: u32 = 1_500;
/// Processes after which nothing fails any more: where most calls fail, a message can come again for as long as they do.
const FAULTY_PROCESSES: usize = 200;
/// Processes that one schedule may begin: more is a message that comes again for ever.
const PROCESSES_MAX: usize = 2_000;
/// Sweeps after which everything must be over.
const RECOVERY_SWEEPS: usize = 40;

/// What a process came to.
enum Outcome {
    Invoked(Result<Value, Raised>),
    Settled(Settling),
    Swept(Result<SweepSummary, LedgerError>),
}

struct Process {
    actor: usize,
    event: Event,
    work: Pin<Box<dyn Future<Output = Outcome>>>,
    /// When Lambda ends it.
    ends: Instant,
    ready: bool,
}

/// What a run came to.
pub struct Report {
    /// What happened that must never happen.
    pub broken: Vec<String>,
    /// Calls made while faults were on.
    pub calls: usize,
    pub faults: Vec<(usize, &'static str, Fault)>,
    pub order: Order,
    pub trace: Vec<String>,
}

pub struct Run {
    pub world: Arc<World>,
    policies: PolicySet,
    time: Duration,
    processes: Vec<Process>,
    next_actor: usize,
    /// Events to come.
    pub to_come: Vec<(Instant, Event)>,
}

/// Runs a schedule to its end.
pub fn run(schedule: &Schedule, order: Order, plan: Plan, traced: bool) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    // One long poll makes all the calls of a schedule: the runtime's fairness is not for it.
    runtime.block_on(tokio::task::coop::unconstrained(async {
        let mut run = Run::new(schedule, order, plan, traced);
        run.until_quiet().await;
        run.recover().await;
        super::check::check(&run.world);
        let broken = std::mem::take(&mut run.world.services().broken);
        let mut control = run.world.control();
        Report {
            broken,
            calls: control.calls,
            faults: std::mem::take(&mut control.faults),
            order: std::mem::replace(&mut control.order, Order::First),
            trace: control.trace.take().unwrap_or_default(),
        }
    }))
}

impl Run {
    fn new(schedule: &Schedule, order: Order, plan: Plan, traced: bool) -> Self {
        let tasks = schedule.tasks.iter().enumerate().map(|(number, plan)| {
            let token = format!("token-of-task-{number}-0123456789");
            let arn = format!("{ARN}-{}", plan.execution.unwrap_or(number));
            let id = match (plan.waits, plan.resource) {
                (false, _) => RecordId::new(DEPLOYMENT, IdSource::Request(&token)),
                (true, false) => RecordId::new(DEPLOYMENT, IdSource::Token(&token)),
                (true, true) => {
                    let resource = CustomResource::of(&payload(number, plan, &token, &arn));
                    Waiting::Resource(resource.unwrap().unwrap()).record_id(DEPLOYMENT)
                }
            };
            Task {
                plan: plan.clone(),
                statement_name: match plan.original {
                    true => format!("{arn}:{}", original_time(number)),
                    false => statement_name(DEPLOYMENT, &id),
                },
                arn,
                token,
                closed: None,
                invocations: 0,
                sent: Vec::new(),
                refused: Vec::new(),
                beats: 0,
            }
        });
        let services = Services {
            items: Items::default(),
            statements: Vec::new(),
            tasks: tasks.collect(),
            stopped: BTreeMap::new(),
            jumps: (schedule.events.iter()).any(|(_, event)| matches!(event, Event::Jump(_))),
            late: schedule.late,
            silent: false,
            broken: Vec::new(),
        };
        let world = World::new(services, schedule.late, order, plan, traced);
        let mut at = Instant::now();
        let to_come = schedule.events.iter().map(|(after, event)| {
            at += *after;
            (at, event.clone())
        });
        Self {
            to_come: to_come.collect(),
            policies: PolicySet::single(Arc::new(ModelPolicy::new(Arc::clone(&world)))),
            world,
            time: schedule.time,
            processes: Vec::new(),
            next_actor: 0,
        }
    }

    /// Goes on until nothing is under way and nothing is to come.
    async fn until_quiet(&mut self) {
        loop {
            if self.next_actor > PROCESSES_MAX {
                let broken = "a message came again for ever".to_owned();
                self.world.services().broken.push(broken);
                self.to_come.clear();
                self.processes.clear();
                return;
            }
            if self.next_actor > FAULTY_PROCESSES {
                self.world.control().faults_on = false;
            }
            self.what_is_due();
            self.poll().await;
            self.bury();
            if let Some(actor) = self.world.let_one_through() {
                for process in &mut self.processes {
                    process.ready |= process.actor == actor;
                }
                continue;
            }
            if self.processes.iter().any(|process| process.ready) {
                continue;
            }
            let Some(next) = self.next_moment() else {
                return;
            };
            if next > Instant::now() {
                woken_or(next).await;
            }
            for process in &mut self.processes {
                process.ready = true;
            }
        }
    }

    /// When something happens by itself, at the latest.
    fn next_moment(&self) -> Option<Instant> {
        let events = self.to_come.iter().map(|(at, _)| *at);
        let ends = self.processes.iter().map(|process| process.ends);
        let services = self.world.services();
        let completions = services
            .statements
            .iter()
            .filter(|statement| statement.with_event && !statement.reported)
            .map(|statement| statement.over_at());
        let control = self.world.control();
        let later = control.later.iter().map(|(at, _)| *at);
        events.chain(ends).chain(completions).chain(later).min()
    }

    /// Does what the world does by itself by now.
    fn what_is_due(&mut self) {
        let now = Instant::now();
        let deeds: Vec<_> = {
            let mut control = self.world.control();
            let (due, left) = std::mem::take(&mut control.later)
                .into_iter()
                .partition(|(at, _)| *at <= now);
            control.later = left;
            due
        };
        for (_, deed) in deeds {
            self.world
                .note(|| "a request that nobody waits for is done".to_owned());
            deed(&mut self.world.services(), now);
        }
        self.completions(now);
        while let Some(at) = self.to_come.iter().position(|(at, _)| *at <= now) {
            let (_, event) = self.to_come.remove(at);
            self.begin(event);
        }
    }

    /// Redshift reports statements that have ended.
    fn completions(&mut self, now: Instant) {
        let mut services = self.world.services();
        let services = &mut *services;
        for (at, statement) in services.statements.iter_mut().enumerate() {
            if !statement.with_event || statement.reported || !statement.is_over(now) {
                continue;
            }
            statement.reported = true;
            for delay in &services.tasks[statement.task].plan.events {
                let event = Event::Reported {
                    statement: at,
                    receives: 0,
                };
                self.to_come.push((now + *delay, event));
            }
        }
    }

    fn begin(&mut self, event: Event) {
        let actor = self.next_actor;
        let source = |task: &Task| match (task.plan.queue, task.plan.resource) {
            (true, _) => Source::Queue,
            (_, true) => Source::CustomResource,
            _ => Source::Invocation,
        };
        let caller = match &event {
            Event::Invoke(task) if self.is_over(*task) => return,
            Event::Invoke(task) if self.is_of_the_original(*task) => {
                self.start_as_the_original(*task);
                return;
            }
            Event::Invoke(_) => Caller::Invocation,
            Event::Completion { .. }
            | Event::Reported { .. }
            | Event::Foreign
            | Event::Stopped { .. } => Caller::Settling,
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
        };
        self.next_actor += 1;
        self.world.control().calls_of.push(0);
        self.world.control().blind.push(false);
        self.world.control().asked.push(false);
        self.world
            .note(|| format!("process {actor} begins: {event:?}"));
        let tasker = self.tasker(Door {
            world: Arc::clone(&self.world),
            actor,
            caller,
        });
        let mut call = Call {
            request_id: format!("request-{actor}"),
            function_arn: None,
            source: Source::Invocation,
            deadline: Instant::now() + self.time,
            answer_by: Instant::now() + self.time + CLOSING,
        };
        let work: Pin<Box<dyn Future<Output = Outcome>>> = match &event {
            Event::Invoke(number) => {
                let mut services = self.world.services();
                let task = &mut services.tasks[*number];
                task.invocations += 1;
                call.source = source(task);
                let payload = payload(*number, &task.plan, &task.token, &task.arn);
                if !task.plan.waits {
                    // Lambda repeats a request under the same id.
                    call.request_id.clone_from(&task.token);
                }
                // A state that runs is one of an execution that runs: it was redriven.
                let (open, arn) = (task.closed.is_none(), task.arn.clone());
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
                let state = super::services::name_of(statement.status(Instant::now()));
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
        };
        self.processes.push(Process {
            actor,
            event,
            work,
            ends: Instant::now() + self.time + RESERVE,
            ready: true,
        });
    }

    /// Step Functions invokes a function for a state that has not ended, and for no other.
    fn is_over(&self, number: usize) -> bool {
        let services = self.world.services();
        let task = &services.tasks[number];
        task.plan.waits && !task.plan.is_delivered_again() && task.closed.is_some()
    }

    fn is_of_the_original(&self, number: usize) -> bool {
        self.world.services().tasks[number].plan.original
    }

    /// A new process: nothing is left of those before.
    fn tasker(&self, door: Door) -> Tasker {
        let clock = Arc::clone(&self.world);
        let door = Arc::new(door);
        let ports = Ports {
            warehouse: door.clone(),
            callbacks: door.clone(),
            custom_resources: door.clone(),
            ledger: door,
            clock,
        };
        let options = Options {
            deployment: DEPLOYMENT.to_owned(),
            ..Options::default()
        };
        Tasker::new(ports, options, self.policies.clone())
    }

    /// Polls whoever may go on, and takes what has come to its end.
    async fn poll(&mut self) {
        let mut ended = Vec::new();
        poll_fn(|context| {
            let processes = std::mem::take(&mut self.processes);
            for mut process in processes {
                if std::mem::take(&mut process.ready)
                    && let Poll::Ready(outcome) = process.work.as_mut().poll(context)
                {
                    ended.push((process, outcome));
                } else {
                    self.processes.push(process);
                }
            }
            Poll::Ready(())
        })
        .await;
        for (process, outcome) in ended {
            self.ended(&process.event, process.actor, outcome);
        }
    }

    fn ended(&mut self, event: &Event, actor: usize, outcome: Outcome) {
        let now = Instant::now();
        match (event, outcome) {
            (Event::Invoke(task), Outcome::Invoked(Err(raised))) => {
                self.world
                    .note(|| format!("process {actor} fails: {raised}"));
                self.failed(now, *task, actor, &raised);
            }
            (_, Outcome::Settled(Settling::Again { reason })) => {
                self.world
                    .note(|| format!("process {actor}: again, {reason}"));
                self.show_again(event);
            }
            (_, Outcome::Invoked(Ok(reply))) => {
                self.world
                    .note(|| format!("process {actor} replies {reply}"));
            }
            (_, Outcome::Settled(settling)) => {
                self.world.note(|| format!("process {actor}: {settling:?}"));
            }
            (_, Outcome::Swept(swept)) => self.world.note(|| format!("process {actor}: {swept:?}")),
            (_, Outcome::Invoked(Err(_))) => {}
        }
    }

    /// An invocation failed: what its caller makes of it.
    fn failed(&mut self, now: Instant, number: usize, actor: usize, raised: &Raised) {
        let mut services = self.world.services();
        let task = &mut services.tasks[number];
        if task.plan.is_delivered_again() {
            drop(services);
            self.to_come.push((now + AGAIN, Event::Invoke(number)));
            return;
        }
        let unheard = std::mem::take(&mut task.plan.comes_again);
        // It cannot know of another invocation of the same task; to say nothing might lose the task.
        let alone = task.invocations == 1;
        let blind = {
            let control = self.world.control();
            control.blind[actor] && !control.asked[actor]
        };
        // Refused before there was anything to record: of another one at the same moment it cannot know either.
        let unrecorded = raised.error_type == "ConcurrentExecution" && !services.has_record(number);
        let by = match (blind || unrecorded) && !alone {
            true => ClosedBy::Blind,
            false => {
                services.raised(now, number, &raised.error_type);
                ClosedBy::Raised(raised.error_type.clone())
            }
        };
        if unheard {
            drop(services);
            let at = now + Duration::from_secs(1);
            self.to_come.push((at, Event::Invoke(number)));
        } else {
            services.close(number, by);
        }
    }

    /// Takes away the processes that have died, and those whose time is over.
    fn bury(&mut self) {
        let now = Instant::now();
        let dead = std::mem::take(&mut self.world.control().dead);
        let mut at = 0;
        while at < self.processes.len() {
            let process = &self.processes[at];
            let late = process.ends <= now;
            let loops = self.world.control().calls_of[process.actor] > CALLS_MAX;
            if !dead.contains(&process.actor) && !late && !loops {
                at += 1;
                continue;
            }
            let process = self.processes.remove(at);
            if late || loops {
                let what = if late {
                    "ran into Lambda's time-out"
                } else {
                    "loops"
                };
                let broken = format!("process {} ({:?}) {what}", process.actor, process.event);
                self.world.services().broken.push(broken);
            }
            self.world
                .note(|| format!("process {} is gone", process.actor));
            drop(process.work);
            self.after_death(&process.event);
        }
    }

    /// What the world makes of a process that ended without a word.
    fn after_death(&mut self, event: &Event) {
        match event {
            Event::Invoke(number) => {
                let mut services = self.world.services();
                let plan = &mut services.tasks[*number].plan;
                let queue = plan.is_delivered_again();
                if !queue && !std::mem::take(&mut plan.comes_again) {
                    services.close(*number, ClosedBy::Death);
                    return;
                }
                let after = if queue { AGAIN } else { Duration::from_secs(1) };
                self.to_come.push((Instant::now() + after, event.clone()));
            }
            event => self.show_again(event),
        }
    }

    /// The queue shows a message once more.
    fn show_again(&mut self, event: &Event) {
        let Some((again, receives)) = event.shown_again() else {
            return;
        };
        // For a statement of the original there is no sweep: its event is all there is.
        let is_all_there_is = match event {
            Event::Reported { statement, .. } => {
                let task = self.world.services().statements[*statement].task;
                self.is_of_the_original(task)
            }
            _ => false,
        };
        if receives < RECEIVES || is_all_there_is {
            self.to_come.push((Instant::now() + AGAIN, again));
        }
    }

    /// Nothing fails any more, time passes, and the schedule of the sweep goes on.
    async fn recover(&mut self) {
        self.world.control().faults_on = false;
        self.world.note(|| "nothing fails any more".to_owned());
        self.time = Duration::from_secs(60);
        self.until_quiet().await;
        for round in 0..RECOVERY_SWEEPS {
            if self.next_actor > PROCESSES_MAX {
                return;
            }
            let longest = {
                let services = self.world.services();
                let open = super::check::open(&services);
                if open == 0 {
                    return;
                }
                let ends = services.statements.iter().map(|it| it.over_at());
                ends.max()
            };
            // The first few soon, then when every statement has ended.
            let mut wait = Duration::from_secs(if round < 4 { 125 } else { 16 * 60 });
            if round > 6
                && let Some(longest) = longest
            {
                wait = wait.max(longest.saturating_duration_since(Instant::now()));
            }
            self.to_come.push((Instant::now() + wait, Event::Sweep));
            self.until_quiet().await;
        }
    }
}

/// Waits until one of the timers of the processes fires, or until then.
async fn woken_or(then: Instant) {
    let mut sleep = std::pin::pin!(sleep_until(then));
    let mut asleep = false;
    poll_fn(|context| {
        if asleep || sleep.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        asleep = true;
        Poll::Pending
    })
    .await;
}
