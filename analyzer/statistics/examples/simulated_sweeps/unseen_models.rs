//! Predictions of models that were not measured.

use energy_statistics::prediction::{MeasuredModel, MeasuredWorkload, ModelScaling, Workload};

use super::noise::{NoiseShape, Source};
use super::prediction::{CONFIDENCE, energy};
use super::tally::Tally;

const EXPONENT: f64 = 0.8;

/// A sweep over models of several sizes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ModelSweep {
    /// Number of models, from 1e8 to 1e10 parameters.
    pub(crate) models: usize,
    /// Relative standard deviation of models about the law.
    pub(crate) scatter: f64,
    /// Relative noise of a configuration's mean.
    pub(crate) noise: f64,
}

impl ModelSweep {
    /// Returns how often the interval contains a workload of a new model, and its width over that
    /// of an oracle that knows the variances.
    pub(crate) fn coverage(&self, simulations: usize, source: &mut Source) -> Tally {
        let workloads = [
            (32.0, 16.0),
            (32.0, 128.0),
            (512.0, 16.0),
            (512.0, 128.0),
            (128.0, 64.0),
        ];
        let workloads = workloads.map(|(input_tokens, output_tokens)| Workload {
            input_tokens,
            output_tokens,
            batch: 1.0,
        });
        let step = 100.0_f64.powf(1.0 / (self.models - 1) as f64);
        let parameters: Vec<f64> = (0..self.models)
            .map(|at| 1e8 * step.powi(at as i32))
            .collect();
        let mut tally = Tally::default();
        for _ in 0..simulations {
            let mut measure = |parameters: f64, workloads: &[Workload]| {
                let factor = parameters.powf(EXPONENT)
                    * 1e-8
                    * (self.scatter * source.noise(NoiseShape::Normal)).exp();
                let measured = |workload: &Workload| {
                    let noise = (self.noise * source.noise(NoiseShape::Normal)).exp();
                    MeasuredWorkload {
                        workload: *workload,
                        energies_j: vec![factor * energy(workload) * noise],
                    }
                };
                MeasuredModel {
                    name: String::new(),
                    parameters,
                    configurations: workloads.iter().map(measured).collect(),
                }
            };
            let models: Vec<_> = parameters
                .iter()
                .map(|one| measure(*one, &workloads))
                .collect();
            let new = measure(2e9, &workloads[4..]);
            let truth = &new.configurations[0];
            let predicted = ModelScaling::fit(&models, CONFIDENCE)
                .and_then(|scaling| scaling.predict(new.parameters, &truth.workload));
            let Ok(prediction) = predicted else { continue };
            let interval = prediction.energy_j;
            let (Some(lo), Some(hi)) = (interval.lo, interval.hi) else {
                continue;
            };
            let ratio = (hi / lo).ln() / self.oracle_width(&parameters, new.parameters);
            tally.add_interval(interval.contains(truth.energies_j[0]), ratio);
        }
        tally
    }

    fn oracle_width(&self, parameters: &[f64], new: f64) -> f64 {
        let count = parameters.len() as f64;
        let center = parameters.iter().map(|one| one.ln()).sum::<f64>() / count;
        let squares: f64 = parameters
            .iter()
            .map(|one| (one.ln() - center).powi(2))
            .sum();
        let leverage = 1.0 / count + (new.ln() - center).powi(2) / squares;
        let of_model = self.scatter.powi(2) + self.noise.powi(2) / 5.0;
        let variance = of_model * leverage + self.scatter.powi(2) + self.noise.powi(2);
        2.0 * NoiseShape::Normal.half_width_90() * variance.sqrt()
    }
}

/// Prints the table.
pub(crate) fn print(simulations: usize, seed: u64) {
    println!(
        "Energy of a model that was not measured, 90 % intervals, noise of configurations 3 %.\n"
    );
    println!("| models | scatter of models | intervals with the energy | median width / oracle |");
    println!("|---|---|---|---|");
    let mut row = 220;
    for models in [4, 6, 8] {
        for scatter in [0.1, 0.02] {
            let sweep = ModelSweep {
                models,
                scatter,
                noise: 0.03,
            };
            row += 1;
            let tally = sweep.coverage(simulations, &mut Source::new(seed, row));
            println!(
                "| {models} | {:.0} % | {} | {:.2} |",
                100.0 * scatter,
                tally.percent(),
                tally.median_ratio()
            );
        }
    }
    println!();
}
