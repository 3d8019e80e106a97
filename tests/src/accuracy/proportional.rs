//! The baseline method: divides the energy of a sample above idle among kinds by their
//! self time in it.

use super::{
    AccuracyError, AllocatedEnergy, Attributor, MethodEstimate, MethodOptions, MethodResult,
    RailAttribution, WindowTimes,
};
use crate::simulate::SimulatedTrace;

/// Time outside samples counts at most this many times the time within.
const MOST_EXTRAPOLATION: f64 = 3.0;

/// Time-proportional attribution above idle. It knows the true clock offset, so that
/// methods which estimate the offset are compared with its best result. It gives no
/// intervals and no groups.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProportionalMethod;

impl Attributor for ProportionalMethod {
    fn name(&self) -> &str {
        "proportional"
    }

    fn attribute(
        &self,
        trace: &SimulatedTrace,
        options: &MethodOptions,
    ) -> Result<MethodResult, AccuracyError> {
        let rails = trace.truth.rails.keys().map(|&rail| {
            let clock_offset_ms = trace.truth.clock_offset_ms;
            let times = WindowTimes::new(trace, rail, options.kernel(rail), clock_offset_ms);
            (rail, attribute_rail(&trace.kinds, &times))
        });
        Ok(rails.collect())
    }
}

fn attribute_rail(kinds: &[String], times: &WindowTimes) -> RailAttribution {
    let idle_w = times.idle_w();
    let mut within_mj = vec![0.0; kinds.len()];
    let mut within_ms = vec![0.0; kinds.len()];
    let mut accounts = AllocatedEnergy::default();
    for window in &times.windows {
        let idle_mj = idle_w * window.length_ms;
        let active_mj = (window.energy_mj - idle_mj).max(0.0);
        for &(kind, time_ms) in &window.times_ms {
            within_mj[kind] += active_mj * time_ms / window.busy_ms;
            within_ms[kind] += time_ms;
        }
        let spans_mj = if window.busy_ms > 0.0 { active_mj } else { 0.0 };
        accounts.measured_mj += window.energy_mj;
        accounts.idle_mj += idle_mj;
        accounts.spans_mj += spans_mj;
        accounts.rest_mj += window.energy_mj - idle_mj - spans_mj;
    }
    let mut estimates = std::collections::BTreeMap::new();
    for (kind, name) in kinds
        .iter()
        .enumerate()
        .filter(|&(kind, _)| times.total_ms[kind] > 0.0)
    {
        let more = times.total_ms[kind] / within_ms[kind].max(f64::MIN_POSITIVE);
        let energy_mj = within_mj[kind] * more.min(MOST_EXTRAPOLATION);
        accounts.extrapolated_mj += energy_mj - within_mj[kind];
        estimates.insert(
            name.clone(),
            MethodEstimate {
                energy_mj,
                interval: None,
            },
        );
    }
    RailAttribution {
        kinds: estimates,
        accounts,
        ..RailAttribution::default()
    }
}
