//! One operation that can be run again.

use candle_core::Tensor;

use crate::error::{Error, Result};
use crate::sight::View;

/// One operation of one layer with the weights and inputs it had.
pub struct OpCase {
    /// The kind of its span: the names on the way to it, joined by ` > `.
    pub kind: String,
    /// The transformer block, counted from 0; none outside of blocks.
    pub layer: Option<usize>,
    captured: Vec<Tensor>,
    work: Box<dyn Work>,
}

impl OpCase {
    pub(super) fn new<T, E, F>(kind: String, layer: Option<usize>, captured: &T, work: F) -> Self
    where
        T: Outcome,
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
    /// [`Captured::synchronize`](super::Captured::synchronize).
    ///
    /// # Errors
    /// What Candle reports.
    pub fn run(&self) -> Result<()> {
        self.work.run()
    }

    /// Runs it once and gives what it computed; nothing for work that only
    /// writes, as to a cache.
    ///
    /// # Errors
    /// What Candle reports.
    pub fn output(&self) -> Result<Vec<Tensor>> {
        self.work.output()
    }

    /// What the model computed at this place when it was captured.
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

/// A closure, whatever it computes.
trait Work: Send {
    fn run(&self) -> Result<()>;
    fn output(&self) -> Result<Vec<Tensor>>;
}

impl<T, E, F> Work for F
where
    T: Outcome,
    E: Into<Error>,
    F: Fn() -> std::result::Result<T, E> + Send,
{
    fn run(&self) -> Result<()> {
        // Without the black box, work whose result nobody reads might go away.
        std::hint::black_box(self().map_err(Into::into)?);
        Ok(())
    }

    fn output(&self) -> Result<Vec<Tensor>> {
        Ok(self().map_err(Into::into)?.tensors())
    }
}

/// Something that an operation computes.
pub(crate) trait Outcome {
    /// Its numbers.
    fn tensors(&self) -> Vec<Tensor>;
}

impl Outcome for () {
    fn tensors(&self) -> Vec<Tensor> {
        Vec::new()
    }
}

impl Outcome for Tensor {
    fn tensors(&self) -> Vec<Tensor> {
        vec![self.clone()]
    }
}

impl Outcome for (Tensor, Tensor) {
    fn tensors(&self) -> Vec<Tensor> {
        vec![self.0.clone(), self.1.clone()]
    }
}

/// A sampled token.
impl Outcome for u32 {
    fn tensors(&self) -> Vec<Tensor> {
        // A scalar on the CPU cannot fail; if it did, a comparison would see it.
        Tensor::new(*self, &candle_core::Device::Cpu)
            .into_iter()
            .collect()
    }
}

impl Outcome for View {
    fn tensors(&self) -> Vec<Tensor> {
        let [cos, sin] = self.turns.tables();
        [cos, sin].into_iter().chain(self.mask.clone()).collect()
    }
}
