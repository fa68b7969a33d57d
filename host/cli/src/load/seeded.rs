//! Chance that is the same for the same seed, on every machine and in every version.

/// SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct Seeded(u64);

/// 2 to the power of 32.
const WORD: f64 = 4_294_967_296.0;

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn word(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        let [a, b, c, d, ..] = bits.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// Between 0 and 1, neither of both.
    fn share(&mut self) -> f64 {
        (f64::from(self.word()) + 0.5) / WORD
    }

    /// The wait for the next event of a Poisson process of one event a unit of time.
    pub fn wait(&mut self) -> f64 {
        -self.share().ln()
    }

    /// The place of one of the weights, each as likely as it weighs; 0 where none weighs anything.
    pub fn one_of(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let sum: u32 = weights.clone().sum();
        let mut left = self.word() % sum.max(1);
        for (place, weight) in weights.enumerate() {
            if left < weight {
                return place;
            }
            left -= weight;
        }
        0
    }
}
