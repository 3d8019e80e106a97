use super::*;
use energy_data::rows::{NodeRow, RailRow, WindowPowerRow};
use energy_data::{Kernel, Provenance, RailKind};

const SECOND: i64 = 1_000_000_000;

/// Returns a batch with one root rail and two call paths.
fn names() -> Batch {
    let node = |id, parent| NodeRow {
        id,
        parent,
        callsite: None,
        label: format!("n{id}"),
        depth: id - 1,
        kind: None,
    };
    Batch {
        rails: vec![RailRow {
            id: 1,
            source: "a".to_owned(),
            name: "b".to_owned(),
            parent: None,
            kind: RailKind::Package,
            unit: "J".to_owned(),
            interval_ns: SECOND,
            kernel: Kernel::Box,
            provenance: Provenance::Measured,
        }],
        nodes: vec![node(1, None), node(2, Some(1))],
        ..Batch::default()
    }
}

fn span(seq: u64, thread: u32, (start_ms, end_ms): (i64, i64)) -> SpanRow {
    SpanRow {
        seq,
        node: 2,
        instance: None,
        parent: None,
        thread,
        start_ns: start_ms * 1_000_000,
        end_ns: Some(end_ms * 1_000_000),
        token: None,
    }
}

fn window(thread: u32, start_s: i64) -> WindowPowerRow {
    WindowPowerRow {
        rail: 1,
        start_ns: start_s * SECOND,
        end_ns: (start_s + 1) * SECOND,
        thread: Some(thread),
        kind: None,
        power_w: 10.0,
    }
}

fn returned(ended: &mut EndedActivations, now_s: i64) -> Vec<(u64, Option<f64>)> {
    let next = || ended.next(now_s * SECOND);
    let all = std::iter::from_fn(next);
    all.map(|one| (one.span.seq, one.self_energy.map(Energy::joules)))
        .collect()
}

/// ```text
/// future   [1]              [3]     entered twice: its first row is written again
/// other        [2]
/// ```
#[test]
fn a_row_that_is_written_again_is_returned_once() {
    let mut ended = EndedActivations::default();
    let mut batch = names();
    batch.spans = vec![span(1, 1, (0, 1)), span(2, 1, (200, 300))];
    batch.attribution.window_power = vec![window(1, 0), window(1, 1)];
    ended.add(&batch);
    let expected = [(1, Some(0.01)), (2, Some(1.0))];
    assert_eq!(returned(&mut ended, 1), expected);
    assert!(ended.is_returned(1) && !ended.is_returned(3));
    let again = SpanRow {
        instance: Some(7),
        ..span(1, 1, (0, 1))
    };
    let mut second = span(3, 1, (500, 600));
    second.instance = Some(7);
    ended.add(&Batch {
        spans: vec![again, second],
        ..Batch::default()
    });
    assert_eq!(returned(&mut ended, 2), [(3, Some(1.0))]);
}

#[test]
fn a_row_that_is_written_again_while_it_waits_is_replaced() {
    let mut ended = EndedActivations::default();
    let mut batch = names();
    batch.spans = vec![span(1, 1, (0, 1))];
    ended.add(&batch);
    batch.spans[0].instance = Some(7);
    batch.attribution.window_power = vec![window(1, 0)];
    ended.add(&batch);
    let one = ended.next(SECOND).unwrap();
    assert_eq!((one.span.instance, ended.next(SECOND)), (Some(7), None));
}

/// A span on the first thread stays open, one short span on each of 100,000 other threads.
#[test]
fn memory_does_not_depend_on_the_number_of_threads() {
    let mut ended = EndedActivations::default();
    let mut names = names();
    names.spans = vec![SpanRow {
        end_ns: None,
        ..span(1, 0, (0, 0))
    }];
    ended.add(&names);
    let mut joules = 0.0;
    for at in 0_u32..1_000 {
        let start_s = i64::from(at);
        let threads = || (1..=100).map(|number| at * 100 + number);
        let of = |thread| {
            span(
                1 + u64::from(thread),
                thread,
                (start_s * 1_000, start_s * 1_000 + 100),
            )
        };
        let mut batch = Batch {
            spans: threads().map(of).collect(),
            ..Batch::default()
        };
        batch.attribution.window_power = threads().map(|thread| window(thread, start_s)).collect();
        batch.attribution.window_power.push(window(0, start_s));
        ended.add(&batch);
        joules += returned(&mut ended, start_s + 1)
            .iter()
            .map(|(_, self_j)| self_j.unwrap())
            .sum::<f64>();
    }
    assert!((joules - 100_000.0).abs() < 1e-6, "{joules}");
    // Those of the last seconds, and those of the open span.
    assert!(
        ended.powers.len() <= 20 * 100 + 1_000,
        "{}",
        ended.powers.len()
    );
    assert!(
        ended.nested.threads() <= 20 * 100,
        "{}",
        ended.nested.threads()
    );
    ended.add(&Batch {
        spans: vec![span(1, 0, (0, 1_000_000))],
        ..Batch::default()
    });
    assert_eq!(returned(&mut ended, 1_000), [(1, Some(10_000.0))]);
}
