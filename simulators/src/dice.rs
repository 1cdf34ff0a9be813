//! Repeatable choices: the same seed and label always give the same numbers, on every machine and version.

/// A small generator (splitmix64) whose sequence is part of the simulators' behaviour: an estate made from a seed
/// must be the same next year, which a library's generator does not promise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice(u64);

/// Mixes `value` so that neighbouring inputs give unrelated outputs.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Dice {
    /// The sequence of `seed` for the purpose `label`.
    pub fn new(seed: u64, label: u64) -> Self {
        Self(mix(seed ^ mix(label)))
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        let out = mix(self.0);
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        out
    }

    /// A number from 0 to `n - 1`; 0 if `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        // Multiply-shift: without a division, and without the low bits' patterns.
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in about `per_mille` of a thousand cases.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of `items`.
    ///
    /// # Panics
    /// When `items` is empty; every caller passes a table of this crate.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// One of `words`.
    ///
    /// # Panics
    /// When `words` is empty, as [`Self::pick`].
    pub fn word(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len() as u64) as usize]
    }

    /// An index into `weights`, each as likely as its share of the sum; 0 if the sum is 0.
    pub fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut left = self.below(weights.iter().sum());
        weights
            .iter()
            .position(|&weight| {
                let hit = left < weight;
                left = left.saturating_sub(weight);
                hit
            })
            .unwrap_or(0)
    }
}

/// The UUID (version 4 in form) that `seed` and `label` stand for, as its 128 bits.
pub(crate) fn uuid_bits(seed: u64, label: u64) -> u128 {
    let mut dice = Dice::new(seed, label);
    let raw = (u128::from(dice.next()) << 64) | u128::from(dice.next());
    uuid::Builder::from_random_bytes(raw.to_be_bytes())
        .into_uuid()
        .as_u128()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_never_changes() {
        let mut dice = Dice::new(1, 2);
        let drawn: Vec<u64> = (0..4).map(|_| dice.below(1000)).collect();
        assert_eq!(
            drawn,
            [565, 749, 664, 118],
            "fixed on purpose: estates must stay what they are"
        );
    }

    #[test]
    fn weights_are_kept() {
        let mut dice = Dice::new(7, 7);
        let mut counts = [0_u32; 3];
        for _ in 0..10_000 {
            counts[dice.weighted(&[1, 0, 3])] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((2300..2700).contains(&counts[0]), "{counts:?}");
    }
}
