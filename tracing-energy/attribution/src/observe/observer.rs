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

use crate::observe::pieces::{ActivePiece, PieceScope, PieceSubject, emit_with_concurrency};
use crate::windows::basis::SplitBasis;
use crate::windows::pieces::ThreadPiece;
use crate::windows::view::{SampleWindow, WindowContent};
use crate::windows::weights::{Weights, cpu_weights};

/// Energy of a whole sample that is not the program's; `None` where it is unknown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleNonProgramEnergy {
    /// Rail id.
    pub rail: u32,
    /// Start of the sample.
    pub sample_ns: i64,
    /// Energy of other processes.
    pub other_processes_j: Option<f64>,
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
pub type PieceConsumer = Box<dyn FnMut(PieceScope, ActivePiece)>;

/// Receives windows instead of the ledger.
pub(crate) struct Observer {
    scopes: Vec<PieceScope>,
    consume: PieceConsumer,
    non_program: Vec<SampleNonProgramEnergy>,
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer")
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

impl Observer {
    /// Creates an observer that emits the pieces of `scopes`.
    pub(crate) fn new(scopes: Vec<PieceScope>, consume: PieceConsumer) -> Self {
        Self {
            scopes,
            consume,
            non_program: Vec::new(),
        }
    }

    /// Records the energy of a sample that is not the program's.
    pub(crate) fn add_sample(&mut self, sample: &SampleWindow, basis: SplitBasis) {
        let active_j = sample.active_j();
        let whole = |energy: f64| energy / sample.measured.share;
        let (other_processes_j, profiler_j, unknown_j) = match basis {
            SplitBasis::CpuTime(cpu) => {
                let non_program = cpu.non_program(active_j);
                (
                    non_program.other_processes,
                    Some(non_program.profiler),
                    None,
                )
            }
            SplitBasis::DeviceUse(shares, _) if shares.own > 0.0 => {
                let [other_processes, unknown] =
                    [shares.other_processes, shares.unknown].map(|s| s * active_j);
                (Some(other_processes), None, Some(unknown))
            }
            SplitBasis::DeviceUse(shares, _) => {
                (Some(shares.other_processes * active_j), None, None)
            }
            SplitBasis::Domain | SplitBasis::Unsplit => return,
        };
        self.non_program.push(SampleNonProgramEnergy {
            rail: sample.rail,
            sample_ns: sample.measured.sample,
            other_processes_j: other_processes_j.map(whole),
            profiler_j: profiler_j.map(whole),
            unknown_j: unknown_j.map(whole),
        });
    }

    /// Emits the pieces of a pulse; `pieces` are those of its threads.
    pub(crate) fn add_pulse(&mut self, content: &WindowContent, pieces: &[Vec<ThreadPiece>]) {
        let weights = cpu_weights(content);
        for &scope in &self.scopes {
            let weights = weights.as_ref().filter(|_| scope == PieceScope::All);
            let mut active = active_pieces(scope, content, pieces, weights);
            emit_with_concurrency(&mut active, |piece| (self.consume)(scope, piece));
        }
    }

    /// Returns the energies that are not the program's, by sample.
    pub(crate) fn finish(self) -> Vec<SampleNonProgramEnergy> {
        self.non_program
    }
}

/// Returns the activity of `scope` in a pulse, thread by thread. Without `weights`, it is weighted
/// by active time.
fn active_pieces(
    scope: PieceScope,
    content: &WindowContent,
    pieces: &[Vec<ThreadPiece>],
    weights: Option<&Weights>,
) -> Vec<ActivePiece> {
    let (window, domain) = (&content.window, scope.domain());
    let mut active = Vec::new();
    for (at, (part, pieces)) in window.threads.iter().zip(pieces).enumerate() {
        let used = content.used.threads[at];
        let mean = used.in_spans_ns / (part.covered_ns as f64).max(1.0);
        let is_in_scope = |piece: &&ThreadPiece| domain.is_none_or(|domain| piece.domain == domain);
        for piece in pieces.iter().filter(is_in_scope) {
            let length = (piece.end - piece.start) as f64;
            let weight = match weights {
                Some(weights) if used.is_even => mean + weights.received[at],
                Some(weights) => piece.used_ns / length + weights.received[at],
                None => f64::from(u8::from(!piece.key.waiting)),
            };
            if weight > 0.0 {
                let share = piece.ns as f64 / length;
                active.push(ActivePiece {
                    start_ns: piece.start,
                    end_ns: piece.end,
                    subject: PieceSubject::Node(piece.key.node),
                    weight: (weight * share) as f32,
                    concurrency: 0.0,
                });
            }
        }
    }
    if let Some(weights) = weights.filter(|weights| weights.unattributed > 0.0) {
        active.push(ActivePiece {
            start_ns: window.start,
            end_ns: window.end,
            subject: PieceSubject::Unattributed,
            weight: (weights.unattributed / window.length() as f64) as f32,
            concurrency: 0.0,
        });
    }
    active
}
