//! The functions of the contract, over any [`Policy`] and any [`Host`](crate::Host).

mod decision;
mod invoke;
mod lookup;
mod settle;

pub use crate::memo::memo_kinds;
pub use decision::Decision;
pub use invoke::invoke;
pub use settle::{closed, settle};

use crate::contract::Finding;
use crate::policy::Policy;
use crate::settings;

/// Check the settings of a policy: the standard part and its own.
///
/// # Errors
/// Everything that is wrong with them.
pub fn validate_settings(policy: &dyn Policy, text: &str) -> Result<Vec<Finding>, Vec<Finding>> {
    let (mut findings, custom) = match settings::read(text) {
        Ok((settings, warnings)) => (Ok(warnings), settings.custom),
        Err((faults, custom)) => (Err(faults), custom),
    };
    let checked = policy.validate_custom(custom.as_ref());
    match (&mut findings, checked) {
        (Ok(warnings), Ok(more)) => warnings.extend(more),
        (Err(faults), Err(more)) => faults.extend(more),
        (Ok(_), Err(more)) => findings = Err(more),
        (Err(_), Ok(_)) => {}
    }
    findings
}

#[cfg(test)]
mod tests;
