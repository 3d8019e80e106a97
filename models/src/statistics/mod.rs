//! Statistics of activations and attention, as events of the spans they belong to.
//!
//! Disabled unless [`crate::Model::set_statistics`] enables it. The events have the target
//! [`TARGET`]; a recorder keeps their floating-point fields as metrics of the span. The
//! work of computing them has its own spans, `statistics`.
//!
//! Each metric has one definition. Where several definitions of a quantity are in use, each has a
//! name of its own, in one of the [`MetricSets`], so that all can be recorded together.
//!
//! [`MetricSets::default`](MetricSets#structfield.default):
//!
//! | event of | fields |
//! |---|---|
//! | attention, MLP and each norm, of the output | `mean_abs`, `std`: divided by the count of numbers, `max_abs`, `sparsity`: the share of numbers below the threshold |
//! | attention, one for each `head` | `entropy` of the weights in nats, `evenness`: that over the entropy of equal weights, `max_weight`, `weight_sparsity`: the share of unmasked weights below the threshold |
//! | MLP | `kill_ratio`: the share of channels that the activation brings below the threshold |
//! | each norm | `variance_ratio`: variance over the channels of the output, over that of the input |
//!
//! [`MetricSets::alternative`](MetricSets#structfield.alternative):
//!
//! | event of | fields |
//! |---|---|
//! | attention, MLP and each norm, of the output | `sample_std`: divided by the count less one, `zero_ratio`: the share of numbers below [`Statistics::zero_threshold`] |
//! | attention, one for each `head` | `query_max_weight`: mean over positions of their largest weight, `masked_weight_sparsity`: the share below the threshold of all weights, masked ones included |
//! | attention, without a head | `mean_entropy`, `mean_max_weight`, `mean_query_max_weight`, `mean_weight_sparsity`, `mean_masked_weight_sparsity`: means over the heads |
//! | MLP | `negative_ratio`: the share of inputs of the activation function below 0 |
//! | each norm | `input_output_variance`: variance over all numbers of the input, over that of the output |
//!
//! [`MetricSets::projections`](MetricSets#structfield.projections), for each `projection` (`q_proj`, `k_proj`, `v_proj`, `o_proj`,
//! `gate_proj`, `up_proj`, `down_proj`), of its output: `projection_mean_abs`, `projection_std`,
//! `projection_max_abs`, `projection_sparsity`, `projection_sample_std`, `projection_zero_ratio`.
//! Experts have none.
//!
//! Every set includes those of routers:
//!
//! | event of | fields |
//! |---|---|
//! | each router, one for each `expert` that was chosen | `expert_tokens`: positions that chose it, `expert_weight`: mean factor of its output |
//! | each router | `load_imbalance`: largest number of positions of an expert, over the mean of all |
//!
//! A pass of several positions gives means over them, and the maximum for `max_*`. Only
//! weights of unmasked positions count, unless the definition includes masked ones. In a batch of
//! several sequences, attention emits its events with and without a `head` once for each sequence,
//! with its index in the field `row`. All other events are about the positions of all sequences
//! together.

pub(crate) mod activations;
mod event;
pub(crate) mod experts;
pub(crate) mod heads;
mod numbers;
mod options;
pub(crate) mod relations;

pub use event::TARGET;
pub(crate) use event::metrics;
pub use options::{MetricSets, Statistics};
