//! Decides whether an offset is unambiguous enough to be accepted.
//!
//! The residual is autocorrelated noise: of m samples that overlap the program, with
//! correlation rho of neighbours, only m (1 - rho) / (1 + rho) are effective. The support of an
//! offset is
//!
//! ```text
//! ln L(offset) = -(m / 2) ln(1 + (rss(offset) - rss(best)) / (m sigma^2)) * (1 - rho) / (1 + rho) / 2
//! ```
//!
//! summed over rails: that of Student's t, which tolerates outliers, halved because the model
//! is only approximately true. An offset is accepted if there are enough samples; spans
//! explain the power at all; the best offset is not at the edge of the searched range; all
//! support lies within one sample of the best, and no other peak explains nearly as much; and
//! the support is narrow enough.

use super::busy::KindBusyTime;
use super::model::AlignmentRail;
use super::noise::ResidualNoise;
use super::offset::FoundOffset;
use super::search::{Scan, ScanPoint};

/// Minimum number of samples that overlap the program.
const MIN_SAMPLES: usize = 10;
/// Minimum share of the variance that spans must explain.
const MIN_EXPLAINED: f64 = 0.2;
/// Minimum log likelihood gain over explaining nothing, in addition to the log of the number of
/// offsets tried.
const MIN_GAIN: f64 = 7.0;
/// Maximum share of the support away from the best offset.
const MAX_ELSEWHERE: f64 = 1e-3;
/// Another peak is a rival if it explains at least this share of what the best explains,
const RIVAL_SHARE: f64 = 0.95;
/// and if the explained share in between is lower by at least this fraction.
const DIP: f64 = 0.05;
/// Maximum standard deviation, in samples.
const MAX_SD: f64 = 0.2;
/// Minimum standard deviation, in samples.
const MIN_SD: f64 = 0.005;

/// A candidate offset with the searches that found it.
#[derive(Debug)]
pub(super) struct OffsetCandidate<'a> {
    pub(super) busy: &'a KindBusyTime,
    /// Rails with all samples.
    pub(super) rails: &'a [AlignmentRail],
    /// Coarse search over the range, with samples possibly merged.
    pub(super) scan: &'a Scan,
    /// Fine search around the best.
    pub(super) fine: &'a Scan,
    pub(super) interval_ns: f64,
    pub(super) program: (i64, i64),
    pub(super) within: (f64, f64),
}

/// Judges the best offset.
///
/// # Errors
/// Returns a message with the reason if it is not accepted.
pub(super) fn judge(candidate: &OffsetCandidate<'_>) -> Result<FoundOffset, String> {
    let none = || "nothing was found".to_owned();
    let best = super::search::best(&candidate.fine.points, candidate.rails).ok_or_else(none)?;
    let noise: Vec<ResidualNoise> = candidate
        .rails
        .iter()
        .map(|rail| noise_of(candidate, rail, best))
        .collect();
    check_evidence(candidate, &noise, best)?;
    let (ns, sd_ns) = moments(
        &candidate.fine.points,
        &support(&noise, &candidate.fine.points),
    );
    let sd_ns = sd_ns.max(MIN_SD * candidate.interval_ns);
    let coarse_best = super::search::best(&candidate.scan.points, &candidate.scan.rails);
    let coarse_best = coarse_best.ok_or_else(none)?;
    let coarse: Vec<ResidualNoise> = candidate
        .scan
        .rails
        .iter()
        .map(|rail| noise_of(candidate, rail, coarse_best))
        .collect();
    let found = FoundOffset {
        ns,
        sd_ns,
        explained: share(&noise),
        rival: rival(candidate, coarse_best),
    };
    check_unambiguous(candidate, &coarse, coarse_best, &found)?;
    if sd_ns > MAX_SD * candidate.interval_ns {
        return Err(format!(
            "{} fits best, but is known only to within {:.0} ms",
            offset(&found),
            sd_ns / 1e6
        ));
    }
    Ok(found)
}

/// Checks that there are enough samples and that enough variance is explained.
fn check_evidence(
    candidate: &OffsetCandidate<'_>,
    noise: &[ResidualNoise],
    best: &ScanPoint,
) -> Result<(), String> {
    let overlapping = noise
        .iter()
        .map(|noise| noise.overlapping)
        .max()
        .unwrap_or(0);
    if overlapping < MIN_SAMPLES {
        return Err(format!(
            "only {overlapping} samples overlap spans at the best offset; {MIN_SAMPLES} are needed"
        ));
    }
    let explained = share(noise);
    let percent = explained * 100.0;
    if explained < MIN_EXPLAINED {
        return Err(format!(
            "no offset explains more than {percent:.0} % of the power's variation by the \
             spans: it is constant, varies for another reason, or the work is always the same"
        ));
    }
    let gain: f64 = candidate
        .rails
        .iter()
        .zip(noise)
        .zip(&best.residuals)
        .map(|((rail, noise), residual)| noise.penalty(rail.total - residual))
        .sum();
    let tried = candidate.scan.points.len() as f64;
    if gain < MIN_GAIN + tried.ln() {
        return Err(format!(
            "the best offset, {:.0} ms, explains {percent:.0} % of the power's variation, which \
             may be by chance: the recording is short or noisy",
            best.clock_offset_ns / 1e6
        ));
    }
    Ok(())
}

