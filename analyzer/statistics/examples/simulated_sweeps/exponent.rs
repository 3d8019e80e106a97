//! Exponents of power laws.

use energy_statistics::{Configuration, power_law};

use super::noise::{NoiseShape, Source};
use super::tally::Tally;

const EXPONENT: f64 = 0.9;
const RUNS: usize = 5;

/// Models of several sizes that scatter about a law.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExponentSweep {
    /// Number of models, from 1e8 to 1e10 parameters.
    pub(crate) models: usize,
    /// Relative standard deviation of models about the law.
    pub(crate) scatter: f64,
    /// Its shape.
    pub(crate) shape: NoiseShape,
    /// Relative noise of a run.
    pub(crate) noise: f64,
    /// Confidence of the interval, with the number of standard deviations on each side that contain
    /// it in normal noise.
    pub(crate) confidence: (f64, f64),
}

impl ExponentSweep {
    /// Returns how often the interval contains the exponent, and its width over that of an oracle
    /// that knows the variance of scatter and noise.
    pub(crate) fn coverage(&self, simulations: usize, source: &mut Source) -> Tally {
        let step = 100.0_f64.powf(1.0 / (self.models - 1) as f64);
        let x: Vec<f64> = (0..self.models)
            .map(|at| 1e8 * step.powi(at as i32))
            .collect();
        let center = x.iter().map(|x| x.ln()).sum::<f64>() / self.models as f64;
        let squares: f64 = x.iter().map(|x| (x.ln() - center).powi(2)).sum();
        let sd = (self.scatter.powi(2) + self.noise.powi(2) / RUNS as f64).sqrt();
        let oracle = 2.0 * self.confidence.1 * sd / squares.sqrt();
        let mut tally = Tally::default();
        for _ in 0..simulations {
            let configuration = |x: &f64| {
                let scatter = self.scatter * source.noise(self.shape);
                let energy = 1e-8 * x.powf(EXPONENT) * scatter.exp();
                Configuration {
                    x: *x,
                    values: source.runs(energy, RUNS, self.noise),
                }
            };
            let configurations: Vec<Configuration> = x.iter().map(configuration).collect();
            if let Ok(law) = power_law(&configurations, self.confidence.0) {
                let width = law.exponent.width().unwrap_or(f64::INFINITY);
                tally.add_interval(law.exponent.contains(EXPONENT), width / oracle);
            }
        }
        tally
    }
}

/// Prints the table.
pub(crate) fn print(simulations: usize, seed: u64) {
    println!(
        "Exponent 0.9 of energy over parameters, {RUNS} runs of each model, noise of a run 2 %.\n"
    );
    println!(
        "| models | scatter of models | nominal | intervals with the exponent | median width / oracle |"
    );
    println!("|---|---|---|---|---|");
    let mut row = 100;
    for (scatter, shape) in [
        (0.1, NoiseShape::Normal),
        (0.0, NoiseShape::Normal),
        (0.1, NoiseShape::HeavyTails),
    ] {
        for models in [4, 6, 8] {
            for confidence in [(0.9, 1.6448536269514722), (0.95, 1.959963984540054)] {
                let sweep = ExponentSweep {
                    models,
                    scatter,
                    shape,
                    noise: 0.02,
                    confidence,
                };
                row += 1;
                let tally = sweep.coverage(simulations, &mut Source::new(seed, row));
                println!(
                    "| {models} | {:.0} %, {} | {:.0} % | {} | {:.2} |",
                    100.0 * scatter,
                    shape.name(),
                    100.0 * confidence.0,
                    tally.percent(),
                    tally.median_ratio()
                );
            }
        }
    }
    println!();
}
