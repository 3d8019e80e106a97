//! Watching a run for an estimate, instead of accounting for it.
//!
//! ```text
//! pulse    |--50 ms--|--50 ms--|      as often as CPU times are read
//! thread 1 |==a==|=b=|               weight: CPU time it answers for / covered time
//! thread 2    |~~c~~~~~~|            waits or sleeps: little CPU time, little weight
//! pieces   |a |ac|bc | c|            each with its weight and how much ran at once
//! samples  |---- 100 ms ----|        what other processes and the profiler used
//! ```
//!
//! An estimate wants to know what ran when, by kind and at a grain finer than
//! samples, for the sensor's clock may be off; and what part of each sample is not
//! the program's. The first comes from windows of our own (the pulse), which the
//! rule of `proportional` weighs; the second from that rule on real samples.

use crate::power::{Kernel, Provenance, RailKind};
use crate::rows::{Domain, RailRow, SampleRow};

use super::engine::Engine;
use super::rails::Measured;
use super::rule::{SplitBasis, Weights};
use super::segments::Key;
use super::split::View;
use super::windows::in_domain;

/// Id of the rail that is no rail.
const PULSE: u32 = u32::MAX;
/// Length of our own windows: CPU times are read as often.
const PULSE_NS: i64 = 50_000_000;

/// CPU time for each time below which one thread is at work: clocks of threads are
/// read at other moments than windows end.
const ALONE: f32 = 1.25;

/// Whose time a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A node's activation.
    Node(u32),
    /// The process while none of its spans was active.
    Outside,
}

/// Which activations a rail works for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// All.
    All,
    /// Those of one domain.
    Of(Domain),
}

impl Scope {
    pub(super) fn domain(self) -> Option<Domain> {
        match self {
            Self::All => None,
            Self::Of(domain) => Some(domain),
        }
    }
}

/// A stretch of time in which nothing changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ActivePiece {
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
    pub(crate) subject: Subject,
    /// CPU time for each time, or 1 where that is not known.
    pub(crate) weight: f32,
    /// Sum of the weights of all that was active.
    pub(crate) concurrency: f32,
}

/// What of a sample is not the program's, where CPU times tell it; energies of the
/// whole sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Foreign {
    pub(crate) rail: u32,
    /// Start of the sample.
    pub(crate) sample_ns: i64,
    pub(crate) others_j: Option<f64>,
    pub(crate) profiler_j: Option<f64>,
    pub(crate) unknown_j: Option<f64>,
}

/// What was seen beside pieces.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) foreign: Vec<Foreign>,
    /// Self time of nodes, by node.
    pub(crate) self_ns: Vec<i64>,
}

/// Takes what is observed.
pub(crate) type Take = Box<dyn FnMut(Scope, ActivePiece)>;

/// Sees windows instead of the ledger.
pub(crate) struct Observer {
    scopes: Vec<Scope>,
    take: Take,
    foreign: Vec<Foreign>,
    pulsed_until: i64,
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer")
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Watches instead of accounting: pieces of `scopes` go to `take`, roughly in
    /// the order of time, while windows close.
    pub(crate) fn observing(mut self, scopes: Vec<Scope>, take: Take) -> Self {
        self.rail(RailRow {
            id: PULSE,
            source: String::new(),
            name: "pulse".to_owned(),
            parent: None,
            kind: RailKind::Cpu,
            unit: "J".to_owned(),
            interval_ns: PULSE_NS,
            kernel: Kernel::Box,
            provenance: Provenance::Modelled,
        });
        self.observer = Some(Observer {
            scopes,
            take,
            foreign: Vec::new(),
            pulsed_until: 0,
        });
        self
    }

    /// Ends the run and gives back what was seen of samples.
    pub(crate) fn finish_observing(mut self, end_ns: i64) -> Seen {
        self.end(end_ns, &mut Default::default());
        let foreign = self.observer.map(|seen| seen.foreign).unwrap_or_default();
        let times = self.stacks.nodes.iter();
        Seen {
            foreign,
            self_ns: times.map(|time| time.self_ns).collect(),
        }
    }

    /// Windows of our own up to `until`.
    pub(super) fn pulse(&mut self, until: i64) {
        let Some(observer) = &mut self.observer else {
            return;
        };
        let mut start = observer.pulsed_until;
        let mut pulses = Vec::new();
        while start < until {
            let end = (start + PULSE_NS).min(until.max(start + 1));
            pulses.push(SampleRow {
                rail: PULSE,
                start_ns: start,
                end_ns: end,
                energy_j: Some(1.0),
            });
            start = end;
        }
        observer.pulsed_until = start;
        pulses.into_iter().for_each(|pulse| self.sample(pulse));
    }

    /// Whether windows are watched that are not the pulse: of those, only what is
    /// not the program's is wanted.
    pub(super) fn watches(&self, at: usize) -> bool {
        self.observer.is_some() && self.rails[at].row.id != PULSE
    }

