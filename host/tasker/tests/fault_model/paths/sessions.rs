//! Lives in which one statement runs in the session of another.

use std::time::Duration;

use super::{SOON, SWEEP, many, scripted};
use crate::{
    policy::{Script, Session},
    schedule::{Event, Schedule, TaskPlan},
};

fn opens(keep_alive_seconds: u32) -> TaskPlan {
    scripted(Script {
        session: Some(Session::Opens { keep_alive_seconds }),
        ..Script::default()
    })
}

fn uses(replaces: bool) -> TaskPlan {
    TaskPlan {
        comes_again: true,
        ..scripted(Script {
            session: Some(Session::Uses { of: 0, replaces }),
            ..Script::default()
        })
    }
}

pub fn sessions() -> Vec<(&'static str, Schedule)> {
    let later = Duration::from_secs(30);
    let second = |after, plans: [TaskPlan; 2]| {
        let events = vec![(after, Event::Invoke(1)), (SWEEP, Event::Sweep)];
        many(plans.to_vec(), events)
    };
    let silent = TaskPlan {
        events: Vec::new(),
        ..opens(600)
    };
    vec![
        (
            "a session is used again",
            second(later, [opens(600), uses(false)]),
        ),
        (
            "a session is asked for while it runs something",
            second(SOON, [opens(600), uses(true)]),
        ),
        (
            "the event of what a session ran is lost",
            second(later, [silent, uses(false)]),
        ),
        (
            "a session is gone, and is replaced",
            second(later, [opens(1), uses(true)]),
        ),
        (
            "a session is gone, and is not replaced",
            second(later, [opens(1), uses(false)]),
        ),
    ]
}
