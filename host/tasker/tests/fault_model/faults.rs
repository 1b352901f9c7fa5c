//! What can go wrong with one call to a service.

/// One call's fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was done; the reply does not say so.
    FailBefore,
    /// It was done; the reply does not say so.
    FailAfter,
    /// Nothing was done: too many calls.
    Throttle,
    /// Nothing was done: not allowed.
    Deny,
    /// Nothing was done, and there is no reply.
    HangBefore,
    /// It was done, and there is no reply.
    HangAfter,
    /// There is no reply; it is done some seconds later.
    HangThenDo,
    /// It is done some seconds late.
    LateDone,
    /// It is done, and the reply is some seconds late.
    LateReply,
    /// The request arrives twice; the second reply is the one that is seen.
    Twice,
    /// The process ends before the request is sent.
    DieBefore,
    /// The process ends; the request was done.
    DieAfter,
    /// The process ends; the request is done some seconds later.
    DieThenDo,
}

impl Fault {
    pub const ALL: [Self; 13] = [
        Self::FailBefore,
        Self::FailAfter,
        Self::Throttle,
        Self::Deny,
        Self::HangBefore,
        Self::HangAfter,
        Self::HangThenDo,
        Self::LateDone,
        Self::LateReply,
        Self::Twice,
        Self::DieBefore,
        Self::DieAfter,
        Self::DieThenDo,
    ];

    /// The harshest few, for pairs: nothing reaches the service, the reply is lost, the process is gone.
    pub const HARSH: [Self; 4] = [
        Self::HangBefore,
        Self::FailAfter,
        Self::DieBefore,
        Self::DieAfter,
    ];

    /// Whether the call takes more time than a call does.
    pub fn takes_time(self) -> bool {
        matches!(
            self,
            Self::HangBefore
                | Self::HangAfter
                | Self::HangThenDo
                | Self::LateDone
                | Self::LateReply
        )
    }

    pub fn is_death(self) -> bool {
        matches!(self, Self::DieBefore | Self::DieAfter | Self::DieThenDo)
    }
}

/// How a call fails, as its caller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Unclear,
    Throttled,
    Denied,
}
