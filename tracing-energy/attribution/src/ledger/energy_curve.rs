//! Energy of threads as a function of time within one window, for threads whose activations
//! have different powers.
//!
//! ```text
//! thread     |--a 2 W--|-b 4 W-|--a 2 W--|
//! energy     0 ....... 2 ..... 6 ....... 8 J     a straight line within each piece
//! ```

use crate::spans::segments::{SegmentKey, ThreadStack};
use crate::windows::activity::Window;

/// A piece with its energy and the energy of all pieces before it.
#[derive(Debug, Clone, Copy)]
struct CurvePiece {
    start: i64,
    end: i64,
    before_j: f64,
    energy_j: f64,
}

/// Energy of every thread of a window as a function of time.
#[derive(Debug, Default)]
pub(crate) struct EnergyCurve(Vec<(u32, Vec<CurvePiece>)>);

impl EnergyCurve {
    /// Creates the curves of the threads of `window`, whose cells have `powers`.
    pub(crate) fn of(stacks: &[ThreadStack], window: &Window, powers: &[f64]) -> Self {
        let threads = window.threads.iter().map(|part| {
            let power = |key: u32| {
                let cell = window.cell(part, SegmentKey::unpack(key).node);
                cell.map_or(0.0, |cell| powers[cell])
            };
            let stack = &stacks[part.thread as usize];
            (part.thread, pieces(stack, window, power))
        });
        Self(threads.collect())
    }

    /// Returns the energy of `thread` in `[start, end)`, in joules.
    pub(crate) fn energy_j(&self, thread: u32, start: i64, end: i64) -> f64 {
        let at = self.0.binary_search_by_key(&thread, |&(thread, _)| thread);
        let Ok(at) = at else {
            return 0.0;
        };
        let pieces = &self.0[at].1;
        upto(pieces, end) - upto(pieces, start.min(end))
    }
}

fn pieces(stack: &ThreadStack, window: &Window, power: impl Fn(u32) -> f64) -> Vec<CurvePiece> {
    let energy = |key: u32, ns: i64| power(key) * (ns as f64 / 1e9);
    let (start, end) = (window.start, window.end);
    let segments = stack.track.segments(start, end);
    let mut pieces: Vec<CurvePiece> = segments
        .map(|s| (s.start, s.end, energy(s.key, s.end - s.start)))
        .chain(stack.track.blocks(start, end).map(|(from, to, block)| {
            let sums = block.cut(from, to).map(|(key, ns)| energy(key, ns));
            (from, to, sums.sum())
        }))
        .chain(stack.current().map(|(since, key)| {
            let from = since.max(start);
            (from, end, energy(key, end - from))
        }))
        .filter(|(from, to, _)| to > from)
        .map(|(start, end, energy_j)| CurvePiece {
            start,
            end,
            before_j: 0.0,
            energy_j,
        })
        .collect();
    pieces.sort_by_key(|piece| (piece.start, piece.end));
    let mut sum = 0.0;
    for piece in &mut pieces {
        piece.before_j = sum;
        sum += piece.energy_j;
    }
    pieces
}

/// Energy before `time`.
fn upto(pieces: &[CurvePiece], time: i64) -> f64 {
    let next = pieces.partition_point(|piece| piece.start < time);
    let Some(last) = next.checked_sub(1).map(|at| pieces[at]) else {
        return 0.0;
    };
    let inside = (time.min(last.end) - last.start) as f64 / (last.end - last.start) as f64;
    last.before_j + last.energy_j * inside
}
