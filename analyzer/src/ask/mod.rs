//! Questions about one run, one file for each: what they list, as an
//! [`Answer`](crate::format::Answer) in any format.

mod balance;
mod hot;
mod layers;
mod pipeline;
mod power;
mod spread;
mod sql;
mod tokens;

pub use balance::balance;
pub use hot::hot;
pub use layers::layers;
pub use pipeline::pipeline;
pub use power::power;
pub(crate) use spread::Spread;
pub use sql::{Answered, SqlOptions, sql};
pub use tokens::{TokensOptions, tokens};

use tracing_energy::rows::Basis;

use crate::error::{Error, Result};
use crate::query::{self, Ledger, Recording, Run};

/// The part of a run that a question is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// This rail only, in place of the sum of root rails.
    pub rail: Option<String>,
    /// What is in phases of this name only.
    pub phase: Option<String>,
    /// Only rows of which some part was found this way.
    pub basis: Option<Basis>,
}

impl Scope {
    /// The nodes it is about.
    fn ledger(&self, recording: &Recording, run: &Run) -> Result<Ledger> {
        if run.attribution.is_none() {
            return Err(run.not_attributed());
        }
        query::ledger(recording, run, self.rail.as_deref())?.within(self.phase.as_deref())
    }

    /// Whether a row whose figure was found that way is wanted.
    pub(crate) fn wants(&self, basis: Option<&str>) -> bool {
        let Some(wanted) = self.basis else {
            return true;
        };
        let mut parts = basis.unwrap_or_default().split('+');
        parts.any(|part| part == wanted.name())
    }

    /// `, rail gpu, phase decode`, for titles.
    pub(crate) fn words(&self) -> String {
        let parts = [("rail", &self.rail), ("phase", &self.phase)];
        let known = parts.into_iter().filter_map(|(what, name)| {
            let name = crate::format::shorten(&crate::format::escape(name.as_deref()?), 40);
            Some(format!(", {what} {name}"))
        });
        let basis = self.basis.map(|basis| format!(", basis {}", basis.name()));
        known.chain(basis).collect()
    }
}

/// A basis by its name.
///
/// # Errors
/// When there is none of that name; the message lists them.
pub fn parse_basis(text: &str) -> Result<Basis> {
    Basis::from_name(text).ok_or_else(|| Error::Unknown {
        what: "basis",
        name: crate::format::escape(text),
        known: "measured, fitted, calibrated, grouped, proportional, modelled, replayed".into(),
    })
}

/// Said under ledger figures.
const LEDGER: &str =
    "Energies are the active share of spans with their share of idle power (ledger).";
