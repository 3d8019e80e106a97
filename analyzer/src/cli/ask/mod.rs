//! Commands that ask about one run: their options; what they say is in
//! [`crate::ask`].

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

use super::WhichFigures;
use crate::ask::{Scope, parse_basis};
use crate::format::{Answer, Format};
use crate::query::{Recording, Run};

pub(super) use balance::BalanceArgs;
pub(super) use hot::HotArgs;
pub(super) use layers::LayersArgs;
pub(super) use pipeline::PipelineArgs;
pub(super) use power::PowerArgs;
pub(super) use sql::QueryArgs;
pub(super) use tokens::TokensArgs;

pub(super) use sql::run as query;

/// What all of them take.
#[derive(Debug, Clone, Args)]
pub(super) struct Asked {
    #[command(flatten)]
    pub(super) run: WhichFigures,
    /// This rail only, in place of the sum of root rails
    #[arg(long, value_name = "NAME")]
    rail: Option<String>,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// What those about spans take besides.
#[derive(Debug, Clone, Args)]
pub(super) struct Part {
    /// This phase only: decode
    #[arg(long, value_name = "NAME")]
    phase: Option<String>,
    /// Only rows found this way: fitted, grouped, measured, proportional, ...
    #[arg(long, value_name = "BASIS", value_parser = parse_basis)]
    basis: Option<Basis>,
}

impl Asked {
    fn answer(
        &self,
        db: &Path,
        part: Option<&Part>,
        out: &mut dyn Write,
        ask: impl FnOnce(&Recording, &Run, Scope) -> crate::Result<Answer>,
    ) -> anyhow::Result<()> {
        let (recording, run) = super::open_figures(db, &self.run)?;
        let answer = ask(&recording, &run, self.scope(part))?;
        Ok(answer.write(out, self.format, &super::look())?)
    }

    /// The part of the run that is asked about.
    pub(super) fn scope(&self, part: Option<&Part>) -> Scope {
        Scope {
            rail: self.rail.clone(),
            phase: part.and_then(|part| part.phase.clone()),
            basis: part.and_then(|part| part.basis),
        }
    }
}

/// A command that obeys.
pub(super) trait Ask {
    fn run(&self, db: &Path, out: &mut dyn Write) -> anyhow::Result<()>;
}
