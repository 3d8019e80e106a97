//! Predictions of configurations that were not measured.

use energy_statistics::prediction::{EnergyPredictor, EnergyTerm, MeasuredWorkload, Workload};
use nalgebra::{DMatrix, DVector};

use super::noise::{NoiseShape, Source};
use super::tally::Tally;

/// Confidence of all intervals.
pub(crate) const CONFIDENCE: f64 = 0.9;
/// Number of terms that all energies have.
const TERMS: usize = 5;
/// Joules for each unit of each of them.
const JOULES: [f64; TERMS] = [20.0, 0.05, 0.4, 0.1, 2e-5];

/// Which configurations are measured. The new one lies at random within their range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SweepLayout {
    /// At random: prompts of 32 to 2,048 tokens, outputs of 16 to 256, one sequence.
    Random(usize),
    /// Each prompt of 32, 128, 512, 2,048 tokens with each output of 16, 64, 128, 256.
    Grid,
    /// Each prompt of 32, 128, 512 with each output of 16, 32, 64, 128 and batch of 1, 2, 4, 8.
    BatchGrid,
}

impl SweepLayout {
    fn workloads(self, source: &mut Source) -> Vec<Workload> {
        let grid = |inputs: &[f64], outputs: &[f64], batches: &[f64]| {
            let mut all = Vec::new();
            for &input_tokens in inputs {
                for &output_tokens in outputs {
                    all.extend(batches.iter().map(|&batch| Workload {
                        input_tokens,
                        output_tokens,
                        batch,
                    }));
                }
            }
            all
        };
        match self {
            Self::Random(count) => (0..count).map(|_| self.new_workload(source)).collect(),
            Self::Grid => grid(
                &[32.0, 128.0, 512.0, 2048.0],
                &[16.0, 64.0, 128.0, 256.0],
                &[1.0],
            ),
            Self::BatchGrid => grid(
                &[32.0, 128.0, 512.0],
                &[16.0, 32.0, 64.0, 128.0],
                &[1.0, 2.0, 4.0, 8.0],
            ),
        }
    }

    fn new_workload(self, source: &mut Source) -> Workload {
        let (input, output, batch) = match self {
            Self::Random(_) | Self::Grid => (2048.0, 256.0, 1.0),
            Self::BatchGrid => (512.0, 128.0, 8.0),
        };
        Workload {
            input_tokens: source.between(32.0, input).round(),
            output_tokens: source.between(16.0, output).round(),
            batch: source.between(1.0, batch).round(),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Random(count) => format!("{count} at random"),
            Self::Grid => "grid 4 x 4".to_owned(),
            Self::BatchGrid => "grid 3 x 4 x 4 batches".to_owned(),
        }
    }
}

fn units(workload: &Workload) -> [f64; TERMS] {
    std::array::from_fn(|at| EnergyTerm::ALL[at].units(workload))
}

/// Returns the energy of a workload without noise.
pub(crate) fn energy(workload: &Workload) -> f64 {
    units(workload)
        .iter()
        .zip(JOULES)
        .map(|(units, joules)| units * joules)
        .sum()
}

/// A sweep over workloads of one model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkloadSweep {
    /// The measured workloads.
    pub(crate) layout: SweepLayout,
    /// Relative noise of a configuration's mean.
    pub(crate) noise: f64,
    /// Its shape.
    pub(crate) shape: NoiseShape,
    /// Joules for each squared prompt token: a term that is fitted only where it is supported.
    pub(crate) squared_input: f64,
}

impl WorkloadSweep {
    fn measure(&self, workload: Workload, source: &mut Source) -> MeasuredWorkload {
        let noise = self.noise * source.noise(self.shape);
        MeasuredWorkload {
            workload,
            energies_j: vec![self.energy(&workload) * noise.exp()],
        }
    }

    /// Returns the energy of a workload without noise.
    fn energy(&self, workload: &Workload) -> f64 {
        let squared = workload.batch * workload.input_tokens.powi(2);
        energy(workload) + self.squared_input * squared
    }

    /// Returns the terms of the true energies over the energy.
    fn relative(&self, workload: &Workload) -> Vec<f64> {
        let mut all = units(workload).to_vec();
        if self.squared_input > 0.0 {
            all.push(EnergyTerm::InputPairs.units(workload));
        }
        let energy = self.energy(workload);
        all.iter().map(|units| units / energy).collect()
    }

