//! Rails that appear or are found to be contained in another during a run.

use super::Collector;
use energy_data::rows::RailRow;
use energy_power::containment::{NOTICE, PlacedRail};

impl Collector {
    /// Replaces the rails of a source.
    pub(super) fn set_rails(&mut self, source: usize, rails: Vec<PlacedRail>) {
        let rows = self.parts.rails.set_rails(source, rails);
        self.write_rails(rows);
    }

    /// Determines again which rail contains which; reports findings and assumptions as events.
    pub(super) fn settle_rails(&mut self, now_ns: i64, is_final: bool) {
        self.last_settled_ns = now_ns;
        let (rows, messages) = self.parts.rails.settle(is_final);
        self.write_rails(rows);
        for message in messages {
            self.event(now_ns, NOTICE, message);
        }
    }

    fn write_rails(&mut self, rows: Vec<RailRow>) {
        for row in rows {
            self.engine.rail(row.clone());
            self.batch.rails.push(row);
        }
    }
}
