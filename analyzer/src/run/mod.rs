//! Runs a language model under the recorder.

#[cfg(feature = "inference")]
mod checks;
#[cfg(feature = "inference")]
mod config;
#[cfg(feature = "inference")]
mod device;
#[cfg(feature = "inference")]
mod event;
mod fetch;
#[cfg(feature = "inference")]
mod hub;
#[cfg(feature = "inference")]
mod made_prompt;
#[cfg(feature = "inference")]
mod model;
#[cfg(any(feature = "inference", feature = "serve"))]
pub(crate) mod model_folder;
pub(crate) mod options;
#[cfg(feature = "inference")]
mod record;
#[cfg(feature = "inference")]
mod sampling;
#[cfg(feature = "inference")]
mod signal_flag;
pub(crate) mod statistics_options;
mod value_name;
#[cfg(feature = "inference")]
mod weights_remedy;

pub use crate::checksum::{sha256, sha256_of};
#[cfg(feature = "inference")]
pub(crate) use device::open as open_device;
#[cfg(feature = "inference")]
pub use event::{OnRunEvent, RunEvent};
pub use fetch::{Fetch, PackageWeights, SMOLLM2};
#[cfg(feature = "inference")]
pub(crate) use hub::{CachedModel, cached_models};
#[cfg(feature = "inference")]
pub(crate) use made_prompt::with_made_prompt;
#[cfg(feature = "inference")]
pub(crate) use model::{checksum as model_checksum, path as model_path};
pub(crate) use options::LARGEST_BATCH;
pub use options::{
    CacheNumbers, PrefillWeights, RunOptions, SpanDepth, WaitingSpans, WeightConversion,
    parse_method,
};
#[cfg(feature = "inference")]
pub use record::{FinishedRun, record};
pub use statistics_options::{MetricSet, StatisticsOptions, ThresholdKind};
