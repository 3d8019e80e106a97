//! The parts of a decoder: the transformer block, and what it consists of.

pub(crate) mod attention;
pub(crate) mod attention_mask;
pub(crate) mod block;
pub(crate) mod cache_format;
pub(crate) mod embedding;
pub(crate) mod experts;
pub(crate) mod feed_forward;
pub(crate) mod kv_cache;
pub(crate) mod linear;
pub(crate) mod mlp;
pub(crate) mod norm;
pub(crate) mod pass;
pub(crate) mod pass_row;
pub(crate) mod rope;
pub(crate) mod router;
pub(crate) mod softmax;
