//! Whether an offset is clear enough to be taken.
//!
//! What is left unexplained is noise with a memory: of m samples beside the program,
//! whose neighbours are correlated by rho, only m (1 - rho) / (1 + rho) count. The
//! support of an offset is
//!
//! ```text
//! ln L(offset) = -(m / 2) ln(1 + (left(offset) - left(best)) / (m sigma^2)) * (1 - rho) / (1 + rho) / 2
//! ```
//!
//! summed over rails: that of Student's t, which forgives single samples, halved, for
//! the model is never quite true. Asked are five things, each of which can refuse:
//! enough samples; that spans explain power at all; that the best is not at the edge of
//! what was looked at; that all support lies within one sample of the best, and no other
//! peak explains nearly as much; that the support is narrow enough.

use super::Offset;
use super::busy::Busy;
use super::model::Rail;
use super::noise::Noise;
use super::search::{Point, Scan};

/// Samples beside the program that are needed.
const LEAST_SAMPLES: usize = 10;
/// Share of the variance that spans must explain.
const LEAST_EXPLAINED: f64 = 0.2;
/// Nothing explained must be so much less likely, beyond the number of offsets tried.
const LEAST_GAIN: f64 = 7.0;
/// Support that may lie elsewhere.
const MOST_ELSEWHERE: f64 = 1e-3;
/// Another peak must explain less than this share of what the best explains,
const ALIKE: f64 = 0.95;
/// and is a peak if what lies between explains so much less than it.
const DIP: f64 = 0.05;
/// The standard deviation, in samples.
const WIDEST: f64 = 0.2;
/// Nothing is known better than to this part of a sample.
const NARROWEST: f64 = 0.005;

/// What the verdict is about.
#[derive(Debug)]
pub(super) struct Judged<'a> {
    pub(super) busy: &'a Busy,
    /// With all samples.
    pub(super) rails: &'a [Rail],
    /// Over the range, where samples may be put together.
    pub(super) scan: &'a Scan,
    /// Around the best.
    pub(super) fine: &'a Scan,
    pub(super) interval_ns: f64,
    pub(super) program: (i64, i64),
    pub(super) within: (f64, f64),
}

/// Judges the best offset.
///
/// # Errors
/// Why it is not taken.
pub(super) fn judge(judged: &Judged<'_>) -> Result<Offset, String> {
    let none = || "nothing was found".to_owned();
    let best = super::search::best(&judged.fine.points, judged.rails).ok_or_else(none)?;
    let noise: Vec<Noise> = judged
        .rails
        .iter()
        .map(|rail| noise_of(judged, rail, best))
        .collect();
    enough(judged, &noise, best)?;
    let (ns, sd_ns) = moments(&judged.fine.points, &support(&noise, &judged.fine.points));
    let sd_ns = sd_ns.max(NARROWEST * judged.interval_ns);
    let coarse_best = super::search::best(&judged.scan.points, &judged.scan.rails);
    let coarse_best = coarse_best.ok_or_else(none)?;
    let coarse: Vec<Noise> = judged
        .scan
        .rails
        .iter()
        .map(|rail| noise_of(judged, rail, coarse_best))
        .collect();
    let found = Offset {
        ns,
        sd_ns,
        explained: share(&noise),
        rival: rival(judged, coarse_best),
    };
    alone(judged, &coarse, coarse_best, &found)?;
    if sd_ns > WIDEST * judged.interval_ns {
        return Err(format!(
            "{} fits best, but is known to within {:.0} ms only",
            offset(&found),
            sd_ns / 1e6
        ));
    }
    Ok(found)
}

/// Enough samples, and enough explained.
fn enough(judged: &Judged<'_>, noise: &[Noise], best: &Point) -> Result<(), String> {
    let beside = noise.iter().map(|noise| noise.beside).max().unwrap_or(0);
    if beside < LEAST_SAMPLES {
        return Err(format!(
            "only {beside} samples lie beside spans where they fit best; {LEAST_SAMPLES} are needed"
        ));
    }
    let explained = share(noise);
    let percent = explained * 100.0;
    if explained < LEAST_EXPLAINED {
        return Err(format!(
            "no offset explains more than {percent:.0} % of the power's variation by what the \
             program did: it is flat, or varies for another reason, or the work is always the same"
        ));
    }
    let gain: f64 = judged
        .rails
        .iter()
        .zip(noise)
        .zip(&best.left)
        .map(|((rail, noise), left)| noise.against(rail.total - left))
        .sum();
    let tried = judged.scan.points.len() as f64;
    if gain < LEAST_GAIN + tried.ln() {
        return Err(format!(
            "the best offset, {:.0} ms, explains {percent:.0} % of the power's variation, which \
             may be by chance: the recording is short or noisy",
            best.offset_ns / 1e6
        ));
    }
    Ok(())
}

