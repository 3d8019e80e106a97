//! Options that name the packs and the program that reads them.

use std::io::Write;

use clap::Args;
use energy_fleet::questions::{Engine, EngineProgram, Parameters, Session, Timing};

/// The packs, and the program that reads them.
#[derive(Debug, Args)]
pub(super) struct ProgramOptions {
    /// Folder or bucket with the packs: a path, s3://, gs:// or az://
    #[arg(value_name = "ROOT")]
    root: String,
    /// Program that executes the SQL: spark-sql, duckdb or clickhouse
    #[arg(
        long = "with",
        alias = "engine",
        value_name = "ENGINE",
        value_enum,
        hide_possible_values = true
    )]
    engine: Engine,
    /// Command of the program, with its options, or a Python that has its package
    /// [default: found in PATH]
    #[arg(long, value_name = "COMMAND")]
    program: Option<String>,
    /// Report how long the session and each question took, on stderr
    #[arg(long)]
    timing: bool,
}

impl ProgramOptions {
    /// Returns the program and its session.
    pub(super) fn open(&self, parameters: &Parameters) -> anyhow::Result<(EngineProgram, Session)> {
        let session = Session::new(self.engine, &self.root, parameters)?;
        let program = EngineProgram::find(self.engine, self.program.as_deref())?;
        Ok((program, session))
    }

    /// Prints times if they are requested.
    pub(super) fn print(&self, timing: &Timing) {
        if !self.timing {
            return;
        }
        let mut errors = std::io::stderr();
        let first = ("session and views", timing.preparation);
        let others = timing.questions.iter();
        let others = others.map(|(name, duration)| (name.as_str(), *duration));
        for (name, duration) in std::iter::once(first).chain(others) {
            let _ = writeln!(errors, "{:>8.2} s  {name}", duration.as_secs_f64());
        }
    }
}
