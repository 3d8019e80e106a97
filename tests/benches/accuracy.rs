//! Accuracy of an attribution method on simulated traces with known truth, as a Markdown
//! table with the goals:
//! `cargo bench --bench accuracy [-- --seeds 16 --rows web100,llm20]`.
//! Each run draws new traces; `--seed-base` with the printed number repeats them.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use energy_tests::accuracy::{Attributor, Pipeline, ProportionalMethod, chosen, run, table};

/// Accuracy of attribution on simulated traces.
#[derive(Parser)]
struct Arguments {
    /// Number of traces per row.
    #[arg(long, default_value_t = 16)]
    seeds: u64,
    /// Seed of the first trace (default: random).
    #[arg(long)]
    seed_base: Option<u64>,
    /// Names of rows, separated by commas (default: all).
    #[arg(long)]
    rows: Option<String>,
    /// Attribution method.
    #[arg(long, default_value = "fitted")]
    method: String,
    /// Passed by cargo to benches.
    #[arg(long, hide = true)]
    bench: bool,
}

/// All methods that can be scored.
fn methods() -> Vec<Box<dyn Attributor>> {
    vec![Box::new(ProportionalMethod), Box::new(Pipeline)]
}

fn main() -> ExitCode {
    match print_table(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("{what}");
            ExitCode::FAILURE
        }
    }
}

fn print_table(arguments: &Arguments) -> Result<(), String> {
    let methods = methods();
    let method = methods
        .iter()
        .find(|method| method.name() == arguments.method);
    let method = method.ok_or_else(|| {
        let known: Vec<&str> = methods.iter().map(|method| method.name()).collect();
        format!(
            "unknown method {:?}; use one of {}",
            arguments.method,
            known.join(", ")
        )
    })?;
    let rows = chosen(arguments.rows.as_deref()).map_err(|error| error.to_string())?;
    // Half of the digits: easier to type, and still new each time.
    let base = arguments
        .seed_base
        .unwrap_or_else(|| rand::random::<u32>().into());
    let seeds: Vec<u64> = (0..arguments.seeds)
        .map(|one| base.wrapping_add(one))
        .collect();
    let results = run(method.as_ref(), &rows, &seeds);
    let text = table(method.name(), &results);
    let mut output = std::io::stdout().lock();
    let written = write!(
        output,
        "{text}\n{} traces a row, --seed-base {base}\n",
        seeds.len()
    );
    written.map_err(|error| format!("standard output: {error}"))
}
