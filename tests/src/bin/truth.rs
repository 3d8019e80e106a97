//! Measures the accuracy of attribution on a real program whose kinds have known powers: `cargo run --release --bin truth -- --seconds 30`.
//!
//! A tiny language model runs on this machine; only its power is made up. The
//! program is calibrated, recorded `--runs` times, and attributed by every method.
//! Ends with a failure if a goal is missed.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use energy_data::units::Nanos;
use energy_models::Depth;
use energy_tests::truth::{Outcome, Reads, Score, TruthSchedule, follow, use_one_thread};
use tracing_energy::Method;

/// Attribution compared with the truth.
#[derive(Parser)]
struct TruthArgs {
    /// Length of each recording.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Depth of spans.
    #[arg(long, default_value = "deep")]
    depth: Depth,
    /// Recordings.
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Time between samples, ms.
    #[arg(long, default_value_t = 100)]
    interval: i64,
    /// Time to calibrate for, s.
    #[arg(long, default_value_t = 110)]
    calibration: u64,
    /// Seed of prompts and of the sensor's noise.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep the recording in this folder.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Print every kind.
    #[arg(long)]
    kinds: bool,
}

fn main() -> ExitCode {
    let arguments = TruthArgs::parse();
    // SAFETY: no other thread was started yet.
    unsafe { use_one_thread() };
    let schedule = TruthSchedule {
        depth: arguments.depth,
        runs: arguments.runs,
        time: Duration::from_secs(arguments.seconds),
        calibration: Duration::from_secs(arguments.calibration),
        reads: Reads {
            interval: Nanos::from_millis(arguments.interval),
            idle_w: 4.0,
            noise: 0.01,
            ahead: Nanos::from_millis(5),
            seed: arguments.seed,
        },
    };
    match print(&schedule, &arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn print(
    schedule: &TruthSchedule,
    arguments: &TruthArgs,
) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let passing = tempfile::tempdir()?;
    let folder = arguments.folder.as_deref().unwrap_or(passing.path());
    let mut report = |text: String| {
        let _ = writeln!(std::io::stderr(), "{text}");
    };
    let runs = follow(schedule, folder, &mut report)?;
    let mut out = std::io::stdout().lock();
    for (number, run) in (1..).zip(&runs) {
        writeln!(out, "run {number}")?;
        for warning in &run.warnings {
            writeln!(out, "  {warning}")?;
        }
        if arguments.kinds {
            print_kinds(&mut out, run)?;
        }
    }
    writeln!(
        out,
        "method        error of runs, %       all    coverage  kinds"
    )?;
    for method in Method::ALL {
        let scores = || runs.iter().map(move |run| run.score(method));
        let all = Score::together(scores());
        let each: Vec<String> = scores()
            .map(|s| format!("{:5.1}", 100.0 * s.error()))
            .collect();
        let coverage = all
            .coverage()
            .map_or("-".to_owned(), |part| format!("{part:.2}"));
        let (name, count) = (method.name(), all.kinds.len());
        let (each, error) = (each.join(" "), 100.0 * all.error());
        writeln!(
            out,
            "{name:12}  {each:20}  {error:6.1}  {coverage:>8}  {count:5}"
        )?;
    }
    goals(&mut out, &runs)
}

fn print_kinds(out: &mut dyn Write, run: &Outcome) -> std::io::Result<()> {
    for method in Method::ALL {
        for kind in &run.score(method).kinds {
            let (name, truth, energy) = (&kind.kind, kind.true_j, kind.energy_j);
            let (lo, hi) = kind.interval_j.unwrap_or((f64::NAN, f64::NAN));
            writeln!(
                out,
                "  {method:12} {truth:8.2} J  {energy:8.2} J [{lo:8.2} {hi:8.2}]  {name}"
            )?;
        }
    }
    Ok(())
}

/// Returns whether all goals are met; prints each with its value.
fn goals(
    out: &mut dyn Write,
    runs: &[Outcome],
) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let all = |method| Score::together(runs.iter().map(|run| run.score(method)));
    let [plain, fitted, calibrated] = Method::ALL.map(all);
    let imbalance = runs.iter().map(|run| run.imbalance).fold(0.0, f64::max);
    let coverage = |score: &Score| score.coverage().unwrap_or(0.0);
    let goals = [
        (
            "calibrated error <= 0.08",
            calibrated.error(),
            calibrated.error() <= 0.08,
        ),
        (
            "fitted error - proportional error <= 0.01",
            fitted.error() - plain.error(),
            fitted.error() <= plain.error() + 0.01,
        ),
        (
            "coverage of fitted >= 0.85",
            coverage(&fitted),
            coverage(&fitted) >= 0.85,
        ),
        (
            "coverage of calibrated >= 0.85",
            coverage(&calibrated),
            coverage(&calibrated) >= 0.85,
        ),
        ("imbalance <= 1e-9", imbalance, imbalance <= 1e-9),
    ];
    for (goal, figure, held) in &goals {
        let word = if *held { "held" } else { "MISSED" };
        writeln!(out, "{word:6}  {goal}: {figure:.3e}")?;
    }
    Ok(goals.iter().all(|(_, _, held)| *held))
}
