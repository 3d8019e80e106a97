//! The command `energy`: this package's tests can start only binaries of their own
//! package.

use std::process::ExitCode;

fn main() -> ExitCode {
    energy_analyzer::cli::main()
}
