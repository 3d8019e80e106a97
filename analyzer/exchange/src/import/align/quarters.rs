//! Checks whether the offset between the clocks is constant over a run.
//!
//! If a clock is set or the machine sleeps during a recording, one part of the run fits at
//! another offset:
//!
//! ```text
//! spans    | a | b | c | d | a | b |
//! power    /\__/\__/\__.....__/\__/\     later by a second from the middle on
//! ```
//!
//! Each quarter of the run is judged separately, as strictly as a whole run; ambiguous
//! quarters are ignored.

use super::busy::KindBusyTime;
use super::model::{AlignmentRail, AlignmentWindow, windows};
use super::offset::FoundOffset;
use super::search;
use super::verdict::{OffsetCandidate, judge};
use crate::import::anomaly::Anomaly;
use crate::import::power::PowerRecording;
use crate::import::trace::ImportedTrace;

const QUARTERS: i64 = 4;
/// Offsets are searched within this distance of the whole run's offset, ns.
const REACH_NS: f64 = 2.5e9;
/// Offsets differ significantly beyond this many standard deviations
const DEVIATIONS: f64 = 3.0;
/// and beyond this share of a sample.
const SHARE: f64 = 0.2;

/// Returns an anomaly if parts of the run fit at different offsets around `around_ns`.
pub(crate) fn clock_change(
    trace: &ImportedTrace,
    power: &PowerRecording,
    around_ns: f64,
) -> Option<Anomaly> {
    let rails = windows(&power.rails, &power.samples);
    let first = rails.iter().flatten().next()?;
    let interval_ns = first.end_ns - first.start_ns;
    let busy = KindBusyTime::from_trace(trace, interval_ns as i64);
    let (begin, end) = trace.extent();
    let at = |part: i64| begin + (end - begin) / QUARTERS * part;
    let parts = (0..QUARTERS).filter_map(|part| {
        let program = (at(part), at(part + 1));
        let found = of_part(&rails, &busy, program, (around_ns, interval_ns))?;
        Some((part + 1, found))
    });
    let parts: Vec<(i64, FoundOffset)> = parts.collect();
    let by_offset = |a: &&(i64, FoundOffset), b: &&(i64, FoundOffset)| a.1.ns.total_cmp(&b.1.ns);
    let (low, high) = (
        parts.iter().min_by(by_offset)?,
        parts.iter().max_by(by_offset)?,
    );
    let apart = high.1.ns - low.1.ns;
    let differ =
        apart > DEVIATIONS * low.1.sd_ns.hypot(high.1.sd_ns) && apart > SHARE * interval_ns;
    differ.then(|| anomaly(low, high))
}

fn anomaly(low: &(i64, FoundOffset), high: &(i64, FoundOffset)) -> Anomaly {
    let (first, last) = if low.0 < high.0 {
        (low, high)
    } else {
        (high, low)
    };
    let ms = |part: &(i64, FoundOffset)| part.1.ns / 1e6;
    Anomaly {
        kind: "clock_changed",
        count: 1,
        message: format!(
            "samples fit the spans {:.0} ms later in quarter {} of the run than in quarter {}: a \
             clock was set, or ran at another speed. Some energies belong to other \
             spans, and intervals are invalid: record with one monotonic clock, or import the \
             parts \
             as separate runs",
            ms(last) - ms(first),
            last.0,
            first.0,
        ),
    }
}

/// Finds the offset of the samples that overlap a part of the program.
fn of_part(
    rails: &[Vec<AlignmentWindow>],
    busy: &KindBusyTime,
    program: (i64, i64),
    (around_ns, interval_ns): (f64, f64),
) -> Option<FoundOffset> {
    let within = (around_ns - REACH_NS, around_ns + REACH_NS);
    let (begin, end) = (program.0 as f64 + around_ns, program.1 as f64 + around_ns);
    let overlaps = |window: &&AlignmentWindow| window.start_ns >= begin && window.end_ns <= end;
    let part = |rail: &Vec<AlignmentWindow>| rail.iter().filter(overlaps).copied().collect();
    let rails: Vec<Vec<AlignmentWindow>> = rails.iter().map(part).collect();
    let scan = search::scan(&rails, busy, interval_ns, within);
    let whole: Vec<AlignmentRail> = rails.into_iter().filter_map(AlignmentRail::new).collect();
    let best = search::best(&scan.points, &scan.rails).filter(|_| !whole.is_empty())?;
    let reach_ns = 2.0 * scan.step_ns;
    let fine = search::refine(&whole, busy, best.clock_offset_ns, (reach_ns, interval_ns));
    let candidate = OffsetCandidate {
        busy,
        rails: &whole,
        scan: &scan,
        fine: &fine,
        interval_ns,
        program,
        within,
    };
    judge(&candidate).ok()
}
