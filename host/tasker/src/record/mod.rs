//! The durable record of a task and its statement, and the steps of its life.

mod items;
mod life;
mod session;
mod store;
#[cfg(test)]
mod tests;
mod walk;
mod watch;
mod work;

pub use items::latest_query;
pub use life::{Ending, Life, Phase, Ran};
pub use session::{Session, SessionUse};
pub use store::{
    Advance, Due, DueList, DuePage, Latest, Lease, LockRevision, NewestOfWork, Open, Reserve,
    Store, Stored, Updated,
};
pub use watch::{Gone, Stray, UnconfirmedRefusal, Watch};
pub use work::{Attempt, CameTo, Work};

use serde::{Deserialize, Serialize};
use serde_json::json;
use signalbox_policy::{
    Answer, Identity,
    contract::{OnStop, OutputShape, StatementFacts, StatementStatus},
};

use crate::{
    custom_resource::CustomResource,
    ids::{RecordId, digest, statement_name},
    ports::TaskToken,
    waiting::Waiting,
};

/// Redshift lets no statement run longer: 24 hours, in milliseconds.
pub const LONGEST_RUN_MS: i64 = 24 * 60 * 60 * 1_000;
/// After so long a statement does not run any more, in milliseconds. An hour is for starts that are taken late, for queues and
/// clocks.
pub const STATEMENT_LIFE_MS: i64 = LONGEST_RUN_MS + 60 * 60 * 1_000;
/// For so long a start that was cut off is taken up again, in milliseconds: less than a start may take before it is given up.
const TAKEN_UP_MS: i64 = 10 * 60 * 1_000;
/// After so long Redshift has forgotten a statement, in milliseconds: it remembers one for 24 hours after its end. An hour
/// is for queues and clocks.
pub const MEMORY_MS: i64 = 49 * 60 * 60 * 1_000;

/// The version of the form of records. One that another version must not touch unread has a higher number.
pub const SCHEMA: u32 = 1;

/// A record. Everything that is needed to end the task, whatever becomes of the process that wrote it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Version of this form: [`SCHEMA`].
    pub schema: u32,
    /// Its id.
    pub record_id: RecordId,
    /// Whose it is.
    pub deployment: String,
    /// The policy that asked; none where the host answered before there was one to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Identity>,
    /// The route by which it was asked; none without a policy set, and where the host answered before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Where it is in its life, and what there is to know of it there.
    #[serde(flatten)]
    pub life: Life,
    /// The request id of the invocation that wrote it.
    pub request_id: String,
    /// The token of the waiting task, of its newest attempt; removed when that was told.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "token")]
    pub task_token: Option<TaskToken>,
    /// The request of the custom resource that waits, or waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_resource: Option<CustomResource>,
    /// Whether somebody waits, or waited.
    pub waiting: bool,
    /// The execution that asked; of several attempts the newest one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_arn: Option<String>,
    /// When the newest attempt asked, if it is not the first: milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached_at: Option<i64>,
    /// The attempts before the newest one, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// The work that the statement does, where the caller has a name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
    /// What is known of the statement; none for a task that was answered without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<Statement>,
    /// Milliseconds since the Unix epoch.
    pub recorded_at: i64,
    /// When the sweep is to look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<i64>,
    /// When the items by which it is found go, in seconds since the Unix epoch; none if another version wrote them, which
    /// may have given them no such time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indexed_until: Option<i64>,
    /// What the host notes while the statement runs.
    #[serde(default, skip_serializing_if = "Watch::is_empty")]
    pub watch: Watch,
    /// An invocation has ended without a word while another one was starting the statement: the error that the other
    /// one may raise is not heard, so the task has to be told by its token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unheard: bool,
    /// What the task is told when its statement has ended, whatever the policy would say: set when the policy
    /// faulted after the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Answer>,
    /// The reply to the invocation, for its repeats: JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
}

/// The statement of a record, as it was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// The target's name.
    pub target: String,
    /// The role and the region that asked Redshift, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_as: Option<String>,
    /// The payload's action.
    pub action: String,
    /// What the task is to be given.
    pub output: OutputShape,
    /// Its name within the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What a stop does to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_stop: Option<OnStop>,
    /// The policy's own.
    pub memo: String,
    /// Digest of the payload that asked, less its `executionArn`: a repeat has the same one.
    pub payload_digest: String,
    /// Digest of what runs, and of how its result is kept and told: target, SQL, parameters, formats.
    pub request_digest: String,
    /// The beginning of the SQL, literals that are secrets masked.
    pub sql_head: String,
    /// The scope of its lock: a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// The session that it opens or runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionUse>,
    /// Seconds after the start at which it is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<u32>,
    /// Whether heartbeats were asked for.
    #[serde(default)]
    pub heartbeat: bool,
}

