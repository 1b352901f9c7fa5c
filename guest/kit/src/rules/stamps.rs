//! Stamps the SQL of a request with who runs it.

use super::matching::state_machine;
use crate::contract::Level;
use crate::handle::Decision;
use crate::host::Host;
use crate::payload::Start;
use crate::sql::{MAX_SQL_BYTES, stamp};

/// Put a comment before each statement. SQL for which there is no room stays as it is, which the log says.
pub(super) fn add(
    decision: &mut Decision,
    own: &[(String, String)],
    start: &Start,
    execution_arn: Option<&str>,
    host: &dyn Host,
) {
    let machine = execution_arn.and_then(state_machine);
    let known = [
        ("state_machine", machine),
        ("execution", execution_arn),
        ("step", start.step.as_deref()),
    ];
    let known = known
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let own = own
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let stamp = stamp(&known.chain(own).collect::<Vec<_>>());
    let bytes: usize = decision
        .sqls
        .iter()
        .map(|sql| sql.len() + stamp.len())
        .sum();
    if bytes > MAX_SQL_BYTES {
        host.log(
            Level::Warn,
            "The SQL is not stamped: there is no room for it in the 100 KB that Redshift takes.",
            &[],
        );
        return;
    }
    for sql in &mut decision.sqls {
        sql.insert_str(0, &stamp);
    }
}
