//! A small recording made by hand.
//!
//! ```text
//! thread 1   |inference----------------------------------|
//!              |prefill----| |decode--------------------|
//!                |layer 0|     |token 0----| |token 1--|
//!                                |layer 0|     |layer 1|
//! ```

#![allow(dead_code, unreachable_pub)]

use tracing_energy::host::{self, Host};
use tracing_energy::power::{Kernel, Provenance, RailKind};
use tracing_energy::sink::*;

/// Milliseconds.
pub const MS: i64 = 1_000_000;

/// A run that is being recorded by this process.
pub fn run_row(uuid: &str) -> RunRow {
    let here = Host::here();
    RunRow {
        uuid: uuid.into(),
        status: RunStatus::Running,
        pid: std::process::id(),
        pid_start: host::process_start(std::process::id()),
        boot_id: here.boot_id,
        start_unix_ns: host::unix_ns(),
        end_ns: None,
        host_id: here.id,
        host: here.name,
        os: here.os,
        chip: here.chip,
        version: "0.1.0".into(),
        joins: None,
        metadata: RunMetadata {
            name: Some("by hand".into()),
            tags: vec![("kind".into(), "test".into())],
            input_tokens: Some(3),
            ..RunMetadata::default()
        },
    }
}

pub fn rail(id: u32, name: &str, parent: Option<u32>) -> RailRow {
    RailRow {
        id,
        source: "replay".into(),
        name: name.into(),
        parent,
        kind: RailKind::Cpu,
        unit: "mJ".into(),
        interval_ns: 100 * MS,
        kernel: Kernel::Box,
        provenance: Provenance::Replayed,
    }
}

pub fn callsite(id: u32, name: &str, role: Option<Role>) -> CallsiteRow {
    CallsiteRow {
        id,
        name: name.into(),
        target: "models".into(),
        level: "INFO".into(),
        file: Some("a.rs".into()),
        line: Some(id),
        domain: Domain::Cpu,
        role,
    }
}

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

pub fn span(seq: u64, node: u32, parent: Option<u64>, start_ms: i64, end_ms: i64) -> SpanRow {
    SpanRow {
        seq,
        node,
        instance: None,
        parent,
        thread: 1,
        start_ns: start_ms * MS,
        end_ns: Some(end_ms * MS),
        token: None,
    }
}

fn condition(moment: ConditionTime, key: &str, value: &str) -> ConditionRow {
    ConditionRow {
        moment,
        key: key.into(),
        value: value.into(),
    }
}

