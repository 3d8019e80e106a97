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
//! least as large. A place is reported if `p < 0.03`, which leaves a margin for noise with heavier
//! tails, so that false alarms stay at or below 5 %.
//!
//! The interval contains the places that are not rejected as the true one. The test of a place
//! compares the excess of its squares over those of the best place with the excess in simulated
//! sweeps with the hinge at that place. One critical value for all places would be wrong: at a
//! measured context the squares have a kink, and the excess is smaller than between two contexts.
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
