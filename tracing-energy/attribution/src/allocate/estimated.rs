//! Methods `fitted` and `calibrated`: prices of a fit of the whole run. Samples that the fit does
//! not contain are split in proportion.

use crate::allocate::allocation::Allocation;
use crate::allocate::allocator::Allocator;
use crate::allocate::placing;
use crate::allocate::proportional::{Proportional, split_joule};
use crate::prices::{EstimateMetadata, Prices, RailEstimates};
use crate::spans::node_kinds::NodeKinds;
use crate::windows::rail::RailInfo;
use crate::windows::view::WindowView;

/// Allocates by the prices of a fit.
#[derive(Debug)]
pub(crate) struct Estimated {
    metadata: EstimateMetadata,
    rails: RailEstimates,
    proportional: Proportional,
}

impl Estimated {
    /// Creates the method from prices. Also returns their kinds.
    pub(crate) fn new(prices: Prices) -> (Self, NodeKinds) {
        let method = Self {
            metadata: prices.metadata,
            rails: prices.rails,
            proportional: Proportional::default(),
        };
        (method, NodeKinds::fixed(prices.of_node, prices.names))
    }
}

impl Allocator for Estimated {
    fn allocate(&mut self, view: &WindowView) -> Allocation {
        let measured = &view.sample.measured;
        let rail = self.rails.get(&view.sample.rail);
        match rail.and_then(|rail| rail.samples.get(&measured.sample)) {
            Some(accounts) => {
                placing::allocation(accounts, measured.share, view, &split_joule(view))
            }
            None => self.proportional.allocate(view),
        }
    }

    fn clock(&self, rail: u32) -> (i64, f64) {
        let rail = self.rails.get(&rail);
        rail.map_or((0, 0.0), |rail| (rail.clock_offset_ns, rail.clock_sd_ns))
    }

    fn estimates(&mut self, _: &NodeKinds) -> Option<&RailEstimates> {
        Some(&self.rails)
    }

    fn metadata(&self, _: &[RailInfo]) -> Option<EstimateMetadata> {
        Some(self.metadata.clone())
    }
}
