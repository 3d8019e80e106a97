//! Saturation points: false alarms, and places that are found.

use energy_statistics::Configuration;
use energy_statistics::hinge::hinge_test;

use super::noise::{NoiseShape, Source};
use super::tally::Tally;

const PLACE: f64 = 700.0;

/// Contexts of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContextGrid {
    /// 128 to 2,048 in steps of 128.
    Even,
    /// 64 to 4,096, each twice the previous one.
    Doubling,
}

impl ContextGrid {
    fn contexts(self) -> Vec<f64> {
        match self {
            Self::Even => (1..=16).map(|at| f64::from(at) * 128.0).collect(),
            Self::Doubling => (6..=12).map(|at| 2.0_f64.powi(at)).collect(),
        }
    }

    fn is_within_one_step(self, place: f64) -> bool {
        match self {
            Self::Even => (place - PLACE).abs() <= 128.0,
            Self::Doubling => (0.5..=2.0).contains(&(place / PLACE)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Even => "128 to 2,048 by 128",
            Self::Doubling => "64 to 4,096 doubling",
        }
    }
}

/// A sweep over contexts: 1 J/token and a slope.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContextSweep {
    /// The contexts.
    pub(crate) grid: ContextGrid,
    /// Relative noise of a run.
    pub(crate) noise: f64,
    /// Its shape.
    pub(crate) shape: NoiseShape,
    /// Runs of the contexts: the first for even positions, the second for odd ones.
    pub(crate) runs: [usize; 2],
    /// Slope in J/token for each 1,000 tokens of context.
    pub(crate) slope: f64,
    /// Whether the slope doubles at a context of 700.
    pub(crate) doubles: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Saturations {
    /// Whether a hinge was found.
    pub(crate) found: Tally,
    /// Of those found: whether within one step of the grid.
    pub(crate) near: Tally,
    /// Of those found: whether the interval contains the place.
    pub(crate) covered: Tally,
}

impl ContextSweep {
    /// Returns what is found in simulated sweeps.
    pub(crate) fn saturations(&self, simulations: usize, source: &mut Source) -> Saturations {
        let mut saturations = Saturations::default();
        for _ in 0..simulations {
            let configuration = |(at, x): (usize, f64)| {
                let beyond = if self.doubles {
                    (x - PLACE).max(0.0)
                } else {
                    0.0
                };
                let value = 1.0 + self.slope / 1000.0 * (x + beyond);
                let draw = |_| value * (self.noise * source.noise(self.shape)).exp();
                Configuration {
                    x,
                    values: (0..self.runs[at % 2]).map(draw).collect(),
                }
            };
            let contexts = self.grid.contexts().into_iter().enumerate();
            let configurations: Vec<Configuration> = contexts.map(configuration).collect();
            let Ok(test) = hinge_test(&configurations, 0.9) else {
                continue;
            };
            saturations.found.add(test.hinge.is_some());
            if let Some(hinge) = test.hinge {
                saturations
                    .near
                    .add(self.grid.is_within_one_step(hinge.place.value));
                saturations.covered.add(hinge.place.contains(PLACE));
            }
        }
        saturations
    }

    fn runs_text(&self) -> String {
        match self.runs {
            [even, odd] if even == odd => even.to_string(),
            [even, odd] => format!("{even} or {odd}"),
        }
    }
}

/// Prints the tables.
pub(crate) fn print(simulations: usize, seed: u64) {
    println!("Saturation: sweeps in which the energy per token is a line in the context.\n");
    println!("| contexts | noise of a run | runs | slope per 1,000 | false alarms |");
    println!("|---|---|---|---|---|");
    let (mut row, slope) = (300, 1.0);
    for grid in [ContextGrid::Even, ContextGrid::Doubling] {
        for (noise, shape, runs) in [
            (0.03, NoiseShape::Normal, [3, 3]),
            (0.03, NoiseShape::Normal, [1, 1]),
            (0.1, NoiseShape::Normal, [3, 3]),
            (0.03, NoiseShape::HeavyTails, [3, 3]),
            (0.03, NoiseShape::HeavyTails, [1, 1]),
            (0.03, NoiseShape::Normal, [1, 8]),
        ] {
            let sweep = ContextSweep {
                grid,
                noise,
                shape,
                runs,
                slope,
                doubles: false,
            };
            row += 1;
            let found = sweep
                .saturations(simulations, &mut Source::new(seed, row))
                .found;
            println!(
                "| {} | {:.0} %, {} | {} | {slope} | {} |",
                grid.name(),
                100.0 * noise,
                shape.name(),
                sweep.runs_text(),
                found.percent()
            );
        }
    }
    println!("\nThe slope doubles at a context of 700; 90 % intervals of the place.\n");
    println!(
        "| contexts | noise of a run | runs | slope per 1,000 | found | within one step | intervals with the place |"
    );
    println!("|---|---|---|---|---|---|---|");
    for grid in [ContextGrid::Even, ContextGrid::Doubling] {
        for (slope, noise) in [(1.0, 0.03), (0.25, 0.03), (1.0, 0.1)] {
            let shape = NoiseShape::Normal;
            let sweep = ContextSweep {
                grid,
                noise,
                shape,
                runs: [3, 3],
                slope,
                doubles: true,
            };
            row += 1;
            let all = sweep.saturations(simulations, &mut Source::new(seed, row));
            println!(
                "| {} | {:.0} % | {} | {slope} | {} | {} | {} |",
                grid.name(),
                100.0 * noise,
                sweep.runs_text(),
                all.found.percent(),
                all.near.percent(),
                all.covered.percent()
            );
        }
    }
    println!();
}
