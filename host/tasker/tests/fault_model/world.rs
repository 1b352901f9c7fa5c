//! Where calls to services wait to be let through, one after the other, and meet their fate.

use std::{
    collections::BTreeSet,
    future::pending,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use signalbox_tasker::ports::Clock;
use tokio::time::{Instant, sleep};

use super::{
    choice::{Order, Plan},
    faults::{Fault, Seen},
    lasting::Stuck,
    services::{About, Caller, Services, Subject},
};

/// The time of day at which every schedule begins, in milliseconds since the Unix epoch.
pub const BEGIN: i64 = 1_800_000_000_000;

type Deed = Box<dyn FnOnce(&mut Services, Instant) + Send>;

/// A call that waits to be let through.
struct Waiting {
    call: u64,
    actor: usize,
    name: &'static str,
    subject: Subject,
    /// Of several calls of one process at once only the woken one is looked at.
    waker: Waker,
}

/// What decides who goes on.
pub struct Control {
    pub order: Order,
    pub plan: Plan,
    /// Whether calls may fail.
    pub faults_on: bool,
    /// Calls that fail for good.
    pub lasting: Vec<Stuck>,
    /// The tasks of which any did.
    pub met: BTreeSet<usize>,
    waiting: Vec<Waiting>,
    let_through: Vec<(u64, Option<Fault>)>,
    next_call: u64,
    /// Calls let through while faults were on.
    pub calls: usize,
    /// Faults that were met.
    pub faults: Vec<(usize, &'static str, Fault)>,
    /// Calls of each of the processes.
    pub calls_of: Vec<u32>,
    /// Which of them do not know what is in the ledger: their last call to it was not answered.
    pub blind: Vec<bool>,
    /// Which of them have asked Redshift for a start.
    pub asked: Vec<bool>,
    /// Processes that have ended.
    pub dead: Vec<usize>,
    /// What is done later, though nobody waits for it any more.
    pub later: Vec<(Instant, Deed)>,
    /// What happened, if somebody wants to know.
    pub trace: Option<Vec<String>>,
}

pub struct World {
    services: Mutex<Services>,
    control: Mutex<Control>,
    began: Instant,
    /// How late is late.
    late: Duration,
    skew: AtomicI64,
}

impl World {
    pub fn new(
        services: Services,
        late: Duration,
        order: Order,
        plan: Plan,
        traced: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            services: Mutex::new(services),
            control: Mutex::new(Control {
                order,
                plan,
                faults_on: true,
                lasting: Vec::new(),
                met: BTreeSet::new(),
                waiting: Vec::new(),
                let_through: Vec::new(),
                next_call: 0,
                calls: 0,
                faults: Vec::new(),
                calls_of: Vec::new(),
                blind: Vec::new(),
                asked: Vec::new(),
                dead: Vec::new(),
                later: Vec::new(),
                trace: traced.then(Vec::new),
            }),
            began: Instant::now(),
            late,
            skew: AtomicI64::new(0),
        })
    }

    pub fn services(&self) -> MutexGuard<'_, Services> {
        self.services.lock().unwrap()
    }

    pub fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap()
    }

    /// The time of day jumps.
    pub fn jump(&self, by_ms: i64) {
        self.skew.fetch_add(by_ms, Ordering::Relaxed);
    }

    pub fn note(&self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.control().trace {
            let at = self.began.elapsed();
            trace.push(format!("{:>10.3} s  {}", at.as_secs_f64(), what()));
        }
    }

    /// Lets one of the waiting calls through, and says whose it was.
    pub fn let_one_through(&self) -> Option<usize> {
        let mut guard = self.control();
        let control = &mut *guard;
        if control.waiting.is_empty() {
            return None;
        }
        let at = control.order.choose(control.waiting.len());
        let Waiting {
            call,
            actor,
            name,
            subject,
            waker,
        } = control.waiting.remove(at);
        let mut lasting = control.lasting.iter();
        let stuck = lasting.find(|stuck| stuck.strikes(name, &subject));
        let stuck = stuck.map(|stuck| stuck.how);
        if stuck.is_some() {
            control.met.extend(subject.task);
        }
        let fault = match control.faults_on {
            _ if stuck.is_some() => stuck,
            true => control.plan.fault(control.calls),
            false => None,
        };
        if control.faults_on && stuck.is_none() {
            if let Some(fault) = fault {
                control.faults.push((control.calls, name, fault));
            }
            control.calls += 1;
        }
        let number = control.calls;
        control.calls_of[actor] += 1;
        control.blind[actor] |= matches!(name, "GetItem" | "TransactWriteItems");
        control.let_through.push((call, fault));
        drop(guard);
        waker.wake();
        self.note(|| match fault {
            Some(fault) => format!("process {actor}: {name} (call {}): {fault:?}", number - 1),
            None => format!("process {actor}: {name}"),
        });
        Some(actor)
    }

    fn do_later(&self, deed: impl FnOnce(&mut Services, Instant) + Send + 'static) {
        let at = Instant::now() + self.late;
        self.control().later.push((at, Box::new(deed)));
    }
}

