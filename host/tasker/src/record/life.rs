//! Where a record is in its life, and what there is to know of it there.

use serde::{Deserialize, Serialize};
use signalbox_policy::{Answer, contract::StatementStatus};

use super::Refusal;

/// Where a record is in its life. It only ever goes down this list, and may leave steps out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Recorded; Redshift was not asked.
    Reserved,
    /// Redshift was or is being asked; the statement may run. From here on the task is accepted.
    Starting,
    /// Redshift gave it an id.
    Started,
    /// The answer is decided and stored; it may have been sent.
    Decided,
    /// Over. The record has its TTL.
    Closed,
}

/// How a record came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The answer was taken.
    Answered,
    /// Nobody waited any more when the answer came.
    FoundClosed,
    /// Nobody waits: a statement without a callback.
    NoCallback,
    /// Redshift refused the statement; the caller was told by an error.
    Refused,
    /// It was never started.
    Abandoned,
}

/// A statement that Redshift has taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// Redshift's id.
    pub id: String,
    /// The state that Redshift last reported to us.
    #[serde(default = "unknown")]
    pub status: StatementStatus,
}

/// A phase with what there is to know in it. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub enum Life {
    /// [`Phase::Reserved`].
    Reserved,
    /// [`Phase::Starting`].
    Starting {
        /// When Redshift was asked.
        at: i64,
    },
    /// [`Phase::Started`].
    Started {
        /// When Redshift was asked.
        at: i64,
        /// What it took.
        ran: Ran,
    },
    /// [`Phase::Decided`].
    Decided {
        /// When Redshift was asked; none if it was not.
        at: Option<i64>,
        /// What it took; none if it took nothing, for all that is known.
        ran: Option<Ran>,
        /// The answer, decided once.
        answer: Answer,
        /// Of a refused statement: the error, as its caller saw it.
        refusal: Option<Refusal>,
        /// Of several attempts: whether any of those that were told took the answer.
        told: Option<Ending>,
    },
    /// [`Phase::Closed`].
    Closed {
        /// When Redshift was asked; none if it was not.
        at: Option<i64>,
        /// What it took; none if it took nothing, for all that is known.
        ran: Option<Ran>,
        /// The answer, if one was decided.
        answer: Option<Answer>,
        /// Of a refused statement: the error, as its caller saw it.
        refusal: Option<Refusal>,
        /// How it ended.
        ending: Ending,
    },
}

fn unknown() -> StatementStatus {
    StatementStatus::Unknown
}

impl Life {
    /// The phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self {
            Self::Reserved => Phase::Reserved,
            Self::Starting { .. } => Phase::Starting,
            Self::Started { .. } => Phase::Started,
            Self::Decided { .. } => Phase::Decided,
            Self::Closed { .. } => Phase::Closed,
        }
    }

    /// When Redshift was asked; none if it was not.
    #[must_use]
    pub fn starting_at(&self) -> Option<i64> {
        match self {
            Self::Reserved => None,
            Self::Starting { at } | Self::Started { at, .. } => Some(*at),
            Self::Decided { at, .. } | Self::Closed { at, .. } => *at,
        }
    }

    /// What Redshift took.
    #[must_use]
    pub fn ran(&self) -> Option<&Ran> {
        match self {
            Self::Reserved | Self::Starting { .. } => None,
            Self::Started { ran, .. } => Some(ran),
            Self::Decided { ran, .. } | Self::Closed { ran, .. } => ran.as_ref(),
        }
    }

    pub(super) fn ran_mut(&mut self) -> Option<&mut Ran> {
        match self {
            Self::Reserved | Self::Starting { .. } => None,
            Self::Started { ran, .. } => Some(ran),
            Self::Decided { ran, .. } | Self::Closed { ran, .. } => ran.as_mut(),
        }
    }

    /// The answer, if it is decided.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Reserved | Self::Starting { .. } | Self::Started { .. } => None,
            Self::Decided { answer, .. } => Some(answer),
            Self::Closed { answer, .. } => answer.as_ref(),
        }
    }

    /// Why Redshift refused the statement, if it did.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Reserved | Self::Starting { .. } | Self::Started { .. } => None,
            Self::Decided { refusal, .. } | Self::Closed { refusal, .. } => refusal.as_ref(),
        }
    }

    /// How it ended; of several attempts, whether any of them took the answer, from then on.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        match self {
            Self::Reserved | Self::Starting { .. } | Self::Started { .. } => None,
            Self::Decided { told, .. } => *told,
            Self::Closed { ending, .. } => Some(*ending),
        }
    }

    /// The answer is decided.
    pub(super) fn decided(self, answer: Answer, refusal: Option<Refusal>) -> Self {
        Self::Decided {
            at: self.starting_at(),
            ran: self.ran().cloned(),
            answer,
            refusal: refusal.or_else(|| self.refusal().cloned()),
            told: self.ending(),
        }
    }

    /// Over.
    pub(super) fn closed(self, ending: Ending, refusal: Option<Refusal>) -> Self {
        Self::Closed {
            at: self.starting_at(),
            ran: self.ran().cloned(),
            answer: self.answer().cloned(),
            refusal: refusal.or_else(|| self.refusal().cloned()),
            ending,
        }
    }
}

