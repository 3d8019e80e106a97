//! Chart: power over time, downsampled so that peaks are kept.
//!
//! ```text
//! windows   |--|--|--|--|--|--|--|--|       each is added to the step of its midpoint,
//! steps     [       ][       ][      ]      so that steps sum to the measured energy
//! a step    energy, time, lowest and highest mean power of its windows
//! ```
//!
//! A step ends where samples are missing, so that a gap is drawn as a gap.

use std::collections::HashMap;

use energy_data::{PeakSamples, gives_peak};
use serde::Serialize;

use super::accounts::RailAccounts;
use super::name::name;
use crate::error::Result;
use crate::query::{
    self, Attribution, Balance, NodeLedger, PhaseSpan, Recording, Run, StoredWindow,
};

/// Maximum number of steps of a rail and of all rails together, and minimum number of a rail.
const STEPS: i64 = 600;
const ALL_STEPS: i64 = 2400;
const MIN_STEPS: i64 = 150;
/// Maximum number of rails that are drawn.
const RAILS: usize = 12;
/// Maximum number of phases that are marked.
const BANDS: usize = 300;
/// Gaps shorter than this part of a step do not divide it, so that gaps cannot multiply the steps
/// without limit. They are too short to be drawn.
const GAP_PARTS: i64 = 4;

/// Power of rails, with phases in the background.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PowerTimeline {
    /// Length of the run.
    pub end_ns: i64,
    /// Root rails first.
    pub rails: Vec<RailLine>,
    /// Number of rails that are not drawn.
    pub rails_left_out: usize,
    /// Times of phases.
    pub bands: Vec<Band>,
    /// Whether there were more phases than are marked.
    pub bands_cut: bool,
}

/// Power of one rail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RailLine {
    /// Its name.
    pub rail: String,
    /// Whether it is included in totals.
    pub is_root: bool,
    /// Measured, modelled or replayed.
    pub provenance: String,
    /// Idle power.
    pub idle_w: Option<f64>,
    /// Number of windows.
    pub windows: usize,
    /// Time by which its sensor's clock was ahead; times are the program's.
    pub clock_offset_ns: i64,
    /// Steps in time order.
    pub steps: Vec<TimelineStep>,
}

/// Windows that are drawn as one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimelineStep {
    /// Start of the first window, run time.
    #[serde(rename = "t0")]
    pub start_ns: i64,
    /// End of the last window.
    #[serde(rename = "t1")]
    pub end_ns: i64,
    /// Their duration, without gaps.
    #[serde(rename = "ns")]
    pub time_ns: i64,
    /// Their energy.
    #[serde(rename = "j")]
    pub energy_j: f64,
    /// Lowest mean power of a window.
    #[serde(rename = "min")]
    pub min_w: f64,
    /// Highest mean power of a window.
    #[serde(rename = "max")]
    pub max_w: f64,
    /// The phase that was active longest in the first window.
    #[serde(rename = "p")]
    pub phase: Option<String>,
    /// Whether all its windows are too short to give a peak; absent if not.
    #[serde(rename = "short", skip_serializing_if = "std::ops::Not::not")]
    pub is_short: bool,
    #[serde(skip)]
    place: i64,
}

/// Time of a phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Band {
    /// Its name.
    pub phase: String,
    /// Start, run time.
    pub start_ns: i64,
    /// End; `None` while it is open.
    pub end_ns: Option<i64>,
}

/// Data from which a timeline is built.
#[derive(Debug, Clone, Copy)]
pub struct TimelineInput<'r> {
    /// The recording.
    pub recording: &'r Recording,
    /// The run.
    pub run: &'r Run,
    /// Its whole ledger.
    pub ledger: &'r NodeLedger,
    /// Its rails.
    pub balance: &'r [Balance],
    /// The accounts chart of its rails.
    pub accounts: &'r [RailAccounts],
    /// Its attribution.
    pub attribution: Option<&'r Attribution>,
    /// Times of its phases.
    pub phases: &'r [PhaseSpan],
    /// The part to draw; `None` for the whole run.
    pub part: Option<TimelineRange>,
}

/// A part of a run, and the number of steps to draw it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineRange {
    /// Start, run time.
    pub from_ns: i64,
    /// End; the highest number if that of the run is unknown.
    pub to_ns: i64,
    /// Largest number of steps of a rail.
    pub steps: i64,
}

impl TimelineRange {
    /// Returns whether a part of the time from `start_ns` to `end_ns` is inside.
    pub(super) fn overlaps(&self, start_ns: i64, end_ns: Option<i64>) -> bool {
        start_ns < self.to_ns && end_ns.is_none_or(|end_ns| end_ns > self.from_ns)
    }
}