/// Checks that the best offset is not at an edge and has no rival.
fn check_unambiguous(
    candidate: &OffsetCandidate<'_>,
    noise: &[ResidualNoise],
    best: &ScanPoint,
    found: &FoundOffset,
) -> Result<(), String> {
    let (lo, hi) = candidate.within;
    let near = candidate.interval_ns.max(candidate.scan.step_ns);
    if best.clock_offset_ns - lo < near || hi - best.clock_offset_ns < near {
        return Err(format!(
            "{} fits best, which is at the edge of the searched range ({:.0} to {:.0} ms)",
            offset(found),
            lo / 1e6,
            hi / 1e6
        ));
    }
    let support = support(noise, &candidate.scan.points);
    let apart =
        |point: &ScanPoint| (point.clock_offset_ns - best.clock_offset_ns).abs() > 1.5 * near;
    let (mut elsewhere, mut all) = (0.0, 0.0);
    let mut next: Option<(f64, f64)> = None;
    for (point, support) in candidate.scan.points.iter().zip(&support) {
        all += support;
        if apart(point) {
            elsewhere += support;
            next = next
                .filter(|next| next.1 >= *support)
                .or(Some((point.clock_offset_ns, *support)));
        }
    }
    let equal_rival = found
        .rival
        .filter(|rival| rival.1 >= RIVAL_SHARE * found.explained);
    let ambiguous = elsewhere > MAX_ELSEWHERE * all;
    let other = equal_rival.map(|rival| rival.0);
    let other = other.or_else(|| next.filter(|_| ambiguous).map(|next| next.0));
    match other {
        None => Ok(()),
        Some(other) => Err(format!(
            "{} fits best, but {:.0} ms fits about as well: the work repeats itself, or is too \
             uniform",
            offset(found),
            other / 1e6
        )),
    }
}

fn offset(found: &FoundOffset) -> String {
    format!(
        "an offset of {:.0} ms (it explains {:.0} % of the power's variation)",
        found.ns / 1e6,
        found.explained * 100.0
    )
}

fn noise_of(
    candidate: &OffsetCandidate<'_>,
    rail: &AlignmentRail,
    best: &ScanPoint,
) -> ResidualNoise {
    ResidualNoise::estimate(
        rail,
        candidate.busy,
        best.clock_offset_ns,
        candidate.program,
    )
}

/// Returns the largest explained share of any rail.
fn share(noise: &[ResidualNoise]) -> f64 {
    let shares = noise.iter().map(|noise| noise.explained);
    shares.fold(0.0, f64::max)
}

/// Returns the support of each point relative to the highest.
fn support(noise: &[ResidualNoise], points: &[ScanPoint]) -> Vec<f64> {
    let least = |rail: usize| {
        points
            .iter()
            .map(|p| p.residuals[rail])
            .fold(f64::INFINITY, f64::min)
    };
    let least: Vec<f64> = (0..noise.len()).map(least).collect();
    let penalty = |point: &ScanPoint| -> f64 {
        let rails = noise.iter().zip(&point.residuals).zip(&least);
        rails
            .map(|((noise, residual), least)| noise.penalty(residual - least))
            .sum()
    };
    let all: Vec<f64> = points.iter().map(penalty).collect();
    let lowest = all.iter().copied().fold(f64::INFINITY, f64::min);
    all.into_iter()
        .map(|penalty| (lowest - penalty).exp())
        .collect()
}

/// Returns the weighted mean and standard deviation of offsets.
fn moments(points: &[ScanPoint], support: &[f64]) -> (f64, f64) {
    let all: f64 = support.iter().sum();
    let each = || points.iter().zip(support);
    let mean = each().map(|(p, s)| p.clock_offset_ns * s).sum::<f64>() / all;
    let square = each()
        .map(|(p, s)| (p.clock_offset_ns - mean).powi(2) * s)
        .sum::<f64>()
        / all;
    (mean, square.sqrt())
}

/// Returns the other peak that explains most, with its share on the best explained rail.
fn rival(candidate: &OffsetCandidate<'_>, best: &ScanPoint) -> Option<(f64, f64)> {
    let rails = &candidate.scan.rails;
    let share = |point: &ScanPoint, rail: usize| 1.0 - point.residuals[rail] / rails[rail].total;
    let rail = (0..rails.len()).max_by(|&a, &b| share(best, a).total_cmp(&share(best, b)))?;
    let shares: Vec<f64> = candidate
        .scan
        .points
        .iter()
        .map(|point| share(point, rail))
        .collect();
    let top = candidate
        .scan
        .points
        .iter()
        .position(|p| p.clock_offset_ns == best.clock_offset_ns)?;
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
    let scale = share_near(candidate, best, shares[top]);
    Some((candidate.scan.points[at].clock_offset_ns, own * scale))
}

/// Converts a share of all variance to a share near the program.
fn share_near(candidate: &OffsetCandidate<'_>, best: &ScanPoint, of_all: f64) -> f64 {
    let rails = candidate.scan.rails.iter();
    let near = rails.map(|rail| noise_of(candidate, rail, best).explained);
    let near = near.fold(0.0, f64::max);
    if of_all > 0.0 { near / of_all } else { 0.0 }
}
