//! The engine: accepts inputs, closes windows, returns rows.

use energy_data::Batched;
use energy_data::rows::{
    AttributionRows, BaselineRow, CpuRow, CpuScope, DeviceUseRow, Domain, EventRow, NodeWindowRow,
    RailRow, Role, SampleRow, ThreadRole,
};

use super::cpu_series::CpuTimes;
use super::device_use::DeviceUses;
use super::idle_test::IdlePower;
use super::intervals::Intervals;
use super::live_windows::Live;
use super::observe::Observer;
use super::phases::{RUN, Sets};
use super::prices::Prices;
use super::rails::RailState;
use super::report::{Counters, Finished};
use super::segments::{Closed, Key, Opened, Stacks};
use super::track::{SLOT_NS, Track};
use super::windows::WindowReader;

/// Number of segments retained before the oldest are folded.
const RETAIN: usize = 400_000;

/// Data of a node that attribution uses.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NodeInfo {
    pub(super) known: bool,
    pub(super) parent: Option<u32>,
    pub(super) role: Option<Role>,
    pub(super) instances: u64,
}

/// Attribution by the method `proportional`, or by an estimate
/// ([`Engine::estimating_live`]). Inputs may be fed in pieces of any size;
/// [`Engine::advance`] may be called at any time to fetch rows.
#[derive(Debug)]
pub struct Engine {
    pub(super) nodes: Vec<NodeInfo>,
    /// First time each domain was used: CPU, GPU, neural engine.
    pub(super) domain_from: [i64; 3],
    pub(super) profiler_threads: Vec<u32>,
    /// Child process by thread; threads beyond its length belong to the run's own process.
    pub(super) process_of: Vec<u32>,
    pub(super) stacks: Stacks,
    /// Sets of phases that were open together.
    pub(super) phases: Sets,
    /// First time of a run role.
    pub(super) run_from: i64,
    /// First start and last end of all spans and windows.
    pub(super) known: (i64, i64),
    pub(super) cpu: CpuTimes,
    pub(super) uses: DeviceUses,
    pub(super) rails: Vec<RailState>,
    pub(super) intervals: Intervals,
    pub(super) reader: WindowReader,
    pub(super) events: Vec<EventRow>,
    pub(super) counters: Counters,
    pub(super) run_end: i64,
    /// All openings and closings before this time should have arrived.
    sealed_until: i64,
    /// Spans of windows that begin before this time may have been dropped.
    pub(super) pruned_until: i64,
    pub(super) head_emitted: bool,
    pub(super) coarse: bool,
    /// Kind of each node, used without an estimate; 0 means none.
    pub(super) kinds: Vec<u32>,
    /// Estimated accounts of samples; other samples are split in proportion.
    pub(super) prices: Option<Prices>,
    /// Rails whose readings came in batches and were merged.
    pub(super) batched: Vec<Batched>,
    /// Estimates prices of windows from earlier windows.
    pub(super) live: Option<Live>,
    /// Observes windows instead of accounting for them.
    pub(super) observer: Option<Observer>,
    shortest_ns: i64,
    since_check: usize,
    retain: usize,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            domain_from: [i64::MAX; 3],
            profiler_threads: Vec::new(),
            process_of: Vec::new(),
            stacks: Stacks::default(),
            phases: Sets::default(),
            run_from: i64::MAX,
            known: (i64::MAX, i64::MIN),
            cpu: CpuTimes::default(),
            uses: DeviceUses::default(),
            rails: Vec::new(),
            intervals: Intervals::default(),
            reader: WindowReader::default(),
            events: Vec::new(),
            counters: Counters::default(),
            run_end: i64::MAX,
            sealed_until: i64::MIN,
            pruned_until: 0,
            head_emitted: false,
            coarse: false,
            kinds: Vec::new(),
            prices: None,
            batched: Vec::new(),
            live: None,
            observer: None,
            shortest_ns: i64::MAX,
            since_check: 0,
            retain: RETAIN,
        }
    }
}

impl Engine {
    /// Creates an engine without inputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the number of segments that are retained before the oldest are folded into sums
    /// (default: 400,000).
    pub fn retaining(mut self, segments: usize) -> Self {
        self.retain = segments;
        self
    }

