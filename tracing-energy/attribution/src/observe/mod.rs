//! Observation of a run for an estimate: what ran when, and the energy of samples that is not the
//! program's.

mod observer;
mod pieces;
mod pulse;

pub(crate) use observer::Observer;
pub use observer::{ObservedWindows, PieceConsumer, SampleNonProgramEnergy};
pub use pieces::{ActivePiece, PieceScope, PieceSubject};
pub(crate) use pulse::PulseClock;