    /// Returns the variance of a fitted relative prediction, per variance of a configuration.
    fn leverage(&self, workloads: &[Workload], new: &Workload) -> f64 {
        let new = DVector::from_vec(self.relative(new));
        let rows = workloads.iter().flat_map(|one| self.relative(one));
        let rows: Vec<f64> = rows.collect();
        let design = DMatrix::from_row_slice(workloads.len(), new.len(), &rows);
        let norms = design.column_iter().map(|column| column.norm());
        let scale = DVector::from_iterator(new.len(), norms);
        let scaled = DMatrix::from_fn(workloads.len(), new.len(), |row, at| {
            design[(row, at)] / scale[at]
        });
        match scaled.pseudo_inverse(1e-8) {
            Ok(inverse) => (inverse.transpose() * new.component_div(&scale)).norm_squared(),
            Err(_) => f64::NAN,
        }
    }

    /// Returns how often the interval contains the mean of a new configuration, and its width over
    /// that of an oracle that fits the coefficients but knows the distribution of the noise.
    pub(crate) fn coverage(&self, simulations: usize, source: &mut Source) -> Tally {
        let mut tally = Tally::default();
        for _ in 0..simulations {
            let workloads = self.layout.workloads(source);
            let new = self.measure(self.layout.new_workload(source), source);
            let measured = workloads.iter().map(|one| self.measure(*one, source));
            let measured: Vec<MeasuredWorkload> = measured.collect();
            let predicted = EnergyPredictor::fit(&measured, CONFIDENCE)
                .and_then(|predictor| predictor.predict(&new.workload));
            // A new workload beyond the random ones may be refused.
            let Ok(prediction) = predicted else { continue };
            let interval = prediction.energy_j;
            let ln_width = match (interval.lo, interval.hi) {
                (Some(lo), Some(hi)) => (hi / lo).ln(),
                _ => f64::INFINITY,
            };
            let sd = self.noise * (1.0 + self.leverage(&workloads, &new.workload)).sqrt();
            let oracle = 2.0 * self.shape.half_width_90() * sd;
            tally.add_interval(interval.contains(new.energies_j[0]), ln_width / oracle);
        }
        tally
    }

    /// Prints a row of a table.
    fn print(&self, simulations: usize, source: &mut Source) {
        let tally = self.coverage(simulations, source);
        let left_out = self.left_out_coverage(simulations / 10, source);
        println!(
            "| {} | {:.0} %, {} | {} | {} | {:.2} | {} |",
            self.layout.name(),
            100.0 * self.noise,
            self.shape.name(),
            tally.total(),
            tally.percent(),
            tally.median_ratio(),
            left_out.percent()
        );
    }

    /// Returns how often the interval of a left-out configuration contains its mean, over all
    /// configurations of all sweeps.
    pub(crate) fn left_out_coverage(&self, simulations: usize, source: &mut Source) -> Tally {
        let mut tally = Tally::default();
        for _ in 0..simulations {
            let workloads = self.layout.workloads(source);
            let measured = workloads.iter().map(|one| self.measure(*one, source));
            let measured: Vec<MeasuredWorkload> = measured.collect();
            if let Ok(predictor) = EnergyPredictor::fit(&measured, CONFIDENCE) {
                let cells = predictor.leave_one_out().cells;
                cells
                    .iter()
                    .filter_map(|cell| cell.is_covered)
                    .for_each(|one| tally.add(one));
            }
        }
        tally
    }
}

/// Prints the tables.
pub(crate) fn print(simulations: usize, seed: u64) {
    println!("Energy of a configuration that was not measured, 90 % intervals.\n");
    println!(
        "| configurations | noise | predicted | intervals with the energy | median width / oracle | left-out cells within |"
    );
    println!("|---|---|---|---|---|---|");
    let mut row = 200;
    for layout in [
        SweepLayout::Random(10),
        SweepLayout::Random(18),
        SweepLayout::Random(40),
        SweepLayout::Grid,
        SweepLayout::BatchGrid,
    ] {
        for shape in [NoiseShape::Normal, NoiseShape::HeavyTails] {
            for noise in [0.03, 0.1] {
                row += 1;
                let sweep = WorkloadSweep {
                    layout,
                    noise,
                    shape,
                    squared_input: 0.0,
                };
                sweep.print(simulations, &mut Source::new(seed, row));
            }
        }
    }
    println!(
        "\nThe same, of energies with 2e-5 J for each squared prompt token. The term of pairs is used \
         where left-out cells support it.\n"
    );
    println!(
        "| configurations | noise | predicted | intervals with the energy | median width / oracle | left-out cells within |"
    );
    println!("|---|---|---|---|---|---|");
    row = 250;
    for layout in [SweepLayout::Random(18), SweepLayout::Grid] {
        row += 1;
        let sweep = WorkloadSweep {
            layout,
            noise: 0.03,
            shape: NoiseShape::Normal,
            squared_input: 2e-5,
        };
        sweep.print(simulations, &mut Source::new(seed, row));
    }
    println!();
}
