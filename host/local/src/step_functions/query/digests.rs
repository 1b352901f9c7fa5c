//! The digests of `States.Hash` and `$hash`.

use sha2::Digest as _;

/// The digest of a text in hexadecimal digits; the error lists the algorithms there are.
pub(super) fn digest(text: &str, algorithm: &str) -> Result<String, String> {
    let text = text.as_bytes();
    Ok(match algorithm {
        "MD5" => hex::encode(md5::Md5::digest(text)),
        "SHA-1" => hex::encode(sha1::Sha1::digest(text)),
        "SHA-256" => hex::encode(sha2::Sha256::digest(text)),
        "SHA-384" => hex::encode(sha2::Sha384::digest(text)),
        "SHA-512" => hex::encode(sha2::Sha512::digest(text)),
        other => {
            return Err(format!(
                "there is no algorithm '{other}'; there are MD5, SHA-1, SHA-256, SHA-384, SHA-512"
            ));
        }
    })
}

/// A number from 0 to below 1: the same one for the same seed, another one each time without.
pub(super) fn fraction(seed: Option<&str>) -> f64 {
    let bits = match seed {
        Some(seed) => sha2::Sha256::digest(seed.as_bytes())
            .iter()
            .take(8)
            .fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte)),
        None => uuid::Uuid::new_v4().as_u64_pair().1,
    };
    // A double holds 53 bits, and the lowest ones of a UUID are random.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    let fraction = (bits & ((1 << 53) - 1)) as f64 / (1_u64 << 53) as f64;
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        for (algorithm, wanted) in [
            ("MD5", "900150983cd24fb0d6963f7d28e17f72"),
            ("SHA-1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "SHA-256",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
        ] {
            assert_eq!(digest("abc", algorithm).as_deref(), Ok(wanted));
        }
        assert_eq!(digest("", "SHA-384").map(|text| text.len()), Ok(96));
        assert_eq!(digest("", "SHA-512").map(|text| text.len()), Ok(128));
        digest("", "sha256").expect_err("the name is another one");
    }

    #[test]
    fn a_seed_repeats_its_number() {
        assert_eq!(fraction(Some("7")).to_bits(), fraction(Some("7")).to_bits());
        assert_ne!(fraction(Some("7")).to_bits(), fraction(Some("8")).to_bits());
        assert_ne!(fraction(None).to_bits(), fraction(None).to_bits());
        for _ in 0..1_000 {
            assert!((0.0..1.0).contains(&fraction(None)));
        }
    }
}