/// Returns the timeline; `None` if nothing was measured.
///
/// # Errors
/// Fails if the file cannot be read.
pub fn timeline(input: &TimelineInput<'_>) -> Result<Option<PowerTimeline>> {
    let end_ns = end(input)?;
    let offsets = offsets(input.balance, input.attribution);
    let mut lines: HashMap<i64, (usize, Vec<TimelineStep>)> = HashMap::new();
    let lines_drawn = input.balance.len().clamp(1, RAILS) as i64;
    let most = (ALL_STEPS / lines_drawn).clamp(MIN_STEPS, STEPS);
    let length = match input.part {
        // The part may reach beyond the end, which is unknown while the run is recorded.
        Some(part) => {
            let part_ns = part.to_ns.min(end_ns).saturating_sub(part.from_ns);
            (part_ns / part.steps.max(1)).max(1)
        }
        None => (end_ns / most).max(1),
    };
    let intervals: HashMap<i64, i64> = {
        let rails = input.balance.iter();
        rails.map(|rail| (rail.id, rail.interval_ns)).collect()
    };
    let mut peaks: HashMap<i64, PeakSamples> = HashMap::new();
    let is_drawn = |window: &StoredWindow| {
        let is_inside = |part: TimelineRange| part.overlaps(window.start_ns, Some(window.end_ns));
        input.part.is_none_or(is_inside)
    };
    query::windows(input.recording, input.run, |mut window| {
        let clock_offset_ns = offsets.get(&window.rail).copied().unwrap_or(0);
        window.start_ns -= clock_offset_ns;
        window.end_ns -= clock_offset_ns;
        if !is_drawn(&window) {
            return;
        }
        let line = lines.entry(window.rail).or_default();
        line.0 += 1;
        let interval_ns = intervals.get(&window.rail).copied().unwrap_or(0);
        let times = (window.start_ns, window.end_ns);
        let peaks = peaks.entry(window.rail).or_default();
        let peak_w = peaks.add(times, window.measured_j, interval_ns);
        add(
            &mut line.1,
            (&window, peak_w),
            (length, interval_ns),
            |phase| {
                let node = input.ledger.node(phase);
                let node = node.filter(|node| node.role.as_deref() == Some("phase"));
                node.map(|node| name(&node.label))
            },
        );
    })?;
    let mut rails = Vec::new();
    for (rail, accounts) in input.balance.iter().zip(input.accounts) {
        let Some((windows, steps)) = lines.remove(&rail.id) else {
            continue;
        };
        rails.push(RailLine {
            rail: accounts.rail.clone(),
            is_root: rail.is_root,
            provenance: accounts.provenance.clone(),
            idle_w: accounts.idle_w,
            windows,
            clock_offset_ns: offsets.get(&rail.id).copied().unwrap_or(0),
            steps,
        });
    }
    let rails_left_out = rails.len().saturating_sub(RAILS);
    rails.truncate(RAILS);
    Ok((!rails.is_empty()).then(|| PowerTimeline {
        end_ns,
        rails,
        rails_left_out,
        bands: bands(input),
        bands_cut: drawn_phases(input).count() > BANDS,
    }))
}

/// Returns the run's end, or the end of the last window if that is unknown.
fn end(input: &TimelineInput<'_>) -> Result<i64> {
    if let Some(end_ns) = input.run.row.end_ns {
        return Ok(end_ns);
    }
    let mut last_ns = 0;
    query::windows(input.recording, input.run, |window| {
        last_ns = window.end_ns.max(last_ns);
    })?;
    Ok(last_ns)
}

/// Returns the clock offset of each rail's windows, ns.
fn offsets(balance: &[Balance], attribution: Option<&Attribution>) -> HashMap<i64, i64> {
    let fits = attribution.map(Attribution::fits).unwrap_or_default();
    let of = |rail: &Balance| {
        let full = format!("{}/{}", rail.source, rail.rail);
        let is_it = |fitted: &str| fitted == full || fitted == rail.rail;
        let fit = fits.iter().find(|fit| is_it(&fit.rail))?;
        Some((rail.id, (fit.clock_offset_ms? * 1e6).round() as i64))
    };
    balance.iter().filter_map(of).collect()
}

