//! Runs a schedule: starts a process for every event, lets their calls through one by one, and recovers.

use std::{
    collections::BTreeMap, future::poll_fn, pin::Pin, sync::Arc, task::Poll, time::Duration,
};

use serde_json::Value;
use signalbox_tasker::{
    PolicySet, Raised, Settling, SweepSummary, Waiting,
    custom_resource::CustomResource,
    ids::{IdSource, RecordId, statement_name},
    ports::LedgerError,
};
use tokio::time::{Instant, sleep_until};

use super::{
    bugs::Bug,
    choice::{Order, Plan},
    faults::Fault,
    items::Items,
    lasting::Stuck,
    messages::{original_time, payload},
    policy::ModelPolicy,
    schedule::{Event, Schedule},
    services::{Services, Task},
    world::World,
};

pub const DEPLOYMENT: &str = "model";
const ARN: &str = "arn:aws:states:eu-west-1:111122223333:execution:etl:one";
/// More calls than any one process may make: what makes more, loops.
const CALLS_MAX: u32 = 1_500;
/// Processes after which nothing fails any more: where most calls fail, a message can come again for as long as they do.
const FAULTY_PROCESSES: usize = 200;
/// Processes that one schedule may begin: more is a message that comes again for ever.
const PROCESSES_MAX: usize = 2_000;
/// Sweeps after which everything must be over.
const RECOVERY_SWEEPS: usize = 40;

/// What a process came to.
pub enum Outcome {
    Invoked(Result<Value, Raised>),
    Settled(Settling),
    /// What the messages of a batch came to.
    Worked(Vec<(Event, Self)>),
    Swept(Result<SweepSummary, LedgerError>),
}

pub struct Process {
    pub actor: usize,
    pub event: Event,
    pub work: Pin<Box<dyn Future<Output = Outcome>>>,
    /// When Lambda ends it.
    pub ends: Instant,
    pub ready: bool,
}

/// What a run came to.
pub struct Report {
    /// What happened that must never happen.
    pub broken: Vec<String>,
    /// Calls made while faults were on.
    pub calls: usize,
    pub faults: Vec<(usize, &'static str, Fault)>,
    /// Batches of several messages that one process worked on.
    pub batches: usize,
    pub order: Order,
    pub trace: Vec<String>,
}

pub struct Run {
    pub world: Arc<World>,
    pub policies: PolicySet,
    pub time: Duration,
    /// How far clocks are from the true time.
    pub skew_ms: i64,
    pub bug: Option<Bug>,
    /// Whether the queue hands over batches.
    pub batches: bool,
    /// Batches of several messages that it has handed over.
    pub batches_seen: usize,
    pub processes: Vec<Process>,
    pub next_actor: usize,
    /// What is to break for good, and when.
    breaks: Option<(Instant, Vec<Stuck>)>,
    /// Events to come.
    pub to_come: Vec<(Instant, Event)>,
}

/// Runs a schedule to its end.
pub fn run(schedule: &Schedule, order: Order, plan: Plan, traced: bool) -> Report {
    run_with(schedule, order, plan, traced, async |_| {})
}

/// Runs a schedule to its end, with something between its events and its recovery.
pub fn run_with(
    schedule: &Schedule,
    order: Order,
    plan: Plan,
    traced: bool,
    between: impl AsyncFnOnce(&mut Run),
) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    // One long poll makes all the calls of a schedule: the runtime's fairness is not for it.
    runtime.block_on(tokio::task::coop::unconstrained(async {
        let mut run = Run::new(schedule, order, plan, traced);
        run.until_quiet().await;
        between(&mut run).await;
        run.recover().await;
        super::check::check(&run.world);
        let broken = std::mem::take(&mut run.world.services().broken);
        let mut control = run.world.control();
        Report {
            broken,
            calls: control.calls,
            batches: run.batches_seen,
            faults: std::mem::take(&mut control.faults),
            order: std::mem::replace(&mut control.order, Order::First),
            trace: control.trace.take().unwrap_or_default(),
        }
    }))
}

impl Run {
    pub fn new(schedule: &Schedule, order: Order, plan: Plan, traced: bool) -> Self {
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
                invoked_at: None,
                worked_off: None,
                session: None,
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
            late: schedule.late,
            manners: schedule.manners.clone(),
            began: Instant::now(),
            refused_tokens: BTreeMap::new(),
            was_without_policy: false,
            was_denied: false,
            is_lasting: !schedule.lasting.stuck.is_empty(),
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
            breaks: Some((
                Instant::now() + schedule.lasting.after,
                schedule.lasting.stuck.clone(),
            )),
            policies: PolicySet::single(Arc::new(ModelPolicy::new(Arc::clone(&world), "1"))),
            skew_ms: schedule.manners.skew_ms,
            world,
            time: schedule.time,
            bug: schedule.bug,
            batches: schedule.manners.batches,
            batches_seen: 0,
            processes: Vec::new(),
            next_actor: 0,
        }
    }

    /// Goes on until nothing is under way and nothing is to come.
    pub async fn until_quiet(&mut self) {
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
        let breaks = self.breaks.iter().map(|(at, _)| *at);
        events
            .chain(ends)
            .chain(completions)
            .chain(later)
            .chain(breaks)
            .min()
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
        if let Some((_, stuck)) = self.breaks.take_if(|(at, _)| *at <= now) {
            self.world.control().lasting = stuck;
        }
        self.completions(now);
        while let Some(at) = self.to_come.iter().position(|(at, _)| *at <= now) {
            let (_, event) = self.to_come.remove(at);
            let event = self.batch_of(now, event);
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

    /// Nothing fails any more, time passes, and the schedule of the sweep goes on.
    async fn recover(&mut self) {
        self.world.control().faults_on = false;
        self.world.control().lasting.clear();
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
