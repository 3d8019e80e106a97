//! Finds time without samples.

use super::recorded::{Origin, RecordedSample};
use crate::rail::Notice;
use energy_data::units::Nanos;

/// Shorter gaps, as a share of the usual interval, are rounding errors.
const ROUNDING: f64 = 0.05;

/// Gaps of one rail.
#[derive(Debug, Clone, Copy)]
struct RailGaps {
    count: usize,
    total: Nanos,
    /// The longest gap: length, start, and place of the sample after it.
    longest: (Nanos, Nanos, u64),
}

/// Returns one notice for each rail with gaps; equal gaps of several rails are reported once.
/// `found` must be sorted by rail and time.
pub(super) fn gaps(found: &[RecordedSample], origin: Origin<'_>) -> Vec<Notice> {
    let rails = found.chunk_by(|a, b| a.sample.rail == b.sample.rail);
    let mut notices: Vec<Notice> = Vec::new();
    let mut known: Vec<(usize, Nanos)> = Vec::new();
    for rail in rails {
        let Some(gaps) = of_rail(rail) else { continue };
        let same = (gaps.count, gaps.total);
        if known.contains(&same) {
            continue;
        }
        known.push(same);
        notices.push(gaps.notice(origin.rail(&rail[0].sample), origin.word));
    }
    notices
}

fn of_rail(rail: &[RecordedSample]) -> Option<RailGaps> {
    let mut lengths: Vec<Nanos> = rail
        .iter()
        .map(|found| found.sample.end - found.sample.start)
        .collect();
    lengths.sort();
    let usual = lengths.get(lengths.len() / 2)?.nanos() as f64;
    let rounding = Nanos::from_nanos((usual * ROUNDING) as i64);
    let pairs = rail.windows(2).map(|pair| {
        let (before, after) = (pair[0].sample, pair[1]);
        (after.sample.start - before.end, before.end, after.place)
    });
    let gaps = pairs.filter(|(length, ..)| *length > rounding);
    gaps.fold(None, |known: Option<RailGaps>, gap| {
        let known = known.unwrap_or(RailGaps {
            count: 0,
            total: Nanos::ZERO,
            longest: gap,
        });
        Some(RailGaps {
            count: known.count + 1,
            total: known.total + gap.0,
            longest: if gap.0 > known.longest.0 {
                gap
            } else {
                known.longest
            },
        })
    })
}

impl RailGaps {
    fn notice(&self, rail: &str, word: &str) -> Notice {
        let (length, time, place) = self.longest;
        let message = match self.count {
            1 => format!(
                "recording: {} without samples before {word} {place} (rail {rail})",
                seconds(length)
            ),
            count => format!(
                "recording: {count} gaps, in total {} without samples, the longest {} before {word} \
                 {place} (rail {rail})",
                seconds(self.total),
                seconds(length)
            ),
        };
        let kind = "gap";
        Notice {
            time,
            kind,
            message,
        }
    }
}

fn seconds(time: Nanos) -> String {
    match time.seconds() {
        s if s >= 86_400.0 => format!("{:.1} days", s / 86_400.0),
        s if s >= 0.1 => format!("{s:.1} s"),
        s => format!("{:.1} ms", s * 1e3),
    }
}
