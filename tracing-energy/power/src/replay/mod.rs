//! Replays power from a recording: powermetrics documents or text, or a table.
//!
//! Each sample keeps its power and length; the recording begins when the source starts. The
//! energies are those of the recorded machine, not of the running program.

mod csv;
#[cfg(feature = "powermetrics")]
mod documents;
mod gaps;
mod limits;
mod load;
mod names;
#[cfg(feature = "powermetrics")]
mod placement;
mod player;
#[cfg(feature = "powermetrics")]
mod plist;
mod points;
mod recorded;
mod recording;
#[cfg(feature = "powermetrics")]
mod repeats;
mod silent;
mod strays;
#[cfg(feature = "powermetrics")]
mod text;
mod tidy;
mod times;
mod wall;

pub use crate::choice::ReplayMode;
pub use player::Replay;
pub use recording::Recording;
pub use strays::main_group;
pub use wall::Wall;
