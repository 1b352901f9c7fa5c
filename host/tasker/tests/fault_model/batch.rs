//! Messages of the queue that are there at the same moment: one invocation works on all of them.

use std::pin::Pin;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::{
    run::{Outcome, Run},
    schedule::Event,
};

/// Messages, with the work on each.
type Messages = Vec<(Event, Work)>;

/// Work on one message.
pub type Work = Pin<Box<dyn Future<Output = Outcome>>>;

/// The task whose payload a message is.
fn payload_of(event: &Event) -> Option<usize> {
    match event {
        Event::Invoke(task) => Some(*task),
        _ => None,
    }
}

impl Run {
    /// An event that is due, with what else the queue hands over with it.
    pub fn batch_of(&mut self, now: Instant, event: Event) -> Event {
        if !self.batches || !self.is_of_the_queue(&event) {
            return event;
        }
        let due = std::mem::take(&mut self.to_come);
        // One payload is one message, which is not there twice.
        let mut payloads = vec![payload_of(&event)];
        let (beside, left): (Vec<_>, _) = due.into_iter().partition(|(at, other)| {
            let payload = payload_of(other);
            let takes = *at <= now
                && self.is_of_the_queue(other)
                && (payload.is_none() || !payloads.contains(&payload));
            if takes {
                payloads.push(payload);
            }
            takes
        });
        self.to_come = left;
        match beside.is_empty() {
            true => event,
            false => {
                self.batches_seen += 1;
                let beside = beside.into_iter().map(|(_, event)| event);
                Event::Batch(std::iter::once(event).chain(beside).collect())
            }
        }
    }

    /// Whether an event is a message of the queue that a process works on.
    fn is_of_the_queue(&self, event: &Event) -> bool {
        match event {
            Event::Completion { .. }
            | Event::Reported { .. }
            | Event::Foreign
            | Event::Stopped { .. } => true,
            Event::Invoke(task) => {
                let is_queued = self.world.services().tasks[*task].plan.queue;
                is_queued && !self.is_worked_off(*task) && !self.is_being_delivered(*task)
            }
            _ => false,
        }
    }

    /// The messages of one statement one after the other, all else side by side: `host/lambda/src/dispatch/batch.rs`.
    pub fn side_by_side(&self, works: Messages) -> Work {
        let mut groups: Vec<(Option<usize>, Messages)> = Vec::new();
        for (event, work) in works {
            let of = self.statement_of(&event);
            let mut known = groups.iter_mut();
            match known.find(|(group, _)| of.is_some() && *group == of) {
                Some((_, group)) => group.push((event, work)),
                None => groups.push((of, vec![(event, work)])),
            }
        }
        let groups = groups.into_iter().map(|(_, group)| async move {
            let mut outcomes = Vec::new();
            for (event, work) in group {
                outcomes.push((event, work.await));
            }
            outcomes
        });
        Box::pin(async move {
            let outcomes = join_all(groups).await;
            Outcome::Worked(outcomes.into_iter().flatten().collect())
        })
    }

    /// The task whose statement an event tells of.
    fn statement_of(&self, event: &Event) -> Option<usize> {
        match event {
            Event::Completion { task, .. } => Some(*task),
            Event::Reported { statement, .. } => {
                let services = self.world.services();
                let name = &services.statements[*statement].name;
                let mut tasks = services.tasks.iter();
                tasks.position(|task| task.statement_name == *name)
            }
            _ => None,
        }
    }
}
