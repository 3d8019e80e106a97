//! A run that is being recorded by this process, whose totals grow.

use std::path::Path;

use crate::fixture::{UUID, summed};
use energy_data::rows::{BalanceRow, NodeEnergyRow, PhaseEnergyRow, RunRow, RunStatus};
use energy_host::{self as host, Host};
use energy_store::SqliteSink;
use tracing_energy::{Batch, Sink as _};

/// Length of the whole run.
pub(super) const END_NS: i64 = 10_000_000_000;

/// Records the run.
pub(super) struct Growing {
    sink: SqliteSink,
    /// Heartbeats go back by an hour each, as of a clock that is set.
    clock_unix_ns: i64,
    /// Rail whose samples have stopped, and its part of the run.
    frozen: Option<(u32, f64)>,
}

impl Growing {
    /// Begins the run in the file at `path`.
    pub(super) fn begin(path: &Path) -> Self {
        let mut growing = Self {
            sink: SqliteSink::create(path).unwrap(),
            clock_unix_ns: host::unix_ns(),
            frozen: None,
        };
        growing.write(0.0, RunStatus::Running);
        growing
    }

    /// Lets the samples of a rail stop at a part of the run.
    pub(super) fn freeze(&mut self, rail: u32, part: f64) {
        self.frozen = Some((rail, part));
    }

    /// Writes the totals of a part of the run, and ends it with the last one.
    pub(super) fn write(&mut self, part: f64, status: RunStatus) {
        let mut batch = summed("measured");
        let time_ns = (END_NS as f64 * part) as i64;
        let here = Host::here();
        let is_end = status != RunStatus::Running;
        let run = batch.run.take().unwrap();
        batch.run = Some(RunRow {
            status,
            host_id: Some("5eed".into()),
            pid: std::process::id(),
            pid_start: host::process_start(std::process::id()),
            boot_id: here.boot_id,
            end_ns: is_end.then_some(END_NS),
            ..run
        });
        scale(&mut batch, part, time_ns);
        if let Some((rail, part)) = self.frozen {
            freeze(&mut batch, rail, part);
        }
        batch.time_ns = time_ns;
        self.clock_unix_ns -= 3_600_000_000_000;
        batch.heartbeat_unix_ns = self.clock_unix_ns;
        self.sink.write(&batch).unwrap();
    }

    /// Writes a second attribution of the ended run: twice the energies.
    pub(super) fn attribute_again(&mut self) {
        let mut batch = summed("measured");
        scale(&mut batch, 2.0, END_NS);
        let mut attribution = batch.attribution;
        if let Some(head) = &mut attribution.head {
            head.id = 2;
        }
        let again = Batch {
            attribution,
            time_ns: END_NS,
            heartbeat_unix_ns: self.clock_unix_ns,
            ..Batch::default()
        };
        self.sink.write(&again).unwrap();
    }

    /// Id of the run.
    pub(super) fn uuid() -> &'static str {
        UUID
    }
}

/// Scales all energies and times. Parts that are no whole nanojoules must still sum.
fn scale(batch: &mut Batch, part: f64, time_ns: i64) {
    let part = part / 3.0;
    let rows = &mut batch.attribution;
    for BalanceRow {
        accounts,
        duration_ns,
        covered_ns,
        extrapolated_j,
        ..
    } in &mut rows.balance
    {
        for energy in [
            Some(&mut accounts.measured_j),
            accounts.idle_j.as_mut(),
            Some(&mut accounts.spans_j),
            accounts.unattributed_j.as_mut(),
            accounts.other_processes_j.as_mut(),
            accounts.profiler_j.as_mut(),
            Some(&mut accounts.residual_j),
            Some(extrapolated_j),
        ]
        .into_iter()
        .flatten()
        {
            *energy *= part;
        }
        (*duration_ns, *covered_ns) = (Some(time_ns), Some(time_ns));
    }
    for NodeEnergyRow {
        self_j,
        idle_j,
        self_ns,
        ..
    } in &mut rows.node_energy
    {
        *self_j *= part;
        *idle_j = idle_j.map(|idle| idle * part);
        *self_ns = (*self_ns as f64 * part) as i64;
    }
    for PhaseEnergyRow {
        energy_j,
        spans_j,
        idle_j,
        ..
    } in &mut rows.phase_energy
    {
        for energy in [energy_j, spans_j, idle_j].into_iter().flatten() {
            *energy *= part;
        }
    }
}

/// Gives a rail the totals of a part of the run.
fn freeze(batch: &mut Batch, rail: u32, part: f64) {
    let mut earlier = summed("measured");
    scale(&mut earlier, part, (END_NS as f64 * part) as i64);
    let (rows, earlier) = (&mut batch.attribution, earlier.attribution);
    rows.balance.retain(|row| row.rail != rail);
    rows.node_energy.retain(|row| row.rail != rail);
    rows.phase_energy.retain(|row| row.rail != rail);
    rows.balance
        .extend(earlier.balance.into_iter().filter(|row| row.rail == rail));
    rows.node_energy.extend(
        earlier
            .node_energy
            .into_iter()
            .filter(|row| row.rail == rail),
    );
    rows.phase_energy.extend(
        earlier
            .phase_energy
            .into_iter()
            .filter(|row| row.rail == rail),
    );
}
