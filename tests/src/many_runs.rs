//! Generates recordings of many small runs: the phases, call paths, samples and tags that a sweep
//! leaves behind.

use std::path::Path;

use energy_data::rows::*;
use energy_power::{Kernel, Provenance, RailKind};
use energy_store::SqliteSink;
use tracing_energy::{Batch, Sink};

/// Call paths, samples and tokens of each run.
const NODES: u32 = 40;
const SAMPLES: i64 = 30;
const TOKENS: i64 = 32;
const MS: i64 = 1_000_000;
const START_NS: i64 = 1_790_000_000_000_000_000;

/// Writes `count` runs into the new file at `path`.
///
/// # Errors
/// When the file cannot be written.
pub fn many_runs(path: &Path, count: u32) -> Result<(), Box<dyn std::error::Error>> {
    // Its last connection copies the log into the file: once for all runs.
    let _open = energy_store::Store::create(path)?;
    for number in 0..count {
        SqliteSink::create(path)?.write(&run(number))?;
    }
    Ok(())
}

fn run(number: u32) -> Batch {
    let energy_j = 3.0 + f64::from(number % 97) / 50.0;
    let phases = [("prefill", 0.3), ("decode", 0.6), ("post_inference", 0.1)];
    let mut callsites = vec![callsite(1, "inference", Role::Run)];
    let mut nodes = vec![node(1, None, "inference", 0)];
    for (id, (name, _)) in (2..).zip(phases) {
        callsites.push(callsite(id, name, Role::Phase));
        nodes.push(node(id, Some(1), name, 1));
    }
    for id in 5..NODES {
        let name = format!("layer {id}");
        callsites.push(callsite(id, "layer", Role::Layer));
        nodes.push(node(id, Some(3), &name, 2));
    }
    let mut batch = Batch {
        run: Some(head(number)),
        rails: vec![rail()],
        callsites,
        nodes,
        samples: (0..SAMPLES).map(|at| sample(at, energy_j)).collect(),
        spans: (1..)
            .zip([0, 1, 2, 3])
            .map(|(seq, at)| span(seq, at))
            .collect(),
        ..Batch::default()
    };
    batch.attribution = attribution(energy_j, &phases);
    batch
}

fn head(number: u32) -> RunRow {
    let tags = [
        ("group", format!("g{}", number / 10)),
        (
            "config",
            format!("batch={} prompt={}", 1 << (number % 4), 64 << (number % 5)),
        ),
        ("round", (number % 3).to_string()),
    ];
    let config = format!(
        "{{\"model_sha256\":\"{:064x}\",\"prompts\":1,\"max_tokens\":32,\"layers\":30,\
         \"parameters\":134515008,\"device\":\"cpu\",\"threads\":2,\"depth\":\"layer\"}}",
        number % 3
    );
    RunRow {
        uuid: format!("{number:08x}-0000-4000-8000-000000000000"),
        status: RunStatus::Complete,
        pid: 1,
        pid_start: None,
        boot_id: None,
        host_id: None,
        start_unix_ns: START_NS + i64::from(number) * 60_000 * MS,
        end_ns: Some(SAMPLES * 100 * MS),
        host: Some("box".into()),
        os: None,
        chip: None,
        version: "0.1.0".into(),
        parent_run: None,
        metadata: RunMetadata {
            name: Some(format!("run {number}")),
            model: Some(format!("model {}", number % 3)),
            engine: Some("candle".into()),
            precision: Some(["f32", "q8_0"][number as usize % 2].into()),
            experiment: Some(format!("sweep {}", number / 500)),
            batch: Some(1),
            input_tokens: Some(64 << (number % 5)),
            output_tokens: Some(TOKENS),
            prompt: Some("Why is the sky blue? ".repeat(100)),
            response: Some("Because of scattering. ".repeat(40)),
            config: Some(config),
            tags: tags
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        },
    }
}

