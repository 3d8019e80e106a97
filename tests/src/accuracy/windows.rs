//! Self time of kinds within samples.

use crate::simulate::{SimulatedRail, SimulatedTrace, SpanSegment, self_segments};

use super::SampleMeaning;

/// A window with less span time than this part of it shows idle power.
const IDLE_BELOW: f64 = 0.02;

/// One sample and the self time in it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredWindow {
    /// Its length, ms.
    pub length_ms: f64,
    /// Its energy, mJ.
    pub energy_mj: f64,
    /// Kinds (places in [`SimulatedTrace::kinds`]) and their self time in it, ms.
    pub times_ms: Vec<(usize, f64)>,
    /// Self time of all kinds, ms; more than the length where threads run at once.
    pub busy_ms: f64,
}

/// The distinct samples of one rail with the self time in each.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowTimes {
    /// In the order of time.
    pub windows: Vec<ScoredWindow>,
    /// Self time of each kind in the whole run, ms; 0 for kinds that do not use the rail.
    pub total_ms: Vec<f64>,
}

impl WindowTimes {
    /// `clock_offset_ms` is the sampler's clock minus the spans'.
    #[must_use]
    pub fn new(
        trace: &SimulatedTrace,
        rail: SimulatedRail,
        kernel: SampleMeaning,
        clock_offset_ms: f64,
    ) -> Self {
        let mut threads = self_segments(&trace.spans);
        for segments in &mut threads {
            segments.retain(|segment| rail.serves(trace.spans[segment.span].rail));
        }
        let mut total_ms = vec![0.0; trace.kinds.len()];
        for segment in threads.iter().flatten() {
            let length = (segment.end_ns - segment.start_ns) as f64 * 1e-6;
            total_ms[trace.spans[segment.span].kind] += length;
        }
        let mut sums = vec![0.0; trace.kinds.len()];
        let windows = trace.distinct_samples(rail).into_iter().map(|sample| {
            let (start, end) = (sample.start_ns as f64, sample.end_ns as f64);
            let (end, length_ms) = (end - clock_offset_ms * 1e6, (end - start) * 1e-6);
            let (reach_ms, scale) = match kernel {
                SampleMeaning::Interval => (length_ms, 1.0),
                SampleMeaning::Trailing { window_ms } => (window_ms, length_ms / window_ms),
            };
            add_times(trace, &threads, (end - reach_ms * 1e6, end), &mut sums);
            let times_ms = take_times(&mut sums, scale);
            ScoredWindow {
                length_ms,
                energy_mj: sample.energy_mj,
                busy_ms: times_ms.iter().map(|(_, time)| time).sum(),
                times_ms,
            }
        });
        Self {
            windows: windows.collect(),
            total_ms,
        }
    }

    /// Idle power, W: the median of windows (almost) without spans, or, with fewer than
    /// two of them, half of the lowest power.
    #[must_use]
    pub fn idle_w(&self) -> f64 {
        let power = |window: &ScoredWindow| window.energy_mj / window.length_ms;
        let idle = self
            .windows
            .iter()
            .filter(|one| one.busy_ms < IDLE_BELOW * one.length_ms);
        let mut idle: Vec<f64> = idle.map(power).collect();
        if idle.len() >= 2 {
            return quantile(&mut idle, 0.5);
        }
        let mut all: Vec<f64> = self.windows.iter().map(power).collect();
        0.5 * quantile(&mut all, 0.02)
    }
}

/// Adds to each kind's sum its self time in ms between two times in ns.
fn add_times(
    trace: &SimulatedTrace,
    threads: &[Vec<SpanSegment>],
    (start, end): (f64, f64),
    sums: &mut [f64],
) {
    for segments in threads {
        let first = segments.partition_point(|one| one.end_ns as f64 <= start);
        for segment in &segments[first..] {
            if segment.start_ns as f64 >= end {
                break;
            }
            let from = start.max(segment.start_ns as f64);
            let to = end.min(segment.end_ns as f64);
            sums[trace.spans[segment.span].kind] += (to - from) * 1e-6;
        }
    }
}

