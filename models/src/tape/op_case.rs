//! One operation that can be run again.

use candle_core::Tensor;

use crate::error::{Error, Result};

/// One operation of one layer with the weights and inputs it had.
pub struct OpCase {
    /// The kind of its span: the names from the root to it, joined by ` > `.
    pub kind: String,
    /// Index of the transformer block; `None` outside of blocks.
    pub layer: Option<usize>,
    captured: Vec<Tensor>,
    work: Box<dyn RepeatableWork>,
}

impl OpCase {
    pub(super) fn new<T, E, F>(kind: String, layer: Option<usize>, captured: &T, work: F) -> Self
    where
        T: OpOutput,
        E: Into<Error>,
        F: Fn() -> std::result::Result<T, E> + Send + 'static,
    {
        Self {
            kind,
            layer,
            captured: captured.tensors(),
            work: Box::new(work),
        }
    }

    /// Runs it once. On a GPU this launches the work; wait with
    /// [`Captured::synchronize`](crate::capture::Captured::synchronize).
    ///
    /// # Errors
    /// Errors of Candle.
    pub fn run(&self) -> Result<()> {
        self.work.run()
    }

    /// Runs it once and returns its results; none for work that only writes, as to a
    /// cache.
    ///
    /// # Errors
    /// Errors of Candle.
    pub fn output(&self) -> Result<Vec<Tensor>> {
        self.work.output()
    }

    /// Results that the model computed here when it was captured.
    pub fn captured(&self) -> &[Tensor] {
        &self.captured
    }
}

impl std::fmt::Debug for OpCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, layer, .. } = self;
        f.debug_struct("OpCase")
            .field("kind", kind)
            .field("layer", layer)
            .finish_non_exhaustive()
    }
}

/// A closure with any result.
trait RepeatableWork: Send {
    fn run(&self) -> Result<()>;
    fn output(&self) -> Result<Vec<Tensor>>;
}

impl<T, E, F> RepeatableWork for F
where
    T: OpOutput,
    E: Into<Error>,
    F: Fn() -> std::result::Result<T, E> + Send,
{
    fn run(&self) -> Result<()> {
        // Without the black box, work with an unused result might be optimised away.
        std::hint::black_box(self().map_err(Into::into)?);
        Ok(())
    }

    fn output(&self) -> Result<Vec<Tensor>> {
        Ok(self().map_err(Into::into)?.tensors())
    }
}

/// The result of an operation.
pub(crate) trait OpOutput {
    /// Returns its numbers.
    fn tensors(&self) -> Vec<Tensor>;
}

impl OpOutput for () {
    fn tensors(&self) -> Vec<Tensor> {
        Vec::new()
    }
}

impl OpOutput for Tensor {
    fn tensors(&self) -> Vec<Tensor> {
        vec![self.clone()]
    }
}

impl OpOutput for (Tensor, Tensor) {
    fn tensors(&self) -> Vec<Tensor> {
        vec![self.0.clone(), self.1.clone()]
    }
}

/// A sampled token.
impl OpOutput for u32 {
    fn tensors(&self) -> Vec<Tensor> {
        // A scalar on the CPU cannot fail; if it did, a comparison would see it.
        Tensor::new(*self, &candle_core::Device::Cpu)
            .into_iter()
            .collect()
    }
}
