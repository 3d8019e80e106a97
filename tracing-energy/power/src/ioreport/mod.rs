//! Reads power on macOS without root, from the counters behind powermetrics (IOReport).
//!
//! Type-checked for macOS, never run there; everything above [`Meter`] is tested on
//! fakes. Limits:
//! - Channels are matched by their exact names. A sum over all names that contain `CPU`
//!   would count cores, clusters and their total together.
//! - On recent systems some channels move every 0.3 to 2.2 s only, with all energy since. A
//!   window ends when its channel moves, so that the energy is spread over its own time:
//!
//! ```text
//! reads     0    0    0   930 mJ  0    0    0   910 mJ
//! window   |----------------------|--------------------|
//! ```
//!
//! - The rail `system` is the whole machine. It is read as a power; its energy is that power
//!   times the time since the previous reading.

#[cfg(target_os = "macos")]
mod apple;
mod channels;
mod meter;
mod source;
mod thread;

#[cfg(target_os = "macos")]
pub use apple::open;
pub use channels::{Channel, ChannelUnit};
pub use meter::{Meter, MeterReading};
pub use source::IoReport;
