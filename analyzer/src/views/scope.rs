//! The part of a run that a view shows.

use clap::Args;
use energy_data::BasisSet;
use energy_data::rows::Basis;

use crate::error::{Error, Result};
use crate::options::{PHASE_HELP, RAIL_HELP};
use crate::query::{self, NodeLedger, Recording, Run};

/// The part of a run that a view shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ViewScope {
    /// Only this rail; `None` for the sum of root rails.
    #[arg(long, value_name = "RAIL", help = RAIL_HELP)]
    pub rail: Option<String>,
    /// Only phases of this name.
    #[arg(long, value_name = "PHASE", help = PHASE_HELP)]
    pub phase: Option<String>,
    /// Only rows with this basis, at least in part.
    #[arg(long, value_name = "BASIS", help = basis_help(), value_parser = parse_basis)]
    pub basis: Option<Basis>,
}

impl ViewScope {
    /// Reads the ledger of this part.
    pub(super) fn ledger(&self, recording: &Recording, run: &Run) -> Result<NodeLedger> {
        if run.attribution.is_none() {
            return Err(run.not_attributed());
        }
        query::ledger(recording, run, self.rail.as_deref())?.within(self.phase.as_deref())
    }

    /// Returns whether a row with that basis is part of the scope.
    pub(crate) fn wants(&self, basis: Option<BasisSet>) -> bool {
        let Some(wanted) = self.basis else {
            return true;
        };
        basis.is_some_and(|bases| bases.contains(wanted))
    }

    /// Returns a suffix for titles: `, rail gpu, phase decode`.
    pub(crate) fn text(&self) -> String {
        let parts = [("rail", &self.rail), ("phase", &self.phase)];
        let known = parts.into_iter().filter_map(|(what, name)| {
            let name = crate::format::shorten(&crate::format::escape(name.as_deref()?), 40);
            Some(format!(", {what} {name}"))
        });
        let basis = self.basis.map(|basis| format!(", basis {}", basis.name()));
        known.chain(basis).collect()
    }
}

/// Names of the bases.
const BASES: &str = "measured, fitted, calibrated, grouped, proportional, modelled, replayed";

fn basis_help() -> String {
    format!("Only list rows with this basis: {BASES} [default: all]")
}

/// Parses the name of a basis.
///
/// # Errors
/// If there is no basis of that name; the message lists them.
pub fn parse_basis(text: &str) -> Result<Basis> {
    Basis::from_name(text).ok_or_else(|| Error::Unknown {
        what: "basis",
        name: crate::format::escape(text),
        known: BASES.to_owned(),
    })
}

/// Note below ledger energies.
pub(super) const LEDGER: &str =
    "Energies are the spans' active energy plus their share of idle energy (ledger).";
