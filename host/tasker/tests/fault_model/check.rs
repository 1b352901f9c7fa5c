//! What must hold when everything is over.

use serde_json::Value;
use signalbox_tasker::ports::Item;

use super::{
    services::{ClosedBy, Services, Task, Told},
    world::World,
};

/// How many records are open or looked for, or tasks wait whose events have all been worked off.
pub fn open(services: &Services) -> usize {
    let records = services
        .items_now()
        .filter(|item| is_open(&item.key.id, &item.body) || item.key.id.starts_with("due#"));
    let waiting = services
        .tasks
        .iter()
        .filter(|task| task.plan.waits && task.closed.is_none());
    records.count() + waiting.count()
}

/// Whether an item is a record that is open.
pub fn is_open(id: &str, body: &serde_json::Map<String, Value>) -> bool {
    let is_record = id.starts_with("task#") && !body.contains_key("attemptOf");
    is_record && body.get("phase").and_then(Value::as_str) != Some("closed")
}

/// Whether a lock is one that expires, of an owner of which nobody knows whether it runs.
fn is_held_to_its_end(services: &Services, lock: &Item) -> bool {
    let owner = lock.body.get("recordId").and_then(Value::as_str);
    let owner = owner.map(|owner| format!("task#{owner}"));
    let is_lost = |item: &Item| {
        let watch = item.body.get("watch");
        watch.and_then(|watch| watch.get("lost")) == Some(&Value::Bool(true))
    };
    let mut items = services.items.iter();
    lock.expires_at.is_some()
        && items.any(|item| Some(&item.key.id) == owner.as_ref() && is_lost(item))
}

pub fn check(world: &World) {
    let mut services = world.services();
    let mut broken = Vec::new();
    for item in services.items_now() {
        let (id, body) = (&item.key.id, &item.body);
        if is_open(id, body) {
            broken.push(format!("a record stayed open: {body:?}"));
        } else if id.starts_with("lock#") && !is_held_to_its_end(&services, item) {
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
    for item in services.items.iter() {
        if is_open(&item.key.id, &item.body) && item.expires_at.is_some() {
            broken.push(format!("an open record expires: {:?}", item.body));
        }
    }
    for (number, task) in services.tasks.iter().enumerate() {
        if task.plan.waits && task.closed.is_none() {
            broken.push(format!("task {number} was never answered"));
        }
        if let Some(reply) = &task.worked_off
            && let Some(broken_off) = lost_message(&services, number, reply)
        {
            broken.push(broken_off);
        }
        let mut told: Vec<&Told> = Vec::new();
        for sent in task.sent.iter().filter(|sent| !task.refused.contains(sent)) {
            if !told.contains(&sent) {
                told.push(sent);
            }
        }
        // Without the ledger a stack is told without a record; what is found later says the same in other words.
        if task.plan.resource && told.first().is_some_and(|told| is_never_made(told)) {
            told.retain(|told| !is_failed(told));
        }
        if told.len() > 1 {
            broken.push(format!("task {number} was sent two answers: {told:?}"));
        }
        if !task.plan.waits && !task.sent.is_empty() {
            broken.push(format!("task {number} does not wait and was told {told:?}"));
        }
        if let (Some(ClosedBy::Raised(error)), [told, ..]) = (&task.closed, &told[..])
            && error != "LedgerUnavailable"
            // Another invocation had begun when there was a policy.
            && !(error == "PolicyUnavailable" && services.was_without_policy)
            && !is_said_again(&services, number, told)
            && !is_told_not_started(&services, task, told)
        {
            broken.push(format!(
                "task {number} was told by the failure {error} of its invocation, and then {told:?}"
            ));
        }
    }
    services.broken.append(&mut broken);
}

/// What is wrong with a message that was worked off though nobody waits for what it asks: nothing was started, or something else.
fn lost_message(services: &Services, number: usize, reply: &Value) -> Option<String> {
    // Its policy says that nothing is to be done.
    if services.tasks[number].plan.script.answer {
        return None;
    }
    let Some(statement) = services.bound(number) else {
        return Some(format!(
            "task {number}: its message was worked off with {reply}, and nothing was started"
        ));
    };
    let id = reply.get("Id").and_then(Value::as_str);
    (id.is_some_and(|id| id != statement.id)).then(|| {
        format!("task {number}: its message was worked off with the id of another: {reply}")
    })
}

/// A task whose invocation failed may be told once more, by the sweep, that nothing was started, or after a day that
/// nobody knows it: nobody hears it. So may one whose invocation failed because the ledger did not say whether the answer is
/// stored.
fn is_not_started(told: &Told) -> bool {
    let names = ["StatementNotStarted", "StatementLost"];
    matches!(told, Told::Failed(Some(error), _) if names.contains(&error.as_str()))
}

/// Whether a failure without words is told because the words of the error were refused, to whoever waited for the same
/// statement.
fn is_said_again(services: &Services, number: usize, told: &Told) -> bool {
    let work = services.tasks[number].plan.work;
    let mut all = services.tasks.iter().enumerate();
    *told == Told::Failed(None, None)
        && all.any(|(other, task)| {
            let of_it = other == number || (work.is_some() && task.plan.work == work);
            of_it && (task.plan.refuses_words || task.plan.key_denied)
        })
}

/// A response that says that the request failed.
fn is_failed(told: &Told) -> bool {
    matches!(told, Told::Succeeded(response) if response.contains("\"Status\":\"FAILED\""))
}

/// Whether that was sent to a task, or to another attempt at its work: where that one does not take the words, all of them get a
/// failure without any.
fn is_told_not_started(services: &Services, task: &Task, told: &Told) -> bool {
    if *told != Told::Failed(None, None) {
        return is_not_started(told);
    }
    let is_same = |other: &&Task| task.plan.work.is_some() && other.plan.work == task.plan.work;
    let others = services.tasks.iter().filter(is_same);
    let mut sent = others.flat_map(|other| &other.sent).chain(&task.sent);
    sent.any(is_not_started)
}

/// A response that says that nothing was done.
fn is_never_made(told: &Told) -> bool {
    matches!(told, Told::Succeeded(response) if response.contains(":not-created"))
}
