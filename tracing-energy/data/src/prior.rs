//! Known powers of kinds.

/// The known power of a kind before a run is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    /// The kind: names of spans, joined by ` > `.
    pub kind: String,
    /// Active power while the kind runs, in watts; above 0.
    pub watts: f64,
    /// Standard deviation of `watts` relative to it; above 0.
    pub relative_sd: f64,
    /// The rail's name within its source; `None` for any rail.
    pub rail: Option<String>,
}
