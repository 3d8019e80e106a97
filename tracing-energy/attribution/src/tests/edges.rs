//! Energy follows CPU time read at edges of spans, not wall-clock time.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;

use super::drawn::{idle_power, rail};
use crate::engine::Engine;
use crate::observe::{ActivePiece, PieceScope, PieceSubject};
use crate::spans::segments::Opened;
use energy_data::RailKind;
use energy_data::rows::*;

const US: i64 = 1_000;
const MS: i64 = 1_000_000;
/// Power of one processor.
const WATTS: f64 = 10.0;

/// A part of one thread's time, in a span of that kind or outside.
#[derive(Debug, Clone, Copy)]
struct Piece {
    kind: Option<u32>,
    length_ns: i64,
    on_cpu_ns: i64,
}

fn in_span(kind: u32, length_us: i64, on_cpu_us: i64) -> Piece {
    Piece {
        kind: Some(kind),
        length_ns: length_us * US,
        on_cpu_ns: on_cpu_us * US,
    }
}

fn outside(length_us: i64, on_cpu_us: i64) -> Piece {
    Piece {
        kind: None,
        ..in_span(0, length_us, on_cpu_us)
    }
}

/// Feeds an engine with the pieces of one thread, repeated until `end_ns`. The CPU time of
/// each piece is a row of its own. Samples of 100 ms have the energy of the CPU time in them.
fn play(engine: &mut Engine, pieces: &[Piece], end_ns: i64) {
    engine.rail(rail(1, RailKind::Package));
    for kind in 1..=4 {
        engine.node(kind, None, Some(Role::Token), Domain::Cpu);
        engine.kind(kind, kind, &format!("kind {kind}"));
    }
    let mut samples = vec![0.0; (end_ns / (100 * MS)) as usize];
    let (mut now, mut seq) = (0, 0);
    for piece in pieces.iter().cycle() {
        let end = (now + piece.length_ns).min(end_ns);
        let share = (end - now) as f64 / piece.length_ns as f64;
        let on_cpu_ns = (piece.on_cpu_ns as f64 * share).round() as i64;
        if let Some(node) = piece.kind {
            seq += 1;
            engine.open(Opened {
                seq,
                node,
                parent: None,
                thread: 1,
                start_ns: now,
            });
            engine.close(seq, end);
        }
        for scope in [CpuScope::Thread(1), CpuScope::Process] {
            engine.cpu(CpuRow {
                scope,
                start_ns: now,
                end_ns: end,
                on_cpu_ns,
            });
        }
        for (at, energy) in samples.iter_mut().enumerate() {
            let (from, to) = (at as i64 * 100 * MS, (at as i64 + 1) * 100 * MS);
            let inside = (end.min(to) - now.max(from)).max(0);
            *energy += WATTS * on_cpu_ns as f64 / 1e9 * (inside as f64 / (end - now).max(1) as f64);
        }
        now = end;
        if now >= end_ns {
            break;
        }
    }
    for (at, energy) in samples.into_iter().enumerate() {
        engine.sample(SampleRow {
            rail: 1,
            start_ns: at as i64 * 100 * MS,
            end_ns: (at as i64 + 1) * 100 * MS,
            energy_j: Some(energy),
        });
    }
}

fn attributed(pieces: &[Piece], end_ns: i64) -> AttributionRows {
    let mut engine = Engine::new();
    play(&mut engine, pieces, end_ns);
    let (rows, finished) = engine.finish(end_ns);
    assert!(finished.balanced, "{}", finished.diagnostics);
    rows
}

fn self_j(rows: &AttributionRows, node: u32) -> f64 {
    let row = rows.node_energy.iter().find(|row| row.node == node);
    row.map_or(0.0, |row| row.self_j)
}

#[track_caller]
fn near(actual: f64, expected: f64) {
    assert!(
        (actual - expected).abs() < 1e-6 * expected.abs().max(1e-3),
        "{actual} is not {expected}"
    );
}

