//! Simulated comparisons of runs whose true difference is known.
//!
//! ```text
//! ln J/token of a run = effect of its side + offset of its session
//!                       + trend of its session x time + noise of the run
//! ln J/token of a node of it = ln of its share + the above + noise of the node
//! ```

use energy_analyzer::compare::stats::{
    ComparisonOptions, Item, RunSample, SideVerdict, compare, nodes,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, StandardNormal};

/// Order in which the runs of two sides are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordingOrder {
    /// A B A B, in one session.
    Interleaved,
    /// All of A today, all of B tomorrow.
    SeparateSessions,
}

/// Parameters of a simulation. All quantities are relative: 0.03 is 3 %.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Campaign {
    pub(crate) layout: RecordingOrder,
    /// Runs of each side.
    pub(crate) runs: usize,
    /// Standard deviation of one run.
    pub(crate) noise: f64,
    /// Standard deviation of a session's offset, and of its trend from end to end.
    pub(crate) drift: f64,
    /// Whether one run in ten needs more by a further three times `noise`.
    pub(crate) stragglers: bool,
    /// True relative difference of the other side from base.
    pub(crate) effect: f64,
}

/// Rate of each verdict among all trials.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct VerdictRates {
    pub(crate) better: f64,
    pub(crate) worse: f64,
}

impl VerdictRates {
    pub(crate) fn either(&self) -> f64 {
        self.better + self.worse
    }
}

const MINUTE: i64 = 60_000_000_000;
const DAY: i64 = 24 * 60 * MINUTE;

fn normal(random: &mut ChaCha8Rng, sd: f64) -> f64 {
    let value: f64 = StandardNormal.sample(random);
    sd * value
}

impl Campaign {
    /// Returns a simulated run's value (exp of the sum above) with its start and end times.
    fn side(&self, random: &mut ChaCha8Rng, other: bool, session: Session) -> Vec<RunSample> {
        let runs = 0..self.runs;
        runs.map(|at| {
            let (start, position) = self.time(other, at);
            let straggler = self.stragglers && random.random_bool(0.1);
            let more = if straggler { 3.0 * self.noise } else { 0.0 };
            let ln = normal(random, self.noise)
                + more
                + session.at(position)
                + if other { self.effect.ln_1p() } else { 0.0 };
            RunSample {
                value: ln.exp(),
                start_unix_ns: start,
                end_unix_ns: start + MINUTE / 2,
            }
        })
        .collect()
    }

    /// Returns the start of a run and its position within its session (0 to 1).
    fn time(&self, other: bool, at: usize) -> (i64, f64) {
        let second = i64::from(other);
        let at = i64::try_from(at).expect("a handful of runs");
        let runs = i64::try_from(self.runs).expect("a handful of runs");
        let (day, place, places) = match self.layout {
            RecordingOrder::Interleaved => (0, 2 * at + second, 2 * runs),
            RecordingOrder::SeparateSessions => (second, at, runs),
        };
        (day * DAY + place * MINUTE, place as f64 / places as f64)
    }

    fn sides(&self, random: &mut ChaCha8Rng) -> [Vec<RunSample>; 2] {
        let mut session = || Session {
            offset: normal(random, self.drift),
            trend: normal(random, self.drift),
        };
        let first = session();
        let second = match self.layout {
            RecordingOrder::Interleaved => first,
            RecordingOrder::SeparateSessions => session(),
        };
        [
            self.side(random, false, first),
            self.side(random, true, second),
        ]
    }

    /// Returns how often the totals of two sides are judged different.
    pub(crate) fn totals(
        &self,
        options: &ComparisonOptions,
        trials: u32,
        seed: u64,
    ) -> VerdictRates {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut rates = VerdictRates::default();
        for _ in 0..trials {
            let [base, other] = self.sides(&mut random);
            match compare(&base, &other, options).verdict {
                SideVerdict::Better => rates.better += 1.0 / f64::from(trials),
                SideVerdict::Worse => rates.worse += 1.0 / f64::from(trials),
                _ => {}
            }
        }
        rates
    }

    /// Returns how often the first of `shares.len()` nodes (the only one that needs
    /// `self.effect` more) is judged worse, and how often any other is judged different.
    pub(crate) fn nodes(
        &self,
        shares: &[f64],
        options: &ComparisonOptions,
        trials: u32,
        seed: u64,
    ) -> [f64; 2] {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let plain = Campaign {
            effect: 0.0,
            ..*self
        };
        let (mut caught, mut falsely) = (0.0, 0.0);
        for _ in 0..trials {
            let sides = plain.sides(&mut random);
            let mut items: Vec<Item> = shares
                .iter()
                .map(|share| self.node(&sides, *share, &mut random))
                .collect();
            for sample in &mut items[0].other {
                sample.value *= 1.0 + self.effect;
            }
            let found = nodes(&items, options);
            let differs =
                |at: usize| matches!(found[at].verdict, SideVerdict::Better | SideVerdict::Worse);
            caught += f64::from(u8::from(found[0].verdict == SideVerdict::Worse));
            falsely += f64::from(u8::from((1..found.len()).any(differs)));
        }
        [caught, falsely].map(|count| count / f64::from(trials))
    }

    fn node(&self, sides: &[Vec<RunSample>; 2], share: f64, random: &mut ChaCha8Rng) -> Item {
        let mut node_samples = |side: &[RunSample]| -> Vec<RunSample> {
            let run = |run: &RunSample| RunSample {
                value: run.value * share * normal(random, self.noise).exp(),
                ..*run
            };
            side.iter().map(run).collect()
        };
        Item {
            base: node_samples(&sides[0]),
            other: node_samples(&sides[1]),
        }
    }
}

/// Offset and trend shared by the runs of one session.
#[derive(Debug, Clone, Copy)]
struct Session {
    offset: f64,
    trend: f64,
}

impl Session {
    fn at(&self, position: f64) -> f64 {
        self.offset + self.trend * position
    }
}
