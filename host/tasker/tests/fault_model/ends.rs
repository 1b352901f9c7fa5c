//! What the world makes of a process that has ended, in whatever way.

use std::time::Duration;

use signalbox_tasker::{Raised, Settling};
use tokio::time::Instant;

use super::{
    run::{Outcome, Run},
    schedule::Event,
    services::ClosedBy,
};

/// When a queue shows a message again that was not worked off.
const AGAIN: Duration = Duration::from_secs(30);
/// How often a queue shows a payload for which nobody waits.
const DELIVERIES: u32 = 15;
/// How often a queue shows a completion event.
const RECEIVES: u32 = 3;

impl Run {
    pub fn ended(&mut self, event: &Event, actor: usize, outcome: Outcome) {
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
            (Event::Invoke(task), Outcome::Invoked(Ok(reply))) => {
                self.world
                    .note(|| format!("process {actor} replies {reply}"));
                let task = &mut self.world.services().tasks[*task];
                if task.plan.queue && !task.plan.waits {
                    task.worked_off.get_or_insert(reply);
                }
            }
            (_, Outcome::Settled(settling)) => {
                self.world.note(|| format!("process {actor}: {settling:?}"));
            }
            (_, Outcome::Worked(outcomes)) => {
                for (event, outcome) in outcomes {
                    self.ended(&event, actor, outcome);
                }
            }
            (_, Outcome::Swept(swept)) => self.world.note(|| format!("process {actor}: {swept:?}")),
            (_, Outcome::Invoked(_)) => {}
        }
    }

    /// An invocation failed: what its caller makes of it.
    pub fn failed(&mut self, now: Instant, number: usize, actor: usize, raised: &Raised) {
        let mut services = self.world.services();
        let task = &mut services.tasks[number];
        if task.plan.is_delivered_again() {
            // What nobody waits for goes to the dead letters in the end, where it is seen.
            if task.plan.queue && task.plan.waits && raised.error_type != "LedgerUnavailable" {
                let broken =
                    format!("task {number}: {raised} was raised, and a queue hears nothing");
                services.broken.push(broken);
            }
            let task = &services.tasks[number];
            let is_dead = !task.plan.waits && task.invocations >= DELIVERIES;
            drop(services);
            if !is_dead {
                self.to_come.push((now + AGAIN, Event::Invoke(number)));
            }
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

    /// What the world makes of a process that ended without a word.
    pub fn after_death(&mut self, event: &Event) {
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
            Event::Batch(events) => {
                for event in events {
                    self.after_death(event);
                }
            }
            event => self.show_again(event),
        }
    }

    /// The queue shows a message once more.
    pub fn show_again(&mut self, event: &Event) {
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
}
