//! Offsets between two clocks.

/// Range of offsets to search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Range {
    /// Both wall clocks are known, one of them to within this many nanoseconds.
    Near(i64),
    /// Any offset at which at least half of the shorter of spans and samples overlaps the
    /// other.
    Anywhere,
}

/// An offset that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FoundOffset {
    /// Time by which the sensor's clock is ahead, ns.
    pub(crate) ns: f64,
    /// Its standard deviation, ns.
    pub(crate) sd_ns: f64,
    /// Share of the variance of power that spans explain at it.
    pub(crate) explained: f64,
    /// The next best offset (ns) and its explained share.
    pub(crate) rival: Option<(f64, f64)>,
}
