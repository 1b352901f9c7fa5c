//! Where a schedule is not settled by its events: who goes on next, what fails.

use super::faults::Fault;

/// A small generator of numbers (SplitMix64): the same seed gives the same schedule on every machine and with every
/// version of every library.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// Which of several calls that wait is let through next.
#[derive(Debug, Clone)]
pub enum Order {
    /// The one that waits longest.
    First,
    Random(Rng),
    /// Every order in turn: the choices of this run, and how many there were at each.
    Walk {
        choices: Vec<usize>,
        widths: Vec<usize>,
    },
}

impl Order {
    pub fn choose(&mut self, n: usize) -> usize {
        match self {
            _ if n < 2 => 0,
            Self::First => 0,
            Self::Random(rng) => rng.below(n),
            Self::Walk { choices, widths } => {
                let at = widths.len();
                widths.push(n);
                if at == choices.len() {
                    choices.push(0);
                }
                choices[at]
            }
        }
    }

    /// The next order of a walk; none if all have been walked.
    pub fn next_walk(self) -> Option<Self> {
        let Self::Walk {
            mut choices,
            widths,
        } = self
        else {
            return None;
        };
        choices.truncate(widths.len());
        while let Some(last) = choices.pop() {
            if last + 1 < widths[choices.len()] {
                choices.push(last + 1);
                return Some(Self::Walk {
                    choices,
                    widths: Vec::new(),
                });
            }
        }
        None
    }
}

/// Which calls fail.
#[derive(Debug, Clone)]
pub enum Plan {
    /// These calls, counted from 0 in the order in which they are let through.
    At(Vec<(usize, Fault)>),
    /// So many of a thousand.
    Random { rng: Rng, per_mille: usize },
}

impl Plan {
    pub fn none() -> Self {
        Self::At(Vec::new())
    }

    pub fn fault(&mut self, call: usize) -> Option<Fault> {
        match self {
            Self::At(faults) => faults
                .iter()
                .find(|(at, _)| *at == call)
                .map(|(_, fault)| *fault),
            Self::Random { rng, per_mille } => {
                (rng.below(1_000) < *per_mille).then(|| rng.pick(&Fault::ALL))
            }
        }
    }
}