    /// Sets an estimate, which gives the accounts of the samples that it contains.
    pub fn pricing(mut self, prices: Prices) -> Self {
        self.prices = Some(prices);
        self
    }

    /// Adds rails whose samples are merged readings; used in diagnostics only.
    pub fn batched(&mut self, batched: &[Batched]) {
        self.batched.extend_from_slice(batched);
    }

    /// Adds a rail. Call it before adding its samples.
    pub fn rail(&mut self, rail: RailRow) {
        self.shortest_ns = self.shortest_ns.min(rail.interval_ns);
        match self.rails.iter_mut().find(|known| known.row.id == rail.id) {
            Some(known) => known.row = rail,
            None => {
                let mut state = RailState::new(rail);
                state.clock_offset_ns = self.clock_offset_ns(state.row.id);
                state.clock_sd_ns = self.clock_sd_ns(state.row.id);
                self.rails.push(state);
            }
        }
    }

    /// Sets a rail's idle power for windows that close from now on. Before, idle power is
    /// unknown.
    pub fn baseline(&mut self, row: &BaselineRow) {
        let known = self.rails.iter_mut().find(|known| known.row.id == row.rail);
        if let Some(known) = known {
            known.idle = Some(IdlePower::from(row));
        }
    }

    /// Sets the rails whose idle power is not that of the run
    /// ([`refuted_baselines`](super::refuted_baselines)). Call it after adding all rails.
    /// Without it, this is decided at the end of the run, and closed windows keep the idle
    /// power they had.
    pub fn refuted(&mut self, rails: &[u32]) {
        for rail in &mut self.rails {
            rail.is_refuted = Some(rails.contains(&rail.row.id));
        }
    }

    /// Adds a node. Call it before adding its activations, parents first. Ids are dense and
    /// start at 1.
    pub fn node(&mut self, id: u32, parent: Option<u32>, role: Option<Role>, domain: Domain) {
        let info = self.node_info(id);
        (info.known, info.parent, info.role) = (true, parent, role);
        self.stacks.node_mut(id).domain = domain;
    }

    /// Adds a thread. Call it before adding its spans and CPU times.
    pub fn thread(&mut self, id: u32, role: ThreadRole) {
        self.profiler_threads.retain(|&thread| thread != id);
        if role == ThreadRole::Profiler {
            self.profiler_threads.push(id);
            self.profiler_threads.sort_unstable();
        }
        self.stacks.thread_mut(id);
    }

    /// Counts an instance that entered a node for the first time.
    pub fn instance(&mut self, node: u32) {
        self.node_info(node).instances += 1;
    }

    /// Opens an activation. Openings and closings of all threads must be in order of time.
    pub fn open(&mut self, opened: Opened) {
        let start = opened.start_ns;
        self.note_late(start);
        self.extend_known(start, start);
        let info = *self.node_info(opened.node);
        self.used(opened.node, start);
        self.stacks.open(&opened);
        self.bound_memory(start);
        if self.observer.is_some() {
            return;
        }
        match info.role {
            Some(Role::Run) => {
                self.run_from = self.run_from.min(start);
                self.phases.enter(RUN, start);
            }
            Some(Role::Phase) => self.phases.enter(opened.node, start),
            _ => {}
        }
    }

    /// Closes an activation; others of its thread stay open.
    pub fn close(&mut self, seq: u64, end_ns: i64) {
        self.note_late(end_ns);
        let Some(closed) = self.stacks.close(seq, end_ns) else {
            return;
        };
        let info = *self.node_info(closed.node);
        let end = closed.end;
        self.extend_known(end, end);
        self.bound_memory(end);
        if self.observer.is_some() {
            return;
        }
        match info.role {
            Some(Role::Run) => self.phases.leave(RUN, end),
            Some(Role::Phase) => self.phases.leave(closed.node, end),
            _ => {}
        }
        self.interval(closed, info.role);
    }

