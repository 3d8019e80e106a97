//! Pieces of time: what ran when, each with its weight and how much ran at once.

use energy_data::rows::Domain;

/// CPU time per time below which a single thread is assumed to run. It is above 1 because
/// thread clocks are not read exactly at the ends of windows.
const ALONE: f32 = 1.25;

/// The owner of a piece of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceSubject {
    /// An activation of a node.
    Node(u32),
    /// The process while none of its spans was active.
    Unattributed,
}

/// Activations that share the energy of a rail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PieceScope {
    /// All activations.
    All,
    /// Activations of one domain.
    Of(Domain),
}

impl PieceScope {
    pub(crate) fn domain(self) -> Option<Domain> {
        match self {
            Self::All => None,
            Self::Of(domain) => Some(domain),
        }
    }
}

/// A piece of time in which the set of running activations is constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActivePiece {
    /// Start, run time.
    pub start_ns: i64,
    /// End, exclusive.
    pub end_ns: i64,
    /// The node or process that runs.
    pub subject: PieceSubject,
    /// CPU time per time; 1 if CPU times are unknown.
    pub weight: f32,
    /// Sum of the weights of all active pieces.
    pub concurrency: f32,
}

/// Cuts pieces wherever the concurrency changes, and sets it.
pub(crate) fn emit_with_concurrency(
    pieces: &mut [ActivePiece],
    mut consume: impl FnMut(ActivePiece),
) {
    pieces.sort_unstable_by_key(|piece| (piece.start_ns, piece.end_ns));
    let mut open: Vec<ActivePiece> = Vec::new();
    let mut now = i64::MIN;
    let mut next = 0;
    while next < pieces.len() || !open.is_empty() {
        let starts = pieces.get(next).map_or(i64::MAX, |piece| piece.start_ns);
        let ends = open.iter().map(|piece| piece.end_ns).min();
        let until = starts.min(ends.unwrap_or(i64::MAX));
        if until > now && !open.is_empty() {
            let sum: f32 = open.iter().map(|piece| piece.weight).sum();
            let concurrency = if sum < ALONE { 1.0 } else { sum };
            for piece in &open {
                consume(ActivePiece {
                    start_ns: now,
                    end_ns: until,
                    concurrency,
                    ..*piece
                });
            }
        }
        now = until;
        open.retain(|piece| piece.end_ns > now);
        while let Some(piece) = pieces.get(next).filter(|piece| piece.start_ns <= now) {
            open.push(*piece);
            next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(start_ns: i64, end_ns: i64, node: u32, weight: f32) -> ActivePiece {
        ActivePiece {
            start_ns,
            end_ns,
            subject: PieceSubject::Node(node),
            weight,
            concurrency: 0.0,
        }
    }

    /// ```text
    ///     0    10   20   30
    /// 1   |=========|          weight 1
    /// 2        |=========|     weight .5
    /// 3                  |==|  weight 1
    /// ```
    #[test]
    fn pieces_are_cut_where_concurrency_changes() {
        let mut pieces = [
            piece(10, 30, 2, 0.5),
            piece(0, 20, 1, 1.0),
            piece(30, 36, 3, 1.0),
        ];
        let mut emitted = Vec::new();
        emit_with_concurrency(&mut pieces, |p| {
            emitted.push((p.start_ns, p.end_ns, p.subject, p.concurrency));
        });
        let node = PieceSubject::Node;
        let expected = [
            (0, 10, node(1), 1.0),
            (10, 20, node(1), 1.5),
            (10, 20, node(2), 1.5),
            (20, 30, node(2), 1.0),
            (30, 36, node(3), 1.0),
        ];
        assert_eq!(emitted, expected);
    }
}
