//! Asks before something is gone for good.

use std::io::Write;

use super::Usage;

/// Asks `question` on the terminal.
///
/// # Errors
/// When the answer is no, or nobody can be asked; `instead` says what to do then.
pub(super) fn confirm(question: &str, instead: &str) -> anyhow::Result<()> {
    if !super::is_interactive() {
        return Err(Usage(format!("nobody can be asked here: {instead}")).into());
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