/// The recording above without attribution; `(other)` is a node outside it.
pub fn recording(uuid: &str) -> Batch {
    Batch {
        run: Some(run_row(uuid)),
        rails: vec![
            rail(1, "package", None),
            rail(2, "core", Some(1)),
            rail(3, "dram", None),
        ],
        device_use: vec![DeviceUseRow {
            rail: 1,
            start_ns: 0,
            end_ns: 50 * MS,
            own_ns: 20 * MS,
            others_ns: 10 * MS,
            unknown_ns: 0,
        }],
        extras: vec![ExtraRow {
            name: "gpu_freq_mhz".into(),
            start_ns: 0,
            end_ns: 50 * MS,
            value: 615.5,
        }],
        processes: vec![ProcessRow {
            id: 1,
            pid: 4712,
            pid_start: Some(99),
            name: Some("worker".into()),
            start_ns: 5,
            end_ns: Some(95),
            has_spans: true,
        }],
        threads: vec![ThreadRow {
            id: 1,
            tid: 4711,
            name: Some("main".into()),
            role: ThreadRole::Program,
            process: None,
        }],
        callsites: vec![
            callsite(1, "inference", Some(Role::Run)),
            callsite(2, "prefill", Some(Role::Phase)),
            callsite(3, "decode", Some(Role::Phase)),
            callsite(4, "token", Some(Role::Token)),
            callsite(5, "layer", Some(Role::Layer)),
            callsite(6, "tick", None),
        ],
        nodes: vec![
            node(1, None, 1, "inference", 0),
            node(2, Some(1), 2, "prefill", 1),
            node(3, Some(2), 5, "layer 0", 2),
            node(4, Some(1), 3, "decode", 1),
            node(5, Some(4), 4, "token", 2),
            node(6, Some(5), 5, "layer 0", 3),
            node(7, Some(5), 5, "layer 1", 3),
            // A layer in a layer counts once, in the outer one.
            NodeRow {
                kind: Some("inner layer".into()),
                ..node(8, Some(7), 5, "layer 9", 4)
            },
        ],
        spans: vec![
            span(1, 1, None, 0, 400),
            span(2, 2, Some(1), 10, 100),
            span(3, 3, Some(2), 20, 90),
            span(4, 4, Some(1), 110, 390),
            SpanRow {
                token: Some(0),
                ..span(5, 5, Some(4), 120, 250)
            },
            span(6, 6, Some(5), 130, 240),
            SpanRow {
                token: Some(1),
                ..span(7, 5, Some(4), 260, 380)
            },
            span(8, 7, Some(7), 270, 370),
            span(9, 8, Some(8), 300, 360),
        ],
        fields: vec![FieldsRow {
            span: 2,
            json: r#"{"text":"a \"b\"","n":3}"#.into(),
        }],
        links: vec![LinkRow {
            span: 7,
            follows: 5,
        }],
        marks: vec![mark(50), mark(50)],
        cpu: vec![
            cpu(CpuScope::Thread(1)),
            cpu(CpuScope::Process),
            cpu(CpuScope::Machine),
            cpu(CpuScope::Sensor),
            cpu(CpuScope::Child(1)),
        ],
        instances: vec![InstanceRow {
            id: 1,
            callsite: 4,
            parent: None,
            created_ns: 5,
            closed_ns: None,
        }],
        node_windows: vec![NodeWindowRow {
            node: 3,
            thread: 1,
            start_ns: 0,
            end_ns: 100 * MS,
            self_ns: 70 * MS,
            activations: 1,
        }],
        samples: (0..4)
            .flat_map(|i| (1..=3).map(move |r| sample(r, i)))
            .collect(),
        conditions: vec![
            condition(ConditionTime::Start, "governor", "powersave"),
            condition(ConditionTime::Start, "power", "mains"),
            condition(ConditionTime::End, "power", "battery"),
        ],
        baselines: vec![BaselineRow {
            rail: 1,
            start_ns: -MS,
            end_ns: 0,
            power_w: 1.0,
            samples: 10,
            spread_w: Some(0.25),
        }],
        events: vec![EventRow {
            time_ns: 7,
            kind: "gap".into(),
            count: 1,
            message: "x".into(),
        }],
        time_ns: 400 * MS,
        heartbeat_unix_ns: host::unix_ns(),
        ..Batch::default()
    }
}

fn mark(ms: i64) -> MarkRow {
    MarkRow {
        time_ns: ms * MS,
        thread: 1,
        span: Some(2),
        callsite: 6,
        json: r#"{"message":"tick"}"#.into(),
    }
}

fn cpu(of: CpuScope) -> CpuRow {
    CpuRow {
        of,
        start_ns: 0,
        end_ns: 50 * MS,
        on_cpu_ns: 40 * MS,
    }
}

fn sample(rail: u32, i: i64) -> SampleRow {
    SampleRow {
        rail,
        start_ns: i * 100 * MS,
        end_ns: (i + 1) * 100 * MS,
        energy_j: (i != 2).then_some(0.5 * f64::from(rail)),
    }
}

