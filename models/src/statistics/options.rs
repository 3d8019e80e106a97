//! Options of the statistics.

/// Options of the statistics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// Metrics to emit.
    pub sets: MetricSets,
    /// Smaller activations count as zero in `sparsity` and `kill_ratio`.
    pub activation_threshold: f32,
    /// Smaller attention weights count as zero in `weight_sparsity` and
    /// `masked_weight_sparsity`.
    pub weight_threshold: f32,
    /// Smaller activations count as zero in `zero_ratio`.
    pub zero_threshold: f32,
}

impl Default for Statistics {
    fn default() -> Self {
        Self {
            sets: MetricSets::default(),
            activation_threshold: 0.01,
            weight_threshold: 0.01,
            zero_threshold: 1e-4,
        }
    }
}

/// Sets of metrics; the [module](crate::statistics) lists their members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricSets {
    /// Statistics of outputs, attention heads, MLPs and norms.
    pub default: bool,
    /// Other definitions of the same quantities, under other names.
    pub alternative: bool,
    /// Statistics of the output of each projection.
    pub projections: bool,
}

impl Default for MetricSets {
    fn default() -> Self {
        Self {
            default: true,
            alternative: false,
            projections: false,
        }
    }
}