    /// A sample's window closed.
    pub(super) fn observe_sample(
        &mut self,
        at: usize,
        measured: &Measured,
        energy_j: f64,
        cpu_until: i64,
    ) {
        let active_j = energy_j - self.idle_j(at, measured).unwrap_or(0.0);
        let cpu = self.cpu_use(measured.start, measured.end, cpu_until);
        let whole = |energy: f64| energy / measured.share;
        let (others_j, profiler_j, unknown_j) =
            match self.basis(at, cpu, measured.start, measured.end) {
                SplitBasis::CpuTime(cpu) => {
                    let theirs = cpu.not_ours(active_j);
                    (theirs.others, Some(theirs.profiler), None)
                }
                SplitBasis::DeviceUse(shares, _) if shares.own > 0.0 => {
                    let [others, unknown] = [shares.others, shares.unknown].map(|s| s * active_j);
                    (Some(others), None, Some(unknown))
                }
                SplitBasis::DeviceUse(shares, _) => (Some(shares.others * active_j), None, None),
                SplitBasis::Domain | SplitBasis::Unsplit => return,
            };
        let foreign = Foreign {
            rail: self.rails[at].row.id,
            sample_ns: measured.sample,
            others_j: others_j.map(whole),
            profiler_j: profiler_j.map(whole),
            unknown_j: unknown_j.map(whole),
        };
        if let Some(observer) = &mut self.observer {
            observer.foreign.push(foreign);
        }
    }

    /// A window of our own closed.
    pub(super) fn observe_pulse(&mut self, view: &View) {
        let Some(mut observer) = self.observer.take() else {
            return;
        };
        for at in 0..observer.scopes.len() {
            let scope = observer.scopes[at];
            let mut pieces = self.pieces(scope, view);
            spread(&mut pieces, |piece| (observer.take)(scope, piece));
        }
        self.observer = Some(observer);
    }

    /// What was active in the window for `scope`, thread after thread.
    fn pieces(&self, scope: Scope, view: &View) -> Vec<ActivePiece> {
        let window = &view.window;
        let (start, end) = (window.start, window.end);
        let weights = self.weights(scope, view);
        let mut pieces = Vec::new();
        for (at, part) in window.threads.iter().enumerate() {
            let thread = view.used.threads[at];
            let mean = thread.in_spans_ns / (part.covered_ns as f64).max(1.0);
            let mut rows = self.cpu.thread_rows(part.thread, start, end);
            let add = |from: i64, to: i64, key: Key, ns: i64| {
                let passes = in_domain(&self.stacks.nodes, scope.domain())(key.node);
                if !passes || to <= from {
                    return;
                }
                let weight = match &weights {
                    Some(weights) if thread.is_even => mean + weights.received[at],
                    Some(weights) => {
                        rows.used_next(from, to) / (to - from) as f64 + weights.received[at]
                    }
                    None => f64::from(u8::from(!key.waiting)),
                };
                if weight > 0.0 {
                    let share = ns as f64 / (to - from) as f64;
                    pieces.push(ActivePiece {
                        start_ns: from,
                        end_ns: to,
                        subject: Subject::Node(key.node),
                        weight: (weight * share) as f32,
                        concurrency: 0.0,
                    });
                }
            };
            self.stacks.threads[part.thread as usize].each_piece(start, end, add);
        }
        if let Some(weights) = weights.filter(|weights| weights.outside > 0.0) {
            pieces.push(ActivePiece {
                start_ns: start,
                end_ns: end,
                subject: Subject::Outside,
                weight: (weights.outside / window.length() as f64) as f32,
                concurrency: 0.0,
            });
        }
        pieces
    }

    /// CPU time that activations answer for; none where active time decides.
    pub(super) fn weights(&self, scope: Scope, view: &View) -> Option<Weights> {
        let SplitBasis::CpuTime(cpu) = super::split::split_basis(RailKind::Cpu, view.cpu, None)
        else {
            return None;
        };
        let used = matches!(scope, Scope::All) && cpu.all_ns() > cpu.sensor_ns;
        used.then(|| super::rule::weights(&view.window, &view.groups, &view.used))
    }
}

/// Cuts pieces where what runs at once changes, and tells how much that is.
fn spread(pieces: &mut [ActivePiece], mut take: impl FnMut(ActivePiece)) {
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
                take(ActivePiece {
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
            subject: Subject::Node(node),
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
    fn pieces_tell_what_ran_at_once() {
        let mut pieces = [
            piece(10, 30, 2, 0.5),
            piece(0, 20, 1, 1.0),
            piece(30, 36, 3, 1.0),
        ];
        let mut seen = Vec::new();
        spread(&mut pieces, |p| {
            seen.push((p.start_ns, p.end_ns, p.subject, p.concurrency));
        });
        let node = Subject::Node;
        let told = [
            (0, 10, node(1), 1.0),
            (10, 20, node(1), 1.5),
            (10, 20, node(2), 1.5),
            (20, 30, node(2), 1.0),
            (30, 36, node(3), 1.0),
        ];
        assert_eq!(seen, told);
    }
}
