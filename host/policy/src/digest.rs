//! SHA-256, as everything here is named by.

use sha2::{Digest, Sha256};

/// The SHA-256 of some bytes, hexadecimal in lower case.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
