//! The attribution of the recording.

use energy_data::rows::*;

use super::rows::{self, MS};

/// Rails with their shares of the energy on `package`; `core` is inside of it and must not be
/// counted.
const SHARES: [(u32, f64); 3] = [(1, 1.0), (2, 1.0), (3, 0.25)];

/// Attribution rows of the recording: self energies 1, 2, 4, .. J on `package`, a quarter of
/// that on `dram`, and as much again on `core`.
pub fn attribution() -> AttributionRows {
    let mut rows = AttributionRows {
        head: Some(rows::head(1, "proportional")),
        ..AttributionRows::default()
    };
    for (rail, share) in SHARES {
        tree(&mut rows, rail, share);
        totals(&mut rows, rail, share);
        for at in 0..4 {
            windows(&mut rows, rail, at, share);
        }
        kinds(&mut rows, rail, share);
    }
    rows
}

/// Energies of nodes, phases and activations.
fn tree(rows: &mut AttributionRows, rail: u32, share: f64) {
    let nodes = (1..=8).map(|node| {
        let self_j = f64::from(1 << (node - 1)) * share;
        NodeEnergyRow {
            idle_j: Some(self_j / 2.0),
            activations: u64::from(node),
            ..rows::node_energy(node, rail, self_j, 10 * MS)
        }
    });
    rows.node_energy.extend(nodes);
    let phases = [(Some(2), 6.0), (Some(4), 240.0), (None, 1.0)];
    let phases = phases.map(|(node, spans_j)| PhaseEnergyRow {
        idle_j: Some(spans_j * share),
        spans_j: Some(spans_j * share),
        peak_w: Some(9.0),
        ..rows::phase_energy(node, rail, 100 * MS, Some(2.0 * spans_j * share))
    });
    rows.phase_energy.extend(phases);
    let spans = [(5, 48.0), (7, 192.0), (2, 6.0)];
    let spans = spans.map(|(seq, spans_j)| SpanEnergyRow {
        idle_j: Some(spans_j * share),
        spans_j: Some(spans_j * share),
        basis: Basis::Replayed,
        ..rows::span_energy(seq, rail, 10 * MS, Some(spans_j * share * 2.0))
    });
    rows.span_energy.extend(spans);
}

fn totals(rows: &mut AttributionRows, rail: u32, share: f64) {
    let spans_j = 255.0 * share;
    rows.balance.push(BalanceRow {
        accounts: Accounts {
            measured_j: spans_j * 2.0 - 8.0 * spans_j / 255.0,
            idle_j: Some(spans_j - 8.0 * spans_j / 255.0),
            spans_j,
            ..Accounts::default()
        },
        covered_ns: Some(400 * MS),
        duration_ns: Some(400 * MS),
        ..rows::balance(rail, 0.0)
    });
}

/// 10 W on `package` and `core`, 2.5 W on `dram`.
fn windows(rows: &mut AttributionRows, rail: u32, at: i64, share: f64) {
    let (start_ns, end_ns) = (at * 100 * MS, (at + 1) * 100 * MS);
    rows.window_power.push(WindowPowerRow {
        rail,
        start_ns,
        end_ns,
        thread: Some(1),
        kind: None,
        power_w: 10.0 * share,
    });
    rows.sample_balance.push(SampleBalanceRow {
        rail,
        start_ns,
        end_ns,
        accounts: Accounts {
            measured_j: 1.0,
            ..Accounts::default()
        },
        phase: Some(if at == 0 { 2 } else { 4 }),
    });
}

/// Kinds 2 and 3, which are indistinguishable.
fn kinds(rows: &mut AttributionRows, rail: u32, share: f64) {
    let kinds = [(2, 2.0), (3, 4.0)].map(|(kind, self_j)| KindEnergyRow {
        hi_j: Some(self_j),
        extrapolated_j: 0.25,
        self_ns: 10 * MS,
        covered_ns: Some(10 * MS),
        power_w: (kind == 2).then_some(7.0),
        grouping: (kind == 3).then_some(1),
        ..rows::kind_energy(rail, kind, &format!("kind {kind}"), self_j * share)
    });
    rows.kind_energy.extend(kinds);
    rows.kind_groups.push(KindGroupRow {
        rail,
        grouping: 1,
        self_j: 6.0 * share,
        lo_j: Some(5.0 * share),
        hi_j: None,
    });
    rows.kind_fits.push(KindFitRow {
        rail,
        kinds: vec!["inference".into(), "a \"b\"".into()],
        ln_power: vec![1.5, f64::MIN_POSITIVE],
        covariance: vec![1.0, -0.5, -0.5, 1e300],
    });
}
