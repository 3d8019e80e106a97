//! Confirmation prompts before data is deleted.

use std::io::Write;

use super::console::is_interactive;
use super::exit::UsageError;

/// Prompts on the terminal and reads y or N.
///
/// # Errors
/// If the answer is no, or there is no terminal; `instead` names the option to use then.
pub(super) fn confirm(question: &str, instead: &str) -> anyhow::Result<()> {
    if !is_interactive() {
        return Err(UsageError(format!("no terminal to confirm on: {instead}")).into());
    }
    let mut err = std::io::stderr();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => anyhow::bail!("nothing was changed"),
    }
}
