//! Warnings, and properties of the terminal.

use std::io::{IsTerminal, Write};

use crate::format::screen::OutputStyle;

/// Prints a warning to stderr.
pub(super) fn warn(text: &str) {
    let _ = writeln!(
        std::io::stderr(),
        "energy: warning: {}",
        crate::format::escape(text)
    );
}

/// Returns the style of text on stdout.
pub(super) fn style() -> OutputStyle {
    OutputStyle::of_stdout()
}

/// Returns whether input and errors are a terminal, so that a question reaches a person.
pub(super) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Returns the error of commands that need a model.
#[cfg(not(feature = "inference"))]
pub(super) fn without_inference() -> anyhow::Error {
    anyhow::anyhow!(
        "this build cannot run models; install one that can: cargo install energy-analyzer \
         --features inference"
    )
}
