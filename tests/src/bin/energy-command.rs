//! The command `energy` as it is: this package's tests may start only programs of
//! its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    energy_analyzer::cli::main()
}