/// The life as a record's item has it: members beside the others. Those of what ran lie with its statement.
#[derive(Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    phase: Option<Phase>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starting_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ran: Option<Ran>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Answer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ending: Option<Ending>,
}

impl From<Life> for Fields {
    fn from(life: Life) -> Self {
        let phase = Some(life.phase());
        match life {
            Life::Reserved => Self {
                phase,
                ..Self::default()
            },
            Life::Starting { at } => Self {
                phase,
                starting_at: Some(at),
                ..Self::default()
            },
            Life::Started { at, ran } => Self {
                phase,
                starting_at: Some(at),
                ran: Some(ran),
                ..Self::default()
            },
            Life::Decided {
                at,
                ran,
                answer,
                refusal,
                told,
            } => Self {
                phase,
                starting_at: at,
                ran,
                answer: Some(answer),
                refusal,
                ending: told,
            },
            Life::Closed {
                at,
                ran,
                answer,
                refusal,
                ending,
            } => Self {
                phase,
                starting_at: at,
                ran,
                answer,
                refusal,
                ending: Some(ending),
            },
        }
    }
}

impl TryFrom<Fields> for Life {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let phase = fields.phase.ok_or("it has no `phase`")?;
        let name = match phase {
            Phase::Reserved => "reserved",
            Phase::Starting => "starting",
            Phase::Started => "started",
            Phase::Decided => "decided",
            Phase::Closed => "closed",
        };
        let lacks =
            |what: &str| format!("it contradicts itself: it is `{name}`, and has no `{what}`");
        let Fields {
            starting_at: at,
            ran,
            answer,
            refusal,
            ending,
            ..
        } = fields;
        // What comes later in a life is not there before.
        let early = [
            ("answer", answer.is_some(), Phase::Decided),
            ("refusal", refusal.is_some(), Phase::Decided),
            ("ending", ending.is_some(), Phase::Decided),
            ("statement.id", ran.is_some(), Phase::Started),
            ("startingAt", at.is_some(), Phase::Starting),
        ];
        if let Some((what, ..)) = early
            .iter()
            .find(|(_, there, from)| *there && phase < *from)
        {
            return Err(format!(
                "it contradicts itself: it is `{name}`, and has `{what}`"
            ));
        }
        Ok(match phase {
            Phase::Reserved => Self::Reserved,
            Phase::Starting => Self::Starting {
                at: at.ok_or_else(|| lacks("startingAt"))?,
            },
            Phase::Started => Self::Started {
                at: at.ok_or_else(|| lacks("startingAt"))?,
                ran: ran.ok_or_else(|| lacks("statement.id"))?,
            },
            Phase::Decided => Self::Decided {
                at,
                ran,
                answer: answer.ok_or_else(|| lacks("answer"))?,
                refusal,
                told: ending,
            },
            Phase::Closed => Self::Closed {
                at,
                ran,
                answer,
                refusal,
                ending: ending.ok_or_else(|| lacks("ending"))?,
            },
        })
    }
}
