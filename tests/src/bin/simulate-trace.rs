//! Writes a simulated trace with its truth:
//! `simulate-trace --scenario llm --seed 1 --out FOLDER [--set period_ms=20 ...]`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use energy_tests::simulate::{Scenario, SimulateError, simulate};

/// A trace whose true energy is known.
#[derive(Parser)]
struct SimulateTraceArgs {
    /// llm, short, llm_fine, web, adv, once or gpu.
    #[arg(long)]
    scenario: String,
    /// The same seed makes the same trace.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder to write to.
    #[arg(long)]
    out: PathBuf,
    /// A setting, name=value.
    #[arg(long)]
    set: Vec<String>,
}

fn main() -> ExitCode {
    match write(&SimulateTraceArgs::parse()) {
        Ok(text) => {
            eprintln!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write(arguments: &SimulateTraceArgs) -> Result<String, SimulateError> {
    let scenario: Scenario = arguments.scenario.parse()?;
    let settings = scenario.settings().with(&arguments.set.join(" "))?;
    let trace = simulate(scenario, arguments.seed, &settings)?;
    trace.write(&arguments.out)?;
    let (spans, kinds, samples) = (trace.spans.len(), trace.kinds.len(), trace.samples.len());
    let folder = arguments.out.display();
    Ok(format!(
        "{spans} spans of {kinds} kinds and {samples} samples in {folder}"
    ))
}
