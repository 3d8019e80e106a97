//! Executions before the recorded one: they fill caches of files and raise clocks. They are no part of
//! the run, because a program without spans counts as a whole.

use std::process::{Command, Stdio};

use super::executable::{cannot, missing};
use crate::error::{Error, Result};
use crate::format::{escape, shorten};
use crate::program::{DATABASE, Interrupt, LAYER_DATABASE, RUN_ID};

/// Executes the program `count` times, without its output. `words` are the program and its arguments.
///
/// # Errors
/// If it cannot be started, fails, or a signal is received.
pub(super) fn execute(words: &[String], count: usize, interrupt: &Interrupt) -> Result<()> {
    let (program, arguments) = words.split_first().ok_or_else(|| missing(""))?;
    for number in 1..=count {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        // A program that records itself would add a run.
        for variable in [DATABASE, LAYER_DATABASE, RUN_ID] {
            command.env_remove(variable);
        }
        let child = command.spawn().map_err(|error| cannot(program, &error))?;
        let ended = interrupt.wait(child)?;
        if interrupt.is_received() {
            return Err(interrupt.error());
        }
        if let Some(failure) = ended.failure() {
            return Err(Error::Program {
                program: escape(&shorten(&words.join(" "), 80)),
                what: format!("execution {number} of the warm-up: {failure}"),
            });
        }
    }
    Ok(())
}
