//! Secrets that stand in SQL, by their place: behind PASSWORD, SECRET_ACCESS_KEY and their kin.
//!
//! [`mask`] is for what people and records see. It works on any text: SQL that does not parse, a prefix that was cut, a
//! message of the engine that quotes a part. Where it is in doubt, it masks.
//!
//! [`find`] is for those who take the secrets out of SQL that still has to be understood. It names literals only, as the
//! database has them, so that nothing but the value of a literal is hidden.
//!
//! [`mask_values`] replaces all literals, secret or not.
//!
//! All of them take time in proportion to the text, and no text makes them recurse deeper than [`mask`]'s bound.

mod find;
mod mask;
mod place;
mod values;
mod words;

use std::borrow::Cow;

pub use find::find;
pub use mask::mask;
pub use values::{mask_quoted, mask_values};
pub use words::is_secret_word;

/// So often a text is masked again, until nothing changes.
const ROUNDS: u32 = 4;

/// Masks until nothing changes, so that a text that is masked stays as it is: what is masked can make a new token with
/// what stands beside it. A text with which that goes on was made for it, and becomes `instead`.
fn settled(text: &str, instead: &str, once: impl Fn(&str) -> Option<String>) -> String {
    let mut masked = Cow::Borrowed(text);
    for _ in 0..ROUNDS {
        match once(&masked) {
            Some(changed) if *changed != *masked => masked = Cow::Owned(changed),
            _ => return masked.into_owned(),
        }
    }
    match once(&masked) {
        Some(changed) if *changed != *masked => instead.to_owned(),
        _ => masked.into_owned(),
    }
}

/// Notes that so much of a text was looked at, so that a test can tell how that grows. Nothing outside of tests.
#[inline]
fn looked_at(bytes: usize) {
    #[cfg(test)]
    tests::LOOKED_AT.with(|all| all.set(all.get() + bytes));
    #[cfg(not(test))]
    let _ = bytes;
}

#[cfg(test)]
mod tests;
