//! Signatures of policy sets: Ed25519 over [`DOMAIN`] and the manifest's exact bytes, in the last lines of the manifest's
//! own text.
//!
//! ```text
//! # signalbox-signature: ed25519:<public key> <signature>
//! ```
//!
//! To TOML the line is a comment. It lies in the same object as the bytes that it is about, so that no reader can see
//! one without the other, and what is cut off or half written has no valid signature. Several lines are several
//! signatures, for a change of keys; one by a trusted key is enough.

use std::{fmt, str::FromStr};

use ring::{
    rand::{SecureRandom as _, SystemRandom},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};

/// What a line of a signature begins with.
const LINE: &str = "# signalbox-signature: ";
const ALGORITHM: &str = "ed25519:";
/// What is signed before the manifest, so that nothing that a key signed for another purpose is a policy set, and no signed
/// policy set is anything else.
pub const DOMAIN: &[u8] = b"signalbox-policy-set-v1\0";
/// What a private key in PKCS#8 begins with: version 1, which every tool reads, of Ed25519 (RFC 8410, section 7). The
/// 32 bytes of the key follow.
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A public key: `ed25519:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", hex::encode(self.0))
    }
}

impl FromStr for PublicKey {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let mut key = [0; 32];
        let digits = text.trim().strip_prefix(ALGORITHM).ok_or(NoKey)?;
        hex::decode_to_slice(digits, &mut key).map_err(|_| NoKey)?;
        Ok(Self(key))
    }
}

/// A text is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no public key: `ed25519:` and 64 hexadecimal digits, as `signalbox policy keygen` prints it"
)]
pub struct NoKey;

/// A key that signs.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Makes a key. The bytes are PKCS#8: whoever has them can sign.
    ///
    /// # Errors
    /// The machine gives no random bytes.
    pub fn generate() -> Result<(Self, Vec<u8>), KeyError> {
        let mut seed = [0; 32];
        SystemRandom::new()
            .fill(&mut seed)
            .map_err(|_| KeyError::Random)?;
        let document = [PKCS8_HEAD.as_slice(), &seed].concat();
        Self::from_pkcs8(&document).map(|key| (key, document))
    }

    /// Reads a key in PKCS#8, as [`SigningKey::generate`] or OpenSSL write it.
    ///
    /// # Errors
    /// It is none.
    pub fn from_pkcs8(document: &[u8]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(document)
            .map(Self)
            .map_err(|_| KeyError::NotEd25519)
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(self.0.public_key().as_ref()) {
            *to = *from;
        }
        PublicKey(key)
    }

    /// The manifest with a signature by this key; one that the key had made before is replaced.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        let signed = Signed::split(text);
        let mut bytes = signed.manifest.to_vec();
        // A signature begins a line.
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        let signature = self.0.sign(&signed_bytes(&bytes));
        let own = self.public();
        let others = (bytes == signed.manifest).then_some(signed.signatures);
        for other in others.unwrap_or_default() {
            if other.key != own {
                bytes.extend(other.line().as_bytes());
            }
        }
        let line = Signature {
            key: own,
            bytes: signature.as_ref().to_vec(),
        };
        bytes.extend(line.line().as_bytes());
        bytes
    }
}

/// A signing key cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No random bytes.
    #[error("this machine gives no random bytes")]
    Random,
    /// Another thing.
    #[error("this is no Ed25519 private key in PKCS#8")]
    NotEd25519,
}

/// A manifest and what says who it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<'b> {
    /// The bytes that signatures are about.
    pub manifest: &'b [u8],
    /// The signatures, none of them checked.
    pub signatures: Vec<Signature>,
}

/// One signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Whose it says it is.
    pub key: PublicKey,
    bytes: Vec<u8>,
}

impl Signature {
    fn parse(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?.strip_prefix(LINE)?;
        let (key, signature) = text.trim_end().split_once(' ')?;
        Some(Self {
            key: key.parse().ok()?,
            bytes: hex::decode(signature).ok()?,
        })
    }

    fn line(&self) -> String {
        format!("{LINE}{} {}\n", self.key, hex::encode(&self.bytes))
    }

    fn holds(&self, manifest: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.key.0)
            .verify(&signed_bytes(manifest), &self.bytes)
            .is_ok()
    }
}

/// What a signature is made of.
fn signed_bytes(manifest: &[u8]) -> Vec<u8> {
    [DOMAIN, manifest].concat()
}

impl<'b> Signed<'b> {
    /// Takes the last lines off that are signatures.
    #[must_use]
    pub fn split(text: &'b [u8]) -> Self {
        let mut manifest = text;
        let mut signatures = Vec::new();
        while let Some(lines) = manifest.strip_suffix(b"\n") {
            let start = lines
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |end| end + 1);
            let Some((before, line)) = manifest.split_at_checked(start) else {
                break;
            };
            let Some(signature) = Signature::parse(line) else {
                break;
            };
            signatures.push(signature);
            manifest = before;
        }
        signatures.reverse();
        Self {
            manifest,
            signatures,
        }
    }

    /// Who signed: the first trusted key whose signature holds. None if there is no signature and none is asked for.
    ///
    /// # Errors
    /// Nobody who is trusted signed these bytes.
    pub fn verify(
        &self,
        trusted: &[PublicKey],
        allow_unsigned: bool,
    ) -> Result<Option<PublicKey>, Untrusted> {
        let mut broken = None;
        for signature in &self.signatures {
            if trusted.contains(&signature.key) {
                if signature.holds(self.manifest) {
                    return Ok(Some(signature.key));
                }
                broken = Some(signature.key);
            }
        }
        match (broken, self.signatures.first()) {
            // Somebody changed it after a trusted key had signed: that is worse than no signature.
            (Some(key), _) => Err(Untrusted::Broken { key }),
            (None, _) if allow_unsigned => Ok(None),
            (None, Some(signature)) => Err(Untrusted::Stranger { key: signature.key }),
            (None, None) => Err(Untrusted::Unsigned),
        }
    }
}

/// A set is not from anybody who is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// There is no signature.
    #[error(
        "the set is not signed, or its end is missing: sign it with `signalbox policy sign`, or set `allow_unsigned` in \
         [policy_set] of the configuration"
    )]
    Unsigned,
    /// Somebody else signed.
    #[error("the set is signed by {key}, which is none of the `trusted_keys` of [policy_set]")]
    Stranger {
        /// Who.
        key: PublicKey,
    },
    /// The signature is about other bytes.
    #[error(
        "the signature by {key} does not hold: the set was changed after it was signed, or is not whole"
    )]
    Broken {
        /// Whose signature.
        key: PublicKey,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MANIFEST: &[u8] = b"schema = 1\nrevision = 3\n";

    fn key() -> SigningKey {
        SigningKey::generate().expect("a key").0
    }

    #[test]
    fn what_was_signed_is_verified_and_everything_else_is_not() {
        let (ours, theirs) = (key(), key());
        let text = ours.sign(MANIFEST);
        let signed = Signed::split(&text);
        assert_eq!(signed.manifest, MANIFEST);
        assert_eq!(
            signed.verify(&[ours.public()], false),
            Ok(Some(ours.public()))
        );
        assert_eq!(
            signed.verify(&[theirs.public()], false),
            Err(Untrusted::Stranger { key: ours.public() })
        );
        assert_eq!(
            Signed::split(MANIFEST).verify(&[ours.public()], false),
            Err(Untrusted::Unsigned)
        );
        assert_eq!(Signed::split(MANIFEST).verify(&[], true), Ok(None));
        // A signature under a stolen name.
        let forged = String::from_utf8(theirs.sign(MANIFEST))
            .unwrap()
            .replace(&theirs.public().to_string(), &ours.public().to_string());
        assert_eq!(
            Signed::split(forged.as_bytes()).verify(&[ours.public()], true),
            Err(Untrusted::Broken { key: ours.public() })
        );
    }

    #[test]
    fn a_signature_for_another_purpose_is_none_of_a_set() {
        let key = key();
        let line = |signed: &[u8]| {
            let signature = Signature {
                key: key.public(),
                bytes: key.0.sign(signed).as_ref().to_vec(),
            };
            [MANIFEST, signature.line().as_bytes()].concat()
        };
        let verified = |text: Vec<u8>| Signed::split(&text).verify(&[key.public()], false);
        assert_eq!(
            verified(line(MANIFEST)),
            Err(Untrusted::Broken { key: key.public() }),
            "the manifest alone"
        );
        let whole = [b"signalbox-policy-set-v1\0", MANIFEST].concat();
        assert_eq!(verified(line(&whole)), Ok(Some(key.public())));
    }

    #[test]
    fn two_keys_may_sign_and_a_second_time_replaces() {
        let (old, new) = (key(), key());
        let text = new.sign(&old.sign(&old.sign(MANIFEST)));
        let signed = Signed::split(&text);
        assert_eq!(signed.signatures.len(), 2);
        for key in [&old, &new] {
            assert_eq!(
                signed.verify(&[key.public()], false),
                Ok(Some(key.public()))
            );
        }
    }

    #[test]
    fn a_text_without_a_last_line_end_is_signed_with_one() {
        let key = key();
        let text = key.sign(b"revision = 3");
        assert_eq!(Signed::split(&text).manifest, b"revision = 3\n");
        assert!(Signed::split(&text).verify(&[key.public()], false).is_ok());
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let (key, document) = SigningKey::generate().unwrap();
        let again = SigningKey::from_pkcs8(&document).unwrap();
        assert_eq!(key.public(), again.public());
        assert_eq!(
            key.public().to_string().parse::<PublicKey>(),
            Ok(key.public())
        );
        assert!(SigningKey::from_pkcs8(b"junk").is_err());
        for bad in ["", "ed25519:", "ed25519:00", "rsa:00", &"0".repeat(64)] {
            assert_eq!(bad.parse::<PublicKey>(), Err(NoKey), "{bad}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_change_of_one_byte_and_no_cut_is_taken(at in any::<prop::sample::Index>(), flip in 1_u8..) {
            let key = key();
            let text = key.sign(MANIFEST);
            let trusted = [key.public()];
            let at = at.index(text.len());
            let mut changed = text.clone();
            changed[at] ^= flip;
            let split = Signed::split(&changed);
            // Digits in the other case are the same signature of the same bytes.
            prop_assert!(split.verify(&trusted, false).is_err() || split.manifest == MANIFEST);
            let cut = Signed::split(&text[..at]);
            prop_assert!(cut.verify(&trusted, false).is_err());
        }

        #[test]
        fn whatever_comes_it_is_split_without_loss(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let signed = Signed::split(&text);
            prop_assert!(text.starts_with(signed.manifest));
        }
    }
}
