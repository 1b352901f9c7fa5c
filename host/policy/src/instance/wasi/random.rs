//! Random numbers that a replay repeats.

use std::convert::Infallible;

use rand_core::TryRng;
use sha2::{Digest, Sha256};

use crate::instance::wasi::Frame;

/// What the random numbers of one call follow from. It is made of what the record of the event holds, so that it need
/// not be recorded by itself. Whoever knows the record knows the numbers: they are no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seed([u8; 32]);

impl Seed {
    pub(super) fn of(frame: &Frame) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"signalbox random 1\0");
        hash.update(frame.export);
        hash.update(frame.start.to_be_bytes());
        hash.update(&frame.subject);
        Self(hash.finalize().into())
    }
}

/// A stream of random bytes: SHA-256 of seed, name and a count. Written out here so that it stays the same over versions
/// of libraries.
#[derive(Debug)]
pub(super) struct Random {
    seed: Seed,
    name: &'static str,
    count: u64,
    ready: std::array::IntoIter<u8, 32>,
}

impl Random {
    /// The stream of this name.
    pub(super) fn new(seed: &Seed, name: &'static str) -> Self {
        Self {
            seed: seed.clone(),
            name,
            count: 0,
            ready: [0; 32].into_iter(),
        }
        .emptied()
    }

    fn emptied(mut self) -> Self {
        self.ready.by_ref().for_each(drop);
        self
    }

    fn byte(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.ready.next() {
                return byte;
            }
            let mut hash = Sha256::new();
            hash.update(self.seed.0);
            hash.update(self.count.to_be_bytes());
            hash.update(self.name);
            self.count = self.count.wrapping_add(1);
            self.ready = <[u8; 32]>::from(hash.finalize()).into_iter();
        }
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// The next sixteen bytes as a number.
    pub(super) fn number(mut self) -> u128 {
        u128::from_le_bytes(self.bytes())
    }
}

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.bytes()))
    }

    fn try_fill_bytes(&mut self, filled: &mut [u8]) -> Result<(), Infallible> {
        filled.fill_with(|| self.byte());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(export: &'static str, start: u64, subject: &str) -> Seed {
        Seed::of(&Frame {
            start,
            export,
            subject: subject.to_owned(),
        })
    }

    fn first(seed: &Seed, name: &'static str) -> [u8; 100] {
        let mut bytes = [0; 100];
        let Ok(()) = Random::new(seed, name).try_fill_bytes(&mut bytes);
        bytes
    }

    #[test]
    fn the_same_event_has_the_same_numbers_and_another_has_others() {
        let one = seed("invoke", 7, "request");
        assert_eq!(first(&one, "random"), first(&one, "random"));
        assert_ne!(first(&one, "random"), first(&one, "insecure"));
        for other in [
            seed("settle", 7, "request"),
            seed("invoke", 8, "request"),
            seed("invoke", 7, "another"),
        ] {
            assert_ne!(first(&one, "random"), first(&other, "random"));
        }
    }

    #[test]
    fn numbers_stay_the_same_over_versions() {
        let seed = seed("invoke", 1_700_000_000_000, "request");
        let mut random = Random::new(&seed, "random");
        let Ok(first) = random.try_next_u64();
        let Ok(second) = random.try_next_u32();
        insta::assert_snapshot!(format!("{first:016x} {second:08x}"), @"c9a79b2ae5d62810 7c131115");
    }
}
