//! Tokens of further pages: the place to go on and what it belongs to, with a check.

use crate::aws_json::error::ServiceError;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The token to go on at `place` of what `subject` describes.
pub(crate) fn token(subject: &impl Hash, place: u64) -> String {
    format!("{place:016x}{:016x}", check(subject, place))
}

/// The place a token stands for.
pub(crate) fn place(subject: &impl Hash, token: &str) -> Result<u64, ServiceError> {
    token
        .split_at_checked(16)
        .and_then(|(place, checked)| {
            let place = u64::from_str_radix(place, 16).ok()?;
            (checked == format!("{:016x}", check(subject, place))).then_some(place)
        })
        .ok_or_else(|| ServiceError::validation("NextToken is not one of this request's."))
}

fn check(subject: &impl Hash, place: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (subject, place).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_token_leads_back(place_ in any::<u64>(), subject in ".*") {
            prop_assert_eq!(place(&subject, &token(&subject, place_)), Ok(place_));
        }

        #[test]
        fn other_texts_do_not(text in "\\PC*") {
            prop_assert!(place(&"subject", &text).is_err());
        }
    }

    #[test]
    fn a_token_is_for_one_subject() {
        assert!(place(&"a", &token(&"b", 7)).is_err());
    }
}
