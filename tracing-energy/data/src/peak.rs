//! Which samples give a peak of power.

/// Returns whether a sample of `length_ns` is long enough to give a peak, on a rail whose samples
/// usually have the length `interval_ns`.
///
/// Samples at the ends of a run may be far shorter than the others. The energy of such a sample is
/// exact in a sum, but its mean power is not: steps of the sensor and delays of a reading are large
/// in it. Samples from half of the usual length on count.
pub fn gives_peak(length_ns: i64, interval_ns: i64) -> bool {
    length_ns.saturating_mul(2) >= interval_ns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_from_half_of_the_interval_on_give_a_peak() {
        assert!(gives_peak(50, 100) && gives_peak(300, 100) && gives_peak(1, 0));
        assert!(!gives_peak(49, 100) && !gives_peak(4, 100));
    }
}
