//! The names and levels of every span the models emit, and the depth that
//! chooses between fused and decomposed kernels.
//!
//! ```text
//! model_loading                                    section   INFO
//!   model_packing                                  section   INFO
//! inference                                        run       INFO
//!   pre_inference | prefill | decode | post_…      phase     INFO
//!     token{token}            (decode only)        token     INFO
//!       embedding | layers | lm_head | …           section   DEBUG
//!         layer{layer}                             layer     DEBUG
//!           attention | mlp | input_norm | …       component TRACE
//!             q_proj | rope | softmax | …          op        TRACE
//!             router | expert{expert}              op        TRACE
//!               gate_proj | up_proj | …            op        TRACE
//! ```
//!
//! Spans measure real work only. Two consequences are visible in the tree:
//! keys and values are written where they are produced, so `kv_cache_store`
//! (prefill) and `kv_cache_append` (decode) are ops of each layer, at DEBUG so
//! that they show at [`Depth::Layer`] too (`kv_cache_read` converts keys and values
//! that are not stored as f32); and token `i` holds the forward pass
//! that produced it, except token 0, which is sampled from prefill's logits.
//!
//! In a batch, a `token` span holds one step of all sequences that have not ended: its field
//! `batch` is their number, and with several prompts `token_id` and `text` are not recorded. Then
//! `sampling`, and at [`Depth::Deep`] the operations between the projections of attention, have a
//! span for each sequence.

pub(crate) mod depth;
pub(crate) mod macros;
pub mod names;

pub use depth::Depth;
pub use names::{ROLES, TARGET, role};
