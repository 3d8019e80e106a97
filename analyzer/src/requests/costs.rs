//! Adds up what the activations of each request cost.

use energy_data::interval_energy::is_covered_by_windows;

use super::map::RequestMap;
use crate::error::Result;
use crate::query::{Recording, Run};
use crate::walk::{ActivationVisitor, EntryCost, PricedActivation, WalkFilter, WalkPrice, walk_by};

/// Returns the cost of each request, by position; `None`: too little of it was measured.
pub(super) fn costs(
    recording: &Recording,
    run: &Run,
    map: &RequestMap,
    price: WalkPrice,
) -> Result<Vec<Option<f64>>> {
    let mut sums = CostSums {
        map,
        sums: vec![CostSum::default(); map.requests.len()],
    };
    walk_by(recording, run, &WalkFilter::default(), price, &mut sums)?;
    Ok(sums.sums.iter().map(CostSum::known).collect())
}

#[derive(Debug, Clone, Copy, Default)]
struct CostSum {
    cost: f64,
    self_ns: i64,
    known_ns: i64,
}

impl CostSum {
    fn known(&self) -> Option<f64> {
        is_covered_by_windows(self.known_ns, self.self_ns).then_some(self.cost)
    }
}

struct CostSums<'m> {
    map: &'m RequestMap,
    sums: Vec<CostSum>,
}

impl ActivationVisitor for CostSums<'_> {
    fn exit(&mut self, activation: &PricedActivation, cost: &EntryCost) -> Result<()> {
        let Some(at) = self.map.of(activation.row.seq) else {
            return Ok(());
        };
        let sum = &mut self.sums[at];
        sum.self_ns += cost.self_ns;
        if let Some(self_j) = cost.self_j {
            sum.known_ns += cost.self_ns;
            sum.cost += self_j;
        }
        Ok(())
    }
}
