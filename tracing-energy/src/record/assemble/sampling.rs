//! Which activations become rows.

use crate::record::detail::Detail;
use crate::record::instances::Instances;
use crate::record::threads::OpenActivation;

/// Decides for each activation whether it becomes a row.
pub(super) struct RowSampling {
    detail: Detail,
    /// Root activations so far.
    roots: u64,
}

impl RowSampling {
    pub(super) const fn new(detail: Detail) -> Self {
        Self { detail, roots: 0 }
    }

    /// Returns whether the next activation of `slot` becomes a row, as its parent does.
    /// `top` is the innermost activation of its thread.
    pub(super) fn is_kept(
        &mut self,
        top: Option<&OpenActivation>,
        slot: usize,
        parent: Option<u64>,
        instances: &Instances,
    ) -> bool {
        match self.detail {
            Detail::Spans => true,
            Detail::Nodes => false,
            Detail::Sampled(one_in) => match (top, parent) {
                (Some(open), _) => open.kept,
                (None, Some(_)) => {
                    let above = instances.resolve(instances.get(slot).parent);
                    above.is_some_and(|parent| parent.last_kept)
                }
                (None, None) => {
                    self.roots += 1;
                    self.roots % u64::from(one_in.max(1)) == 1 % u64::from(one_in.max(1))
                }
            },
        }
    }
}
