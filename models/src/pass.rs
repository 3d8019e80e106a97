//! What the layers of one forward pass have in common.

use crate::error::Result;
use crate::sight::View;
use crate::statistics::Statistics;

/// What one forward pass shares among its layers.
#[derive(Debug)]
pub(crate) struct Pass {
    /// What layers of each kind see.
    pub views: Vec<View>,
    /// Whether kernels run decomposed.
    pub deep: bool,
    /// How statistics are taken, if they are.
    pub statistics: Option<Statistics>,
    /// Whether the pass belongs to prefill, which names the cache's op.
    pub prefill: bool,
}

impl Pass {
    /// What a layer sees.
    pub(crate) fn view(&self, kind: usize) -> Result<&View> {
        let unknown = || candle_core::Error::Msg("no view of this kind of layer".into());
        Ok(self.views.get(kind).ok_or_else(unknown)?)
    }
}