/// Attribution rows for it: self energies 1, 2, 4, .. J on `package`, a quarter of
/// that on `dram`, and as much again on `core`, which must not be counted.
pub fn attribution() -> AttributionRows {
    let selfs = |node: u32| f64::from(1 << (node - 1));
    let shares = [(1, 1.0), (2, 1.0), (3, 0.25)];
    let each_rail = |f: &dyn Fn(u32, f64)| shares.iter().for_each(|&(r, s)| f(r, s));
    let rows = std::cell::RefCell::new(AttributionRows {
        head: Some(AttributionRow {
            id: 1,
            method: "proportional".into(),
            version: 1,
            params: "{}".into(),
            offset_ms: None,
            diagnostics: "{}".into(),
        }),
        ..AttributionRows::default()
    });
    each_rail(&|rail, share| {
        let mut rows = rows.borrow_mut();
        for node in 1..=8 {
            rows.node_energy
                .push(node_energy(node, rail, selfs(node) * share));
        }
        for (node, spans_j) in [(Some(2), 6.0), (Some(4), 240.0), (None, 1.0)] {
            rows.phase_energy.push(PhaseEnergyRow {
                node,
                rail,
                duration_ns: 100 * MS,
                energy_j: Some(2.0 * spans_j * share),
                idle_j: Some(spans_j * share),
                spans_j: Some(spans_j * share),
                peak_w: Some(9.0),
                covered_ns: 100 * MS,
                extrapolated_j: Some(0.0),
                lo_j: None,
                hi_j: None,
                gap_j: None,
                edge_j: None,
            });
        }
        for (seq, spans_j) in [(5, 48.0), (7, 192.0), (2, 6.0)] {
            rows.span_energy
                .push(span_energy(seq, rail, spans_j * share));
        }
        rows.balance.push(balance(rail, 255.0 * share));
        for i in 0..4 {
            rows.window_power.push(window(rail, i, share));
            rows.sample_balance.push(sample_balance(rail, i));
        }
        rows.kind_energy.extend(kind_energy(rail, share));
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
    });
    rows.into_inner()
}

/// Kinds 2 and 3 of `recording`, which are indistinguishable.
fn kind_energy(rail: u32, share: f64) -> [KindEnergyRow; 2] {
    [(2, 2.0), (3, 4.0)].map(|(kind, self_j)| KindEnergyRow {
        rail,
        kind,
        name: format!("kind {kind}"),
        self_j: self_j * share,
        lo_j: None,
        hi_j: Some(self_j),
        extrapolated_j: 0.25,
        self_ns: 10 * MS,
        covered_ns: Some(10 * MS),
        power_w: (kind == 2).then_some(7.0),
        basis: Basis::Fitted,
        grouping: (kind == 3).then_some(1),
    })
}

fn node_energy(node: u32, rail: u32, self_j: f64) -> NodeEnergyRow {
    NodeEnergyRow {
        node,
        rail,
        self_j,
        lo_j: None,
        hi_j: None,
        inclusive_j: self_j,
        idle_j: Some(self_j / 2.0),
        self_ns: 10 * MS,
        covered_ns: 10 * MS,
        activations: u64::from(node),
        instances: 1,
        min_w: None,
        avg_w: None,
        peak_w: None,
        basis: Basis::Proportional,
    }
}

fn span_energy(span: u64, rail: u32, spans_j: f64) -> SpanEnergyRow {
    SpanEnergyRow {
        span,
        rail,
        energy_j: Some(spans_j * 2.0),
        idle_j: Some(spans_j),
        spans_j: Some(spans_j),
        lo_j: None,
        hi_j: None,
        peak_w: None,
        basis: Basis::Replayed,
        covered_ns: 10 * MS,
        extrapolated_j: 0.0,
    }
}

fn balance(rail: u32, spans_j: f64) -> BalanceRow {
    BalanceRow {
        rail,
        accounts: Accounts {
            measured_j: spans_j * 2.0 - 8.0 * spans_j / 255.0,
            idle_j: Some(spans_j - 8.0 * spans_j / 255.0),
            spans_j,
            ..Accounts::default()
        },
        extrapolated_j: 0.0,
        covered_ns: Some(400 * MS),
        duration_ns: Some(400 * MS),
        lo_j: None,
        hi_j: None,
        peak_w: None,
        peak_ns: None,
    }
}

/// 10 W on `package` and `core`, 2.5 W on `dram`.
fn window(rail: u32, i: i64, share: f64) -> WindowPowerRow {
    WindowPowerRow {
        rail,
        start_ns: i * 100 * MS,
        end_ns: (i + 1) * 100 * MS,
        thread: Some(1),
        kind: None,
        power_w: 10.0 * share,
    }
}

fn sample_balance(rail: u32, i: i64) -> SampleBalanceRow {
    SampleBalanceRow {
        rail,
        start_ns: i * 100 * MS,
        end_ns: (i + 1) * 100 * MS,
        accounts: Accounts {
            measured_j: 1.0,
            ..Accounts::default()
        },
        phase: Some(if i == 0 { 2 } else { 4 }),
    }
}

/// The recording with its attribution.
pub fn attributed(uuid: &str) -> Batch {
    Batch {
        attribution: attribution(),
        ..recording(uuid)
    }
}
