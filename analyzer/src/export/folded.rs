//! Folded stacks: `decode;layer_3;attention 1250`, counts in nanojoules of active self
//! energy. Flamegraph tools, speedscope, Perfetto and others read them.

use std::io::Write;

use super::nano::Nanojoules;
use super::{Format, Makes, Output, Source, Walked};
use crate::error::Result;
use crate::flamegraph::{clean, spaced};
use crate::warn::warn;

/// The format.
pub(super) struct Folded;

impl Format for Folded {
    fn name(&self) -> &'static str {
        "folded"
    }

    fn about(&self) -> &'static str {
        "folded stacks in nanojoules: flamegraph tools"
    }

    fn makes(&self) -> Makes {
        Makes::File("folded")
    }

    fn write(&self, source: &Source<'_>, out: &mut Output<'_>) -> Result<Walked> {
        let mut nano = Nanojoules::default();
        let costs = source.node_costs()?;
        let below: f64 = costs.iter().map(|cost| cost.self_j.min(0.0)).sum();
        if below < 0.0 {
            warn(&below_zero(below));
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
        Ok(Walked::default())
    }
}

/// What is said where a format has no place for less than nothing.
pub(super) fn below_zero(joules: f64) -> String {
    format!(
        "stacks of {} below zero (baseline above power) have no width and are left out",
        crate::format::energy(Some(-joules))
    )
}