/// The sums that are not 0, scaled; they are 0 afterwards.
fn take_times(sums: &mut [f64], scale: f64) -> Vec<(usize, f64)> {
    let mut times = Vec::new();
    for (kind, sum) in sums.iter_mut().enumerate().filter(|(_, sum)| **sum > 0.0) {
        times.push((kind, *sum * scale));
        *sum = 0.0;
    }
    times
}

/// The `part` quantile with linear interpolation; 0 of nothing.
fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else {
        return 0.0;
    };
    let place = part * last as f64;
    let below = values[place.floor() as usize];
    below + place.fract() * (values[place.ceil() as usize] - below)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::simulate::{Scenario, SimulatedSample, SimulatedSpan, TraceTruth};

    const MS: i64 = 1_000_000;

    /// Kind 0 runs from 10 to 30 ms, kind 1 from 20 to 25 ms on another thread, samples
    /// are of 10 ms from 5 ms before the spans' begin (on their own clock: 7 ms later).
    fn trace() -> SimulatedTrace {
        let span = |thread, kind, start, end| SimulatedSpan {
            parent: 0,
            thread,
            kind,
            start_ns: start * MS,
            end_ns: end * MS,
            rail: SimulatedRail::Cpu,
        };
        let sample = |start: i64| SimulatedSample {
            start_ns: (start + 7) * MS,
            end_ns: (start + 17) * MS,
            rail: SimulatedRail::Cpu,
            energy_mj: start as f64,
        };
        SimulatedTrace {
            scenario: Scenario::Web,
            seed: 0,
            settings: Scenario::Web.settings(),
            kinds: vec!["a".to_owned(), "b".to_owned()],
            spans: vec![span(0, 0, 10, 30), span(1, 1, 20, 25)],
            samples: [5, 15, 15, 25, 35].map(sample).to_vec(),
            truth: TraceTruth {
                clock_offset_ms: 7.0,
                rails: BTreeMap::new(),
                kinds: Vec::new(),
                span_energy_mj: vec![0.0; 2],
                powers_w: BTreeMap::new(),
            },
        }
    }

    fn times(kernel: SampleMeaning, clock_offset_ms: f64) -> Vec<Vec<(usize, f64)>> {
        let times = WindowTimes::new(&trace(), SimulatedRail::Cpu, kernel, clock_offset_ms);
        times
            .windows
            .into_iter()
            .map(|window| window.times_ms)
            .collect()
    }

    #[test]
    fn time_in_a_sample_is_counted_on_the_spans_clock_and_repeated_samples_once() {
        let expected = vec![
            vec![(0, 5.0)],
            vec![(0, 10.0), (1, 5.0)],
            vec![(0, 5.0)],
            vec![],
        ];
        assert_eq!(times(SampleMeaning::Interval, 7.0), expected);
        assert_eq!(times(SampleMeaning::Interval, 2.0)[0], [(0, 10.0)]);
    }

    #[test]
    fn a_trailing_window_reaches_back_and_is_scaled_to_the_sample() {
        let trailing = times(SampleMeaning::Trailing { window_ms: 20.0 }, 7.0);
        let expected = vec![
            vec![(0, 2.5)],
            vec![(0, 7.5), (1, 2.5)],
            vec![(0, 7.5), (1, 2.5)],
            vec![(0, 2.5)],
        ];
        assert_eq!(trailing, expected);
    }

    #[test]
    fn idle_power_is_that_of_windows_without_spans_or_half_of_the_lowest() {
        let mut trace = trace();
        let idle = |trace: &SimulatedTrace| {
            WindowTimes::new(trace, SimulatedRail::Cpu, SampleMeaning::Interval, 7.0).idle_w()
        };
        // One idle window is too few: half of the 2 % quantile of 0.5, 1.5, 2.5, 3.5 W.
        assert!((idle(&trace) - 0.5 * 0.56).abs() < 1e-12);
        let mut more = trace.samples[4].clone();
        (more.start_ns, more.end_ns) = (more.start_ns + 10 * MS, more.end_ns + 10 * MS);
        more.energy_mj = 45.0;
        trace.samples.push(more);
        assert!((idle(&trace) - 4.0).abs() < 1e-12);
    }
}