    /// Adds totals of a node and thread in a window, instead of openings and closings.
    /// Totals lack waiting times, idle shares and phases.
    pub fn totals(&mut self, window: NodeWindowRow) {
        let NodeWindowRow {
            node,
            thread,
            start_ns: start,
            end_ns: end,
            ..
        } = window;
        self.extend_known(start, end);
        self.node_info(node);
        self.used(node, start);
        self.coarse = true;
        let times = self.stacks.node_mut(node);
        // A negative time corrects what an earlier window counted too much.
        times.self_ns = times.self_ns.saturating_add(window.self_ns).max(0);
        times.activations += window.activations;
        let key = Key {
            node,
            waiting: false,
        }
        .pack();
        let track = &mut self.stacks.thread_mut(thread).track;
        track.push_sum(start, end, key, window.self_ns);
    }

    /// Adds CPU time. Rows of one series must be in order of time.
    pub fn cpu(&mut self, row: CpuRow) {
        if let CpuScope::Thread(thread) = row.of {
            self.stacks.thread_mut(thread);
        }
        self.cpu.push(row);
    }

    /// Adds use of a rail's device by process. Rows of one rail must be in order of time, and
    /// complete up to the same time as CPU times.
    pub fn device_use(&mut self, row: DeviceUseRow) {
        self.uses.push(row);
    }

    /// Adds a sample. Those of one rail must be in order of time. Samples of unknown rails are
    /// only counted.
    pub fn sample(&mut self, sample: SampleRow) {
        let rail = self
            .rails
            .iter_mut()
            .find(|rail| rail.row.id == sample.rail);
        match rail {
            Some(rail) => rail.push(sample),
            None => self.counters.unknown_rail += 1,
        }
    }

    /// Closes every window whose inputs are complete and returns new rows.
    ///
    /// The caller guarantees that all openings and closings before `spans_until_ns` were
    /// added (windows close at whole milliseconds of it), and all CPU times before
    /// `cpu_until_ns`: no later row of a process or thread begins before it, and every
    /// machine row that ended by it was added. Without CPU times it is `i64::MAX`. Both
    /// must be below the run's end.
    pub fn advance(&mut self, spans_until_ns: i64, cpu_until_ns: i64) -> AttributionRows {
        let sealed = spans_until_ns.div_euclid(SLOT_NS) * SLOT_NS;
        self.seal(sealed);
        self.pulse(sealed);
        self.sealed_until = sealed;
        let mut rows = AttributionRows::default();
        let limit = sealed.min(cpu_until_ns);
        self.close_windows(limit, cpu_until_ns, &mut rows);
        self.report_gaps(sealed);
        let reached = self.rails.iter().map(|rail| rail.reached(sealed));
        let keep = reached.min().unwrap_or(sealed).min(sealed);
        rows.span_energy = self.intervals.take(keep, &self.rails);
        self.prune(keep);
        self.report(sealed, &mut rows);
        rows
    }

    /// Returns the events since the last call, such as unmeasured time and late samples.
    pub fn take_events(&mut self) -> Vec<EventRow> {
        std::mem::take(&mut self.events)
    }

    /// Ends the run: closes open activations, then every window, cut to `end_ns`.
    pub fn finish(mut self, end_ns: i64) -> (AttributionRows, Finished) {
        let mut rows = AttributionRows::default();
        self.end(end_ns, &mut rows);
        let finished = self.report_end(end_ns, &mut rows);
        (rows, finished)
    }

    /// Closes all activations and windows.
    pub(super) fn end(&mut self, end_ns: i64, rows: &mut AttributionRows) {
        for seq in self.stacks.open_numbers().into_iter().rev() {
            self.close(seq, end_ns);
        }
        self.seal(i64::MAX);
        self.cpu.finished = true;
        self.run_end = end_ns;
        self.report_late_records();
        self.pulse(end_ns);
        self.close_windows(end_ns, i64::MAX, rows);
        self.report_gaps(end_ns);
        rows.span_energy = self.intervals.take(i64::MAX, &self.rails);
    }

    pub(super) fn event(&mut self, time_ns: i64, kind: &str, message: String) {
        let kind = kind.to_owned();
        self.events.push(EventRow {
            time_ns,
            kind,
            count: 1,
            message,
        });
    }

    fn report_late_records(&mut self) {
        let count = self.counters.late_edges;
        if count > 0 {
            self.events.push(EventRow {
                time_ns: self.run_end,
                kind: "late_records".to_owned(),
                count,
                message: format!(
                    "{count} records arrived after their power windows had closed, because their \
                     threads were preempted: run `energy attribute` for exact results"
                ),
            });
        }
    }

