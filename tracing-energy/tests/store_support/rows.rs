//! Rows with plain values: a test changes the columns that it is about.

use energy_data::rows::*;
use energy_power::{Kernel, Provenance, RailKind};

/// Milliseconds.
pub const MS: i64 = 1_000_000;

/// A complete run of another process, begun on 2026-11-24 00:20:56.
pub fn run(uuid: &str) -> RunRow {
    RunRow {
        uuid: uuid.into(),
        status: RunStatus::Complete,
        pid: 1,
        pid_start: None,
        boot_id: None,
        host_id: None,
        start_unix_ns: 1_795_479_656_000_000_000,
        end_ns: None,
        host: None,
        os: None,
        chip: None,
        version: "0.1.0".into(),
        parent_run: None,
        metadata: RunMetadata::default(),
    }
}

/// A measured rail of RAPL.
pub fn rail(id: u32, name: &str, parent: Option<u32>) -> RailRow {
    RailRow {
        id,
        source: "rapl".into(),
        name: name.into(),
        parent,
        kind: RailKind::Cpu,
        unit: "uJ".into(),
        interval_ns: 100 * MS,
        kernel: Kernel::Box,
        provenance: Provenance::Measured,
    }
}

/// A callsite without a place in a source file.
pub fn callsite(id: u32, name: &str, role: Option<Role>) -> CallsiteRow {
    CallsiteRow {
        id,
        name: name.into(),
        target: "t".into(),
        level: "INFO".into(),
        file: None,
        line: None,
        domain: Domain::Cpu,
        role,
    }
}

/// A node of the kind that its path names.
pub fn node(id: u32, parent: Option<u32>, callsite: u32, label: &str, depth: u32) -> NodeRow {
    NodeRow {
        id,
        parent,
        callsite: Some(callsite),
        label: label.into(),
        depth,
        kind: None,
    }
}

/// A root span of thread 1.
pub fn span(seq: u64, node: u32, start_ns: i64, end_ns: i64) -> SpanRow {
    SpanRow {
        seq,
        node,
        instance: None,
        parent: None,
        thread: 1,
        start_ns,
        end_ns: Some(end_ns),
        token: None,
    }
}

/// A sample of that energy.
pub fn sample(rail: u32, start_ns: i64, end_ns: i64, energy_j: Option<f64>) -> SampleRow {
    SampleRow {
        rail,
        start_ns,
        end_ns,
        energy_j,
    }
}

/// A condition of the run.
pub fn condition(time_point: ConditionTime, key: &str, value: &str) -> ConditionRow {
    ConditionRow {
        time_point,
        key: key.into(),
        value: value.into(),
    }
}

/// The head of an attribution without parameters and diagnostics.
pub fn head(id: u32, method: &str) -> AttributionRow {
    AttributionRow {
        id,
        method: method.into(),
        version: 1,
        params: "{}".into(),
        clock_offset_ns: None,
        diagnostics: "{}".into(),
    }
}

/// Energy of a node's own, whose time is covered by samples.
pub fn node_energy(node: u32, rail: u32, self_j: f64, self_ns: i64) -> NodeEnergyRow {
    NodeEnergyRow {
        node,
        rail,
        self_j,
        lo_j: None,
        hi_j: None,
        inclusive_j: self_j,
        idle_j: None,
        self_ns,
        covered_ns: self_ns,
        activations: 1,
        instances: 1,
        min_w: None,
        avg_w: None,
        peak_w: None,
        basis: Basis::Proportional,
    }
}

/// Measured energy of an activation that is covered by samples.
pub fn span_energy(span: u64, rail: u32, duration_ns: i64, energy_j: Option<f64>) -> SpanEnergyRow {
    SpanEnergyRow {
        span,
        rail,
        energy_j,
        idle_j: None,
        spans_j: None,
        lo_j: None,
        hi_j: None,
        peak_w: None,
        basis: Basis::Measured,
        covered_ns: duration_ns,
        extrapolated_j: 0.0,
    }
}

/// Energy of a phase, or of the time between phases, that is covered by samples.
pub fn phase_energy(
    node: Option<u32>,
    rail: u32,
    duration_ns: i64,
    energy_j: Option<f64>,
) -> PhaseEnergyRow {
    PhaseEnergyRow {
        node,
        rail,
        duration_ns,
        energy_j,
        idle_j: None,
        spans_j: None,
        peak_w: None,
        covered_ns: duration_ns,
        extrapolated_j: Some(0.0),
        lo_j: None,
        hi_j: None,
        gap_j: None,
        edge_j: None,
    }
}

/// Energy of a phase of which each part is known: its energy, idle energy, energy of spans,
/// and peak power.
pub fn known_phase(
    node: Option<u32>,
    rail: u32,
    duration_ns: i64,
    [energy_j, idle_j, spans_j, peak_w]: [f64; 4],
) -> PhaseEnergyRow {
    PhaseEnergyRow {
        idle_j: Some(idle_j),
        spans_j: Some(spans_j),
        peak_w: Some(peak_w),
        ..phase_energy(node, rail, duration_ns, Some(energy_j))
    }
}

/// Accounts of a rail in which all energy is that of spans.
pub fn balance(rail: u32, measured_j: f64) -> BalanceRow {
    BalanceRow {
        rail,
        accounts: Accounts {
            measured_j,
            spans_j: measured_j,
            ..Accounts::default()
        },
        extrapolated_j: 0.0,
        duration_ns: None,
        covered_ns: None,
        lo_j: None,
        hi_j: None,
        peak_w: None,
        peak_ns: None,
    }
}

/// Accounts of which each part is known: measured, idle, spans, outside, others, profiler,
/// residual.
pub fn accounts(parts: [f64; 7]) -> Accounts {
    let [
        measured_j,
        idle_j,
        spans_j,
        unattributed_j,
        other_processes_j,
        profiler_j,
        residual_j,
    ] = parts;
    Accounts {
        measured_j,
        idle_j: Some(idle_j),
        spans_j,
        unattributed_j: Some(unattributed_j),
        other_processes_j: Some(other_processes_j),
        profiler_j: Some(profiler_j),
        residual_j,
        unknown_j: None,
    }
}

/// An estimate of a kind.
pub fn kind_energy(rail: u32, kind: u32, name: &str, self_j: f64) -> KindEnergyRow {
    KindEnergyRow {
        rail,
        kind,
        name: name.into(),
        self_j,
        lo_j: None,
        hi_j: None,
        extrapolated_j: 0.0,
        self_ns: 1000,
        covered_ns: None,
        power_w: None,
        basis: Basis::Fitted,
        grouping: None,
    }
}
