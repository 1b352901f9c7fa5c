//! `{"action": "status"}`: how the policy set of this process stands.

use serde_json::Value;
use signalbox_tasker::{Raised, raised::names};

use super::{InvocationContext, Refreshed, Totals};

/// Tells those who may know. It is answered when no set is in force too: that is when it is needed most.
pub(super) fn answer(
    set: Option<&Refreshed>,
    shadows: Totals,
    context: &InvocationContext,
) -> Result<Value, Raised> {
    let Some(set) = set else {
        return Err(Raised::invalid(
            "no policy set is looked after here, so there is no status to tell: the policies are those of the configuration, \
             or `signalbox invoke` has loaded the set once",
        ));
    };
    if !set.is_operated_by(context) {
        return Err(Raised::new(
            names::NOT_GRANTED,
            "callers of this function may not ask for its status: `status_for` in [policy_set] of the configuration says \
             who may",
        ));
    }
    Ok(serde_json::json!({
        "policySet": set.refresher.status(),
        "shadows": shadows,
    }))
}