impl Clock for World {
    fn now(&self) -> jiff::Timestamp {
        let elapsed = i64::try_from(self.began.elapsed().as_millis()).unwrap();
        let now = BEGIN + elapsed + self.skew.load(Ordering::Relaxed);
        jiff::Timestamp::from_millisecond(now).unwrap()
    }
}

/// A process's way to the services.
#[derive(Clone)]
pub struct Door {
    pub world: Arc<World>,
    pub actor: usize,
    pub caller: Caller,
    /// How far the process's clock is from the true time, in milliseconds.
    pub skew_ms: i64,
}

impl Clock for Door {
    fn now(&self) -> jiff::Timestamp {
        let now = self.world.now().as_millisecond() + self.skew_ms;
        jiff::Timestamp::from_millisecond(now).unwrap()
    }
}

impl Door {
    /// One call: waits its turn, and meets its fate.
    pub async fn call<T: 'static>(
        &self,
        name: &'static str,
        about: About<'_>,
        deed: impl Fn(&mut Services, Instant) -> T + Send + 'static,
        error: impl Fn(Seen) -> T,
    ) -> T {
        let subject = self.world.services().subject(about);
        let fate = Turn {
            door: self,
            name,
            subject,
            call: None,
        }
        .await;
        let world = &self.world;
        let act = || deed(&mut world.services(), Instant::now());
        let Some(fault) = fate else { return act() };
        // A sweep that is late has no time to ask Redshift, and sends its heartbeats all the same.
        let is_asked = matches!(name, "DescribeStatement" | "ListStatements");
        world.services().silent |= is_asked || (self.caller == Caller::Sweep && fault.takes_time());
        match fault {
            Fault::FailBefore => error(Seen::Unclear),
            Fault::FailAfter => {
                act();
                error(Seen::Unclear)
            }
            Fault::Throttle => error(Seen::Throttled),
            Fault::Deny => {
                world.services().was_denied |=
                    matches!(name, "GetStatementResult" | "DescribeStatement");
                error(Seen::Denied)
            }
            Fault::HangBefore => pending().await,
            Fault::HangAfter => {
                act();
                pending().await
            }
            Fault::HangThenDo => {
                world.do_later(move |services, now| drop(deed(services, now)));
                pending().await
            }
            Fault::LateDone => {
                sleep(world.late).await;
                deed(&mut world.services(), Instant::now())
            }
            Fault::LateReply => {
                let reply = act();
                sleep(world.late).await;
                reply
            }
            Fault::Twice => {
                act();
                act()
            }
            Fault::DieBefore => self.die().await,
            Fault::DieAfter => {
                act();
                self.die().await
            }
            Fault::DieThenDo => {
                world.do_later(move |services, now| drop(deed(services, now)));
                self.die().await
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.world.control().dead.push(self.actor);
        pending().await
    }
}

/// Waits until the call is let through. A caller that gives up takes its call back.
struct Turn<'a> {
    door: &'a Door,
    name: &'static str,
    subject: Subject,
    call: Option<u64>,
}

impl Future for Turn<'_> {
    type Output = Option<Fault>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let door = self.door;
        let mut control = door.world.control();
        let Some(call) = self.call else {
            let call = control.next_call;
            control.next_call += 1;
            control.waiting.push(Waiting {
                call,
                actor: door.actor,
                name: self.name,
                subject: std::mem::take(&mut self.subject),
                waker: context.waker().clone(),
            });
            drop(control);
            self.call = Some(call);
            return Poll::Pending;
        };
        match control.let_through.iter().position(|(it, _)| *it == call) {
            Some(at) => Poll::Ready(control.let_through.swap_remove(at).1),
            None => {
                let mut waiting = control.waiting.iter_mut();
                if let Some(waiting) = waiting.find(|waiting| waiting.call == call) {
                    waiting.waker.clone_from(context.waker());
                }
                Poll::Pending
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call {
            let mut control = self.door.world.control();
            control.waiting.retain(|waiting| waiting.call != call);
            control.let_through.retain(|(it, _)| *it != call);
        }
    }
}
