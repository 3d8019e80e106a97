//! Trends over time, and rank correlations.

use energy_statistics::rank::rank_correlation;
use energy_statistics::trend::{TrendDirection, TrendPoint, trend};

use super::noise::{NoiseShape, Source};
use super::tally::Tally;

const DAY_NS: f64 = 86_400e9;

/// Runs over ten days.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DriftingRuns {
    /// Number of runs.
    pub(crate) runs: usize,
    /// Relative change for each day.
    pub(crate) per_day: f64,
    /// Shape of the noise, which is 3 %.
    pub(crate) shape: NoiseShape,
    /// Whether one run in ten throttles, with 30 % more energy.
    pub(crate) throttles: bool,
}

/// How trends were found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Trends {
    /// Whether the interval contains the slope.
    pub(crate) covered: Tally,
    /// Whether a trend was shown.
    pub(crate) shown: Tally,
}

impl DriftingRuns {
    /// Returns how trends are found.
    pub(crate) fn trends(&self, simulations: usize, source: &mut Source) -> Trends {
        let mut found = Trends::default();
        for _ in 0..simulations {
            let run = |at: usize| {
                let days = 10.0 * at as f64 / self.runs as f64;
                let is_slow = self.throttles && source.between(1.0, 10.0) < 10.0_f64.powf(0.1);
                let slow = if is_slow { 0.3 } else { 0.0 };
                let noise = 0.03 * source.noise(self.shape);
                TrendPoint {
                    unix_ns: (days * DAY_NS) as i64,
                    value: (self.per_day * days + noise + slow).exp(),
                }
            };
            let points: Vec<TrendPoint> = (0..self.runs).map(run).collect();
            let Ok(trend) = trend(&points, 0.95) else {
                continue;
            };
            found
                .covered
                .add(trend.ln_slope_per_day.contains(self.per_day));
            found
                .shown
                .add(trend.direction != TrendDirection::NoneShown);
        }
        found
    }
}

/// Returns how often the rank correlation of independent quantities has a p of at most 5 %.
pub(crate) fn correlated_by_chance(
    models: usize,
    simulations: usize,
    source: &mut Source,
) -> Tally {
    let mut tally = Tally::default();
    for _ in 0..simulations {
        let mut pair = |_| {
            (
                source.noise(NoiseShape::Normal),
                source.noise(NoiseShape::Normal),
            )
        };
        let pairs: Vec<(f64, f64)> = (0..models).map(&mut pair).collect();
        if let Ok(correlation) = rank_correlation(&pairs) {
            tally.add(correlation.p <= 0.05);
        }
    }
    tally
}

/// Prints the tables.
pub(crate) fn print(simulations: usize, seed: u64) {
    println!("Trend over ten days, noise of a run 3 %, 95 % intervals.\n");
    println!("| runs | change a day | noise | intervals with the slope | trends shown |");
    println!("|---|---|---|---|---|");
    let mut row = 500;
    for (runs, per_day) in [(6, 0.0), (20, 0.0), (60, 0.0), (20, 0.01), (60, 0.01)] {
        for (shape, throttles) in [(NoiseShape::Normal, false), (NoiseShape::HeavyTails, true)] {
            row += 1;
            let sweep = DriftingRuns {
                runs,
                per_day,
                shape,
                throttles,
            };
            let found = sweep.trends(simulations, &mut Source::new(seed, row));
            let slow = if throttles { ", 10 % throttled" } else { "" };
            println!(
                "| {runs} | {:.0} % | {}{slow} | {} | {} |",
                100.0 * per_day,
                shape.name(),
                found.covered.percent(),
                found.shown.percent()
            );
        }
    }
    println!("\nRank correlation of independent quantities.\n");
    println!("| models | p at most 5 % |");
    println!("|---|---|");
    for models in [5, 7, 12] {
        row += 1;
        // Each counts thousands of permutations.
        let found = correlated_by_chance(models, simulations / 2, &mut Source::new(seed, row));
        println!("| {models} | {} |", found.percent());
    }
    println!();
}
