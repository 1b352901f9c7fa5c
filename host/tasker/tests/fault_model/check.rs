//! What must hold when everything is over.

use serde_json::Value;

use super::{
    services::{ClosedBy, Services, Task, Told},
    world::World,
};

/// How many records are open or looked for, or tasks wait whose events have all been worked off.
pub fn open(services: &Services) -> usize {
    let records = services
        .items
        .iter()
        .filter(|item| is_open(&item.key.id, &item.body) || item.key.id.starts_with("due#"));
    let waiting = services
        .tasks
        .iter()
        .filter(|task| task.plan.waits && task.closed.is_none());
    records.count() + waiting.count()
}

fn is_open(id: &str, body: &serde_json::Map<String, Value>) -> bool {
    let is_record = id.starts_with("task#") && !body.contains_key("attemptOf");
    is_record && body.get("phase").and_then(Value::as_str) != Some("closed")
}

pub fn check(world: &World) {
    let mut services = world.services();
    let mut broken = Vec::new();
    for item in services.items.iter() {
        let (id, body) = (&item.key.id, &item.body);
        if is_open(id, body) {
            broken.push(format!("a record stayed open: {body:?}"));
        } else if id.starts_with("lock#") {
            broken.push(format!("a lock stayed: {id}"));
        } else if id.starts_with("due#") {
            broken.push(format!("something stayed due: {id}"));
        } else if item.expires_at.is_none() && item.revision > 0 {
            // A row of the original, which has no revision, stays where it could not be marked.
            broken.push(format!("an item never expires: {id} {body:?}"));
        }
        if body.contains_key("taskToken") && !is_open(id, body) {
            broken.push(format!("a closed record keeps its token: {id}"));
        }
    }
    for (number, task) in services.tasks.iter().enumerate() {
        if task.plan.waits && task.closed.is_none() {
            broken.push(format!("task {number} was never answered"));
        }
        let mut told: Vec<&Told> = Vec::new();
        for sent in task.sent.iter().filter(|sent| !task.refused.contains(sent)) {
            if !told.contains(&sent) {
                told.push(sent);
            }
        }
        // Without the ledger a stack is told without a record; what is found later says the same in other words.
        if task.plan.resource && told.iter().all(|told| is_never_made(told)) {
            told.truncate(1);
        }
        if told.len() > 1 {
            broken.push(format!("task {number} was sent two answers: {told:?}"));
        }
        if !task.plan.waits && !task.sent.is_empty() {
            broken.push(format!("task {number} does not wait and was told {told:?}"));
        }
        if let (Some(ClosedBy::Raised(error)), [told, ..]) = (&task.closed, &told[..])
            && error != "LedgerUnavailable"
            && !is_told_not_started(&services, task)
        {
            broken.push(format!(
                "task {number} was told by the failure {error} of its invocation, and then {told:?}"
            ));
        }
    }
    services.broken.append(&mut broken);
}

/// A task whose invocation failed may be told once more, by the sweep, that nothing was started: nobody hears it. So
/// may one whose invocation failed because the ledger did not say whether the answer is stored.
fn is_not_started(told: &Told) -> bool {
    matches!(told, Told::Failed(Some(error), _) if error == "StatementNotStarted")
}

/// Whether that was sent to a task, or to another attempt at its work: where that one does not take the words, all of them get a
/// failure without any.
fn is_told_not_started(services: &Services, task: &Task) -> bool {
    let is_same = |other: &&Task| task.plan.work.is_some() && other.plan.work == task.plan.work;
    let others = services.tasks.iter().filter(is_same);
    let mut sent = others.flat_map(|other| &other.sent).chain(&task.sent);
    sent.any(is_not_started)
}

/// A response that says that nothing was done.
fn is_never_made(told: &Told) -> bool {
    matches!(told, Told::Succeeded(response) if response.contains(":not-created"))
}
