//! What the layers of one forward pass have in common.

use crate::sight::View;
use crate::statistics::Statistics;

/// What one forward pass shares among its layers.
#[derive(Debug)]
pub(crate) struct Pass {
    /// What layers that see everything see.
    pub full: View,
    /// What layers with a window see, if there are any.
    pub windowed: Option<View>,
    /// Whether kernels run decomposed.
    pub deep: bool,
    /// How statistics are taken, if they are.
    pub statistics: Option<Statistics>,
    /// Whether the pass belongs to prefill, which names the cache's op.
    pub prefill: bool,
}

impl Pass {
    /// What a layer sees.
    pub(crate) fn view(&self, is_windowed: bool) -> &View {
        let windowed = self.windowed.as_ref().filter(|_| is_windowed);
        windowed.unwrap_or(&self.full)
    }
}
