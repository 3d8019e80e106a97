//! Measures time and memory of the command on large runs.
//!
//! ```text
//! target/release/large-run --spans 10M --runs 2 --db large.db
//! target/release/query-speed --db large.db
//! ```

#![allow(clippy::print_stdout)] // It prints a report.

use std::path::PathBuf;
use std::process::Command;

use clap::Parser;
use energy_tests::resource_use::ResourceUse;

/// Times the command's answers.
#[derive(Debug, Parser)]
struct QuerySpeedArgs {
    /// A recording with the runs large-0 and large-1
    #[arg(long, default_value = "large.db")]
    db: PathBuf,
    /// The command (default: `energy` in the folder of this program)
    #[arg(long)]
    energy: Option<PathBuf>,
    /// Repetitions of each command
    #[arg(long, default_value_t = 11)]
    times: usize,
}

/// Arguments, the time limit in s, and the memory limit in MB.
const COMMANDS: [(&str, Option<f64>, Option<f64>); 15] = [
    ("--help", Some(0.02), None),
    ("summary large-0", Some(0.2), Some(64.0)),
    ("hot large-0", Some(0.2), Some(64.0)),
    ("flamegraph large-0 -o -", Some(0.2), Some(64.0)),
    ("tokens large-0", Some(0.5), None),
    ("tokens large-0 --format json", None, None),
    ("layers large-0", Some(0.5), None),
    ("pipeline large-0", None, None),
    ("ops large-0", None, None),
    ("balance large-0", None, None),
    ("power large-0", None, None),
    ("show large-0", None, None),
    ("runs", None, None),
    ("compare large-0 large-1", Some(0.5), None),
    ("size", None, None),
];

fn main() {
    let arguments = QuerySpeedArgs::parse();
    let own = std::env::current_exe().expect("a path");
    let energy = arguments.energy.clone();
    let energy = energy.unwrap_or_else(|| own.with_file_name("energy"));
    println!(
        "{:<32} {:>9} {:>9} {:>9}  aims",
        "median of", "wall s", "CPU s", "peak MB"
    );
    for (words, most_s, most_mb) in COMMANDS {
        let used: Vec<ResourceUse> = (0..arguments.times)
            .map(|_| measure(&energy, &arguments, words))
            .collect();
        let used = ResourceUse::summary(&used);
        let (wall, cpu, memory) = (used.wall_s, used.cpu_s, used.mb);
        let aim = |aim: Option<f64>, value: f64, unit: &str| {
            let verdict = |aim: f64| if value <= aim { "met" } else { "MISSED" };
            aim.map_or(String::new(), |aim| {
                format!(" {aim} {unit} {}", verdict(aim))
            })
        };
        let aims = aim(most_s, wall, "s") + &aim(most_mb, memory, "MB");
        println!("{words:<32} {wall:>9.3} {cpu:>9.3} {memory:>9.1} {aims}");
    }
}

/// Runs a command once and returns time and memory of this child alone.
fn measure(energy: &PathBuf, arguments: &QuerySpeedArgs, words: &str) -> ResourceUse {
    let mut command = Command::new(energy);
    ResourceUse::of(
        command
            .args(words.split(' '))
            .env("ENERGY_DB", &arguments.db),
    )
}
