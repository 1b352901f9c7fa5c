//! What only asks for a plan, and starts nothing.

use signalbox_policy::contract::StartOptions;
use signalbox_sql::{Kind, classify_names};

/// The action of a statement that only explains.
pub(super) const EXPLAIN: &str = "explain";

/// Whether a start is no start of the event's work, but a question.
pub(super) fn is_question(bound: bool, options: &StartOptions) -> bool {
    !bound && options.action == EXPLAIN
}

/// Whether SQL is EXPLAIN of one statement that is understood.
pub(super) fn only_explains(sql: &str) -> bool {
    let statement = classify_names(sql);
    statement.kind == Ok(Kind::Explain) && statement.unparsed_part().is_none()
}

#[cfg(test)]
mod tests {
    use super::only_explains;

    #[test]
    fn nothing_that_runs_passes_for_a_question() {
        for sql in [
            "EXPLAIN SELECT 1",
            "explain verbose select * from t where a = :a",
            "EXPLAIN /* why */ delete from t;",
            "EXPLAIN create table t as select 1",
        ] {
            assert!(only_explains(sql), "{sql}");
        }
        for sql in [
            "SELECT 1",
            "delete from t",
            "EXPLAIN ANALYZE delete from t",
            "EXPLAIN (analyze) delete from t",
            "EXPLAIN analyze verbose delete from t",
            "EXPLAIN select 1; delete from t",
            "EXPLAIN call p()",
            "EXPLAIN explain select 1",
            "EXPLAIN ",
            "",
        ] {
            assert!(!only_explains(sql), "{sql}");
        }
    }
}
