//! Observes a run for an estimate, instead of accounting for it.
//!
//! ```text
//! pulse    |--50 ms--|--50 ms--|      as often as CPU times are read
//! thread 1 |==a==|=b=|               weight: CPU time attributed to it / covered time
//! thread 2    |~~c~~~~~~|            waits or sleeps: little CPU time, little weight
//! pieces   |a |ac|bc | c|            each with its weight and how much ran at once
//! samples  |---- 100 ms ----|        energy of other processes and the profiler
//! ```
//!
//! An estimate needs two inputs. The first is what ran when, by kind and in finer steps than
//! samples, because the sensor's clock may have an offset. It comes from artificial windows
//! (the pulse), weighted by the rule of `proportional`. The second is the energy of each
//! sample that is not the program's, which that rule computes on real samples.

use energy_data::rows::{Domain, RailRow, SampleRow};
use energy_data::{Kernel, Provenance, RailKind};

use super::engine::Engine;
use super::rails::Measured;
use super::rule::{SplitBasis, Weights};
use super::segments::Key;
use super::split::WindowView;
use super::windows::in_domain;

/// Id of the artificial rail of pulses.
const PULSE: u32 = u32::MAX;
/// Length of a pulse: the interval at which CPU times are read.
const PULSE_NS: i64 = 50_000_000;

/// CPU time per time below which a single thread is assumed to run. It is above 1 because
/// thread clocks are not read exactly at the ends of windows.
const ALONE: f32 = 1.25;

/// The owner of a piece of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An activation of a node.
    Node(u32),
    /// The process while none of its spans was active.
    Outside,
}

/// Activations that share the energy of a rail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All activations.
    All,
    /// Activations of one domain.
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

/// A piece of time in which the set of running activations is constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActivePiece {
    /// Start, run time.
    pub start_ns: i64,
    /// End, exclusive.
    pub end_ns: i64,
    /// The node or process that runs.
    pub subject: Subject,
    /// CPU time per time; 1 if CPU times are unknown.
    pub weight: f32,
    /// Sum of the weights of all active pieces.
    pub concurrency: f32,
}

/// Energy of a whole sample that is not the program's; `None` where it is unknown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleNonProgramEnergy {
    /// Rail id.
    pub rail: u32,
    /// Start of the sample.
    pub sample_ns: i64,
    /// Energy of other processes.
    pub others_j: Option<f64>,
    /// Energy of the profiler.
    pub profiler_j: Option<f64>,
    /// Energy of no known process.
    pub unknown_j: Option<f64>,
}

/// Result of an observation, in addition to pieces.
#[derive(Debug, Default)]
pub struct ObservedWindows {
    /// Energies that are not the program's, by sample.
    pub non_program: Vec<SampleNonProgramEnergy>,
    /// Self time of nodes, by node.
    pub self_ns: Vec<i64>,
}

/// Callback that receives observed pieces.
pub type PieceConsumer = Box<dyn FnMut(Scope, ActivePiece)>;

/// Receives windows instead of the ledger.
pub struct Observer {
    scopes: Vec<Scope>,
    consume: PieceConsumer,
    non_program: Vec<SampleNonProgramEnergy>,
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
    /// Observes instead of accounting: pieces of `scopes` go to `consume`, roughly in order of
    /// time, while windows close.
    pub fn observing(mut self, scopes: Vec<Scope>, consume: PieceConsumer) -> Self {
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
            consume,
            non_program: Vec::new(),
            pulsed_until: 0,
        });
        self
    }

    /// Ends the run and returns the observations about samples.
    pub fn finish_observing(mut self, end_ns: i64) -> ObservedWindows {
        self.end(end_ns, &mut Default::default());
        let non_program = self
            .observer
            .map(|observer| observer.non_program)
            .unwrap_or_default();
        let times = self.stacks.nodes.iter();
        ObservedWindows {
            non_program,
            self_ns: times.map(|time| time.self_ns).collect(),
        }
    }

    /// Adds pulses up to `until`.
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

    /// Whether the rail is observed and is not the pulse. Of such rails only the energy that is
    /// not the program's is needed.
    pub(super) fn observes_samples(&self, at: usize) -> bool {
        self.observer.is_some() && self.rails[at].row.id != PULSE
    }

    /// Records the window of a sample.
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
                    let non_program = cpu.non_program(active_j);
                    (non_program.others, Some(non_program.profiler), None)
                }
                SplitBasis::DeviceUse(shares, _) if shares.own > 0.0 => {
                    let [others, unknown] = [shares.others, shares.unknown].map(|s| s * active_j);
                    (Some(others), None, Some(unknown))
                }
                SplitBasis::DeviceUse(shares, _) => (Some(shares.others * active_j), None, None),
                SplitBasis::Domain | SplitBasis::Unsplit => return,
            };
        let non_program = SampleNonProgramEnergy {
            rail: self.rails[at].row.id,
            sample_ns: measured.sample,
            others_j: others_j.map(whole),
            profiler_j: profiler_j.map(whole),
            unknown_j: unknown_j.map(whole),
        };
        if let Some(observer) = &mut self.observer {
            observer.non_program.push(non_program);
        }
    }

    /// Emits the pieces of a pulse.
    pub(super) fn observe_pulse(&mut self, view: &WindowView) {
        let Some(mut observer) = self.observer.take() else {
            return;
        };
        for at in 0..observer.scopes.len() {
            let scope = observer.scopes[at];
            let mut pieces = self.pieces(scope, view);
            emit_with_concurrency(&mut pieces, |piece| (observer.consume)(scope, piece));
        }
        self.observer = Some(observer);
    }

    /// Returns the activity of `scope` in the window, thread by thread.
    fn pieces(&self, scope: Scope, view: &WindowView) -> Vec<ActivePiece> {
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

    /// Returns the CPU time attributed to activations; `None` if active time is used instead.
    pub(super) fn weights(&self, scope: Scope, view: &WindowView) -> Option<Weights> {
        let SplitBasis::CpuTime(cpu) = super::split::split_basis(RailKind::Cpu, view.cpu, None)
        else {
            return None;
        };
        let used = matches!(scope, Scope::All) && cpu.all_ns() > cpu.sensor_ns;
        used.then(|| super::rule::weights(&view.window, &view.groups, &view.used))
    }
}

/// Cuts pieces wherever the concurrency changes, and sets it.
fn emit_with_concurrency(pieces: &mut [ActivePiece], mut consume: impl FnMut(ActivePiece)) {
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
        let node = Subject::Node;
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