/// Adds a window that completes a peak of `peak_w`. Windows of its rail usually have the length
/// `interval_ns`. A window that is too short to give a peak joins the step before or after it.
fn add(
    steps: &mut Vec<TimelineStep>,
    (window, peak_w): (&StoredWindow, Option<f64>),
    (length, interval_ns): (i64, i64),
    phase: impl Fn(i64) -> Option<String>,
) {
    let Some(power_w) = window.power_w().filter(|power| power.is_finite()) else {
        return;
    };
    let time_ns = window.end_ns - window.start_ns;
    let place = i64::midpoint(window.start_ns, window.end_ns) / length;
    let is_short = !gives_peak(time_ns, interval_ns);
    let adjoins = |step: &TimelineStep| {
        let is_near = window.start_ns - step.end_ns <= length / GAP_PARTS;
        let is_edge = is_short != step.is_short && step.time_ns + time_ns <= 2 * interval_ns;
        is_near && (step.place == place || is_edge)
    };
    match steps.last_mut() {
        Some(step) if adjoins(step) => {
            step.join(window, (power_w, peak_w), place, is_short);
        }
        _ => steps.push(TimelineStep {
            start_ns: window.start_ns,
            end_ns: window.end_ns,
            time_ns,
            energy_j: window.measured_j,
            min_w: power_w,
            max_w: peak_w.unwrap_or(power_w),
            phase: window.phase.and_then(phase),
            is_short,
            place,
        }),
    }
}

impl TimelineStep {
    /// Adds a window with its mean power and the peak that it completes. Powers of short ones count
    /// only while there is no other.
    fn join(
        &mut self,
        window: &StoredWindow,
        (power_w, peak_w): (f64, Option<f64>),
        place: i64,
        is_short: bool,
    ) {
        self.end_ns = window.end_ns;
        self.time_ns += window.end_ns - window.start_ns;
        self.energy_j += window.measured_j;
        if self.is_short && !is_short {
            (self.min_w, self.max_w) = (power_w, peak_w.unwrap_or(power_w));
            (self.is_short, self.place) = (false, place);
            return;
        }
        let counts = self.is_short == is_short;
        if counts {
            self.min_w = self.min_w.min(power_w);
        }
        let highest_w = peak_w.or(counts.then_some(power_w));
        self.max_w = highest_w.map_or(self.max_w, |power_w| self.max_w.max(power_w));
    }
}

fn bands(input: &TimelineInput<'_>) -> Vec<Band> {
    let band = |span: &PhaseSpan| {
        let node = input.ledger.node(span.node)?;
        Some(Band {
            phase: name(&node.label),
            start_ns: span.start_ns,
            end_ns: span.end_ns,
        })
    };
    drawn_phases(input).take(BANDS).filter_map(band).collect()
}

/// Returns the phases of the part that is drawn.
fn drawn_phases<'r>(input: &TimelineInput<'r>) -> impl Iterator<Item = &'r PhaseSpan> {
    let part = input.part;
    let is_inside =
        move |span: &&PhaseSpan| part.is_none_or(|part| part.overlaps(span.start_ns, span.end_ns));
    input.phases.iter().filter(is_inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start_ns: i64, end_ns: i64) -> StoredWindow {
        StoredWindow {
            rail: 0,
            start_ns,
            end_ns,
            measured_j: 1.0,
            phase: None,
        }
    }

    #[test]
    fn a_step_ends_where_samples_are_missing() {
        let mut steps = Vec::new();
        for (start, end) in [(0, 10), (10, 20), (60, 70), (72, 80)] {
            let one = window(start, end);
            add(&mut steps, (&one, None), (100, 0), |_| None);
        }
        let times: Vec<_> = steps
            .iter()
            .map(|step| (step.start_ns, step.end_ns, step.time_ns))
            .collect();
        assert_eq!(times, [(0, 20, 20), (60, 80, 18)]);
        let energy_j: Vec<_> = steps.iter().map(|step| step.energy_j).collect();
        assert_eq!(energy_j, [2.0, 2.0]);
    }

    #[test]
    fn windows_far_shorter_than_the_interval_join_their_neighbours() {
        let mut steps = Vec::new();
        // 1 J in each window: the short ones have the highest power.
        let mut peaks = PeakSamples::default();
        for (start, end) in [(0, 4), (4, 104), (104, 204), (204, 211)] {
            let peak_w = peaks.add((start, end), 1.0, 100);
            let one = window(start, end);
            add(&mut steps, (&one, peak_w), (50, 100), |_| None);
        }
        let times: Vec<_> = steps
            .iter()
            .map(|step| (step.start_ns, step.end_ns))
            .collect();
        assert_eq!(times, [(0, 104), (104, 211)]);
        let highest = steps.iter().map(|step| step.max_w).fold(0.0, f64::max);
        // The first two together.
        assert!((highest - 2.0 / 104e-9).abs() < 1.0, "{highest}");
        let energy_j: f64 = steps.iter().map(|step| step.energy_j).sum();
        assert_eq!(energy_j, 4.0);
        let mut alone = Vec::new();
        add(&mut alone, (&window(0, 4), None), (50, 100), |_| None);
        assert!(alone[0].is_short);
    }
}
