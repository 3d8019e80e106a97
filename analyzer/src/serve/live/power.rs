//! Readings of rails as messages.
//!
//! Readings shorter than 50 ms are merged, so that a fast sensor does not send hundreds of messages
//! per second; their energies add up.

use std::collections::BTreeMap;
use std::sync::Arc;

use energy_data::ProvenanceSet;
use energy_data::rows::{BaselineRow, RailRow, SampleRow};
use serde_json::{Value, json};

use crate::query::average_w;

/// Shortest time of a message.
const SHORTEST_NS: i64 = 50_000_000;
/// Number of phases that are kept.
const PHASES: usize = 64;

/// Rails of a run, their idle power, and phases.
#[derive(Debug, Default)]
pub(super) struct LivePower {
    rails: BTreeMap<u32, RailRow>,
    idle_w: BTreeMap<u32, f64>,
    merged: BTreeMap<u32, SampleRow>,
    /// Latest phases: span, name, start and end.
    phases: Vec<(u64, Arc<str>, i64, Option<i64>)>,
}

impl LivePower {
    /// Adds rails and idle powers. Returns whether something is new.
    pub(super) fn describe(&mut self, rails: &[RailRow], baselines: &[BaselineRow]) -> bool {
        for row in rails {
            self.rails.insert(row.id, row.clone());
        }
        for row in baselines {
            self.idle_w.insert(row.rail, row.power_w);
        }
        !rails.is_empty() || !baselines.is_empty()
    }

    /// Adds the begin or the end of a phase.
    pub(super) fn phase(
        &mut self,
        span: u64,
        name: &Arc<str>,
        (start_ns, end_ns): (i64, Option<i64>),
    ) {
        match self.phases.iter_mut().find(|phase| phase.0 == span) {
            Some(phase) => phase.3 = end_ns,
            None => self.phases.push((span, Arc::clone(name), start_ns, end_ns)),
        }
        if self.phases.len() > PHASES {
            self.phases.remove(0);
        }
    }

    /// Returns the ids of rails that no other rail contains.
    pub(super) fn roots(&self) -> impl Iterator<Item = u32> + '_ {
        self.root_rails().map(|rail| rail.id)
    }

    /// Returns whether that rail is contained in no other one.
    pub(super) fn is_root(&self, rail: u32) -> bool {
        self.rails
            .get(&rail)
            .is_some_and(|rail| rail.parent.is_none())
    }

    /// Returns the provenances of the root rails.
    pub(super) fn provenance(&self) -> Option<ProvenanceSet> {
        ProvenanceSet::union(self.root_rails().map(|rail| rail.provenance))
    }

    fn root_rails(&self) -> impl Iterator<Item = &RailRow> {
        self.rails.values().filter(|rail| rail.parent.is_none())
    }

    /// Returns the rails for the description of the run.
    pub(super) fn rail_list(&self) -> Value {
        let rail = |row: &RailRow| {
            json!({
                "rail": row.name, "source": row.source, "kind": row.kind.name(),
                "is_root": row.parent.is_none(), "provenance": row.provenance.name(),
                "idle_w": self.idle_w.get(&row.id), "interval_ns": row.interval_ns,
            })
        };
        self.rails.values().map(rail).collect()
    }

    /// Adds a reading. Passes messages with the time they end at to `send`.
    pub(super) fn sample(&mut self, row: &SampleRow, mut send: impl FnMut(i64, Value)) {
        if !self.rails.contains_key(&row.rail) {
            return;
        }
        let merged = match self.merged.remove(&row.rail) {
            Some(before) if before.end_ns == row.start_ns => SampleRow {
                end_ns: row.end_ns,
                energy_j: before.energy_j.zip(row.energy_j).map(|(a, b)| a + b),
                ..before
            },
            Some(before) => {
                self.send(&before, &mut send);
                *row
            }
            None => *row,
        };
        match merged.end_ns - merged.start_ns >= SHORTEST_NS {
            true => self.send(&merged, &mut send),
            false => drop(self.merged.insert(merged.rail, merged)),
        }
    }

    /// Passes the readings that are being merged to `send`.
    pub(super) fn finish(&mut self, mut send: impl FnMut(i64, Value)) {
        for row in std::mem::take(&mut self.merged).values() {
            self.send(row, &mut send);
        }
    }

    fn send(&self, row: &SampleRow, send: &mut impl FnMut(i64, Value)) {
        let Some(rail) = self.rails.get(&row.rail) else {
            return;
        };
        let power_w = average_w(row.energy_j, Some(row.end_ns - row.start_ns));
        let data = json!({
            "rail": rail.name, "source": rail.source, "kind": rail.kind.name(),
            "is_root": rail.parent.is_none(), "provenance": rail.provenance.name(),
            "start_ns": row.start_ns, "end_ns": row.end_ns, "energy_j": row.energy_j,
            "power_w": power_w, "power_mw": power_w.map(|watts| watts * 1e3),
            "idle_w": self.idle_w.get(&row.rail), "phase": self.phase_of(row),
        });
        send(row.end_ns, data);
    }

    /// Returns the phase that overlaps a reading longest.
    fn phase_of(&self, row: &SampleRow) -> Option<&str> {
        let overlap = |start_ns: i64, end_ns: Option<i64>| {
            end_ns.unwrap_or(i64::MAX).min(row.end_ns) - start_ns.max(row.start_ns)
        };
        let overlaps = self.phases.iter();
        let overlaps = overlaps.map(|(_, name, start, end)| (overlap(*start, *end), name));
        let longest = overlaps.max_by_key(|(overlap, _)| *overlap)?;
        (longest.0 > 0).then_some(&**longest.1)
    }
}
