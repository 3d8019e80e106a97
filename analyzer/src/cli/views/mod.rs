//! Options of the commands that show one view of a run. The views are in
//! [`crate::views`].

mod balance;
mod hot;
mod layers;
mod pipeline;
mod power;
mod sql;
mod tokens;

use std::io::Write;
use std::path::Path;

use clap::Args;
use tracing_energy::rows::Basis;

use super::AttributedRun;
use crate::format::{Answer, Format};
use crate::query::{Recording, Run};
use crate::views::{Scope, parse_basis};

pub(super) use balance::BalanceArgs;
pub(super) use hot::HotArgs;
pub(super) use layers::LayersArgs;
pub(super) use pipeline::PipelineArgs;
pub(super) use power::PowerArgs;
pub(super) use sql::QueryArgs;
pub(super) use tokens::TokensArgs;

pub(super) use sql::run as query;

/// Options common to all of these commands.
#[derive(Debug, Clone, Args)]
pub(super) struct CommonArgs {
    #[command(flatten)]
    pub(super) run: AttributedRun,
    /// Only use this rail (default: the sum of root rails)
    #[arg(long, value_name = "NAME")]
    rail: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// Additional options of the commands that list spans.
#[derive(Debug, Clone, Args)]
pub(super) struct SpanFilter {
    /// Only use this phase, e.g. decode
    #[arg(long, value_name = "NAME")]
    phase: Option<String>,
    /// Only list rows with this basis: fitted, grouped, measured, proportional, ...
    #[arg(long, value_name = "BASIS", value_parser = parse_basis)]
    basis: Option<Basis>,
}

impl CommonArgs {
    fn answer(
        &self,
        db: &Path,
        filter: Option<&SpanFilter>,
        out: &mut dyn Write,
        read: impl FnOnce(&Recording, &Run, Scope) -> crate::Result<Answer>,
    ) -> anyhow::Result<()> {
        let (recording, run) = super::open_attributed(db, &self.run)?;
        let answer = read(&recording, &run, self.scope(filter))?;
        Ok(answer.write(out, self.format, &super::style())?)
    }

    /// Returns the part of the run that the options select.
    pub(super) fn scope(&self, filter: Option<&SpanFilter>) -> Scope {
        Scope {
            rail: self.rail.clone(),
            phase: filter.and_then(|filter| filter.phase.clone()),
            basis: filter.and_then(|filter| filter.basis),
        }
    }
}

/// A command that can be run on a database.
pub(super) trait RunCommand {
    /// Runs the command on the database at `db` and writes the result to `out`.
    fn run(&self, db: &Path, out: &mut dyn Write) -> anyhow::Result<()>;
}
