//! Token embedding and the output projection that may share its weights.

use candle_core::Tensor;
use candle_core::quantized::QMatMul;

use crate::error::{Error, Result};

/// The table of token vectors.
///
/// Quantised tables stay quantised: only the rows looked up are expanded.
#[derive(Debug, Clone)]
pub(crate) struct Embedding {
    table: QMatMul,
    vocab: usize,
    /// Factor of the vectors.
    scale: Option<f64>,
}

impl Embedding {
    /// A table of shape `(vocab, width)`.
    pub(crate) fn new(table: QMatMul, vocab: usize, scale: Option<f64>) -> Self {
        Self {
            table,
            vocab,
            scale,
        }
    }

    /// Returns vectors of shape `(1, tokens, width)` for ids of shape `(1, tokens)`.
    pub(crate) fn forward(&self, ids: &Tensor) -> Result<Tensor> {
        let vectors = self.table.embedding(ids)?;
        match self.scale {
            Some(scale) => Ok((vectors * scale)?),
            None => Ok(vectors),
        }
    }

    /// Fails for ids that are not in the table.
    pub(crate) fn check(&self, ids: &[u32]) -> Result<()> {
        match ids.iter().find(|id| **id as usize >= self.vocab) {
            Some(&id) => Err(Error::UnknownToken {
                id,
                vocab: self.vocab,
            }),
            None => Ok(()),
        }
    }
}
