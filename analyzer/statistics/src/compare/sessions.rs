//! Groups runs into sessions, and computes the variance that separate sessions add.
//!
//! Effects of a session (room temperature, other programs, the machine's state after boot)
//! shift all its runs alike. They cancel for sides that share a session, but not for sides in
//! separate sessions, and no number of repeats shows them:
//!
//! ```text
//! interleaved  A B A B A B         one session, nothing to add
//! blocks       A A A B B B         no run of A between runs of B: treated as two sessions
//! separate     A A A  ......  B B B     two sessions
//! shared       A B  ......  A B  ......  A B    three sessions shared equally by both sides
//! ```
//!
//! Sessions have offsets with the variance `s^2`. With shares `a_k` and `b_k` of the sides' runs in
//! session `k`, the variance of the difference of means exceeds that of its runs by `s^2 *
//! sum((a_k - b_k)^2)`. If a side has several sessions, part of that is already in the spread
//! of its runs and is not added twice. If each side has at least three sessions of its own,
//! nothing is assumed: the sample is a session's mean.

use serde::Serialize;

use super::sample::{ComparisonOptions, RunSample};
use crate::moments::mean;

/// Minimum number of sessions on a side to estimate their spread.
const MIN_SESSIONS: usize = 3;

/// Distribution of the runs of two sides over sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionLayout {
    /// Interleaved, in sessions shared equally by both sides: no variance is added.
    Interleaved,
    /// In separate sessions or blocks, or in sessions shared unequally: the assumed variance
    /// between sessions is added.
    Apart,
    /// In several sessions per side: samples are means of sessions. Their spread shows
    /// the variance between sessions.
    ManySessions,
}

/// Two sides as samples that are independent except for the variance of `offsets`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ArrangedSides {
    pub(super) base: Vec<f64>,
    pub(super) other: Vec<f64>,
    pub(super) layout: SessionLayout,
    /// Factor of the variance of a session's offset in the variance of the difference of means.
    pub(super) offsets: f64,
}

/// Arranges logarithms of the samples of two sides, each in the order of the samples.
pub(super) fn arrange(
    sides: [&[RunSample]; 2],
    logarithms: [Vec<f64>; 2],
    options: &ComparisonOptions,
) -> ArrangedSides {
    let sessions = sessions(sides, options);
    let parts = sessions.parts();
    let shared = |k: usize| parts[0][k] > 0.0 && parts[1][k] > 0.0;
    let own = |side: usize| parts[side].iter().filter(|part| **part > 0.0).count();
    let apart = !(0..sessions.count).any(shared);
    let [base, other] = logarithms;
    if apart && own(0) >= MIN_SESSIONS && own(1) >= MIN_SESSIONS {
        return ArrangedSides {
            base: means(&base, &sessions.of[0], sessions.count),
            other: means(&other, &sessions.of[1], sessions.count),
            layout: SessionLayout::ManySessions,
            offsets: 0.0,
        };
    }
    let unlike = (0..sessions.count).map(|k| (parts[0][k] - parts[1][k]).powi(2));
    let contained =
        contained_share(&parts[0], base.len()) + contained_share(&parts[1], other.len());
    let offsets = (unlike.sum::<f64>() - contained).max(0.0);
    ArrangedSides {
        layout: match offsets > 1e-9 {
            true => SessionLayout::Apart,
            false => SessionLayout::Interleaved,
        },
        base,
        other,
        offsets,
    }
}

/// Returns the share of the offsets' variance that the spread of a side's runs already
/// contains: `(1 - sum(p^2)) / (n - 1)`.
fn contained_share(parts: &[f64], runs: usize) -> f64 {
    if runs < 2 {
        return 0.0;
    }
    (1.0 - parts.iter().map(|part| part * part).sum::<f64>()) / (runs - 1) as f64
}

fn means(values: &[f64], sessions: &[usize], count: usize) -> Vec<f64> {
    let of_session = |k: usize| {
        let all = values.iter().zip(sessions);
        let mine: Vec<f64> = all.filter(|(_, of)| **of == k).map(|(v, _)| *v).collect();
        mean(&mine)
    };
    (0..count).filter_map(of_session).collect()
}

/// The session of each run of two sides.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sessions {
    of: [Vec<usize>; 2],
    count: usize,
}

impl Sessions {
    /// Returns the share of each side's runs in each session.
    fn parts(&self) -> [Vec<f64>; 2] {
        [0, 1].map(|side| {
            let mut parts = vec![0.0; self.count];
            for session in &self.of[side] {
                parts[*session] += 1.0 / self.of[side].len() as f64;
            }
            parts
        })
    }

    /// Splits a single shared session into two if the sides' runs form blocks. If several
    /// sessions contain both sides, their offsets cancel within each, in any order.
    fn split_blocks(&mut self, sides: [&[RunSample]; 2]) {
        let holds = |side: usize, k: usize| self.of[side].contains(&k);
        let shared = (0..self.count).filter(|k| holds(0, *k) && holds(1, *k));
        let [session] = shared.collect::<Vec<_>>()[..] else {
            return;
        };
        let starts = [0, 1].map(|side| {
            let all = sides[side].iter().zip(&self.of[side]);
            let mine = all.filter(|(_, of)| **of == session);
            let starts = mine.map(|(sample, _)| sample.start_unix_ns);
            starts.fold((i64::MAX, i64::MIN), |(first, last), start| {
                (first.min(start), last.max(start))
            })
        });
        let is_interleaved = starts[0].0 < starts[1].1 && starts[1].0 < starts[0].1;
        if is_interleaved {
            return;
        }
        for of in self.of[1].iter_mut().filter(|of| **of == session) {
            *of = self.count;
        }
        self.count += 1;
    }
}

fn sessions(sides: [&[RunSample]; 2], options: &ComparisonOptions) -> Sessions {
    let mut order: Vec<(usize, usize)> = [0, 1]
        .into_iter()
        .flat_map(|side| (0..sides[side].len()).map(move |at| (side, at)))
        .collect();
    order.sort_by_key(|(side, at)| sides[*side][*at].start_unix_ns);
    let gap = i64::try_from(options.session_gap.as_nanos()).unwrap_or(i64::MAX);
    let mut sessions = Sessions {
        of: [vec![0; sides[0].len()], vec![0; sides[1].len()]],
        count: 1,
    };
    let mut busy_until = None;
    for (side, at) in order {
        let sample = sides[side][at];
        let last: i64 = *busy_until.get_or_insert(sample.start_unix_ns);
        if sample.start_unix_ns.saturating_sub(last) > gap {
            sessions.count += 1;
        }
        busy_until = Some(last.max(sample.end_unix_ns).max(sample.start_unix_ns));
        sessions.of[side][at] = sessions.count - 1;
    }
    sessions.split_blocks(sides);
    sessions
}
