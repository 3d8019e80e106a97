//! The window builder: combines spans, CPU times and samples into views of single windows, in
//! the order of their ends.
//!
//! ```text
//! rail 1   [ a ][ b ][ c ]..        next: a, d, b, e, c
//! rail 2   [  d   ][  e   ]..       a window closes when all inputs until its end arrived
//! ```

use std::rc::Rc;

use energy_data::rows::{CpuRow, CpuScope, DeviceUseRow, Domain, RailRow, SampleRow};
use energy_data::{Provenance, RailKind};

use crate::cpu::series::Machine;
use crate::windows::activity::{WindowReader, in_domain};
use crate::windows::basis::{CpuUse, SplitBasis, device_domain};
use crate::windows::inputs::RunInputs;
use crate::windows::measured::{ClosedWindow, MeasuredPart};
use crate::windows::queue::SampleQueue;
use crate::windows::rail::RailInfo;
use crate::windows::view::{Division, SampleWindow, WindowContent, WindowView};
use crate::windows::window_cpu::WindowCpuReader;

/// Builds windows from the inputs of a run.
#[derive(Debug, Default)]
pub(crate) struct WindowBuilder {
    pub(crate) inputs: RunInputs,
    /// Waiting samples by index of the rail.
    queues: Vec<SampleQueue>,
    reader: WindowReader,
    /// Spans of windows that begin before this time may have been dropped.
    pruned_until: i64,
    /// The content of the last view, which the next rail may share.
    last: Option<Rc<WindowContent>>,
}

impl WindowBuilder {
    /// Adds or replaces a rail. `clock` is the offset of its sensor's clock with its standard
    /// deviation.
    pub(crate) fn rail(&mut self, row: RailRow, clock: (i64, f64)) {
        let inputs = &mut self.inputs;
        inputs.shortest_ns = inputs.shortest_ns.min(row.interval_ns);
        match inputs.rails.iter_mut().find(|known| known.row.id == row.id) {
            Some(known) => known.row = row,
            None => {
                inputs.rails.push(RailInfo {
                    row,
                    idle: None,
                    is_refuted: None,
                    clock_offset_ns: clock.0,
                    clock_sd_ns: clock.1,
                });
                self.queues.push(SampleQueue::default());
            }
        }
    }

    /// Adds CPU time.
    pub(crate) fn cpu(&mut self, row: CpuRow) {
        if let CpuScope::Thread(thread) = row.scope {
            self.inputs.spans.stacks.thread_mut(thread);
        }
        self.inputs.cpu.push(row);
    }

    /// Adds use of a rail's device by process.
    pub(crate) fn device_use(&mut self, row: DeviceUseRow) {
        self.inputs.uses.push(row);
    }

    /// Adds a sample. Samples of unknown rails are only counted.
    pub(crate) fn sample(&mut self, sample: SampleRow) {
        let mut rails = self.inputs.rails.iter();
        match rails.position(|rail| rail.row.id == sample.rail) {
            Some(at) => self.queues[at].push(sample, self.inputs.rails[at].clock_offset_ns),
            None => self.inputs.unknown_rail += 1,
        }
    }

    /// Returns the next window that ends by `limit`, and removes it. `None` if there is none, or
    /// if the machine's CPU times for it may still arrive.
    pub(crate) fn next(&mut self, limit: i64, cpu_until: i64) -> Option<ClosedWindow> {
        let (at, measured) = self.first(limit)?;
        if self.is_waiting(measured.end, cpu_until) {
            return None;
        }
        let rail = &self.inputs.rails[at];
        let patience = rail.patience();
        let queue = &mut self.queues[at];
        let gap_from = queue.unreported_gap(measured.start, patience);
        queue.take(&measured, rail.row.interval_ns);
        Some(ClosedWindow {
            at,
            measured,
            gap_from,
        })
    }

    /// Returns the end of the next window that ends by `limit`.
    pub(crate) fn next_end(&mut self, limit: i64) -> Option<i64> {
        self.first(limit).map(|(_, measured)| measured.end)
    }

    /// Whether CPU times of the machine for a window that ends at `end` may still arrive.
    pub(crate) fn is_waiting(&self, end: i64, cpu_until: i64) -> bool {
        self.inputs.cpu.machine(end, cpu_until) == Machine::Wait
    }

    /// Returns the window of a sample with `energy_j`.
    pub(crate) fn sample_window(&self, closed: &ClosedWindow, energy_j: f64) -> SampleWindow {
        let rail = &self.inputs.rails[closed.at];
        SampleWindow {
            at: closed.at,
            rail: rail.row.id,
            kind: rail.row.kind,
            is_modelled: rail.row.provenance == Provenance::Modelled,
            measured: closed.measured,
            energy_j,
            baseline_w: rail.baseline_w(),
        }
    }

    /// Returns the window of a sample with what ran in it.
    pub(crate) fn view(&mut self, sample: SampleWindow, cpu_until: i64) -> WindowView {
        let MeasuredPart { start, end, .. } = sample.measured;
        let same = |content: &&Rc<WindowContent>| {
            (content.window.start, content.window.end) == (start, end)
        };
        let shared = self.last.as_ref().filter(same).cloned();
        let content = shared.unwrap_or_else(|| Rc::new(self.content(start, end, cpu_until)));
        self.last = Some(Rc::clone(&content));
        let rails = self.inputs.rails.iter().enumerate();
        let inside = rails.filter(|(_, rail)| rail.row.parent == Some(sample.rail));
        WindowView {
            parts: inside.map(|(at, _)| at).collect(),
            division: self.division(&sample, &content),
            sample,
            content,
        }
    }

