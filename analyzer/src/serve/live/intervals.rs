//! Energies of spans with a role: the run, phases, sections and tokens.

use std::collections::BTreeMap;

use energy_data::interval_energy::{IntervalEnergy, RailInterval};
use energy_data::rows::{SpanEnergyRow, SpanRow};

use crate::query::span_energy_over_rails;

/// Spans that have ended and wait for their energies.
#[derive(Debug, Default)]
pub(super) struct EndedSpans(BTreeMap<u64, SpanRow>);

impl EndedSpans {
    /// Adds a span that has ended.
    pub(super) fn add(&mut self, row: &SpanRow) {
        self.0.insert(row.seq, *row);
    }

    /// Returns the spans with energies in `rows`, which holds all rows of a span, in the order of
    /// their ends. Spans whose energies have not arrived although they ended before `late_ns` are
    /// included, with unknown energies.
    pub(super) fn take(
        &mut self,
        rows: &[SpanEnergyRow],
        roots: &[u32],
        late_ns: i64,
    ) -> Vec<(SpanRow, IntervalEnergy)> {
        let mut by_span: BTreeMap<u64, Vec<&SpanEnergyRow>> = BTreeMap::new();
        for row in rows.iter().filter(|row| roots.contains(&row.rail)) {
            by_span.entry(row.span).or_default().push(row);
        }
        let mut taken = Vec::new();
        self.0.retain(|seq, row| {
            let is_late = row.end_ns.is_some_and(|end_ns| end_ns <= late_ns);
            let energy = match by_span.get(seq) {
                Some(rows) if rows.len() == roots.len() => energy(row, rows),
                Some(_) => IntervalEnergy::default(),
                None if is_late => IntervalEnergy::default(),
                None => return true,
            };
            taken.push((*row, energy));
            false
        });
        taken.sort_by_key(|(row, _)| (row.end_ns, row.seq));
        taken
    }
}

fn energy(span: &SpanRow, rows: &[&SpanEnergyRow]) -> IntervalEnergy {
    let duration_ns = span.end_ns.unwrap_or(span.start_ns) - span.start_ns;
    let part = |row: &&SpanEnergyRow| {
        let interval = RailInterval {
            duration_ns,
            covered_ns: Some(row.covered_ns),
            measured_j: row.energy_j,
            idle_j: row.idle_j,
            extrapolated_j: Some(row.extrapolated_j),
            ..RailInterval::default()
        };
        (interval, row.lo_j, row.hi_j)
    };
    span_energy_over_rails(&rows.iter().map(part).collect::<Vec<_>>())
}
