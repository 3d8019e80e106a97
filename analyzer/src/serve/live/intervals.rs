//! Energies of spans with a role: the run, phases, sections and tokens.

use std::collections::BTreeMap;

use energy_data::interval_energy::{IntervalEnergy, RailInterval};
use energy_data::rows::{SpanEnergyRow, SpanRow};

use crate::query::ends_over_rails;

/// Energy of the time of a span, summed over root rails.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct LiveEnergy {
    /// Sum over the rails.
    pub(super) sum: IntervalEnergy,
    /// Lower end of its 90 % interval.
    pub(super) lo_j: Option<f64>,
    /// Upper end.
    pub(super) hi_j: Option<f64>,
}

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
    ) -> Vec<(SpanRow, LiveEnergy)> {
        let mut by_span: BTreeMap<u64, Vec<&SpanEnergyRow>> = BTreeMap::new();
        for row in rows.iter().filter(|row| roots.contains(&row.rail)) {
            by_span.entry(row.span).or_default().push(row);
        }
        let mut taken = Vec::new();
        self.0.retain(|seq, row| {
            let is_late = row.end_ns.is_some_and(|end_ns| end_ns <= late_ns);
            let energy = match by_span.get(seq) {
                Some(rows) if rows.len() == roots.len() => energy(row, rows),
                Some(_) => LiveEnergy::default(),
                None if is_late => LiveEnergy::default(),
                None => return true,
            };
            taken.push((*row, energy));
            false
        });
        taken.sort_by_key(|(row, _)| (row.end_ns, row.seq));
        taken
    }
}

fn energy(span: &SpanRow, rows: &[&SpanEnergyRow]) -> LiveEnergy {
    let duration_ns = span.end_ns.unwrap_or(span.start_ns) - span.start_ns;
    let interval = |row: &&SpanEnergyRow| RailInterval {
        duration_ns,
        covered_ns: Some(row.covered_ns),
        measured_j: row.energy_j,
        idle_j: row.idle_j,
        extrapolated_j: Some(row.extrapolated_j),
        ..RailInterval::default()
    };
    let intervals: Vec<RailInterval> = rows.iter().map(interval).collect();
    let sum = IntervalEnergy::over_rails(&intervals);
    let ends = intervals.iter().zip(rows);
    let ends = ends.map(|(interval, row)| (*interval, row.lo_j, row.hi_j));
    let (lo_j, hi_j) = match sum.energy_j {
        Some(energy_j) => ends_over_rails(ends, energy_j),
        None => (None, None),
    };
    LiveEnergy { sum, lo_j, hi_j }
}
