//! Compares one pair of sides, or several sides with the first.

use serde::Serialize;

use super::contrast::{Contrast, contrast};
use super::sample::{ComparisonOptions, RunSample};
use super::sessions::SessionLayout;
use super::verdict::{Reason, SideVerdict};

/// The other side compared with base.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// Geometric mean of the other side over that of base; `None` if a side has no runs or
    /// values that are not positive.
    pub ratio: Option<f64>,
    /// Lower end of the ratio's interval; `None` with one run on a side.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
    /// Confidence level of the interval: the requested one, or higher if several comparisons
    /// share one error rate.
    pub confidence: f64,
    /// Probability of a difference at least as large between equal sides, adjusted if several
    /// comparisons share one error rate; `None` with one run on a side.
    pub p: Option<f64>,
    /// Degrees of freedom of the interval.
    pub df: Option<f64>,
    /// Independent samples of base and the other side: runs, or sessions if there are many.
    pub samples: [usize; 2],
    /// How the runs of both sides are distributed over sessions.
    pub layout: SessionLayout,
    /// Smallest relative difference that four of five such comparisons would find.
    pub detectable: Option<f64>,
    /// The verdict.
    pub verdict: SideVerdict,
    /// The reason if it is inconclusive.
    pub reason: Option<Reason>,
}

/// Compares two sides.
///
/// With one run on a side there is neither interval nor p; with two both exist, but the verdict
/// is inconclusive.
pub fn compare(base: &[RunSample], other: &[RunSample], options: &ComparisonOptions) -> Comparison {
    let contrast = contrast(base, other, options);
    let p = contrast.and_then(|contrast| contrast.p());
    Comparison::from_contrast([base, other], contrast, options.alpha(), p, options)
}

/// Compares each of `others` with base. The rate of wrong verdicts over all of them is that of
/// a single comparison (Holm 1979): the comparison with the `i`-th smallest p of `m` has to be
/// significant at the error rate over `m - i + 1`, and its interval has that level.
pub fn compare_all(
    base: &[RunSample],
    others: &[Vec<RunSample>],
    options: &ComparisonOptions,
) -> Vec<Comparison> {
    let contrasts: Vec<Option<Contrast>> = others
        .iter()
        .map(|other| contrast(base, other, options))
        .collect();
    let p_of = |at: usize| contrasts[at].and_then(|contrast| contrast.p());
    let mut order: Vec<usize> = (0..others.len()).filter(|at| p_of(*at).is_some()).collect();
    let known = |at: usize| p_of(at).unwrap_or(1.0);
    order.sort_by(|a, b| known(*a).total_cmp(&known(*b)));
    let mut steps = vec![(options.alpha(), None); others.len()];
    let (mut highest, mut stopped) = (0.0_f64, None);
    for (rank, at) in order.iter().enumerate() {
        let remaining = (order.len() - rank) as f64;
        highest = highest.max((known(*at) * remaining).min(1.0));
        // After the first comparison that is not significant, none is, at its level.
        let level = stopped.unwrap_or(options.alpha() / remaining);
        if known(*at) > level {
            stopped = Some(level);
        }
        steps[*at] = (level, Some(highest));
    }
    let sides = others.iter().zip(contrasts).zip(steps);
    sides
        .map(|((other, contrast), (alpha, p))| {
            Comparison::from_contrast([base, other], contrast, alpha, p, options)
        })
        .collect()
}

impl Comparison {
    /// Decides at the error rate `alpha`; `p` is reported as given.
    pub(super) fn from_contrast(
        sides: [&[RunSample]; 2],
        contrast: Option<Contrast>,
        alpha: f64,
        p: Option<f64>,
        options: &ComparisonOptions,
    ) -> Self {
        let Some(contrast) = contrast else {
            return Self::unknown(sides, alpha);
        };
        let interval = contrast.interval(alpha);
        let reason = too_few(&contrast);
        Self {
            ratio: Some(contrast.ln_ratio.exp()),
            lo: interval.map(|(lo, _)| lo.exp()),
            hi: interval.map(|(_, hi)| hi.exp()),
            confidence: 1.0 - alpha,
            p,
            df: contrast.error.map(|error| error.df),
            samples: contrast.samples,
            layout: contrast.layout,
            detectable: contrast.detectable(alpha).map(f64::exp_m1),
            verdict: match (reason, interval) {
                (None, Some(interval)) => {
                    decide(contrast.ln_ratio, interval, options.min_ln_effect())
                }
                _ => SideVerdict::Inconclusive,
            },
            reason,
        }
    }

    fn unknown(sides: [&[RunSample]; 2], alpha: f64) -> Self {
        Self {
            ratio: None,
            lo: None,
            hi: None,
            confidence: 1.0 - alpha,
            p: None,
            df: None,
            samples: sides.map(<[RunSample]>::len),
            layout: SessionLayout::Apart,
            detectable: None,
            verdict: SideVerdict::Inconclusive,
            reason: Some(match sides.iter().any(|side| side.is_empty()) {
                true => Reason::NoRun,
                false => Reason::NotPositive,
            }),
        }
    }

    /// Returns it without a verdict, interval and p.
    #[must_use]
    pub fn undecided(self, reason: Reason) -> Self {
        Self {
            lo: None,
            hi: None,
            p: None,
            df: None,
            detectable: None,
            verdict: SideVerdict::Undecided,
            reason: Some(reason),
            ..self
        }
    }

    /// Returns the verdict as text, with the reason or the detectable difference.
    pub fn verdict_text(&self) -> String {
        let words = self.verdict.words();
        match (self.verdict, self.reason, self.detectable) {
            (SideVerdict::Undecided, Some(reason), _) => format!("{words}: {}", reason.words()),
            (_, Some(reason), _) => format!("{words} ({})", reason.words()),
            (SideVerdict::NoDifference, None, Some(detectable)) => {
                format!("{words} (could see {:.1} %)", detectable * 100.0)
            }
            _ => words.to_owned(),
        }
    }
}

fn too_few(contrast: &Contrast) -> Option<Reason> {
    match contrast.samples.iter().min() {
        Some(0) | None => Some(Reason::NoRun),
        Some(1) => Some(Reason::OneRun),
        Some(2) => Some(Reason::TwoRuns),
        Some(_) => None,
    }
}

/// ```text
///               -min  0  min
///   better  [--*--]   |
///   same          [ * | ]
///   no diff.    [---*-|---]        and  [-*-] between 0 and min, across either
///   worse             |   [--*--]
/// ```
fn decide(ln_ratio: f64, (lo, hi): (f64, f64), min_effect: f64) -> SideVerdict {
    if hi < 0.0 && ln_ratio < -min_effect {
        SideVerdict::Better
    } else if lo > 0.0 && ln_ratio > min_effect {
        SideVerdict::Worse
    } else if -min_effect <= lo && hi <= min_effect {
        SideVerdict::Same
    } else {
        SideVerdict::NoDifference
    }
}
