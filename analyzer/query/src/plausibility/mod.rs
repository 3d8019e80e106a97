//! Plausibility checks that every recording must pass.
//!
//! | rule | a violation means |
//! |---|---|
//! | accounts sum to the measured energy | energy was lost or counted twice |
//! | each account lies within 0 .. measured | a share is below 0 % or above 100 % |
//! | the peak is at most the largest sample | energy was assigned to too short a time |
//! | the average is at most the largest sample | energy and time belong to different parts |
//! | parts are at most their whole | a rail has the wrong parent |
//! | busy processors are at most those of the machine | CPU times have wrong timestamps |
//! | windows, phases and nodes sum to totals | energy was lost in one of them |
//! | coverage lies within 0 .. 1 | a time was counted twice |
//! | an energy below half coverage is unknown | an estimate is shown as a measurement |
//! | nothing ends after the run | clocks were mixed |
//!
//! "Within" and "at most" allow for noise: [`NOISE`] of the energy and three standard errors
//! of a sum of samples. `rules` has no I/O; `facts` reads a recording.

mod facts;
mod rules;

pub use rules::NOISE;

use crate::error::Result;
use crate::query::{Recording, Run};

/// Returns the violations of the run's shown attribution; none for a run that has not ended.
///
/// # Errors
/// If the file cannot be read.
pub fn violations(recording: &Recording, run: &Run) -> Result<Vec<String>> {
    let Some(facts) = facts::read(recording, run)? else {
        return Ok(Vec::new());
    };
    Ok(rules::violations(&facts))
}