fn rail() -> RailRow {
    RailRow {
        id: 1,
        source: "rapl".into(),
        name: "package-0".into(),
        parent: None,
        kind: RailKind::Package,
        unit: "uJ".into(),
        interval_ns: 100 * MS,
        kernel: Kernel::Box,
        provenance: Provenance::Measured,
    }
}

fn callsite(id: u32, name: &str, role: Role) -> CallsiteRow {
    CallsiteRow {
        id,
        name: name.into(),
        target: "t".into(),
        level: "INFO".into(),
        file: None,
        line: None,
        domain: Domain::Cpu,
        role: Some(role),
    }
}

fn node(id: u32, parent: Option<u32>, label: &str, depth: u32) -> NodeRow {
    NodeRow {
        id,
        parent,
        callsite: Some(id),
        label: label.into(),
        depth,
        kind: None,
    }
}

fn sample(at: i64, energy_j: f64) -> SampleRow {
    SampleRow {
        rail: 1,
        start_ns: at * 100 * MS,
        end_ns: (at + 1) * 100 * MS,
        energy_j: Some(energy_j / SAMPLES as f64),
    }
}

fn span(seq: u64, at: i64) -> SpanRow {
    SpanRow {
        seq,
        node: u32::try_from(seq).unwrap_or(1),
        instance: None,
        parent: (seq > 1).then_some(1),
        thread: 1,
        start_ns: at * 500 * MS,
        end_ns: Some(SAMPLES * 100 * MS),
        token: None,
    }
}

fn attribution(energy_j: f64, phases: &[(&str, f64)]) -> AttributionRows {
    let duration_ns = SAMPLES * 100 * MS;
    let part = |id: u32, share: f64| PhaseEnergyRow {
        node: Some(id),
        rail: 1,
        duration_ns: (duration_ns as f64 * share) as i64,
        energy_j: Some(energy_j * share),
        idle_j: Some(energy_j * share * 0.3),
        spans_j: Some(energy_j * share * 0.7),
        peak_w: Some(9.0),
        covered_ns: (duration_ns as f64 * share) as i64,
        extrapolated_j: Some(0.0),
        lo_j: None,
        hi_j: None,
        gap_j: None,
        edge_j: None,
    };
    let own = |id: u32| NodeEnergyRow {
        node: id,
        rail: 1,
        self_j: energy_j / f64::from(NODES),
        lo_j: None,
        hi_j: None,
        inclusive_j: energy_j / f64::from(NODES),
        idle_j: Some(0.1),
        self_ns: MS,
        covered_ns: MS,
        activations: TOKENS.unsigned_abs(),
        instances: TOKENS.unsigned_abs(),
        min_w: None,
        avg_w: None,
        peak_w: None,
        basis: Basis::Proportional,
    };
    AttributionRows {
        head: Some(AttributionRow {
            id: 1,
            method: "proportional".into(),
            version: 1,
            params: "{}".into(),
            clock_offset_ns: None,
            diagnostics: "{}".into(),
        }),
        balance: vec![BalanceRow {
            rail: 1,
            accounts: Accounts {
                measured_j: energy_j,
                idle_j: Some(energy_j * 0.3),
                spans_j: energy_j * 0.7,
                ..Accounts::default()
            },
            extrapolated_j: 0.0,
            duration_ns: Some(duration_ns),
            covered_ns: Some(duration_ns),
            lo_j: None,
            hi_j: None,
            peak_w: Some(9.0),
            peak_ns: Some(MS),
        }],
        node_energy: (1..NODES).map(own).collect(),
        phase_energy: (2..)
            .zip(phases)
            .map(|(id, (_, share))| part(id, *share))
            .collect(),
        span_energy: vec![SpanEnergyRow {
            span: 1,
            rail: 1,
            energy_j: Some(energy_j),
            idle_j: None,
            spans_j: None,
            lo_j: Some(energy_j * 0.95),
            hi_j: Some(energy_j * 1.05),
            peak_w: None,
            basis: Basis::Measured,
            covered_ns: duration_ns,
            extrapolated_j: 0.0,
        }],
        ..AttributionRows::default()
    }
}
