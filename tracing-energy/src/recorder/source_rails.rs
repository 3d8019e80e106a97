//! The rails of the running sources as rows: their ids, and which contains which.
//!
//! A rail may appear during the run, and its parent may be found later. A changed row is
//! written again.

use energy_data::rows::RailRow;
use energy_power::containment::{PlacedRail, Placement, Topology};
use energy_power::{Description, Sample};

/// Rows of rails, and the sources they come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceRails {
    rows: Vec<RailRow>,
    sources: Vec<RailsOfSource>,
    topology: Topology,
}

#[derive(Debug, Clone)]
struct RailsOfSource {
    /// Without rails.
    description: Description,
    /// Ids of its rails.
    ids: Vec<u32>,
}

impl SourceRails {
    /// Adds a source with its rails.
    pub(crate) fn add_source(
        &mut self,
        description: &Description,
        placement: impl Fn(usize) -> Placement,
    ) {
        let rails = description.rails.iter().cloned().enumerate();
        let rails = rails.map(|(at, rail)| (rail, placement(at))).collect();
        self.topology.add_source(
            &Description {
                rails: Vec::new(),
                ..description.clone()
            },
            |_| Placement::Unknown,
        );
        self.sources.push(RailsOfSource {
            description: Description {
                rails: Vec::new(),
                ..description.clone()
            },
            ids: Vec::new(),
        });
        self.set_rails(self.sources.len() - 1, rails);
    }

    /// Replaces the rails of a source and returns the new or changed rows.
    pub(crate) fn set_rails(&mut self, source: usize, rails: Vec<PlacedRail>) -> Vec<RailRow> {
        let known = self.sources[source].ids.len();
        let mut new = Vec::new();
        for (rail, _) in rails.iter().skip(known) {
            let id = self.rows.len() as u32 + 1;
            let RailsOfSource { description, ids } = &mut self.sources[source];
            ids.push(id);
            new.push(id);
            self.rows.push(RailRow {
                id,
                source: description.name.clone(),
                name: rail.name.clone(),
                parent: None,
                kind: rail.kind,
                unit: rail.unit.to_owned(),
                interval_ns: description.interval.nanos(),
                kernel: description.kernel,
                provenance: description.provenance,
            });
        }
        self.topology.set_rails(source, rails);
        let changed = self.place(&self.topology.places());
        let is_due = |row: &&RailRow| new.contains(&row.id) || changed.contains(&row.id);
        self.rows.iter().filter(is_due).cloned().collect()
    }

    /// Adds a delivered sample.
    pub(crate) fn sample(&mut self, source: usize, sample: &Sample) {
        self.topology.sample(source, sample);
    }

    /// Determines again which rail contains which; returns the changed rows and the
    /// messages to report.
    pub(crate) fn settle(&mut self, is_final: bool) -> (Vec<RailRow>, Vec<String>) {
        let (places, messages) = self.topology.report(is_final);
        let changed = self.place(&places);
        let rows = self.rows.iter().filter(|row| changed.contains(&row.id));
        (rows.cloned().collect(), messages)
    }

    /// Sets parents; returns the ids of rows that changed.
    fn place(&mut self, places: &[energy_power::containment::RailPlace]) -> Vec<u32> {
        let mut changed = Vec::new();
        for place in places {
            let Some(id) = self.id(place.source, place.rail) else {
                continue;
            };
            let parent = place
                .parent
                .and_then(|(source, rail)| self.id(source, rail));
            let row = &mut self.rows[id as usize - 1];
            if row.parent != parent {
                row.parent = parent;
                changed.push(id);
            }
        }
        changed
    }

    /// Returns the id of a source's rail.
    pub(crate) fn id(&self, source: usize, rail: usize) -> Option<u32> {
        self.sources.get(source)?.ids.get(rail).copied()
    }

    /// Returns the number of sources.
    pub(crate) fn sources(&self) -> usize {
        self.sources.len()
    }

    /// Returns the rows of all rails, by id.
    pub(crate) fn rows(&self) -> &[RailRow] {
        &self.rows
    }
}
