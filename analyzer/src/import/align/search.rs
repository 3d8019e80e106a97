//! Looks for the offset: coarsely over all of a range, then finely around the best.

use super::busy::Busy;
use super::model::{Rail, Window};

/// Offsets in one sample while the whole range is looked at.
const STEPS_PER_SAMPLE: f64 = 4.0;
/// Windows times offsets; beyond that samples are put together first. About two seconds.
const MOST_WORK: f64 = 1.5e7;
/// Halves of the step around the best, down to a 256th of a sample.
const HALVINGS: u32 = 6;
/// Power is never told better than this share of its variance.
const FLOOR: f64 = 1e-5;

/// What is left unexplained on each rail at one offset.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) offset_ns: f64,
    pub(super) left: Vec<f64>,
}

/// All points that were looked at, and how far they are apart.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) points: Vec<Point>,
    pub(super) step_ns: f64,
    pub(super) rails: Vec<Rail>,
}

/// Looks at all offsets from `lo_ns` to `hi_ns`.
pub(super) fn scan(
    rails: &[Vec<Window>],
    busy: &Busy,
    interval_ns: f64,
    (lo_ns, hi_ns): (f64, f64),
) -> Scan {
    let windows: usize = rails.iter().map(Vec::len).sum();
    let offsets = (hi_ns - lo_ns) / interval_ns * STEPS_PER_SAMPLE + 1.0;
    let together = (windows as f64 * offsets / MOST_WORK)
        .sqrt()
        .ceil()
        .max(1.0);
    let rails: Vec<Rail> = rails
        .iter()
        .filter_map(|windows| Rail::new(grouped(windows, together as usize)))
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

/// Looks around the point `best` in ever smaller steps; answers all points of the last
/// two rounds, which are evenly spread over a sample on both sides.
pub(super) fn refine(
    rails: &[Rail],
    busy: &Busy,
    best_ns: f64,
    (reach_ns, interval_ns): (f64, f64),
) -> Scan {
    let mut centre_ns = best_ns;
    let mut reach_ns = reach_ns;
    let round = |centre_ns: f64, reach_ns: f64| -> (Vec<Point>, f64) {
        let step_ns = reach_ns / 16.0;
        let offsets = (-16..=16).map(|at| centre_ns + f64::from(at) * step_ns);
        let points: Vec<Point> = offsets.map(|ns| point(rails, busy, ns)).collect();
        (points, step_ns)
    };
    while reach_ns > interval_ns {
        let (points, step_ns) = round(centre_ns, reach_ns);
        centre_ns = best(&points, rails).map_or(centre_ns, |point| point.offset_ns);
        reach_ns = (2.0 * step_ns).max(interval_ns);
    }
    for _ in 0..HALVINGS {
        let (points, _) = round(centre_ns, reach_ns);
        centre_ns = best(&points, rails).map_or(centre_ns, |point| point.offset_ns);
        reach_ns = (reach_ns / 2.0).max(interval_ns / 4.0);
    }
    let (points, step_ns) = round(centre_ns, interval_ns / 4.0);
    Scan {
        points,
        step_ns,
        rails: Vec::new(),
    }
}

/// The point that explains most.
pub(super) fn best<'a>(points: &'a [Point], rails: &[Rail]) -> Option<&'a Point> {
    let misfit = |point: &Point| -> f64 {
        let parts = rails.iter().zip(&point.left).map(|(rail, left)| {
            let share = (left / rail.total).max(FLOOR);
            rail.windows().len() as f64 * share.ln()
        });
        parts.sum()
    };
    points.iter().min_by(|a, b| misfit(a).total_cmp(&misfit(b)))
}

/// What is left at one offset.
pub(super) fn point(rails: &[Rail], busy: &Busy, offset_ns: f64) -> Point {
    let left = rails.iter().map(|rail| rail.explain(busy, offset_ns).left);
    Point {
        offset_ns,
        left: left.collect(),
    }
}

/// So many samples that follow each other as one.
fn grouped(windows: &[Window], together: usize) -> Vec<Window> {
    let mut groups: Vec<Window> = Vec::with_capacity(windows.len() / together + 1);
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
