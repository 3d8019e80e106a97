//! Best levels, Pareto fronts and knees.

use energy_statistics::RunPair;
use energy_statistics::best::{FactorLevel, best_level};
use energy_statistics::compare::{ComparisonOptions, RunSample};
use energy_statistics::frontier::{FrontMembership, SpeedEnergy, frontier, pareto_front};
use energy_statistics::knee::knee;

use super::noise::{NoiseShape, Source};
use super::tally::Tally;

const MINUTE_NS: i64 = 60_000_000_000;

/// Runs of several levels in interleaved rounds.
#[derive(Debug, Clone)]
pub(crate) struct LevelSweep {
    /// Energy of each level.
    pub(crate) energies: Vec<f64>,
    /// Runs of each level.
    pub(crate) runs: usize,
    /// Relative noise of a run.
    pub(crate) noise: f64,
}

/// How the best level was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct BestLevels {
    /// Whether the set contains a best level.
    pub(crate) contained: Tally,
    /// Whether the set has one level.
    pub(crate) certain: Tally,
    /// Number of levels in all sets.
    pub(crate) levels: usize,
}

impl LevelSweep {
    /// Returns how often the set contains the best level.
    pub(crate) fn best_levels(&self, simulations: usize, source: &mut Source) -> BestLevels {
        let mut found = BestLevels::default();
        let least = self.energies.iter().copied().fold(f64::MAX, f64::min);
        for _ in 0..simulations {
            let level = |(at, energy): (usize, &f64)| {
                let values = source.runs(*energy, self.runs, self.noise);
                let sample = |(round, value): (usize, &f64)| {
                    let start_unix_ns = (round * self.energies.len() + at) as i64 * MINUTE_NS;
                    RunSample {
                        value: *value,
                        start_unix_ns,
                        end_unix_ns: start_unix_ns + MINUTE_NS,
                    }
                };
                FactorLevel {
                    name: at.to_string(),
                    number: Some(at as f64),
                    samples: values.iter().enumerate().map(sample).collect(),
                }
            };
            let levels: Vec<FactorLevel> = self.energies.iter().enumerate().map(level).collect();
            let Ok(best) = best_level(&levels, &ComparisonOptions::default()) else {
                continue;
            };
            let in_set = |at: &usize| best.levels[*at].is_in_set;
            let set: Vec<usize> = (0..levels.len()).filter(in_set).collect();
            found
                .contained
                .add(set.iter().any(|at| self.energies[*at] == least));
            found.certain.add(best.is_certain);
            found.levels += set.len();
        }
        found
    }
}

/// Configurations with known throughput and energy.
#[derive(Debug, Clone)]
pub(crate) struct FrontSweep {
    /// Throughput and energy of each.
    pub(crate) points: Vec<(f64, f64)>,
    /// Runs of each.
    pub(crate) runs: usize,
    /// Relative noise of a run. Slow runs need more energy.
    pub(crate) noise: f64,
}

/// How memberships of the front were found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Memberships {
    /// Of those on the front surely: whether they are.
    pub(crate) surely: Tally,
    /// Of those surely dominated: whether they are.
    pub(crate) dominated: Tally,
    /// Whether a membership was decided.
    pub(crate) decided: Tally,
}

fn measure(
    points: &[(f64, f64)],
    runs: usize,
    noise: f64,
    source: &mut Source,
) -> Vec<Vec<RunPair>> {
    let mut run = |point: &(f64, f64)| {
        let common = noise * source.noise(NoiseShape::Normal);
        let own = 0.5 * noise * source.noise(NoiseShape::Normal);
        RunPair {
            x: point.0 * (-common).exp(),
            y: point.1 * (common + own).exp(),
        }
    };
    points
        .iter()
        .map(|point| (0..runs).map(|_| run(point)).collect())
        .collect()
}

impl FrontSweep {
    /// Returns how often memberships are right.
    pub(crate) fn memberships(&self, simulations: usize, source: &mut Source) -> Memberships {
        let point = |(speed, energy): &(f64, f64)| SpeedEnergy {
            speed: *speed,
            energy: *energy,
        };
        let truth = pareto_front(&self.points.iter().map(point).collect::<Vec<_>>());
        let mut found = Memberships::default();
        for _ in 0..simulations {
            let measured = measure(&self.points, self.runs, self.noise, source);
            let Ok(points) = frontier(&measured) else {
                continue;
            };
            for (point, is_on) in points.iter().zip(&truth) {
                found
                    .decided
                    .add(point.membership != FrontMembership::Possibly);
                match point.membership {
                    FrontMembership::Surely => found.surely.add(*is_on),
                    FrontMembership::Dominated => found.dominated.add(!is_on),
                    FrontMembership::Possibly => {}
                }
            }
        }
        found
    }
}

