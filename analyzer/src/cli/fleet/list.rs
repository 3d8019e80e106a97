//! `energy fleet questions`.

use std::io::Write;

use clap::Args;
use energy_fleet::questions::QUESTIONS;
use serde_json::json;

use super::super::console::style;
use crate::format::{Answer, Column, Sheet};
use crate::options::OutputFormat;

/// Options of `energy fleet questions`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  energy fleet questions
  energy fleet questions --json")]
pub struct FleetQuestionsArgs {
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn run(args: &FleetQuestionsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let rows = QUESTIONS.map(|question| {
        json!({ "name": question.name, "about": question.about, "options": question.uses })
    });
    let columns = vec![
        Column::text("name", "question"),
        Column::text("about", "answer"),
        Column::text("options", "options"),
    ];
    let answer = Answer::new("fleet questions", "Questions about a fleet")
        .sheet(Sheet::of_values("questions", "", columns, rows.into()))
        .note("All of them have --since DATE and --until DATE.");
    Ok(answer.write(out, args.output.format(), &style())?)
}
