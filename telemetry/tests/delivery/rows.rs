//! Rows of a run with known energies.
//!
//! ```text
//! rail a/b   |--- 2 W on thread 1, until 10 s ---|
//! run        [0 ------------------------- 10 s]   20 J, self 14 J
//! request       [2 ---------- 5 s]                 6 J, self 2 J
//! query            [3 - 5 s]                       4 J
//! ```

use energy_data::rows::Accounts;
use energy_data::rows::{
    AttributionRow, AttributionRows, BalanceRow, Basis, CallsiteRow, Domain, FieldsRow,
    NodeEnergyRow, NodeRow, RailRow, Role, RunMetadata, RunRow, RunStatus, SampleBalanceRow,
    SampleRow, SpanRow, WindowPowerRow,
};
use energy_data::sink::Batch;
use energy_data::{Kernel, Provenance, RailKind};
use energy_telemetry::otlp::{
    EncodedRequest, RequestItems, RunIds, RunResource, SpanCost, SpanEncoder, SpanTraces,
};

pub(crate) const SECOND: i64 = 1_000_000_000;
pub(crate) const UUID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";
pub(crate) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub(crate) const CALLER: &str = "b7ad6b7169203331";

pub(crate) fn run() -> RunRow {
    RunRow {
        uuid: UUID.to_owned(),
        status: RunStatus::Running,
        pid: 1,
        pid_start: None,
        boot_id: None,
        start_unix_ns: 1_800_000_000 * SECOND,
        end_ns: None,
        host_id: Some("h".to_owned()),
        host: Some("box".to_owned()),
        os: None,
        chip: None,
        version: "1".to_owned(),
        parent_run: None,
        metadata: RunMetadata {
            tags: vec![("service".to_owned(), "shop".to_owned())],
            model: Some("tiny".to_owned()),
            output_tokens: Some(9),
            ..RunMetadata::default()
        },
    }
}

fn callsite(id: u32, name: &str, role: Option<Role>) -> CallsiteRow {
    CallsiteRow {
        id,
        name: name.to_owned(),
        target: "shop::api".to_owned(),
        level: "INFO".to_owned(),
        file: None,
        line: None,
        domain: Domain::Cpu,
        role,
    }
}

fn node(id: u32, parent: Option<u32>, label: &str) -> NodeRow {
    NodeRow {
        id,
        parent,
        callsite: Some(id),
        label: label.to_owned(),
        depth: id - 1,
        kind: None,
    }
}

pub(crate) fn span(seq: u64, (start_s, end_s): (i64, i64)) -> SpanRow {
    SpanRow {
        seq,
        node: u32::try_from(seq).unwrap(),
        instance: None,
        parent: seq.checked_sub(1).filter(|parent| *parent > 0),
        thread: 1,
        start_ns: start_s * SECOND,
        end_ns: Some(end_s * SECOND),
        token: None,
    }
}

fn node_energy(node: u32, self_j: f64, self_s: i64) -> NodeEnergyRow {
    NodeEnergyRow {
        node,
        rail: 1,
        self_j,
        lo_j: None,
        hi_j: None,
        inclusive_j: self_j,
        idle_j: None,
        self_ns: self_s * SECOND,
        covered_ns: self_s * SECOND,
        activations: 1,
        instances: 1,
        min_w: None,
        avg_w: None,
        peak_w: None,
        basis: Basis::Proportional,
    }
}

/// Returns the batch that describes the run, with the open span `run`.
pub(crate) fn first_batch() -> Batch {
    let open = SpanRow {
        end_ns: None,
        ..span(1, (0, 10))
    };
    Batch {
        run: Some(run()),
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
        callsites: vec![
            callsite(1, "inference", Some(Role::Run)),
            callsite(2, "request", None),
            callsite(3, "query", None),
        ],
        nodes: vec![
            node(1, None, "inference"),
            node(2, Some(1), "request"),
            node(3, Some(2), "query"),
        ],
        spans: vec![open],
        time_ns: SECOND,
        ..Batch::default()
    }
}

/// Returns the batch with the ended spans, the energies and the trace of the request.
pub(crate) fn last_batch() -> Batch {
    let accounts = Accounts {
        measured_j: 25.0,
        idle_j: Some(5.0),
        spans_j: 20.0,
        residual_j: 0.0,
        ..Accounts::default()
    };
    let attribution = AttributionRows {
        head: Some(AttributionRow {
            id: 1,
            method: "proportional".to_owned(),
            version: 1,
            params: "{}".to_owned(),
            clock_offset_ns: None,
            diagnostics: "{}".to_owned(),
        }),
        sample_balance: vec![SampleBalanceRow {
            rail: 1,
            start_ns: 0,
            end_ns: 10 * SECOND,
            accounts,
            phase: None,
        }],
        window_power: vec![WindowPowerRow {
            rail: 1,
            start_ns: 0,
            end_ns: 10 * SECOND,
            thread: Some(1),
            kind: None,
            power_w: 2.0,
        }],
        node_energy: vec![
            node_energy(1, 14.0, 7),
            node_energy(2, 2.0, 1),
            node_energy(3, 4.0, 2),
        ],
        balance: vec![BalanceRow {
            rail: 1,
            accounts,
            extrapolated_j: 0.0,
            duration_ns: None,
            covered_ns: None,
            lo_j: None,
            hi_j: None,
            peak_w: None,
            peak_ns: None,
        }],
        ..AttributionRows::default()
    };
    Batch {
        spans: vec![span(1, (0, 10)), span(2, (2, 5)), span(3, (3, 5))],
        fields: vec![FieldsRow {
            span: 2,
            json: format!(
                r#"{{"traceparent":"00-{TRACE}-{CALLER}-01","span_id":"00000000000000aa","route":"/a"}}"#
            ),
        }],
        samples: vec![SampleRow {
            rail: 1,
            start_ns: 9 * SECOND,
            end_ns: 10 * SECOND,
            energy_j: Some(2.5),
        }],
        attribution,
        time_ns: 11 * SECOND,
        ..Batch::default()
    }
}

/// Returns a request with that number of spans.
pub(crate) fn request(count: u64) -> EncodedRequest {
    let run = run();
    let encoder = SpanEncoder::new(&run, true);
    let mut traces = SpanTraces::new(RunIds::new(&run.uuid));
    let mut items = RequestItems::new(&RunResource::new(&run));
    for seq in 1..=count {
        let row = SpanRow {
            node: 1,
            ..span(1, (0, 1))
        };
        let row = SpanRow { seq, ..row };
        let place = traces.end(&row);
        let cost = SpanCost::default();
        assert!(
            items
                .push(&encoder.span((&row, SECOND), None, &cost, &place))
                .is_none()
        );
    }
    items.take().unwrap()
}

/// Returns an ended span with that number, below `run`.
pub(crate) fn numbered(seq: u64) -> SpanRow {
    SpanRow {
        seq,
        node: 2,
        parent: Some(1),
        ..span(2, (6, 7))
    }
}
