//! Saturation: the context from which on the energy per token rises faster.
//!
//! ```text
//! J/token
//!   |                     o      a hinge is two lines that meet at its place
//!   |                  o /       the other hypothesis is one line
//!   |              o ./
//!   |    o    o  .-'             F compares their residuals, for the best place of all
//!   | o  .----'
//!   +-----------|---------- context
//!             place
//! ```
//!
//! The sample is a context: its runs are averaged, and contexts with more runs weigh more as far as
//! the noise of runs explains the scatter. Noise is relative, so residuals are divided by the line.
//!
//! The best of many places fits better than one place chosen beforehand, so F has no tabulated
//! distribution. With normal noise and fixed weights its distribution under one line depends on
//! neither the line nor the noise, and is simulated: p is the share of simulated sweeps with an F at
//! least as large. A place is reported if `p < 0.04`, which leaves a margin for noise with heavier
//! tails: false alarms stay at or below 5 %. The interval contains the places whose fit is not
//! significantly worse than the best, by the same simulation of hinges.
//!
//! Limits: two contexts on each side are needed, so a rise at the last context is not found. A smooth
//! curve is also better described by a hinge than by a line; the place is then where it bends most.

mod design;
mod place;
mod result;
mod search;
mod weights;

pub use result::{Hinge, HingeTest, SlopeChange};
pub use search::{MIN_CONTEXTS, SIGNIFICANCE, hinge_test};
