//! Redshift's sessions: how long they stay open, and what must not happen in them.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_tasker::ports::StartStatement;
use tokio::time::Instant;

use super::{
    choice::Rng,
    policy::Session,
    redshift::Statement,
    schedule::{Schedule, TaskPlan},
    services::Services,
};

/// The id of a session that there is not.
const UNKNOWN: &str = "99999999-0000-4000-8000-000000000000";

impl Schedule {
    /// The same schedule with sessions in some of its tasks, and batches: by numbers of their own, so that what else a seed does
    /// stays.
    pub fn with_sessions_and_batches(mut self, rng: &mut Rng) -> Self {
        self.manners.batches = rng.one_in(3);
        for task in self.tasks.iter_mut().filter(|task| !task.waits) {
            task.queue = rng.one_in(2);
        }
        let may_use = |task: &TaskPlan| !task.original && !task.resource && task.work.is_none();
        if !rng.one_in(3) || !self.tasks.first().is_some_and(may_use) {
            return self;
        }
        let target = self.tasks.first().map_or(0, |task| task.target);
        for (number, task) in self.tasks.iter_mut().enumerate() {
            if number == 0 {
                let keep_alive_seconds = rng.pick(&[1, 30, 3_600]);
                task.script.session = Some(Session::Opens { keep_alive_seconds });
            } else if may_use(task) && !rng.one_in(4) {
                task.target = target;
                task.script.session = Some(Session::Uses {
                    of: 0,
                    replaces: rng.one_in(2),
                });
            }
        }
        self
    }
}

impl Statement {
    /// The session that it runs in.
    pub fn session_id(&self) -> Option<String> {
        self.session.as_ref().map(|(id, _)| id.clone())
    }
}

impl Services {
    /// Names the session in a payload that is to run in one: always the same, as a state's input is.
    pub fn ask_for_session(&mut self, number: usize, payload: &mut Value) {
        let Some(Session::Uses { of, replaces }) = self.tasks[number].plan.script.session else {
            return;
        };
        let opened = self.bound(of).and_then(Statement::session_id);
        let opened = opened.unwrap_or_else(|| UNKNOWN.to_owned());
        let id = self.tasks[number].session.get_or_insert(opened);
        payload["sessionId"] = json!(id);
        payload["onSessionLost"] = json!(if replaces { "replace" } else { "fail" });
    }

    /// Until when a session is open; none if there is no such session.
    pub fn session_open_until(&self, id: &str) -> Option<Instant> {
        let of_it = self.statements.iter().filter_map(|statement| {
            let (session, keep_alive) = statement.session.as_ref()?;
            (session == id).then(|| statement.over_at() + *keep_alive)
        });
        of_it.max()
    }

    /// The session that a start runs in: the one that it names, or one that it opens.
    pub fn session_of(&self, start: &StartStatement) -> Option<(String, Duration)> {
        let asked = start.session_keep_alive_seconds.unwrap_or_default();
        let keep_alive = Duration::from_secs(asked.into());
        match &start.session_id {
            Some(id) => {
                let before = self.statements.iter().filter_map(|it| it.session.as_ref());
                let before = before.filter(|(session, _)| session == id);
                let longest = before.map(|(_, keep_alive)| *keep_alive).max();
                Some((id.clone(), keep_alive.max(longest.unwrap_or_default())))
            }
            None => {
                let number = self.statements.len() + 1;
                let id = format!("99999999-0000-4000-8000-{number:012}");
                (asked > 0).then_some((id, keep_alive))
            }
        }
    }

    /// What is wrong with the session of a start: it is not the one that was asked for, or runs another statement.
    pub fn misuse_of_session(
        &self,
        number: usize,
        now: Instant,
        start: &StartStatement,
    ) -> Vec<String> {
        let task = &self.tasks[number];
        let mut broken = Vec::new();
        let opens = start.session_keep_alive_seconds.unwrap_or_default() > 0;
        let is_right = match task.plan.script.session {
            None => start.session_id.is_none() && !opens,
            Some(Session::Opens { .. }) => start.session_id.is_none() && opens,
            // A new one is opened where that is wanted and the old one is gone.
            Some(Session::Uses { replaces, .. }) => match &start.session_id {
                Some(id) => Some(id) == task.session.as_ref(),
                None => {
                    let open = task
                        .session
                        .as_ref()
                        .and_then(|id| self.session_open_until(id));
                    replaces && opens && open.is_none_or(|until| until < now)
                }
            },
        };
        if !is_right {
            broken.push(format!(
                "task {number}: its statement does not run in the session that was asked for"
            ));
        }
        let runs_in_it = |other: &&Statement| {
            let session = other.session_id();
            session.is_some() && session == start.session_id && !other.is_over(now)
        };
        for other in self.statements.iter().filter(runs_in_it) {
            broken.push(format!(
                "task {number}: a statement was started in a session that runs one of task {}",
                other.task
            ));
        }
        broken
    }
}