/// ```text
/// thread 1  |== a ==|  sleeps 6 ms  |== a ==| ..      CPU time in a only
/// ```
#[test]
fn a_thread_that_sleeps_between_its_spans_has_all_energy_in_them() {
    let rows = attributed(&[in_span(1, 1_000, 1_000), outside(6_000, 0)], 700 * MS);
    near(self_j(&rows, 1), WATTS * 0.1);
    near(rows.balance[0].accounts.unattributed_j.unwrap(), 0.0);
}

/// ```text
/// thread 1  |= a 2 ms =| 3 ms |= b 0.5 ms =| 7 ms ..   both busy throughout
/// ```
#[test]
fn energies_of_two_kinds_are_in_the_ratio_of_their_cpu_times() {
    let pieces = [
        in_span(1, 2_000, 2_000),
        outside(3_000, 0),
        in_span(2, 500, 500),
        outside(7_000, 0),
    ];
    let rows = attributed(&pieces, 1_000 * MS);
    near(self_j(&rows, 1) / self_j(&rows, 2), 4.0);
    near(rows.balance[0].accounts.unattributed_j.unwrap(), 0.0);
}

/// ```text
/// thread 1  |=== a, busy ===|~~~ b, waits for a disk ~~~| ..   10 ms each
/// ```
#[test]
fn a_span_that_waits_has_what_it_used_and_not_its_threads_mean() {
    let rows = attributed(
        &[in_span(1, 10_000, 10_000), in_span(2, 10_000, 1_000)],
        200 * MS,
    );
    near(self_j(&rows, 1), WATTS * 0.1);
    near(self_j(&rows, 2), WATTS * 0.01);
    // The price of single spans is the same.
    let power = |kind| {
        let rows = rows
            .window_power
            .iter()
            .filter(|row| row.kind == Some(kind));
        rows.map(|row| row.power_w).collect::<Vec<_>>()
    };
    let (busy, waiting) = (power(1), power(2));
    assert_eq!((busy.len(), waiting.len()), (2, 2));
    busy.into_iter().for_each(|power| near(power, WATTS));
    waiting
        .into_iter()
        .for_each(|power| near(power, WATTS / 10.0));
    let spans: f64 = rows.span_energy.iter().filter_map(|row| row.spans_j).sum();
    near(spans, WATTS * 0.11);
}

/// Work of a thread between its spans is unattributed, even if its spans take most of the time.
#[test]
fn work_between_spans_is_outside_them() {
    let rows = attributed(&[in_span(1, 9_000, 900), outside(1_000, 1_000)], 200 * MS);
    near(self_j(&rows, 1), WATTS * 0.018);
    near(
        rows.balance[0].accounts.unattributed_j.unwrap(),
        WATTS * 0.02,
    );
}

/// Without readings at edges, a row is taken to be spread evenly: all activations of a thread
/// have one power, stored in one row.
#[test]
fn kinds_have_one_power_where_edges_were_not_read() {
    let mut engine = Engine::new();
    engine.rail(rail(1, RailKind::Package));
    for (seq, node) in [(1, 1), (2, 2)] {
        engine.node(node, None, None, Domain::Cpu);
        engine.kind(node, node, "a kind");
        let start_ns = (node as i64 - 1) * 50 * MS;
        engine.open(Opened {
            seq,
            node,
            parent: None,
            thread: 1,
            start_ns,
        });
        engine.close(seq, start_ns + 25 * MS);
    }
    for scope in [CpuScope::Process, CpuScope::Thread(1)] {
        engine.cpu(CpuRow {
            scope,
            start_ns: 0,
            end_ns: 100 * MS,
            on_cpu_ns: 30 * MS,
        });
    }
    engine.sample(SampleRow {
        rail: 1,
        start_ns: 0,
        end_ns: 100 * MS,
        energy_j: Some(3.0),
    });
    let (rows, _) = engine.finish(100 * MS);
    near(self_j(&rows, 1), 0.75);
    near(self_j(&rows, 2), 0.75);
    let kinds: Vec<_> = rows.window_power.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, [None]);
}

