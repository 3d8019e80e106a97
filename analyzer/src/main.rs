//! The command `energy`.

use std::process::ExitCode;

fn main() -> ExitCode {
    energy_analyzer::cli::main()
}