    /// Returns what ran in `[start, end)`.
    pub(crate) fn content(&mut self, start: i64, end: i64, cpu_until: i64) -> WindowContent {
        let Self { inputs, reader, .. } = self;
        let stacks = &inputs.spans.stacks;
        let window = reader.read(stacks, &inputs.kinds, start, end);
        let activity = reader.activity(&stacks.threads, &window, |_| true);
        let used = WindowCpuReader {
            cpu: &inputs.cpu,
            stacks: &stacks.threads,
            profiler_threads: &inputs.processes.profiler_threads,
        };
        let used = used.read(&window);
        let phase_times = inputs.spans.phases.cut(start, end);
        let phase = inputs.spans.phases.longest(&phase_times);
        let cpu = inputs.cpu_use((start, end), cpu_until);
        let times = (&inputs.cpu, cpu.as_ref());
        let groups = inputs
            .processes
            .groups((&stacks.threads, reader), times, &window, &activity);
        WindowContent {
            window,
            activity,
            groups,
            used,
            cpu,
            phase_times,
            phase,
            knows_kinds: inputs.kinds.of_estimate,
            is_from_totals: inputs.spans.has_totals,
        }
    }

    /// Returns the basis on which a sample's energy is divided.
    pub(crate) fn basis(&self, sample: &SampleWindow, cpu: Option<CpuUse>) -> SplitBasis {
        let MeasuredPart { start, end, .. } = sample.measured;
        let device = device_domain(sample.kind).and_then(|domain| {
            // The series is on the program's clock, like windows.
            let shares = self.inputs.uses.shares(sample.rail, start, end)?;
            Some((shares, self.inputs.spans.uses(domain, end)))
        });
        SplitBasis::of(sample.kind, cpu, device)
    }

    /// Returns gaps until `until` that are too long and were not reported yet: the index of the
    /// rail and the start.
    pub(crate) fn unreported_gaps(&mut self, until: i64) -> impl Iterator<Item = (usize, i64)> {
        let rails = self.inputs.rails.iter().zip(&mut self.queues).enumerate();
        rails.filter_map(move |(at, (rail, queue))| {
            Some((at, queue.unreported_gap(until, rail.patience())?))
        })
    }

    /// Returns the time before which no later window needs data, if spans are complete until
    /// `sealed`.
    pub(crate) fn reached(&self, sealed: i64) -> i64 {
        let rails = self.inputs.rails.iter().zip(&self.queues);
        let reached = rails.map(|(rail, queue)| queue.reached(sealed, rail.patience()));
        reached.min().unwrap_or(sealed).min(sealed)
    }

    /// Drops data before `keep`.
    pub(crate) fn prune(&mut self, keep: i64) {
        self.pruned_until = self.pruned_until.max(keep);
        self.inputs.spans.prune(keep);
        self.inputs.cpu.prune(keep);
        self.inputs.uses.prune(keep);
    }

    /// Forgets the content of the last view, because later inputs may change it.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    /// Returns the rail and window that end first. Of equal windows, a device's comes before
    /// that of a rail that may contain the device.
    fn first(&mut self, limit: i64) -> Option<(usize, MeasuredPart)> {
        let run_end = self.inputs.run_end;
        let rails = self.inputs.rails.iter().zip(&mut self.queues).enumerate();
        let fronts = rails.filter_map(|(at, (rail, queue))| {
            let is_whole = device_domain(rail.row.kind).is_none();
            let measured =
                queue.next((rail.clock_offset_ns, rail.row.interval_ns), run_end, limit)?;
            Some((at, measured, is_whole))
        });
        let order = |(at, measured, is_whole): &(usize, MeasuredPart, bool)| {
            (measured.end, measured.start, *is_whole, *at)
        };
        let first = fronts.min_by_key(order);
        first.map(|(at, measured, _)| (at, measured))
    }

    /// Returns how a window's energy is divided; `None` if its spans were dropped before its
    /// sample arrived.
    fn division(&mut self, sample: &SampleWindow, content: &WindowContent) -> Option<Division> {
        let MeasuredPart { start, end, .. } = sample.measured;
        if self.pruned_until > i64::midpoint(start, end) {
            return None;
        }
        let basis = self.basis(sample, content.cpu);
        let domain = self.domain(sample.kind, basis, end);
        let Self { inputs, reader, .. } = self;
        let stacks = &inputs.spans.stacks;
        let activity = domain.map(|_| {
            let passes = in_domain(&stacks.nodes, domain);
            reader.activity(&stacks.threads, &content.window, passes)
        });
        Some(Division {
            basis,
            domain,
            is_domain_used: domain.is_some_and(|domain| inputs.spans.uses(domain, end)),
            activity,
        })
    }

    /// Returns the domain if only its activations share the rail's energy. Without CPU times,
    /// this is the case for a CPU rail if its domain was used by the end of the window.
    fn domain(&self, kind: RailKind, basis: SplitBasis, end: i64) -> Option<Domain> {
        match (basis, kind) {
            (SplitBasis::DeviceUse(_, is_named), kind) => device_domain(kind).filter(|_| is_named),
            (SplitBasis::Domain, kind) => device_domain(kind),
            (SplitBasis::Unsplit, RailKind::Cpu) => {
                Some(Domain::Cpu).filter(|domain| self.inputs.spans.uses(*domain, end))
            }
            _ => None,
        }
    }
}
