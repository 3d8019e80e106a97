//! Work that a device does on its own time: which spans contain it, when they wait for it, and
//! when the device did it.
//!
//! A GPU executes work after the program has launched it:
//!
//! ```text
//! program   launch q | launch k | launch v | ... wait .................. |
//! device             | q                 | k     | v       |
//! marks              0                   1       2         3
//! ```
//!
//! Without more, the span `q_proj` is as long as its launch. [`DeviceSync`] selects the spans
//! that wait for their work. If a device can time marks in its queue ([`DeviceStream`]), spans
//! also get the device's own times, in the fields named by [`names`](crate::instrument::names).

#[cfg(feature = "cuda")]
mod cuda;
mod device_sync;
mod queue;
mod stream;
mod work;

pub use device_sync::DeviceSync;
pub(crate) use queue::DeviceQueue;
pub use stream::DeviceStream;
pub(crate) use work::{is_on, run, within};
