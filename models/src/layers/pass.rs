//! State that the layers of one forward pass share.

use crate::error::Result;
use crate::layers::attention_mask::PassMask;
use crate::layers::pass_row::PassRow;
use crate::statistics::Statistics;

/// Prompt tokens per forward pass. Attention scores of a pass take
/// `heads * PREFILL_CHUNK * context * 4` bytes, so a pass must be bounded.
pub(crate) const PREFILL_CHUNK: usize = 512;

/// State shared by the layers of one forward pass.
#[derive(Debug)]
pub(crate) struct Pass {
    /// The sequences, in the order of their positions.
    pub rows: Vec<PassRow>,
    /// Masks of each kind of layer.
    pub masks: Vec<PassMask>,
    /// Whether kernels run decomposed.
    pub deep: bool,
    /// Options of the statistics; `None` disables them.
    pub statistics: Option<Statistics>,
    /// Whether the pass belongs to prefill, which names the cache's op.
    pub prefill: bool,
}

impl Pass {
    /// Returns the mask of a kind of layer.
    pub(crate) fn mask(&self, kind: usize) -> Result<&PassMask> {
        let unknown = || candle_core::Error::Msg("no mask for this kind of layer".into());
        Ok(self.masks.get(kind).ok_or_else(unknown)?)
    }
}
