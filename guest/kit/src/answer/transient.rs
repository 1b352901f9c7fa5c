//! Failures that are worth a retry.

use crate::settings::error_codes;

/// What is said of a failure whose transaction was rolled back, and that may not come again.
const ROLLED_BACK: [&str; 12] = [
    "serializable isolation violation",
    "conflict with concurrent transaction",
    "could not open relation with oid",
    "could not serialize access due to",
    "deadlock detected",
    // Before the statement had begun.
    "the database system is starting up",
    "database system is in recovery mode",
    "not accepting connections",
    "cluster is restarting",
    "workgroup is resuming",
    // Of Amazon S3, while COPY or UNLOAD ran.
    "reduce your request rate",
    "error slowdown",
];
/// Codes of such failures: 1023 is a serialisation failure, 1018 a table that another transaction replaced, and the SQLSTATEs
/// are those of a serialisation failure and a deadlock.
const CODES: [&str; 4] = ["1023", "1018", "40001", "40P01"];
/// What is said when the connection was lost. The statement may have been committed before.
const CONNECTION_LOST: [&str; 8] = [
    "connection reset",
    "connection refused",
    "connection timed out",
    "connection was closed",
    "server closed the connection",
    "terminating connection due to administrator command",
    "the database system is shutting down",
    "could not connect to",
];
/// Whether a failure is worth a retry, by the engine's message: what was done was rolled back, and the same may succeed. A
/// statement whose connection was lost counts only if it is known to do no more than read.
#[must_use]
pub fn is_transient(message: &str, only_reads: bool) -> bool {
    let says = without_names(message);
    let contains = |texts: &[&str]| texts.iter().any(|text| says.contains(text));
    let is_oid_gone = || {
        says.split_once("relation with oid ")
            .is_some_and(|(_, rest)| rest.contains("does not exist"))
    };
    error_codes(message).iter().any(|code| CODES.contains(code))
        || contains(&ROLLED_BACK)
        || is_oid_gone()
        || (only_reads && contains(&CONNECTION_LOST))
}

/// The message in lower case without what is in quotes, which the caller chose.
fn without_names(message: &str) -> String {
    message
        .split('"')
        .step_by(2)
        .collect::<String>()
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rolled_back_and_may_pass_is_transient() {
        for message in [
            "ERROR: 1023\n  DETAIL: Serializable isolation violation on table - 105, transactions forming the cycle are: 1, 2",
            "ERROR: could not complete because of conflict with concurrent transaction",
            "ERROR: could not open relation with OID 123",
            "ERROR: Relation with OID 7 does not exist.",
            "ERROR: 1018\n DETAIL: Relation does not exist.",
            "ERROR: deadlock detected",
            "could not serialize access due to concurrent update [SQLState:40001]",
            "FATAL: the database system is starting up",
            "ERROR: S3ServiceException:Please reduce your request rate.,Status 503,Error SlowDown",
        ] {
            assert!(is_transient(message, false), "{message}");
        }
    }

    #[test]
    fn what_will_fail_again_is_not() {
        for message in [
            "",
            "ERROR: relation \"x\" does not exist",
            "ERROR: syntax error at or near \"1023\"",
            "ERROR: column \"deadlock detected\" does not exist",
            "ERROR: value 1023 is out of range",
            "Query cancelled on user's request",
            "ERROR: cancelled by WLM abort action of Query Monitoring Rule \"long\"",
            "ERROR: permission denied for relation orders",
            "ERROR: current transaction is aborted, commands ignored until end of transaction block",
        ] {
            assert!(!is_transient(message, true), "{message}");
        }
    }

    #[test]
    fn a_lost_connection_is_transient_for_what_reads() {
        let lost = "FATAL: terminating connection due to administrator command";
        assert!(is_transient(lost, true));
        assert!(!is_transient(lost, false));
    }
}