    fn report_gaps(&mut self, until: i64) {
        for at in 0..self.rails.len() {
            if let Some(start) = self.rails[at].unreported_gap(until) {
                self.unmeasured(at, start);
            }
        }
    }

    /// Reports that a rail has no energy from `start` on.
    pub(super) fn unmeasured(&mut self, rail: usize, start: i64) {
        let rail = &self.rails[rail];
        // On the sensor's clock, so that all attributions report the same time.
        let start = if start > 0 {
            start + rail.clock_offset_ns
        } else {
            0
        };
        let name = &rail.row.name;
        let message = format!(
            "rail {name} has a gap: no energy was reported after {:.3} s",
            start as f64 / 1e9
        );
        self.event(start, "unmeasured", message);
    }

    fn interval(&mut self, closed: Closed, role: Option<Role>) {
        let always = matches!(
            role,
            Some(Role::Run | Role::Phase | Role::Section | Role::Token)
        );
        self.intervals.close(closed, always, self.shortest_ns);
    }

    fn clock_offset_ns(&self, rail: u32) -> i64 {
        let prices = self.prices.as_ref();
        let estimate = prices.and_then(|prices| prices.rails.get(&rail));
        estimate.map_or(0, |estimate| estimate.clock_offset_ns)
    }

    fn clock_sd_ns(&self, rail: u32) -> f64 {
        let prices = self.prices.as_ref();
        let estimate = prices.and_then(|prices| prices.rails.get(&rail));
        estimate.map_or(0.0, |estimate| estimate.clock_sd_ns)
    }

    fn node_info(&mut self, node: u32) -> &mut NodeInfo {
        let at = node as usize;
        if self.nodes.len() <= at {
            self.nodes.resize(at + 1, NodeInfo::default());
        }
        &mut self.nodes[at]
    }

    fn used(&mut self, node: u32, time: i64) {
        let domain = self.stacks.node_mut(node).domain;
        let from = &mut self.domain_from[domain as usize];
        *from = (*from).min(time);
    }

    /// Counts records that arrive late because their thread was preempted while recording:
    /// their windows may have closed already.
    fn note_late(&mut self, time: i64) {
        self.counters.late_edges += u64::from(time < self.sealed_until);
    }

    /// Returns the tracks of all threads and that of the sets of phases.
    fn tracks_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        let threads = self.stacks.threads.iter_mut();
        let threads = threads.map(|thread| &mut thread.track);
        threads.chain([&mut self.phases.track])
    }

    fn seal(&mut self, until: i64) {
        self.tracks_mut().for_each(|track| track.seal(until));
    }

    fn prune(&mut self, keep: i64) {
        // Whole slots only: one that may still fold would be cut before and after it does.
        let keep = keep.div_euclid(SLOT_NS) * SLOT_NS;
        self.keep_open_gaps(keep);
        self.pruned_until = self.pruned_until.max(keep);
        self.tracks_mut().for_each(|track| track.prune(keep));
        self.stacks.open.prune_off_thread_times(keep);
        self.cpu.prune(keep);
        self.uses.prune(keep);
    }

    /// Checks at intervals whether too much is retained, and folds the older half.
    fn bound_memory(&mut self, now: i64) {
        self.since_check += 1;
        if self.since_check < self.retain / 16 {
            return;
        }
        self.since_check = 0;
        let tracks = || {
            let threads = self.stacks.threads.iter().map(|thread| &thread.track);
            threads.chain([&self.phases.track])
        };
        if tracks().map(|track| track.retained()).sum::<usize>() <= self.retain {
            return;
        }
        let oldest = tracks().filter_map(|track| track.oldest()).min();
        let before = i64::midpoint(oldest.unwrap_or(now), now);
        let threads = self
            .stacks
            .threads
            .iter_mut()
            .map(|thread| &mut thread.track);
        let sets = [&mut self.phases.track];
        let folded = threads.chain(sets).map(|track| track.coarsen(before));
        self.counters.folded_segments += folded.sum::<usize>() as u64;
    }
}
