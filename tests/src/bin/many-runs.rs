//! Measures the CPU time of lists, filters, pages and analyses over many runs.
//!
//! ```text
//! target/release/many-runs --runs 3000
//! ```
//!
//! The recording is generated once, and kept in the given file. Time of a command includes its start.

#![allow(clippy::print_stdout)] // It prints a report.

use std::path::PathBuf;
use std::process::Command;

use clap::Parser;
use energy_tests::many_runs::many_runs;
use energy_tests::resource_use::ResourceUse;

/// Times the command's answers over many runs.
#[derive(Debug, Parser)]
struct ManyRunsArgs {
    /// Number of runs of a new recording
    #[arg(long, default_value_t = 3000)]
    runs: u32,
    /// The recording; it is made if it does not exist
    #[arg(long, default_value = "many-runs.db")]
    db: PathBuf,
    /// The command (default: `energy` in the folder of this program)
    #[arg(long)]
    energy: Option<PathBuf>,
    /// Repetitions of each command
    #[arg(long, default_value_t = 11)]
    times: usize,
    /// Largest CPU time of lists, filters and pages, ms
    #[arg(long, default_value_t = 30.0)]
    most_ms: f64,
}

/// Arguments, and whether the limit applies.
const COMMANDS: [(&str, bool); 19] = [
    ("--version", false),
    ("runs", true),
    ("runs --limit 50 --page 30", true),
    ("runs --limit 100 --page 30", true),
    ("runs --model model --limit 50", true),
    ("runs --tag round=1 --limit 50", true),
    ("runs --group g7", true),
    ("runs --status complete --since 2026-01-01", true),
    ("runs --prompt sky --limit 50", true),
    ("runs --sort j-per-token --limit 50", true),
    ("runs --sort energy --page 20", true),
    ("runs --sort tokens-per-s --limit 50", true),
    ("runs --sort duration --reverse --limit 50", true),
    ("runs --j-per-token 0.01..0.02 --sort energy", true),
    ("runs --j-per-token 0.01..0.02 --limit 50", true),
    ("runs --format json", false),
    ("analyse batch", false),
    ("analyse pareto", false),
    ("table --format csv", false),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = ManyRunsArgs::parse();
    if !arguments.db.exists() {
        many_runs(&arguments.db, arguments.runs)?;
    }
    let own = std::env::current_exe()?;
    let energy = arguments.energy.clone();
    let energy = energy.unwrap_or_else(|| own.with_file_name("energy"));
    println!(
        "{:<44} {:>9} {:>9} {:>9}",
        "median of", "wall ms", "CPU ms", "peak MB"
    );
    let mut missed = 0;
    for (words, is_limited) in COMMANDS {
        let one = || {
            let mut command = Command::new(&energy);
            let command = command
                .args(words.split(' '))
                .env("ENERGY_DB", &arguments.db);
            ResourceUse::of(command)
        };
        let all: Vec<ResourceUse> = (0..arguments.times.max(1)).map(|_| one()).collect();
        let used = ResourceUse::summary(&all);
        let cpu_ms = used.cpu_s * 1e3;
        let verdict = match (is_limited, cpu_ms <= arguments.most_ms) {
            (false, _) => "",
            (true, true) => "met",
            (true, false) => "MISSED",
        };
        missed += usize::from(verdict == "MISSED");
        println!(
            "{words:<44} {:>9.1} {cpu_ms:>9.1} {:>9.1}  {verdict}",
            used.wall_s * 1e3,
            used.mb
        );
    }
    match missed {
        0 => Ok(()),
        missed => Err(format!("{missed} commands took more than {} ms", arguments.most_ms).into()),
    }
}