/// How knees were found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Knees {
    /// Whether a knee is distinct.
    pub(crate) distinct: Tally,
    /// Whether the interval contains the true one.
    pub(crate) covered: Tally,
}

/// Returns how knees of a curve with a knee at the index `truth` are found.
pub(crate) fn knees(
    points: &[(f64, f64)],
    truth: usize,
    noise: f64,
    simulations: usize,
    source: &mut Source,
) -> Knees {
    let mut found = Knees::default();
    for _ in 0..simulations {
        let measured = measure(points, 3, noise, source);
        let Ok(knee) = knee(&measured) else { continue };
        let is_distinct = knee
            .as_ref()
            .is_some_and(|knee| knee.is_distinct == Some(true));
        found.distinct.add(is_distinct);
        if let Some(knee) = knee.filter(|_| is_distinct) {
            // The places of the interval are measured means, which differ from the true ones.
            let mean = measured[truth].iter().map(|pair| pair.x.ln()).sum::<f64>() / 3.0;
            let is_near = |end: Option<f64>, sign: f64| {
                end.is_none_or(|end| sign * (end.ln() - mean) <= 1e-9)
            };
            found
                .covered
                .add(is_near(knee.x.lo, 1.0) && is_near(knee.x.hi, -1.0));
        }
    }
    found
}

/// Curve that bends at its third point.
pub(crate) const BENT: [(f64, f64); 6] = [
    (10.0, 4.0),
    (20.0, 2.2),
    (40.0, 1.3),
    (80.0, 1.15),
    (160.0, 1.05),
    (320.0, 1.0),
];

/// Prints the tables.
pub(crate) fn print(simulations: usize, seed: u64) {
    println!("Best batch of six (4, 2.5, 1.8, 1.5, 1.45, 1.6 J/token, or all equal), 95 % sets.\n");
    println!("| energies | runs | noise of a run | sets with a best one | mean size | certain |");
    println!("|---|---|---|---|---|---|");
    let mut row = 400;
    let unequal = vec![4.0, 2.5, 1.8, 1.5, 1.45, 1.6];
    for (name, energies) in [("unequal", unequal), ("equal", vec![1.5; 6])] {
        for (runs, noise) in [(3, 0.03), (5, 0.03), (3, 0.01), (5, 0.01)] {
            row += 1;
            let sweep = LevelSweep {
                energies: energies.clone(),
                runs,
                noise,
            };
            let found = sweep.best_levels(simulations, &mut Source::new(seed, row));
            let size = found.levels as f64 / found.contained.total() as f64;
            println!(
                "| {name} | {runs} | {:.0} % | {} | {size:.1} | {} |",
                100.0 * noise,
                found.contained.percent(),
                found.certain.percent()
            );
        }
    }
    println!("\nPareto front of eight configurations, of which four are on it.\n");
    println!("| runs | noise of a run | decided | right if surely on it | right if dominated |");
    println!("|---|---|---|---|---|");
    let points = vec![
        (10.0, 1.0),
        (20.0, 1.1),
        (40.0, 1.5),
        (80.0, 3.0),
        (9.5, 1.05),
        (19.0, 1.3),
        (39.0, 1.55),
        (30.0, 2.0),
    ];
    for (runs, noise) in [(3, 0.03), (5, 0.03), (3, 0.01)] {
        row += 1;
        let sweep = FrontSweep {
            points: points.clone(),
            runs,
            noise,
        };
        let found = sweep.memberships(simulations, &mut Source::new(seed, row));
        println!(
            "| {runs} | {:.0} % | {} | {} | {} |",
            100.0 * noise,
            found.decided.percent(),
            found.surely.percent(),
            found.dominated.percent()
        );
    }
    println!("\nKnee of a curve of six points with three runs each.\n");
    println!("| curve | noise of a run | distinct | intervals with the knee |");
    println!("|---|---|---|---|");
    let straight: Vec<(f64, f64)> = (0..6)
        .map(|at| (10.0 * 2.0_f64.powi(at), 4.0 * 0.75_f64.powi(at)))
        .collect();
    for (name, curve) in [("bent", &BENT[..]), ("straight", &straight[..])] {
        for noise in [0.03, 0.1] {
            row += 1;
            let source = &mut Source::new(seed, row);
            let found = knees(curve, 2, noise, simulations, source);
            let covered = if name == "bent" {
                found.covered.percent()
            } else {
                "-".to_owned()
            };
            println!(
                "| {name} | {:.0} % | {} | {covered} |",
                100.0 * noise,
                found.distinct.percent()
            );
        }
    }
    println!();
}
