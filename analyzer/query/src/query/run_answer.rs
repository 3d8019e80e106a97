//! Answers about one run.

use serde_json::json;

use super::attributions::attributions;
use super::coverage::{coverage_note, run_coverage, running_note, totals_until_ns};
use super::recording::{Recording, Run};
use crate::error::Result;
use crate::format::{Answer, escape};

/// Creates output about one run, with the run, its attribution and provenance. The title is
/// `RUN: what`.
///
/// # Errors
/// If the file cannot be read.
pub fn run_answer(
    command: &'static str,
    what: &str,
    recording: &Recording,
    run: &Run,
) -> Result<Answer> {
    let mut attributions = attributions(recording, run)?.into_iter();
    let shown = attributions.find(|one| one.is_shown);
    let title = format!("{}: {what}", escape(&run.title()));
    let coverage = run_coverage(recording, run)?;
    let mut answer = Answer::new(command, title)
        .with("run", json!(run.row.uuid))
        .with("name", json!(run.row.metadata.name))
        .with("provenance", json!(run.provenance))
        .with("coverage", json!(coverage))
        .with("attribution", json!(shown.as_ref().map(|one| one.title())))
        .with("attribution_id", json!(run.attribution));
    if let Some(caveat) = run.caveat() {
        answer = answer.caution(format!("All energies below are {caveat}."));
    }
    let running = running_note(totals_until_ns(recording, run)?);
    for note in running.into_iter().chain(coverage_note(coverage)) {
        answer = answer.caution(note);
    }
    Ok(answer)
}
