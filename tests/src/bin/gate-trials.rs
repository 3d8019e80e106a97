//! Measures how often the gate detects a regression, and nothing else: `gate-trials`.
//!
//! ```text
//! gate-trials [--trials 20] [--more down_proj=1.2] [--repeat 5] [--noise 0.03] [--drift 0.02]
//! ```

#![allow(clippy::print_stdout)] // It prints a report.

use std::path::PathBuf;

use clap::Parser;
use energy_tests::gate_trials::{GateReport, GateTrial, Programs};

/// Trials of the gate against energy regressions.
#[derive(Debug, Parser)]
struct GateTrialArgs {
    /// Trials of the changed program, and as many of the unchanged one
    #[arg(long, default_value_t = 20)]
    trials: u64,
    /// Operation and factor of its work
    #[arg(long, default_value = "down_proj=1.2")]
    more: String,
    /// Runs on each side
    #[arg(long, default_value_t = 5)]
    repeat: usize,
    /// Relative noise from run to run
    #[arg(long, default_value_t = 0.03)]
    noise: f64,
    /// Relative noise that neighbouring runs share
    #[arg(long, default_value_t = 0.02)]
    drift: f64,
    /// Tokens that each run decodes
    #[arg(long, default_value_t = 200)]
    tokens: u64,
    /// Number of the first trial
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn sibling(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a path");
    own.with_file_name(name)
}

fn main() {
    let arguments = GateTrialArgs::parse();
    let programs = Programs {
        energy: sibling("energy"),
        program: sibling("working-program"),
        sensor: sibling("fake-powermetrics"),
    };
    let operation = arguments
        .more
        .split('=')
        .next()
        .unwrap_or_default()
        .to_owned();
    let (mut caught, mut passed, mut wrong) = (0, 0, 0);
    for at in 0..arguments.trials {
        for more in [Some(arguments.more.clone()), None] {
            let folder = tempfile::tempdir().expect("a folder");
            let is_changed = more.is_some();
            let trial = GateTrial {
                // The two kinds of trials have separate noise.
                seed: (arguments.seed + at) * 2 + u64::from(is_changed),
                noise: (arguments.noise, arguments.drift),
                repeat: arguments.repeat,
                tokens: arguments.tokens,
                more,
            };
            let report = trial.run(&programs, folder.path());
            print_trial(at, is_changed, &report);
            let names = report.caught();
            if is_changed {
                let is_right = names.iter().all(|kind| kind.ends_with(&operation));
                caught += u64::from(report.code == Some(3) && !names.is_empty() && is_right);
                wrong += u64::from(!is_right);
            } else {
                passed += u64::from(report.code == Some(0));
            }
        }
    }
    let all = arguments.trials;
    println!(
        "{}: caught by its kind {caught} of {all}, other kinds blamed {wrong}",
        arguments.more
    );
    println!("unchanged: passed {passed} of {all}");
}

fn print_trial(at: u64, is_changed: bool, report: &GateReport) {
    let what = if is_changed { "changed" } else { "unchanged" };
    let total = &report.answer["total"][0];
    println!(
        "{at:>3} {what:<9} exit {:?} ratio {} ({} .. {}) {}",
        report.code.unwrap_or(-1),
        total["ratio"],
        total["lo"],
        total["hi"],
        report.caught().join(", ")
    );
    if report.answer.is_null() {
        println!("    {}", report.errors.trim_end());
    }
}
