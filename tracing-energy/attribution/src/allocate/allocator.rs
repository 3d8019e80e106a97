//! The interface of methods.

use std::fmt::Debug;

use crate::allocate::allocation::Allocation;
use crate::prices::{EstimateMetadata, RailEstimates};
use crate::spans::node_kinds::NodeKinds;
use crate::windows::rail::RailInfo;
use crate::windows::view::WindowView;

/// A method of attribution.
pub(crate) trait Allocator: Debug {
    /// Divides the energy of a window. Windows come in the order in which they close.
    fn allocate(&mut self, view: &WindowView) -> Allocation;

    /// Returns the offset of the clock of a rail's sensor and its standard deviation.
    fn clock(&self, _rail: u32) -> (i64, f64) {
        (0, 0.0)
    }

    /// Returns the estimates of kinds by rail id, if the method has any.
    fn estimates(&mut self, _kinds: &NodeKinds) -> Option<&RailEstimates> {
        None
    }

    /// Returns name, parameters and diagnostics of the method; `None` for `proportional`.
    fn metadata(&self, _rails: &[RailInfo]) -> Option<EstimateMetadata> {
        None
    }

    /// Whether kinds are estimated live, on rails of which some can be estimated.
    fn is_estimating(&self, _rails: &[RailInfo]) -> bool {
        false
    }
}
