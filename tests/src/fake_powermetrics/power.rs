//! The true power of each rail, or its energy, from where a test gives it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::arguments::variable;
use super::busy::ProcessorLoad;
use super::work::Work;

/// A number for each rail.
pub(crate) type RailTable = BTreeMap<String, f64>;

/// Source of the power.
pub(crate) enum FakePower {
    /// A function of the CPU time of the recorder and of this process, for the rail `cpu`.
    Busy(ProcessorLoad),
    /// A function of a program's work, for the rail `cpu`.
    Work(Work),
    /// Watts of each rail from seconds on.
    Steps(BTreeMap<String, Vec<(f64, f64)>>),
    /// A file of watts, and its last contents.
    WattsFile(String, RailTable),
    /// A file of growing joules, and its first contents.
    EnergyFile(String, RailTable),
}

impl FakePower {
    pub(crate) fn from_environment() -> Self {
        if let Some(work) = Work::from_environment() {
            return Self::Work(work);
        }
        if let Some(file) = variable("ENERGY_FILE") {
            let start = read_table(&file).unwrap_or_default();
            return Self::EnergyFile(file, start);
        }
        if let Some(file) = variable("WATTS_FILE") {
            let start = read_table(&file).unwrap_or_default();
            return Self::WattsFile(file, start);
        }
        if let Some(busy) = ProcessorLoad::from_environment() {
            return Self::Busy(busy);
        }
        let steps = variable("WATTS").unwrap_or_else(|| "cpu=4;gpu=0.5".into());
        Self::Steps(parse_steps(&steps))
    }

    /// Brings `joules`, counted since `born`, from `last` to `now`.
    pub(crate) fn advance(
        &mut self,
        joules: &mut RailTable,
        born: Instant,
        (last, now): (Instant, Instant),
    ) {
        match self {
            Self::Busy(busy) => {
                let time = now.duration_since(born).as_secs_f64();
                joules.insert("cpu".to_owned(), busy.joules(time));
            }
            Self::Work(work) => {
                joules.insert("cpu".to_owned(), work.joules());
            }
            Self::Steps(rails) => {
                let time = now.duration_since(born).as_secs_f64();
                for (rail, steps) in rails {
                    joules.insert(rail.clone(), step_joules(steps, time));
                }
            }
            Self::WattsFile(file, watts) => {
                *watts = read_table(file).unwrap_or_else(|| watts.clone());
                add(joules, watts, now - last);
            }
            Self::EnergyFile(file, start) => {
                for (rail, total) in read_table(file).unwrap_or_default() {
                    let start = *start.entry(rail.clone()).or_insert(0.0);
                    joules.insert(rail, total - start);
                }
            }
        }
    }
}

fn add(joules: &mut RailTable, watts: &RailTable, time: Duration) {
    for (rail, watts) in watts {
        *joules.entry(rail.clone()).or_default() += *watts * time.as_secs_f64();
    }
}

/// `cpu=4@0,14@2.5s;gpu=0.5` to watts from seconds on.
fn parse_steps(text: &str) -> BTreeMap<String, Vec<(f64, f64)>> {
    let rail = |part: &str| {
        let (rail, steps) = part.split_once('=')?;
        let steps = steps.split(',').filter_map(|step| {
            let (watts, from) = step.split_once('@').unwrap_or((step, "0"));
            let from = from.trim().trim_end_matches('s').parse().ok()?;
            Some((from, watts.trim().parse().ok()?))
        });
        Some((rail.trim().to_owned(), steps.collect()))
    };
    text.split(';').filter_map(rail).collect()
}

/// Joules of one rail from its birth to `time`: exact, not sampled.
fn step_joules(steps: &[(f64, f64)], time: f64) -> f64 {
    let ends = steps
        .iter()
        .skip(1)
        .map(|step| step.0)
        .chain([f64::INFINITY]);
    let pieces = steps.iter().zip(ends);
    pieces
        .map(|(&(from, watts), end)| watts * (end.min(time) - from).max(0.0))
        .sum()
}

fn read_table(file: &str) -> Option<RailTable> {
    let text = std::fs::read_to_string(file).ok()?;
    let row = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [number] => Some(("cpu".to_owned(), number.parse().ok()?)),
            [rail, number] => Some((rail.to_owned(), number.parse().ok()?)),
            _ => None,
        }
    };
    // A file that is being written is empty: keep the last table.
    let table: RailTable = text.lines().filter_map(row).collect();
    (!table.is_empty()).then_some(table)
}
