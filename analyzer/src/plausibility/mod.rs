//! Numbers that cannot be: checks that every recording must pass, whatever it holds.
//!
//! | rule | a violation means |
//! |---|---|
//! | accounts sum to what was measured | energy was lost or counted twice |
//! | each account lies within 0 .. measured | a share is below 0 % or above 100 % |
//! | the peak is at most the largest sample | energy was pressed into too short a time |
//! | the average is at most the peak | energy and time are of different parts |
//! | parts are at most their whole | a rail lies in a wrong one |
//! | processors busy are at most those there are | CPU times bear wrong times |
//! | windows, phases and nodes sum to totals | one reading lost what another has |
//! | coverage lies within 0 .. 1 | a time was counted twice |
//! | a figure below half coverage is not known | an estimate poses as a measurement |
//! | nothing ends after the run | clocks were mixed |
//!
//! "Within" and "at most" leave room for noise: [`NOISE`] of the energy and three standard
//! errors of a sum of samples. `rules` is pure; `facts` reads a recording.

mod facts;
mod rules;

use crate::error::Result;
use crate::query::{Recording, Run};

/// Share of an energy that may be noise, whatever the samples say.
pub const NOISE: f64 = 0.05;

/// What cannot be true of the attribution of a run that is shown, in words; nothing for a
/// run that has not ended.
///
/// # Errors
/// When the file cannot be read.
pub fn violations(recording: &Recording, run: &Run) -> Result<Vec<String>> {
    let Some(facts) = facts::read(recording, run)? else {
        return Ok(Vec::new());
    };
    Ok(rules::violations(&facts))
}
