//! Fields by which spans state that a device does their work, and when it did.
//!
//! ```text
//! program   launch a | launch b | wait ....... |   a: began -8, ended -5
//! device            | a         | b     |          b: began -5, ended -2
//!                  -8          -5      -2      0   ns from the end of the wait
//! ```
//!
//! Stored is run time. A second attribution uses it: `store/src/reattribute/device_times.rs`.

use energy_data::rows::{Domain, GPU_BEGAN, GPU_ENDED};

/// Begins the names of fields of spans that a GPU works for.
const GPU: &str = "energy.gpu";
/// Begins the names of fields of spans that a neural engine works for.
const NEURAL_ENGINE: &str = "energy.neural_engine";

/// Returns the domain that a span with this field states.
pub(crate) fn domain(field: &str) -> Option<Domain> {
    let states = |prefix: &str| {
        let rest = field.strip_prefix(prefix);
        rest.is_some_and(|rest: &str| rest.is_empty() || rest.starts_with('.'))
    };
    match () {
        _ if states(GPU) => Some(Domain::Gpu),
        _ if states(NEURAL_ENGINE) => Some(Domain::Ane),
        _ => None,
    }
}

/// Returns whether the field states a time, relative to the latest enter or exit.
pub(crate) fn is_time(field: &str) -> bool {
    [GPU_BEGAN, GPU_ENDED].contains(&field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields_state_domains_and_times() {
        assert_eq!(domain("energy.gpu"), Some(Domain::Gpu));
        assert_eq!(domain("energy.gpu.began_ns"), Some(Domain::Gpu));
        assert_eq!(domain("energy.neural_engine"), Some(Domain::Ane));
        assert_eq!(domain("energy.gpus"), None);
        assert_eq!(domain("gpu"), None);
        assert!(is_time("energy.gpu.began_ns") && is_time("energy.gpu.ended_ns"));
        assert!(!is_time("energy.gpu") && !is_time("began_ns"));
    }
}
