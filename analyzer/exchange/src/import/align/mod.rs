//! Finds the offset of a power recording's clock from the spans' clock.
//!
//! Two wall clocks may differ by seconds, but spans and samples must agree to within a fraction
//! of a sample. Power contains the necessary information: it rises when spans begin. For each
//! offset in a range, the power of all samples is fitted to the time of spans ([`model`]). The
//! offset with the smallest residual is accepted if it is unambiguous ([`verdict`]):
//!
//! ```text
//! residual |  ____    ___        ______      residual |  __    __    __    __
//!          | /    \__/   \      /                     | /  \  /  \  /  \  /  \
//!          |/             \    /                      |/    \/    \/    \/    \
//!          |               \__/                       |
//!          +----------------^------- offset           +--- ambiguous: error ---
//! ```
//!
//! Constant power, constant work, periodic work and too few samples are errors that request the
//! offset from the user. A clock that is set during the run shows in quarters that fit at
//! different offsets ([`quarters`]).

mod busy;
mod model;
mod noise;
mod offset;
mod quarters;
mod search;
mod verdict;

pub(super) use offset::{FoundOffset, Range};
pub(super) use quarters::clock_change;

use super::power::PowerRecording;
use super::trace::{ImportedTrace, extent};
use busy::KindBusyTime;
use model::{AlignmentRail, windows};
use noise::ResidualNoise;
use verdict::OffsetCandidate;

/// Assumed maximum difference of two wall clocks.
const MAX_CLOCK_DIFFERENCE_NS: f64 = 10e9;

/// Finds the offset between the samples of `power` and the spans of `trace`.
///
/// # Errors
/// Returns a message if the offset is ambiguous.
pub(super) fn find(
    trace: &ImportedTrace,
    power: &PowerRecording,
    range: Range,
) -> Result<FoundOffset, String> {
    let within = search_range(trace, power, range)?;
    let examined = examined_time(trace, within);
    let mut rails = windows(&power.rails, &power.samples);
    for windows in &mut rails {
        windows.retain(|window| window.end_ns > examined.0 && window.start_ns < examined.1);
    }
    let lengths = rails
        .iter()
        .flatten()
        .map(|window| window.end_ns - window.start_ns);
    let mut lengths: Vec<f64> = lengths.collect();
    lengths.sort_by(f64::total_cmp);
    let Some(&interval_ns) = lengths.get(lengths.len() / 2) else {
        return Err("the recording has no sample with an energy".to_owned());
    };
    let busy = KindBusyTime::from_trace(trace, interval_ns as i64);
    let scan = search::scan(&rails, &busy, interval_ns, within);
    let whole: Vec<AlignmentRail> = rails.into_iter().filter_map(AlignmentRail::new).collect();
    let (Some(best), false) = (search::best(&scan.points, &scan.rails), whole.is_empty()) else {
        return Err("the power is constant, so it cannot be aligned with the spans".to_owned());
    };
    let reach_ns = 2.0 * scan.step_ns;
    let fine = search::refine(&whole, &busy, best.clock_offset_ns, (reach_ns, interval_ns));
    verdict::judge(&OffsetCandidate {
        busy: &busy,
        rails: &whole,
        scan: &scan,
        fine: &fine,
        interval_ns,
        program: trace.extent(),
        within,
    })
}

/// Returns the share of the power's variance that spans explain at an offset, on the rail with
/// the largest share.
pub(super) fn explained(
    trace: &ImportedTrace,
    power: &PowerRecording,
    clock_offset_ns: f64,
) -> f64 {
    let rails = windows(&power.rails, &power.samples);
    let first = rails.iter().flatten().next();
    let interval_ns = first.map_or(1.0, |window| window.end_ns - window.start_ns);
    let busy = KindBusyTime::from_trace(trace, interval_ns as i64);
    let rails = rails.into_iter().filter_map(AlignmentRail::new);
    let share = |rail: AlignmentRail| {
        ResidualNoise::estimate(&rail, &busy, clock_offset_ns, trace.extent()).explained
    };
    rails.map(share).fold(0.0, f64::max)
}

/// Returns the time to examine: all times at which the program may have run, plus a margin of
/// the same length for idle power.
fn examined_time(trace: &ImportedTrace, (lo, hi): (f64, f64)) -> (f64, f64) {
    let (begin, end) = trace.extent();
    let around = ((end - begin) as f64).max(MAX_CLOCK_DIFFERENCE_NS);
    (begin as f64 + lo - around, end as f64 + hi + around)
}

/// Returns the range of offsets to examine, ns.
fn search_range(
    trace: &ImportedTrace,
    power: &PowerRecording,
    range: Range,
) -> Result<(f64, f64), String> {
    let (begin, end) = trace.extent();
    let samples = power.samples.iter().map(|s| (s.start_ns, s.end_ns));
    let (first, last) = extent(samples);
    let half = ((end - begin).min(last - first) / 2) as f64;
    let lo = (first - end) as f64 + half;
    let hi = (last - begin) as f64 - half;
    let Range::Near(uncertain_ns) = range else {
        return Ok((lo, hi));
    };
    let reach = MAX_CLOCK_DIFFERENCE_NS + uncertain_ns as f64;
    let (near_lo, near_hi) = (lo.max(-reach), hi.min(reach));
    if near_lo <= near_hi {
        return Ok((near_lo, near_hi));
    }
    let apart = if lo > 0.0 { lo } else { hi };
    Err(format!(
        "by their wall clocks, the recording and the trace do not overlap; they overlap if \
         these clocks differ by {:.1} s",
        apart / 1e9
    ))
}
