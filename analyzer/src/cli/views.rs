//! Commands that show one run. Each is an entry of [`Command`](super::Command): options and
//! examples there, and the function that reads the view here.

use std::io::Write;
use std::path::Path;

use clap::Args;

use super::console::style;
use super::database::{open_attributed, open_recording};
use crate::format::screen::OutputStyle;
use crate::format::{Answer, Format};
use crate::ops::OperationList;
use crate::options::{AttributedRun, OutputFormat};
use crate::query::{Recording, Run};
use crate::show::Show;
use crate::summary::Summary;
use crate::views::{SqlOptions, SqlResult, sql};

/// A run, the options of a view of it, and an output format.
#[derive(Debug, Args)]
pub struct ViewArgs<O: Args> {
    /// The run.
    #[command(flatten)]
    run: AttributedRun,
    /// Options of the view.
    #[command(flatten)]
    pub options: O,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

/// A view without options.
#[derive(Debug, Args)]
pub struct NoOptions {}

/// A result that is written in any format.
pub(super) trait RunView {
    /// Writes the result; `style` only affects tables.
    fn write(&self, out: &mut dyn Write, format: Format, style: &OutputStyle) -> crate::Result<()>;
}

macro_rules! views {
    ($($name:ty),*) => {$(
        impl RunView for $name {
            fn write(
                &self,
                out: &mut dyn Write,
                format: Format,
                style: &OutputStyle,
            ) -> crate::Result<()> {
                <$name>::write(self, out, format, style)
            }
        }
    )*};
}

views!(Answer, OperationList, Show, SqlResult, Summary);

impl<O: Args> ViewArgs<O> {
    /// Reads the view with `read` and writes it.
    pub(super) fn write<V: RunView>(
        &self,
        db: &Path,
        out: &mut dyn Write,
        read: impl FnOnce(&Recording, &Run, &O) -> crate::Result<V>,
    ) -> anyhow::Result<()> {
        let (recording, run) = open_attributed(db, &self.run)?;
        let view = read(&recording, &run, &self.options)?;
        Ok(view.write(out, self.output.format(), &style())?)
    }
}

/// Options of `energy query`.
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// A single SELECT statement
    #[arg(value_name = "SQL")]
    sql: String,
    /// Limits of the query.
    #[command(flatten)]
    pub options: SqlOptions,
    /// Output format.
    #[command(flatten)]
    output: OutputFormat,
}

pub(super) fn query(db: &Path, args: &QueryArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let recording = open_recording(db)?;
    let answer = sql(recording, &args.sql, args.options)?;
    Ok(answer.write(out, args.output.format(), &style())?)
}
