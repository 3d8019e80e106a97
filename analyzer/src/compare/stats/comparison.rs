//! One pair of sides, or several sides against the first.

use serde::Serialize;

use super::contrast::{Contrast, contrast};
use super::sample::{Options, Sample};
use super::sessions::Layout;
use super::verdict::{Reason, Verdict};

/// The other side compared with base.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// Geometric mean of the other side over that of base; none where a side has no
    /// runs or figures that are not positive.
    pub ratio: Option<f64>,
    /// Lower end of the ratio's interval; none with one run on a side.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
    /// Part of such intervals that hold the true ratio: the confidence asked for, or
    /// more where several comparisons share one error rate.
    pub confidence: f64,
    /// How likely so large a difference is between sides that do not differ, adjusted
    /// where several comparisons share one error rate; none with one run on a side.
    pub p: Option<f64>,
    /// Degrees of freedom of the interval.
    pub df: Option<f64>,
    /// Independent samples of base and the other: runs, or sessions where there are
    /// many.
    pub samples: [usize; 2],
    /// How the runs lie in time.
    pub layout: Layout,
    /// The smallest difference, as a part, that four of five such comparisons would
    /// find.
    pub detectable: Option<f64>,
    /// What it amounts to.
    pub verdict: Verdict,
    /// Why it is inconclusive.
    pub reason: Option<Reason>,
}

/// Compares two sides.
///
/// With one run on a side there is neither interval nor p; with two there are, but
/// the verdict stays inconclusive.
pub fn compare(base: &[Sample], other: &[Sample], options: &Options) -> Comparison {
    let contrast = contrast(base, other, options);
    let p = contrast.and_then(|contrast| contrast.p());
    Comparison::of([base, other], contrast, options.alpha(), p, options)
}

/// Compares each of `others` with base. Together they say better or worse of sides
/// that do not differ at the rate that one comparison would (Holm 1979): the
/// comparison with the `i`-th smallest p of `m` has to be clear at the error rate over
/// `m - i + 1`, and its interval is of that level.
pub fn compare_all(base: &[Sample], others: &[Vec<Sample>], options: &Options) -> Vec<Comparison> {
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
        let left = (order.len() - rank) as f64;
        highest = highest.max((known(*at) * left).min(1.0));
        // Past the first that is not clear nothing is, at its level.
        let level = stopped.unwrap_or(options.alpha() / left);
        if known(*at) > level {
            stopped = Some(level);
        }
        steps[*at] = (level, Some(highest));
    }
    let sides = others.iter().zip(contrasts).zip(steps);
    sides
        .map(|((other, contrast), (alpha, p))| {
            Comparison::of([base, other], contrast, alpha, p, options)
        })
        .collect()
}

impl Comparison {
    /// Decides at the error rate `alpha`; `p` is the one to be shown.
    pub(super) fn of(
        sides: [&[Sample]; 2],
        contrast: Option<Contrast>,
        alpha: f64,
        p: Option<f64>,
        options: &Options,
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
                (None, Some(interval)) => decide(contrast.ln_ratio, interval, options.least()),
                _ => Verdict::Inconclusive,
            },
            reason,
        }
    }

    fn unknown(sides: [&[Sample]; 2], alpha: f64) -> Self {
        Self {
            ratio: None,
            lo: None,
            hi: None,
            confidence: 1.0 - alpha,
            p: None,
            df: None,
            samples: sides.map(<[Sample]>::len),
            layout: Layout::Apart,
            detectable: None,
            verdict: Verdict::Inconclusive,
            reason: Some(match sides.iter().any(|side| side.is_empty()) {
                true => Reason::NoRun,
                false => Reason::NotPositive,
            }),
        }
    }

    /// Without a verdict, and without what could be read as one.
    #[must_use]
    pub fn undecided(self, reason: Reason) -> Self {
        Self {
            lo: None,
            hi: None,
            p: None,
            df: None,
            detectable: None,
            verdict: Verdict::Undecided,
            reason: Some(reason),
            ..self
        }
    }

    /// The verdict in words, with the reason or what could have been seen.
    pub fn said(&self) -> String {
        let words = self.verdict.words();
        match (self.verdict, self.reason, self.detectable) {
            (Verdict::Undecided, Some(reason), _) => format!("{words}: {}", reason.words()),
            (_, Some(reason), _) => format!("{words} ({})", reason.words()),
            (Verdict::NoDifference, None, Some(seen)) => {
                format!("{words} (could see {:.1} %)", seen * 100.0)
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
///            -least   0   least
///   better  [--*--]   |
///   same          [ * | ]
///   no diff.    [---*-|---]        and  [-*-] between 0 and least, to one end
///   worse             |   [--*--]
/// ```
fn decide(ln_ratio: f64, (lo, hi): (f64, f64), least: f64) -> Verdict {
    if hi < 0.0 && ln_ratio < -least {
        Verdict::Better
    } else if lo > 0.0 && ln_ratio > least {
        Verdict::Worse
    } else if -least <= lo && hi <= least {
        Verdict::Same
    } else {
        Verdict::NoDifference
    }
}
