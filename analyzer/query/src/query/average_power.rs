//! Mean power of an energy in a time.

/// Returns the mean power in watts; `None` if the energy or the time is unknown, or there is no
/// time.
pub fn average_w(energy_j: Option<f64>, time_ns: Option<i64>) -> Option<f64> {
    let (joules, ns) = energy_j.zip(time_ns.filter(|ns| *ns > 0))?;
    Some(joules * 1e9 / ns as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_energy_over_time_and_unknown_without_either() {
        assert_eq!(average_w(Some(6.0), Some(3_000_000_000)), Some(2.0));
        assert_eq!(average_w(Some(-1.0), Some(500_000_000)), Some(-2.0));
        let unknown = [(None, Some(1)), (Some(1.0), None), (Some(1.0), Some(0))];
        for (energy_j, time_ns) in unknown {
            assert_eq!(average_w(energy_j, time_ns), None);
        }
        assert_eq!(average_w(Some(1.0), Some(-1)), None);
    }
}
