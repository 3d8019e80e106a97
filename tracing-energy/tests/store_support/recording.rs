//! The recording without attribution.

use energy_data::rows::*;
use energy_host::{self as host, Host};
use energy_power::Provenance;
use tracing_energy::Batch;

use super::rows::{self, MS, condition, node};

/// A run that is being recorded by this process.
pub fn run_row(uuid: &str) -> RunRow {
    let here = Host::here();
    RunRow {
        status: RunStatus::Running,
        pid: std::process::id(),
        pid_start: host::process_start(std::process::id()),
        boot_id: here.boot_id,
        start_unix_ns: host::unix_ns(),
        host_id: here.id,
        host: here.name,
        os: here.os,
        chip: here.chip,
        metadata: RunMetadata {
            name: Some("by hand".into()),
            tags: vec![("kind".into(), "test".into())],
            input_tokens: Some(3),
            ..RunMetadata::default()
        },
        ..rows::run(uuid)
    }
}

/// An activation on thread 1.
pub fn span(seq: u64, node: u32, parent: Option<u64>, start_ms: i64, end_ms: i64) -> SpanRow {
    SpanRow {
        parent,
        ..rows::span(seq, node, start_ms * MS, end_ms * MS)
    }
}

/// The recording without attribution: a row in each table.
pub fn recording(uuid: &str) -> Batch {
    let mut batch = Batch {
        run: Some(run_row(uuid)),
        time_ns: 400 * MS,
        heartbeat_unix_ns: host::unix_ns(),
        ..Batch::default()
    };
    tree(&mut batch);
    activations(&mut batch);
    processors(&mut batch);
    power(&mut batch);
    surroundings(&mut batch);
    batch
}

fn tree(batch: &mut Batch) {
    let callsite = |id, name, role| CallsiteRow {
        target: "models".into(),
        file: Some("a.rs".into()),
        line: Some(id),
        ..rows::callsite(id, name, role)
    };
    batch.callsites = vec![
        callsite(1, "inference", Some(Role::Run)),
        callsite(2, "prefill", Some(Role::Phase)),
        callsite(3, "decode", Some(Role::Phase)),
        callsite(4, "token", Some(Role::Token)),
        callsite(5, "layer", Some(Role::Layer)),
        callsite(6, "tick", None),
    ];
    batch.nodes = vec![
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
    ];
}

fn activations(batch: &mut Batch) {
    batch.spans = vec![
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
    ];
    batch.fields = vec![FieldsRow {
        span: 2,
        json: r#"{"text":"a \"b\"","n":3}"#.into(),
    }];
    batch.links = vec![LinkRow {
        span: 7,
        follows: 5,
    }];
    let span_event = SpanEventRow {
        time_ns: 50 * MS,
        thread: 1,
        span: Some(2),
        callsite: 6,
        json: r#"{"message":"tick"}"#.into(),
    };
    batch.span_events = vec![span_event; 2];
    batch.instances = vec![InstanceRow {
        id: 1,
        callsite: 4,
        parent: None,
        created_ns: 5,
        closed_ns: None,
    }];
    batch.node_windows = vec![NodeWindowRow {
        node: 3,
        thread: 1,
        start_ns: 0,
        end_ns: 100 * MS,
        self_ns: 70 * MS,
        activations: 1,
    }];
}

fn processors(batch: &mut Batch) {
    batch.processes = vec![ProcessRow {
        id: 1,
        pid: 4712,
        pid_start: Some(99),
        name: Some("worker".into()),
        start_ns: 5,
        end_ns: Some(95),
        has_spans: true,
    }];
    batch.threads = vec![ThreadRow {
        id: 1,
        tid: 4711,
        name: Some("main".into()),
        role: ThreadRole::Program,
        process: None,
    }];
    let scopes = [
        CpuScope::Thread(1),
        CpuScope::Process,
        CpuScope::Machine,
        CpuScope::Sensor,
        CpuScope::Child(1),
    ];
    let cpu = scopes.map(|scope| CpuRow {
        scope,
        start_ns: 0,
        end_ns: 50 * MS,
        on_cpu_ns: 40 * MS,
    });
    batch.cpu = cpu.into();
}

fn power(batch: &mut Batch) {
    let rail = |id, name, parent| RailRow {
        source: "replay".into(),
        unit: "mJ".into(),
        provenance: Provenance::Replayed,
        ..rows::rail(id, name, parent)
    };
    batch.rails = vec![
        rail(1, "package", None),
        rail(2, "core", Some(1)),
        rail(3, "dram", None),
    ];
    let sample = |rail: u32, at: i64| {
        let joules = (at != 2).then_some(0.5 * f64::from(rail));
        rows::sample(rail, at * 100 * MS, (at + 1) * 100 * MS, joules)
    };
    let samples = (0..4).flat_map(|at| (1..=3).map(move |rail| sample(rail, at)));
    batch.samples = samples.collect();
    batch.sensor_metrics = vec![SensorMetricRow {
        name: "gpu_freq_mhz".into(),
        start_ns: 0,
        end_ns: 50 * MS,
        value: 615.5,
    }];
    batch.device_use = vec![DeviceUseRow {
        rail: 1,
        start_ns: 0,
        end_ns: 50 * MS,
        own_ns: 20 * MS,
        other_processes_ns: 10 * MS,
        unknown_ns: 0,
    }];
    batch.baselines = vec![BaselineRow {
        rail: 1,
        start_ns: -MS,
        end_ns: 0,
        power_w: 1.0,
        samples: 10,
        spread_w: Some(0.25),
    }];
}

fn surroundings(batch: &mut Batch) {
    batch.conditions = vec![
        condition(ConditionTime::Start, "governor", "powersave"),
        condition(ConditionTime::Start, "power", "mains"),
        condition(ConditionTime::End, "power", "battery"),
    ];
    batch.events = vec![EventRow {
        time_ns: 7,
        kind: "gap".into(),
        count: 1,
        message: "x".into(),
    }];
}
