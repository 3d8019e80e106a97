//! Folded stacks: `decode;layer_3;attention 1250`, counts in nanojoules of active self energy.
//! Read by flamegraph tools, speedscope, Perfetto and others.

use std::io::Write;

use super::format::{ExportFormat, FormatOutput};
use super::nano::Nanojoules;
use super::output::ExportWriter;
use super::source::ExportSource;
use crate::error::Result;
use crate::format::label::{clean, spaced};
use crate::walk::WalkStats;

/// The folded format.
pub(super) struct Folded;

impl ExportFormat for Folded {
    fn name(&self) -> &'static str {
        "folded"
    }

    fn about(&self) -> &'static str {
        "folded stacks in nanojoules: flamegraph tools"
    }

    fn output(&self) -> FormatOutput {
        FormatOutput::File("folded")
    }

    fn write(&self, source: &ExportSource<'_>, out: &mut ExportWriter<'_>) -> Result<WalkStats> {
        let mut nano = Nanojoules::default();
        let costs = source.node_costs()?;
        let negative_j: f64 = costs.iter().map(|cost| cost.self_j.min(0.0)).sum();
        if negative_j < 0.0 {
            out.warn(negative_energy_warning(negative_j));
        }
        for cost in costs {
            let count = nano.next(cost.self_j.max(0.0));
            if count > 0 {
                let labels = source.ledger.path(cost.node);
                let labels: Vec<String> = labels
                    .iter()
                    .map(|label| spaced(&clean(label), '_'))
                    .collect();
                writeln!(out, "{} {count}", labels.join(";"))?;
            }
        }
        Ok(WalkStats::default())
    }
}

/// Returns the warning for formats that cannot show negative energy.
pub(super) fn negative_energy_warning(joules: f64) -> String {
    format!(
        "stacks with {} of negative energy (baseline above power) have no width and are omitted",
        crate::format::energy(Some(-joules))
    )
}