/// Why Redshift refused a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The error's name.
    pub error: String,
    /// Its message.
    pub message: String,
}

impl Record {
    /// The phase of its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.life.phase()
    }

    /// The statement's id, if Redshift gave one.
    #[must_use]
    pub fn statement_id(&self) -> Option<&str> {
        Some(self.life.ran()?.id.as_str())
    }

    /// The state of the statement that Redshift last reported to us; none if it has no id.
    #[must_use]
    pub fn status(&self) -> Option<StatementStatus> {
        Some(self.life.ran()?.status)
    }

    /// Since when the statement may run: when Redshift was asked, or else when the record was made.
    #[must_use]
    pub fn began_at(&self) -> i64 {
        self.life.starting_at().unwrap_or(self.recorded_at)
    }

    /// Whether the policy of this name asked.
    #[must_use]
    pub fn is_of(&self, policy: &str) -> bool {
        self.policy
            .as_ref()
            .is_some_and(|identity| identity.name == policy)
    }

    /// The statement's name.
    #[must_use]
    pub fn statement_name(&self) -> String {
        statement_name(&self.deployment, &self.record_id)
    }

    /// Who waits, and can still be reached.
    #[must_use]
    pub fn who_waits(&self) -> Option<Waiting> {
        match (self.tokens().next(), &self.custom_resource) {
            (Some(token), _) => Some(Waiting::Task(token.clone())),
            (None, Some(resource)) if resource.response_url.is_some() => {
                Some(Waiting::Resource(resource.clone()))
            }
            (None, _) => None,
        }
    }

    /// Whether Redshift certainly changed nothing for it. Of a batch some parts may have taken effect.
    fn is_untouched(&self) -> bool {
        let batch = |statement: &Statement| statement.action == "batchExecuteStatement";
        let is_batch = self.life.ran().is_some() && self.statement.as_ref().is_some_and(batch);
        self.came_to() == CameTo::Nothing && !is_batch
    }

    /// Whether something is left to do when the statement has started: somebody to be told, a lock to be freed, a
    /// deadline to be kept.
    #[must_use]
    pub fn needs_settling(&self) -> bool {
        self.waiting
            || self.statement.as_ref().is_some_and(|statement| {
                statement.lock.is_some() || statement.deadline_seconds.is_some()
            })
    }

    /// Whether the statement is to be cancelled, until Redshift reports an end.
    #[must_use]
    pub fn is_to_be_cancelled(&self) -> bool {
        self.verdict.is_some()
            || self.watch.cancel
            || self
                .watch
                .gone
                .is_some_and(|gone| gone.decision == Some(OnStop::Cancel))
    }

    /// Whether it is recorded that the statement does not run: Redshift reported its end, or never had it.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.never_ran() || self.status().is_some_and(is_final)
    }

    /// Until when a closed record holds its lock, in milliseconds since the Unix epoch; none if it holds none. Its statement
    /// may still run, and Redshift can be asked for so long.
    pub(super) fn holds_lock_until(&self) -> Option<i64> {
        let is_held = self.phase() == Phase::Closed && !self.has_ended();
        self.statement.as_ref()?.lock.as_ref().filter(|_| is_held)?;
        Some(self.began_at().saturating_add(MEMORY_MS))
    }

    /// What names a start to Redshift, which starts nothing under a token that it knows. A record of a waiting task is made
    /// once. Any other may be removed and made again, after a refusal that Redshift would remember.
    #[must_use]
    pub fn client_token(&self) -> String {
        match self.waiting {
            true => self.record_id.to_string(),
            false => {
                let recorded_at = self.recorded_at.to_string();
                digest(&["client token", self.record_id.as_str(), &recorded_at])
            }
        }
    }

    /// Whether it is certain that Redshift never ran the statement: it was refused, or given up before its start.
    #[must_use]
    pub fn never_ran(&self) -> bool {
        self.phase() >= Phase::Decided
            && self.statement_id().is_none()
            && self.came_to() == CameTo::Nothing
    }

    /// What a policy is told of the statement; none before it has an id.
    #[must_use]
    pub fn facts(&self) -> Option<StatementFacts> {
        let statement = self.statement.as_ref()?;
        Some(StatementFacts {
            record_id: self.record_id.to_string(),
            statement_id: self.statement_id()?.to_owned(),
            statement_name: self.statement_name(),
            target: statement.target.clone(),
            action: statement.action.clone(),
            output: statement.output,
            step: statement.step.clone(),
            on_stop: statement.on_stop,
            memo: statement.memo.clone(),
            execution_arn: self.execution_arn.clone(),
            recorded_at: u64::try_from(self.recorded_at).unwrap_or_default(),
        })
    }

    /// Whether a start for which nobody waits was cut off, as a request sees that comes once more. Lambda and SQS deliver one
    /// again when the delivery before is over; Redshift knows its ClientToken for longer than this holds.
    #[must_use]
    pub fn is_cut_off(&self, request_id: &str, now: i64) -> bool {
        !self.waiting
            && self.phase() <= Phase::Starting
            && self.request_id == request_id
            && now.saturating_sub(self.recorded_at) < TAKEN_UP_MS
    }

    /// Whether others may have to wait for what becomes of it: for its lock, its session, or the work that it does.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        let statement = self.statement.as_ref();
        let holds = |it: &Statement| it.lock.is_some() || it.session.is_some();
        self.work.is_some() || statement.is_some_and(holds)
    }

    /// About to ask Redshift.
    #[must_use]
    pub fn starting(mut self, now: i64) -> Self {
        self.life = Life::Starting { at: now };
        self
    }

    /// Redshift gave it an id. One that nobody waits for is over with that.
    #[must_use]
    pub fn started(mut self, id: &str, status: StatementStatus, reply: &str) -> Self {
        self.life = Life::Started {
            at: self.began_at(),
            ran: Ran {
                id: id.to_owned(),
                status,
            },
        };
        self.reply = Some(reply.to_owned());
        self.watch.looks = 0;
        self.watch.refusal = None;
        if self.needs_settling() {
            self
        } else {
            self.closed(Ending::NoCallback)
        }
    }

    /// Redshift reports another state of the statement.
    #[must_use]
    pub fn with_status(mut self, status: StatementStatus) -> Self {
        if let Some(ran) = self.life.ran_mut() {
            ran.status = status;
        }
        self
    }

    /// Its statement was found by its name.
    #[must_use]
    pub fn adopted(self, id: &str) -> Self {
        let reply = json!({ "Id": id }).to_string();
        self.started(id, StatementStatus::Unknown, &reply)
    }

    /// A statement has turned up whose start was given up. What was told of it was not so: another attempt at its work
    /// goes by the statement.
    #[must_use]
    pub fn turned_up(mut self, id: &str) -> Self {
        let has_turned_up = Some(Ran {
            id: id.to_owned(),
            status: StatementStatus::Unknown,
        });
        if let Life::Closed {
            ran,
            answer,
            refusal,
            ..
        } = &mut self.life
        {
            (*ran, *answer, *refusal) = (has_turned_up, None, None);
        }
        self.reply = Some(json!({ "Id": id }).to_string());
        self
    }

    /// The answer is decided.
    #[must_use]
    pub fn decided(self, answer: Answer) -> Self {
        self.decide(answer, None)
    }

    /// Redshift refused it, and the answer says so.
    #[must_use]
    pub fn decided_by_refusal(self, answer: Answer, refusal: Refusal) -> Self {
        self.decide(answer, Some(refusal))
    }

    fn decide(mut self, answer: Answer, refusal: Option<Refusal>) -> Self {
        self.watch.looks = 0;
        self.watch.undecided_since = None;
        self.watch.overtime = 0;
        self.life = self.life.decided(answer.clone(), refusal);
        let (name, untouched) = (self.statement_name(), self.is_untouched());
        if let Some(resource) = &mut self.custom_resource {
            resource.response = Some(resource.response_to(&answer, &name, untouched));
        }
        self
    }

    /// Over, for all of its attempts.
    #[must_use]
    pub fn closed(self, ending: Ending) -> Self {
        self.close(ending, None)
    }

    /// Redshift refused it.
    #[must_use]
    pub fn refused(self, refusal: Refusal) -> Self {
        self.close(Ending::Refused, Some(refusal))
    }

    fn close(mut self, ending: Ending, refusal: Option<Refusal>) -> Self {
        self.life = self.life.closed(ending, refusal);
        // A statement that may still turn up is looked for after the end too.
        self.due_at = self.watch.stray.map(|stray| stray.next_look_at);
        self.task_token = None;
        for attempt in &mut self.attempts {
            attempt.token = None;
        }
        if let Some(resource) = &mut self.custom_resource {
            resource.response_url = None;
        }
        self
    }
}

/// Whether a statement in this state will never run again.
#[must_use]
pub fn is_final(status: StatementStatus) -> bool {
    matches!(
        status,
        StatementStatus::Finished | StatementStatus::Failed | StatementStatus::Aborted
    )
}

/// A token in the ledger. The only form in which one is written down.
mod token {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::ports::TaskToken;

    #[allow(clippy::ref_option)] // The form that serde asks for.
    pub(super) fn serialize<S: Serializer>(
        token: &Option<TaskToken>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match token {
            Some(token) => serializer.serialize_str(token.reveal()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<TaskToken>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(TaskToken::new))
    }
}
