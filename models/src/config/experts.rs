//! Settings of a mixture of experts.

/// More experts in a layer indicate damage.
pub(super) const MOST_EXPERTS: usize = 1 << 12;

/// Shape of a mixture of experts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExpertConfig {
    /// Experts in each layer.
    pub count: usize,
    /// Experts that each token uses.
    pub active: usize,
    /// Width inside of an expert.
    pub hidden: usize,
    /// Width inside of the expert that all tokens use.
    pub shared_hidden: Option<usize>,
    /// Whether the weights of the chosen experts are divided by their sum.
    pub is_normalized: bool,
    /// Layers with an ordinary MLP.
    pub dense: Vec<usize>,
    /// Layers with experts are those before which this number of layers divides.
    pub step: usize,
}

impl ExpertConfig {
    /// Whether the layer with this index has experts.
    pub(crate) fn contains(&self, layer: usize) -> bool {
        (layer + 1).is_multiple_of(self.step) && !self.dense.contains(&layer)
    }

    /// The problem if [`Self::is_sound`] is false.
    pub(super) const UNSOUND: &str =
        "does not fit the number of experts: a token uses at least one and at most all";

    /// Whether the numbers fit each other.
    pub(super) fn is_sound(&self) -> bool {
        self.count <= MOST_EXPERTS && (1..=self.count).contains(&self.active)
    }
}
