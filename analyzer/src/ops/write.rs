//! The list in each format.

use std::io::Write;

use serde_json::{Value, json};

use super::list::{AccountEnergies, OperationList};
use super::table;
use crate::error::Result;
use crate::format::Format;
use crate::format::csv::{field, record};
use crate::format::screen::OutputStyle;

impl OperationList {
    /// Writes the list in a format; `style` only affects tables.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write, format: Format, style: &OutputStyle) -> Result<()> {
        match format {
            Format::Table => table::write(self, out, style)?,
            Format::Markdown => table::write(self, out, &OutputStyle::markdown())?,
            Format::Csv => self.csv(out)?,
            Format::Json => {
                crate::format::json::write(out, &self.value())?;
            }
        }
        Ok(())
    }

    /// Converts to one JSON object.
    pub fn value(&self) -> Value {
        let accounts = self.whole();
        json!({
            "schema": crate::format::SCHEMA,
            "command": "ops",
            "run": self.run.row.uuid,
            "provenance": self.run.provenance,
            "coverage": self.coverage,
            "attribution": self.method,
            "attribution_id": self.run.attribution,
            "rails": self.rails,
            "phase": self.scope.phase,
            "basis": self.scope.basis.map(|basis| basis.name()),
            "by": self.by.name(),
            "shares": self.shares,
            "measured_j": accounts.map(|of| of.measured_j),
            "idle_j": accounts.and_then(|of| of.idle_j),
            "other_accounts_j": accounts.map(|of| of.other_accounts_j),
            "extrapolated_j": accounts.map(|of| of.extrapolated_j),
            "experts": self.experts,
        })
    }

    /// Writes millijoules. An unknown account has no row, because an empty value could be
    /// read as zero.
    fn csv(&self, out: &mut dyn Write) -> std::io::Result<()> {
        record(out, &[self.by.name(), "energy_mj", "lo", "hi"])?;
        let millijoules = |joules: Option<f64>| field(&json!(joules.map(|joules| joules * 1e3)));
        for share in &self.shares {
            let [energy, lo, hi] = [Some(share.energy_j), share.lo_j, share.hi_j].map(millijoules);
            record(out, &[share.name.as_str(), &energy, &lo, &hi])?;
        }
        for (name, energy) in self.whole().into_iter().flat_map(AccountEnergies::rows) {
            if energy.is_some() {
                record(out, &[name, &millijoules(energy), "", ""])?;
            }
        }
        Ok(())
    }
}
