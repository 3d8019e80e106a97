//! A hinge, and the result of its test.

use serde::Serialize;

use crate::estimate::IntervalEstimate;

/// How the slope changes at a hinge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SlopeChange {
    /// The slope is larger after the place.
    Increases,
    /// It is smaller.
    Decreases,
}

/// A hinge: two lines that meet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Hinge {
    /// The place; an end is `None` if the measured contexts do not bound it.
    pub place: IntervalEstimate,
    /// Value at the place.
    pub value: f64,
    /// Slope before the place.
    pub slope_before: f64,
    /// Slope after it.
    pub slope_after: f64,
    /// How the slope changes.
    pub change: SlopeChange,
}

/// Result of the comparison of a hinge with a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HingeTest {
    /// The hinge, if it is found.
    pub hinge: Option<Hinge>,
    /// Probability of such a hinge if one line is true.
    pub p: f64,
    /// Value of the line at x = 0.
    pub line_intercept: f64,
    /// Slope of the line.
    pub line_slope: f64,
    /// Relative standard deviation of contexts about the found hinge, or about the line.
    pub relative_sd: f64,
    /// Number of contexts.
    pub contexts: usize,
}

impl HingeTest {
    /// Returns the result in words.
    pub fn words(&self) -> String {
        let Some(hinge) = &self.hinge else {
            return format!("none found (p = {:.3})", self.p);
        };
        let verb = match (
            hinge.change,
            hinge.slope_before < 0.0,
            hinge.slope_after < 0.0,
        ) {
            (SlopeChange::Increases, true, true) => "falls more slowly",
            (SlopeChange::Increases, true, false) => "stops falling",
            (SlopeChange::Increases, false, _) => "rises faster",
            (SlopeChange::Decreases, true, _) => "falls faster",
            (SlopeChange::Decreases, false, true) => "stops rising",
            (SlopeChange::Decreases, false, false) => "rises more slowly",
        };
        let end = |end: Option<f64>| end.map_or("?".to_owned(), |end| format!("{end:.0}"));
        format!(
            "{verb} from about {:.0} ({} to {})",
            hinge.place.value,
            end(hinge.place.lo),
            end(hinge.place.hi)
        )
    }
}