/// Neither at an edge, nor one of several.
fn alone(judged: &Judged<'_>, noise: &[Noise], best: &Point, found: &Offset) -> Result<(), String> {
    let (lo, hi) = judged.within;
    let near = judged.interval_ns.max(judged.scan.step_ns);
    if best.offset_ns - lo < near || hi - best.offset_ns < near {
        return Err(format!(
            "{} fits best, which is at the edge of what was looked at ({:.0} to {:.0} ms)",
            offset(found),
            lo / 1e6,
            hi / 1e6
        ));
    }
    let support = support(noise, &judged.scan.points);
    let apart = |point: &Point| (point.offset_ns - best.offset_ns).abs() > 1.5 * near;
    let (mut elsewhere, mut all) = (0.0, 0.0);
    let mut next: Option<(f64, f64)> = None;
    for (point, support) in judged.scan.points.iter().zip(&support) {
        all += support;
        if apart(point) {
            elsewhere += support;
            next = next
                .filter(|next| next.1 >= *support)
                .or(Some((point.offset_ns, *support)));
        }
    }
    let alike = found
        .rival
        .filter(|rival| rival.1 >= ALIKE * found.explained);
    let ambiguous = elsewhere > MOST_ELSEWHERE * all;
    let other = alike.map(|rival| rival.0);
    let other = other.or_else(|| next.filter(|_| ambiguous).map(|next| next.0));
    match other {
        None => Ok(()),
        Some(other) => Err(format!(
            "{} fits best, but {:.0} ms fits about as well: the work repeats itself, or is too \
             even to tell",
            offset(found),
            other / 1e6
        )),
    }
}

fn offset(found: &Offset) -> String {
    format!(
        "an offset of {:.0} ms (it explains {:.0} % of the power's variation)",
        found.ns / 1e6,
        found.explained * 100.0
    )
}

fn noise_of(judged: &Judged<'_>, rail: &Rail, best: &Point) -> Noise {
    Noise::of(rail, judged.busy, best.offset_ns, judged.program)
}

/// The best share of a rail.
fn share(noise: &[Noise]) -> f64 {
    let shares = noise.iter().map(|noise| noise.explained);
    shares.fold(0.0, f64::max)
}

/// The support of each point, as shares of the highest.
fn support(noise: &[Noise], points: &[Point]) -> Vec<f64> {
    let least = |rail: usize| {
        points
            .iter()
            .map(|p| p.left[rail])
            .fold(f64::INFINITY, f64::min)
    };
    let least: Vec<f64> = (0..noise.len()).map(least).collect();
    let against = |point: &Point| -> f64 {
        let rails = noise.iter().zip(&point.left).zip(&least);
        rails
            .map(|((noise, left), least)| noise.against(left - least))
            .sum()
    };
    let all: Vec<f64> = points.iter().map(against).collect();
    let lowest = all.iter().copied().fold(f64::INFINITY, f64::min);
    all.into_iter()
        .map(|against| (lowest - against).exp())
        .collect()
}

/// Mean and standard deviation.
fn moments(points: &[Point], support: &[f64]) -> (f64, f64) {
    let all: f64 = support.iter().sum();
    let each = || points.iter().zip(support);
    let mean = each().map(|(p, s)| p.offset_ns * s).sum::<f64>() / all;
    let square = each()
        .map(|(p, s)| (p.offset_ns - mean).powi(2) * s)
        .sum::<f64>()
        / all;
    (mean, square.sqrt())
}

/// The other peak that explains most, with its share on the rail that is explained best.
fn rival(judged: &Judged<'_>, best: &Point) -> Option<(f64, f64)> {
    let rails = &judged.scan.rails;
    let share = |point: &Point, rail: usize| 1.0 - point.left[rail] / rails[rail].total;
    let rail = (0..rails.len()).max_by(|&a, &b| share(best, a).total_cmp(&share(best, b)))?;
    let shares: Vec<f64> = judged
        .scan
        .points
        .iter()
        .map(|point| share(point, rail))
        .collect();
    let top = judged
        .scan
        .points
        .iter()
        .position(|p| p.offset_ns == best.offset_ns)?;
    let mut found: Option<(usize, f64)> = None;
    for side in [
        (0..top).rev().collect::<Vec<usize>>(),
        (top + 1..shares.len()).collect(),
    ] {
        let mut lowest = shares[top];
        for at in side {
            lowest = lowest.min(shares[at]);
            let is_peak = lowest <= shares[at] * (1.0 - DIP) && shares[at] > 0.0;
            if is_peak && found.is_none_or(|found| found.1 < shares[at]) {
                found = Some((at, shares[at]));
            }
        }
    }
    let (at, own) = found?;
    let scale = share_near(judged, best, shares[top]);
    Some((judged.scan.points[at].offset_ns, own * scale))
}

/// From shares of all variance to those near the program.
fn share_near(judged: &Judged<'_>, best: &Point, of_all: f64) -> f64 {
    let rails = judged.scan.rails.iter();
    let near = rails.map(|rail| noise_of(judged, rail, best).explained);
    let near = near.fold(0.0, f64::max);
    if of_all > 0.0 { near / of_all } else { 0.0 }
}
