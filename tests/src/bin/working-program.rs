//! A program that does the same work each time and reports it to the fake powermetrics:
//! `working-program DB`. It records itself as a small language model would.
//!
//! | variable | meaning |
//! |---|---|
//! | `WORKING_PROGRAM_TOKENS` | tokens to decode; 200 without it, about two seconds |
//! | `WORKING_PROGRAM_MORE` | `scores=1.2`: factor of the work of this operation |
//! | `WORKING_PROGRAM_END` | `none`: it exits without finishing its recording; `fail`: with an error and exit code 7; `twice`: it records two runs |
//! | `FAKE_POWERMETRICS_WORK_FILE` | file for the work done; none if unset |

#[path = "../working_program/mod.rs"]
mod working_program;

use std::process::ExitCode;

use energy_data::rows::RunMetadata;
use energy_power::SourceChoice;
use tracing_energy::{EnergyGuard, EnergyLayer};
use tracing_subscriber::prelude::*;

use working_program::{PREFILL, WorkingProgram};

fn recorder(database: &str, tokens: u64, name: &str) -> (EnergyLayer, EnergyGuard) {
    let metadata = RunMetadata {
        name: Some(name.to_owned()),
        input_tokens: Some(PREFILL as i64),
        output_tokens: i64::try_from(tokens).ok(),
        ..RunMetadata::default()
    };
    let source = match std::env::var_os("TRACING_ENERGY_POWERMETRICS") {
        Some(_) => SourceChoice::Powermetrics,
        None => SourceChoice::Modelled,
    };
    EnergyLayer::builder()
        .database(database)
        .source(source)
        .interval(std::time::Duration::from_millis(50))
        .baseline(std::time::Duration::from_millis(300))
        .metadata(metadata)
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(format!("WORKING_PROGRAM_{name}")).ok();
    let database = std::env::args().nth(1).unwrap_or("energy.db".to_owned());
    let tokens = variable("TOKENS").and_then(|text| text.parse().ok());
    let tokens = tokens.unwrap_or(200);
    let end = variable("END").unwrap_or_default();
    if end == "fail" {
        eprintln!("opening the model\nthere is no such model");
        return ExitCode::from(7);
    }
    let mut program = WorkingProgram::new(variable("MORE").as_deref());
    let runs: &[&str] = match end.as_str() {
        "twice" => &["warm", "real"],
        _ => &["real"],
    };
    for name in runs {
        let (layer, guard) = recorder(&database, tokens, name);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            program.run(tokens);
        });
        match end.as_str() {
            "none" => std::mem::forget(guard),
            _ => drop(guard.finish()),
        }
    }
    ExitCode::SUCCESS
}
