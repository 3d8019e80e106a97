//! Searches the offset: coarsely over the whole range, then finely around the best one.

use super::busy::KindBusyTime;
use super::model::{AlignmentRail, AlignmentWindow};

/// Offsets per sample in the coarse search.
const STEPS_PER_SAMPLE: f64 = 4.0;
/// Maximum number of overlapping samples times offsets; beyond it, consecutive samples are
/// merged.
const MAX_WORK: f64 = 3e7;
/// Steps to each side while the best offset is refined, and in the final pass.
const REFINE_STEPS: f64 = 8.0;
const FINAL_STEPS: f64 = 64.0;
/// Minimum residual share of the variance, which limits the weight of an almost perfect fit.
const FLOOR: f64 = 1e-5;

/// Residual sum of squares on each rail at one offset.
#[derive(Debug, Clone)]
pub(super) struct ScanPoint {
    pub(super) clock_offset_ns: f64,
    pub(super) residuals: Vec<f64>,
}

/// All examined points, and the distance between them.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) points: Vec<ScanPoint>,
    pub(super) step_ns: f64,
    pub(super) rails: Vec<AlignmentRail>,
}

/// Examines all offsets from `lo_ns` to `hi_ns`.
pub(super) fn scan(
    rails: &[Vec<AlignmentWindow>],
    busy: &KindBusyTime,
    interval_ns: f64,
    (lo_ns, hi_ns): (f64, f64),
) -> Scan {
    let (begin_ns, end_ns) = busy.extent_ns();
    let overlapping = ((end_ns - begin_ns) / interval_ns) as usize + 2;
    let windows: usize = rails
        .iter()
        .map(|windows| windows.len().min(overlapping))
        .sum();
    let offsets = (hi_ns - lo_ns) / interval_ns * STEPS_PER_SAMPLE + 1.0;
    let together = (windows as f64 * offsets / MAX_WORK).sqrt().ceil().max(1.0);
    let rails: Vec<AlignmentRail> = rails
        .iter()
        .filter_map(|windows| AlignmentRail::new(grouped(windows, together as usize)))
        .collect();
    let step_ns = interval_ns * together / STEPS_PER_SAMPLE;
    let count = ((hi_ns - lo_ns) / step_ns).floor().max(0.0) as usize;
    let points = (0..=count).map(|at| point(&rails, busy, lo_ns + at as f64 * step_ns));
    Scan {
        points: points.collect(),
        step_ns,
        rails,
    }
}

/// Examines ever smaller steps around `best_ns`, which is known to within `reach_ns`; returns
/// points a 64th of a sample apart, over one sample to both sides.
pub(super) fn refine(
    rails: &[AlignmentRail],
    busy: &KindBusyTime,
    best_ns: f64,
    (reach_ns, interval_ns): (f64, f64),
) -> Scan {
    let (mut centre_ns, mut reach_ns) = (best_ns, reach_ns);
    while reach_ns > interval_ns / FINAL_STEPS {
        let points = around(rails, busy, centre_ns, (reach_ns, REFINE_STEPS));
        centre_ns = best(&points, rails).map_or(centre_ns, |point| point.clock_offset_ns);
        reach_ns /= REFINE_STEPS / 2.0;
    }
    Scan {
        points: around(rails, busy, centre_ns, (interval_ns, FINAL_STEPS)),
        step_ns: interval_ns / FINAL_STEPS,
        rails: Vec::new(),
    }
}

/// Returns points from `reach_ns` before to `reach_ns` after the centre, `steps` on each side.
fn around(
    rails: &[AlignmentRail],
    busy: &KindBusyTime,
    centre_ns: f64,
    (reach_ns, steps): (f64, f64),
) -> Vec<ScanPoint> {
    let steps = steps as i32;
    let offsets = (-steps..=steps).map(|at| reach_ns * f64::from(at) / f64::from(steps));
    offsets
        .map(|from_centre| point(rails, busy, centre_ns + from_centre))
        .collect()
}

/// Returns the point that explains most of the variance.
pub(super) fn best<'a>(points: &'a [ScanPoint], rails: &[AlignmentRail]) -> Option<&'a ScanPoint> {
    let misfit = |point: &ScanPoint| -> f64 {
        let parts = rails.iter().zip(&point.residuals).map(|(rail, residual)| {
            let share = (residual / rail.total).max(FLOOR);
            rail.windows().len() as f64 * share.ln()
        });
        parts.sum()
    };
    points.iter().min_by(|a, b| misfit(a).total_cmp(&misfit(b)))
}

/// Evaluates one offset.
fn point(rails: &[AlignmentRail], busy: &KindBusyTime, clock_offset_ns: f64) -> ScanPoint {
    let residuals = rails
        .iter()
        .map(|rail| rail.explain(busy, clock_offset_ns).residual);
    ScanPoint {
        clock_offset_ns,
        residuals: residuals.collect(),
    }
}

/// Merges each `together` consecutive samples.
fn grouped(windows: &[AlignmentWindow], together: usize) -> Vec<AlignmentWindow> {
    let mut groups: Vec<AlignmentWindow> = Vec::with_capacity(windows.len() / together + 1);
    let mut held = 0;
    for window in windows {
        match groups.last_mut() {
            Some(last) if held < together && last.end_ns == window.start_ns => {
                last.end_ns = window.end_ns;
                last.energy_j += window.energy_j;
                held += 1;
            }
            _ => {
                groups.push(*window);
                held = 1;
            }
        }
    }
    groups
}
