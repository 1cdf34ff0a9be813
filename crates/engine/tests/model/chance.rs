//! Randomness that a seed repeats, on every machine alike.

/// SplitMix64 (Steele, Lea, Flood 2014): small, fast, and good enough to pick interleavings.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Neighbouring seeds give unrelated sequences.
    pub fn new(seed: u64) -> Self {
        let mut chance = Self(seed);
        chance.0 = chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `most`, both included.
    pub fn upto(&mut self, most: u64) -> u64 {
        self.next() % (most + 1)
    }

    /// From `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.upto(most.saturating_sub(least))
    }

    /// True in `permille` of 1,000 cases.
    pub fn happens(&mut self, permille: u64) -> bool {
        permille > 0 && self.next() % 1_000 < permille
    }

    /// One of these.
    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.upto(choices.len() as u64 - 1)).unwrap()]
    }
}
