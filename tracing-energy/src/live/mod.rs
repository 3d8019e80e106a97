//! Updates about runs while they are recorded.
//!
//! ```text
//! this process     recorder --> writer thread --> LiveSink ===> Subscription, Subscription, ...
//!                                      \--> SqliteSink --> file
//!                                                           |
//! another process                                       Follower
//! ```
//!
//! Both yield [`Update`]s: [`LiveSink`] those of one recording in its own process, [`Follower`] those
//! of all processes that record to one file. For the tables that the follower reads, their rows are
//! equal, except that the follower does not report an ended entry again (see [`Limits`](#limits)).
//!
//! ```
//! use std::time::Duration;
//! use tracing_energy::EnergyLayer;
//! use tracing_energy::live::{LiveSink, Update};
//! use tracing_subscriber::prelude::*;
//!
//! # fn main() -> Result<(), tracing_energy::Error> {
//! let live = LiveSink::new(64);
//! let subscription = live.subscribe();
//! let (layer, guard) = EnergyLayer::builder().sink(live).build()?;
//! tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
//!     tracing::info_span!("work").in_scope(|| {});
//! });
//! guard.finish();
//! let mut spans = 0;
//! while let Ok(update) = subscription.recv_timeout(Duration::from_secs(10)) {
//!     match update {
//!         Update::Rows { batch, .. } => spans += batch.spans.len(),
//!         Update::Ended { status, .. } => println!("{}: {spans} spans", status.name()),
//!         _ => {}
//!     }
//! }
//! assert_eq!(spans, 1);
//! # Ok(())
//! # }
//! ```
//!
//! Another process follows the file:
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use tracing_energy::live::{Follower, Update};
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("energy.db");
//! # let (_layer, _guard) = tracing_energy::EnergyLayer::builder().database(&path).build()?;
//!
//! let mut follower = Follower::open(&path)?;
//! for update in follower.wait(Duration::from_secs(2))? {
//!     if let Update::Rows { run, batch } = update {
//!         println!("{run}: {} samples", batch.samples.len());
//!     }
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```
//!
//! # Limits
//!
//! - Rows appear when the recorder flushes, every 250 ms by default. Energies follow their samples:
//!   a window is attributed once all inputs for its time are known.
//! - The recorder may rewrite the row of an ended entry, to add the number of its instance or token.
//!   Only [`LiveSink`] passes the new row.
//! - The second attribution of `fitted` and `calibrated` is made from the file after the end:
//!   only [`Follower`] reports it, as [`Update::Attributed`].

mod power_now;
mod ring;
mod sink;

pub use energy_data::live::Update;
#[cfg(feature = "sqlite")]
pub use energy_store::{FollowFrom, Follower};
pub(crate) use power_now::PowerNow;
pub use power_now::RailPower;
pub use sink::{LiveSink, ReceiveError, Subscription};
