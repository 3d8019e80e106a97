//! How far the clock of a power recording is ahead of that of the spans.
//!
//! Two wall clocks may differ by seconds; spans and samples must agree to within a part
//! of a sample. Power tells: it rises when spans begin. For every offset of a range the
//! power of all samples is explained by the time of spans ([`model`]), and the offset
//! that leaves the least is taken, if it is clear ([`verdict`]):
//!
//! ```text
//! left |  ____    ___        ______          left |  __    __    __    __
//!      | /    \__/   \      /                     | /  \  /  \  /  \  /  \
//!      |/             \    /                      |/    \/    \/    \/    \
//!      |               \__/                       |
//!      +----------------^------- offset           +--- which? it asks -------
//! ```
//!
//! Nothing is guessed: flat power, constant work, work that repeats itself, and too few
//! samples are told, and the offset is asked for. A clock that is set while the run goes
//! on shows in quarters that fit at different offsets ([`quarters`]).

mod busy;
mod model;
mod noise;
mod quarters;
mod search;
mod verdict;

pub(super) use quarters::changed;

use tracing_energy::rows::{RailRow, SampleRow};

use super::power::Power;
use super::trace::{Trace, extent};
use busy::Busy;
use model::{Rail, Window};
use noise::Noise;
use verdict::Judged;

/// Two wall clocks differ by no more than this.
const CLOCKS_DIFFER_NS: f64 = 10e9;

/// Where to look for the offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Range {
    /// Both wall clocks are known, one to within so many nanoseconds.
    Near(i64),
    /// Anywhere where at least half of the shorter one lies in the other one.
    Anywhere,
}

/// An offset that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Offset {
    /// How far the sensor's clock is ahead, ns.
    pub(super) ns: f64,
    /// Its standard deviation, ns.
    pub(super) sd_ns: f64,
    /// Share of the variance of power that spans explain at it.
    pub(super) explained: f64,
    /// The next best offset, and its share.
    pub(super) rival: Option<(f64, f64)>,
}

/// Finds the offset between the samples of `power` and the spans of `trace`.
///
/// # Errors
/// Why it is not clear, in words.
pub(super) fn find(trace: &Trace, power: &Power, range: Range) -> Result<Offset, String> {
    let within = looked_at(trace, power, range)?;
    let reached = reached(trace, within);
    let mut rails = windows(&power.rails, &power.samples);
    for windows in &mut rails {
        windows.retain(|window| window.end_ns > reached.0 && window.start_ns < reached.1);
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
    let busy = Busy::of(trace, interval_ns as i64);
    let scan = search::scan(&rails, &busy, interval_ns, within);
    let whole: Vec<Rail> = rails.into_iter().filter_map(Rail::new).collect();
    let (Some(best), false) = (search::best(&scan.points, &scan.rails), whole.is_empty()) else {
        return Err("the power is flat: it tells nothing of what the program did".to_owned());
    };
    let reach_ns = 2.0 * scan.step_ns;
    let fine = search::refine(&whole, &busy, best.offset_ns, (reach_ns, interval_ns));
    verdict::judge(&Judged {
        busy: &busy,
        rails: &whole,
        scan: &scan,
        fine: &fine,
        interval_ns,
        program: trace.extent(),
        within,
    })
}

/// Share of the power's variation that spans explain at an offset, of the rail that
/// tells most.
pub(super) fn explained(trace: &Trace, power: &Power, offset_ns: f64) -> f64 {
    let rails = windows(&power.rails, &power.samples);
    let first = rails.iter().flatten().next();
    let interval_ns = first.map_or(1.0, |window| window.end_ns - window.start_ns);
    let busy = Busy::of(trace, interval_ns as i64);
    let rails = rails.into_iter().filter_map(Rail::new);
    let share = |rail: Rail| Noise::of(&rail, &busy, offset_ns, trace.extent()).explained;
    rails.map(share).fold(0.0, f64::max)
}

/// Samples of the rails that lie in no other one and tell an energy, by rail.
fn windows(rails: &[RailRow], samples: &[SampleRow]) -> Vec<Vec<Window>> {
    let of_rail = |rail: &RailRow| -> Vec<Window> {
        let own = samples.iter().filter(|sample| sample.rail == rail.id);
        let mut windows: Vec<Window> = own
            .filter(|sample| sample.end_ns > sample.start_ns)
            .filter_map(|sample| {
                Some(Window {
                    start_ns: sample.start_ns as f64,
                    end_ns: sample.end_ns as f64,
                    energy_j: sample.energy_j?,
                })
            })
            .collect();
        windows.sort_by(|a, b| a.start_ns.total_cmp(&b.start_ns));
        windows
    };
    let roots = rails.iter().filter(|rail| rail.parent.is_none());
    let all: Vec<Vec<Window>> = roots.map(of_rail).collect();
    all.into_iter()
        .filter(|windows| !windows.is_empty())
        .collect()
}

/// The time that matters: all that the program may lie in, and as much again around
/// it, to see what rest draws.
fn reached(trace: &Trace, (lo, hi): (f64, f64)) -> (f64, f64) {
    let (begin, end) = trace.extent();
    let around = ((end - begin) as f64).max(CLOCKS_DIFFER_NS);
    (begin as f64 + lo - around, end as f64 + hi + around)
}

/// The offsets to look at, ns.
fn looked_at(trace: &Trace, power: &Power, range: Range) -> Result<(f64, f64), String> {
    let (begin, end) = trace.extent();
    let samples = power.samples.iter().map(|s| (s.start_ns, s.end_ns));
    let (first, last) = extent(samples);
    let half = ((end - begin).min(last - first) / 2) as f64;
    let lo = (first - end) as f64 + half;
    let hi = (last - begin) as f64 - half;
    let Range::Near(uncertain_ns) = range else {
        return Ok((lo, hi));
    };
    let reach = CLOCKS_DIFFER_NS + uncertain_ns as f64;
    let (near_lo, near_hi) = (lo.max(-reach), hi.min(reach));
    if near_lo <= near_hi {
        return Ok((near_lo, near_hi));
    }
    let apart = if lo > 0.0 { lo } else { hi };
    Err(format!(
        "by their wall clocks the recording and the trace are of different times: they meet \
         only if the clocks differ by {:.1} s",
        apart / 1e9
    ))
}
