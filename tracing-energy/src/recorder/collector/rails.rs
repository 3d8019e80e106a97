//! Rails that appear or turn out to lie in another one while a run goes on.

use super::Collector;
use crate::power::containment::{NOTICE, PlacedRail};
use crate::rows::RailRow;

impl Collector {
    /// Takes the rails of a source anew.
    pub(super) fn set_rails(&mut self, source: usize, rails: Vec<PlacedRail>) {
        let rows = self.parts.rails.set_rails(source, rails);
        self.write_rails(rows);
    }

    /// Decides anew which rail contains which; what is found or assumed is an event.
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