/// ```text
/// thread 1  |= a, busy 5 ms =|   5 ms   |~ b, 4 of 10 ms ~| ..
/// ```
#[test]
fn an_estimate_observes_cpu_time_where_it_was_used() {
    let observed: Rc<RefCell<Vec<ActivePiece>>> = Rc::default();
    let into = Rc::clone(&observed);
    let take = Box::new(move |_: PieceScope, piece: ActivePiece| into.borrow_mut().push(piece));
    let mut engine = Engine::new().observing(vec![PieceScope::All], take);
    let pieces = [
        in_span(1, 5_000, 5_000),
        outside(5_000, 0),
        in_span(2, 10_000, 4_000),
    ];
    play(&mut engine, &pieces, 200 * MS);
    engine.finish_observing(200 * MS);
    let observed = observed.borrow();
    let of = |kind| {
        let own = observed
            .iter()
            .filter(move |piece| piece.subject == PieceSubject::Node(kind));
        own.map(|piece| (f64::from(piece.weight), piece.end_ns - piece.start_ns))
    };
    for (kind, weight) in [(1, 1.0), (2, 0.4)] {
        let weighed: f64 = of(kind).map(|(weight, ns)| weight * ns as f64).sum();
        near(weighed, weight * [50e6, 100e6][kind as usize - 1]);
        assert!(of(kind).all(|(found, _)| (found - weight).abs() < 1e-5));
    }
    assert!(
        observed
            .iter()
            .all(|piece| piece.subject != PieceSubject::Unattributed)
    );
}

/// The live estimate learns from seconds of CPU time: its figures for two kinds on
/// one thread are right though each has half of the time.
#[test]
fn a_live_estimate_prices_cpu_time() {
    let mut engine = Engine::new().estimating_live();
    let pieces = [
        in_span(1, 7_000, 7_000),
        outside(4_000, 0),
        in_span(2, 9_000, 1_500),
        outside(3_000, 0),
    ];
    play(&mut engine, &pieces, 6_000 * MS);
    engine.baseline(&idle_power(1, 0.0));
    let (rows, finished) = engine.finish(6_000 * MS);
    assert!(finished.balanced);
    let ratio = self_j(&rows, 1) / self_j(&rows, 2);
    assert!((ratio / (7.0 / 1.5) - 1.0).abs() < 0.05, "{ratio}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// For any pieces, a kind's energy is its CPU time times the power of one processor.
    #[test]
    fn a_kind_has_the_energy_of_its_cpu_time(
        pieces in prop::collection::vec((0_u32..=4, 200_i64..20_000, 0.0_f64..=1.0), 1..12)
    ) {
        let pieces: Vec<Piece> = pieces
            .into_iter()
            .map(|(kind, length_us, share)| Piece {
                kind: (kind > 0).then_some(kind),
                ..in_span(0, length_us, (length_us as f64 * share) as i64)
            })
            .collect();
        // Whole rounds of whole windows, at least a second, so that the truth is a plain sum.
        let round: i64 = pieces.iter().map(|piece| piece.length_ns).sum();
        let end_ns = round * (1_000 * MS / round).max(100);
        let rows = attributed(&pieces, end_ns / (100 * MS) * (100 * MS));
        let total: i64 = pieces.iter().map(|piece| piece.on_cpu_ns).sum();
        let spans: f64 = (1..=4).map(|node| self_j(&rows, node)).sum();
        let whole = spans + rows.balance[0].accounts.unattributed_j.unwrap_or(0.0);
        for kind in 1..=4 {
            let own = pieces.iter().filter(|piece| piece.kind == Some(kind));
            let share = own.map(|piece| piece.on_cpu_ns).sum::<i64>() as f64 / total.max(1) as f64;
            let found = self_j(&rows, kind) / whole.max(1e-12);
            // The last round is cut at a window's end.
            prop_assert!((found - share).abs() < 0.03, "kind {kind}: {found} of {share}");
        }
    }
}
