//! What happens beyond the function: what the original did before it was replaced, and what becomes of an execution.

use serde_json::json;
use signalbox_policy::contract::ResultFormat;
use signalbox_tasker::ports::{Clock, Expect, Item, Key, Sql, StartStatement, Write};
use tokio::time::Instant;

use super::{
    messages::{original_time, sql},
    run::Run,
    schedule::{Event, TARGETS},
    services::{ClosedBy, Task},
};

impl Run {
    /// What the original did with a task before it was replaced: wrote its row, and started the statement.
    pub fn start_as_the_original(&self, number: usize) {
        let (now, seconds) = (Instant::now(), self.world.now().as_second());
        let mut services = self.world.services();
        let Task { token, arn, .. } = &services.tasks[number];
        let details = json!({"taskToken": token, "executionArn": arn}).to_string();
        let row = json!({"sqlStatement": sql(number), "callback_details": details});
        let item = Item {
            key: Key::new(arn.clone(), original_time(number)),
            revision: 0,
            expires_at: None,
            body: row.as_object().unwrap().clone(),
        };
        let name = services.tasks[number].statement_name.clone();
        let write = Write::Put {
            item,
            expect: Expect::Absent,
        };
        // It is delivered once more, and the row is there.
        if services.items.write(seconds, &[write]).is_err() {
            return;
        }
        let start = StartStatement {
            sql: Sql::One(sql(number)),
            parameters: Vec::new(),
            result_format: ResultFormat::Json,
            session_id: None,
            session_keep_alive_seconds: None,
            wait_seconds: None,
            client_token: name.clone(),
            statement_name: name,
            with_event: true,
        };
        services.begin(number, now, TARGETS[0], &start);
    }

    /// A task's execution is stopped: none of its states waits any more, and Step Functions says so, as a rule.
    pub fn stop_execution(&mut self, number: usize) {
        let (now, at) = (Instant::now(), self.world.now().as_millisecond());
        self.world
            .note(|| format!("the execution of task {number} is stopped"));
        let mut services = self.world.services();
        let arn = services.tasks[number].arn.clone();
        services.stopped.insert(arn.clone(), at);
        for other in 0..services.tasks.len() {
            let task = &services.tasks[other];
            if task.arn == arn && (task.invocations > 0 || other == number) {
                services.close(other, ClosedBy::Stop);
            }
        }
        for delay in services.tasks[number].plan.events.clone() {
            let event = Event::Stopped {
                task: number,
                at,
                receives: 0,
            };
            self.to_come.push((now + delay, event));
        }
    }
}
