//! Noise between runs of the same program: each start of the fake is a run with its own
//! gain.
//!
//! ```text
//! factor of run k = (1 + run * normal) * (1 + drift * wander_k)
//! ```
//!
//! `wander` is a mean-reverting random walk: neighbouring runs are similar, as in a room
//! that warms up. A seed and the run's number, kept in a file, give the same factor
//! again.

use rand::SeedableRng;
use rand::rngs::ChaCha12Rng;
use rand_distr::{Distribution, StandardNormal};

use super::arguments::variable;

/// Share of a run's wander that the next one keeps.
const MEMORY: f64 = 0.8;

/// Factor of a run's readings.
pub(crate) struct ReadingNoise(f64);

impl ReadingNoise {
    /// Parses `NOISE`, such as `seed=7,run=0.03,drift=0.02,count=FILE`; none without it.
    pub(crate) fn from_environment() -> Self {
        Self(variable("NOISE").map_or(1.0, |text| factor(&text)))
    }

    /// Returns the factor.
    pub(crate) fn factor(&self) -> f64 {
        self.0
    }
}

fn factor(text: &str) -> f64 {
    let value = |name: &str| {
        let settings = text.split(',').filter_map(|one| one.split_once('='));
        let found = settings.into_iter().find(|(of, _)| of.trim() == name);
        found.map(|(_, value)| value.trim().to_owned())
    };
    let number = |name: &str| value(name).and_then(|text| text.parse::<f64>().ok());
    let seed = value("seed").and_then(|text| text.parse().ok());
    let run = value("count").map_or(0, |file| count(&file));
    let mut random = ChaCha12Rng::seed_from_u64(seed.unwrap_or(0));
    let mut normal = || -> f64 { StandardNormal.sample(&mut random) };
    let (mut own, mut wander) = (normal(), normal());
    for _ in 0..run {
        own = normal();
        wander = MEMORY * wander + (1.0 - MEMORY * MEMORY).sqrt() * normal();
    }
    let [run, drift] = ["run", "drift"].map(|name| number(name).unwrap_or(0.0));
    ((1.0 + run * own) * (1.0 + drift * wander)).max(0.0)
}

/// The number of this start, from 0; the file is made ready for the next one.
fn count(file: &str) -> u32 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let number = text.trim().parse().unwrap_or(0);
    if let Err(error) = std::fs::write(file, format!("{}\n", number + 1)) {
        eprintln!("fake powermetrics: {file}: {error}");
    }
    number
}
