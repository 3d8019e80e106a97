//! Sends the totals of runs to a destination.
//!
//! ```text
//! totals --plan--> row in the recording --put tables, then the manifest--> sent
//!                          ^                        |
//!                          +---- killed: again -----+   the same objects
//! ```
//!
//! Nothing is queued but the recording itself. A destination that cannot be reached is tried again
//! at the next pass.

mod buckets_of_runs;
mod pusher;
mod send;
mod silent_runs;

pub use pusher::{PushEvent, PushOptions, PushReport, Pusher};
