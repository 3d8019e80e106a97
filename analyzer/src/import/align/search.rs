//! Looks for the offset: coarsely over all of a range, then finely around the best.

use super::busy::Busy;
use super::model::{Rail, Window};

/// Offsets in one sample while the whole range is looked at.
const STEPS_PER_SAMPLE: f64 = 4.0;
/// Samples beside the program times offsets; beyond that samples are put together first.
const MOST_WORK: f64 = 3e7;
/// Steps to each side while a best is come nearer to, and in the end.
const STEPS_NEAR: f64 = 8.0;
const STEPS_ASIDE: f64 = 64.0;
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
    let (begin_ns, end_ns) = busy.extent_ns();
    let beside = ((end_ns - begin_ns) / interval_ns) as usize + 2;
    let windows: usize = rails.iter().map(|windows| windows.len().min(beside)).sum();
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

/// Looks around the point `best`, which is known to within `reach_ns`, in ever smaller
/// steps; answers points a 64th of a sample apart, over one sample to both sides.
pub(super) fn refine(
    rails: &[Rail],
    busy: &Busy,
    best_ns: f64,
    (reach_ns, interval_ns): (f64, f64),
) -> Scan {
    let (mut centre_ns, mut reach_ns) = (best_ns, reach_ns);
    while reach_ns > interval_ns / STEPS_ASIDE {
        let points = around(rails, busy, centre_ns, (reach_ns, STEPS_NEAR));
        centre_ns = best(&points, rails).map_or(centre_ns, |point| point.offset_ns);
        reach_ns /= STEPS_NEAR / 2.0;
    }
    Scan {
        points: around(rails, busy, centre_ns, (interval_ns, STEPS_ASIDE)),
        step_ns: interval_ns / STEPS_ASIDE,
        rails: Vec::new(),
    }
}

/// Points from a reach before to a reach after the centre, in so many steps each.
fn around(
    rails: &[Rail],
    busy: &Busy,
    centre_ns: f64,
    (reach_ns, steps): (f64, f64),
) -> Vec<Point> {
    let steps = steps as i32;
    let offsets = (-steps..=steps).map(|at| reach_ns * f64::from(at) / f64::from(steps));
    offsets
        .map(|from_centre| point(rails, busy, centre_ns + from_centre))
        .collect()
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
fn point(rails: &[Rail], busy: &Busy, offset_ns: f64) -> Point {
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
