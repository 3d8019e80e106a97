//! The engine: takes what becomes known, closes windows, gives rows.

use crate::power::batches::Batched;
use crate::sink::{
    AttributionRows, BaselineRow, CpuOf, CpuRow, DeviceUseRow, Domain, EventRow, NodeWindowRow,
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
use super::track::SLOT_NS;
use super::windows::WindowReader;

/// Segments retained before the oldest are folded.
const RETAIN: usize = 400_000;

/// A node as attribution needs it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NodeInfo {
    pub(super) known: bool,
    pub(super) parent: Option<u32>,
    pub(super) role: Option<Role>,
    pub(super) instances: u64,
}

/// Attribution by the method `proportional`, or as an estimate says
/// ([`Engine::estimating_live`]). Feed it in any pieces; call [`Engine::advance`] as
/// often as rows are wanted.
#[derive(Debug)]
pub struct Engine {
    pub(super) nodes: Vec<NodeInfo>,
    /// First time each domain was used: CPU, GPU, neural engine.
    pub(super) domain_from: [i64; 3],
    pub(super) profiler_threads: Vec<u32>,
    /// Child processes by thread; the run's own where it is not long enough.
    pub(super) process_of: Vec<u32>,
    pub(super) stacks: Stacks,
    /// Which phases were open together.
    pub(super) phases: Sets,
    /// First time of a run role.
    pub(super) run_from: i64,
    /// First and last time that a span or a window tells of.
    pub(super) known: (i64, i64),
    pub(super) cpu: CpuTimes,
    pub(super) uses: DeviceUses,
    pub(super) rails: Vec<RailState>,
    pub(super) intervals: Intervals,
    pub(super) reader: WindowReader,
    pub(super) events: Vec<EventRow>,
    pub(super) counters: Counters,
    pub(super) run_end: i64,
    /// Openings and closings before this time were said to be told.
    told_until: i64,
    /// Windows that begin before may lack their spans.
    pub(super) pruned_until: i64,
    pub(super) head_told: bool,
    pub(super) coarse: bool,
    /// The kind of each node, where no estimate says so; 0 is none.
    pub(super) kinds: Vec<u32>,
    /// What an estimate says of samples; the others are split in proportion.
    pub(super) prices: Option<Prices>,
    /// Rails whose readings came in batches and were merged.
    pub(super) batched: Vec<Batched>,
    /// Makes prices of windows from what earlier ones taught.
    pub(super) live: Option<Live>,
    /// Watches windows instead of accounting for them.
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
            told_until: i64::MIN,
            pruned_until: 0,
            head_told: false,
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
    /// An engine that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes how many segments are retained (400,000) before the oldest are
    /// folded into sums.
    pub fn retaining(mut self, segments: usize) -> Self {
        self.retain = segments;
        self
    }

    /// Accounts for samples as an estimate says, where it says anything.
    pub(crate) fn pricing(mut self, prices: Prices) -> Self {
        self.prices = Some(prices);
        self
    }

    /// Rails whose samples are merged readings; for the diagnostics.
    pub(crate) fn batched(&mut self, batched: &[Batched]) {
        self.batched.extend_from_slice(batched);
    }

    /// A rail; before its samples.
    pub fn rail(&mut self, rail: RailRow) {
        self.shortest_ns = self.shortest_ns.min(rail.interval_ns);
        match self.rails.iter_mut().find(|known| known.row.id == rail.id) {
            Some(known) => known.row = rail,
            None => {
                let mut state = RailState::new(rail);
                state.late_ns = self.late_ns(state.row.id);
                state.clock_sd_ns = self.clock_sd_ns(state.row.id);
                self.rails.push(state);
            }
        }
    }

    /// A rail's idle power; counts for windows that close from now on. Until then none is
    /// known.
    pub fn baseline(&mut self, row: &BaselineRow) {
        let known = self.rails.iter_mut().find(|known| known.row.id == row.rail);
        if let Some(known) = known {
            known.idle = Some(IdlePower::from(row));
        }
    }

    /// Says beforehand of which rails idle power is not that of the run
    /// ([`refuted_baselines`](super::refuted_baselines)); otherwise the run's end decides,
    /// and windows keep what they were told. After all rails.
    pub fn refuted(&mut self, rails: &[u32]) {
        for rail in &mut self.rails {
            rail.is_refuted = Some(rails.contains(&rail.row.id));
        }
    }

    /// A node; before its activations, parents first. Ids are dense and start at 1.
    pub fn node(&mut self, id: u32, parent: Option<u32>, role: Option<Role>, domain: Domain) {
        let info = self.node_info(id);
        (info.known, info.parent, info.role) = (true, parent, role);
        self.stacks.node_mut(id).domain = domain;
    }

    /// A thread; before its spans and CPU times.
    pub fn thread(&mut self, id: u32, role: ThreadRole) {
        self.profiler_threads.retain(|&thread| thread != id);
        if role == ThreadRole::Profiler {
            self.profiler_threads.push(id);
            self.profiler_threads.sort_unstable();
        }
        self.stacks.thread_mut(id);
    }

    /// An instance entered a node for the first time.
    pub fn instance(&mut self, node: u32) {
        self.node_info(node).instances += 1;
    }

    /// An activation was entered. Openings and closings of all threads come in
    /// order of time.
    pub fn open(&mut self, opened: Opened) {
        let start = opened.start_ns;
        self.note_late(start);
        self.know(start, start);
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

    /// An activation was left; others of its thread stay open.
    pub fn close(&mut self, seq: u64, end_ns: i64) {
        self.note_late(end_ns);
        let Some(closed) = self.stacks.close(seq, end_ns) else {
            return;
        };
        let info = *self.node_info(closed.node);
        let end = closed.end;
        self.know(end, end);
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

    /// Totals of a node and thread in a window, instead of openings and closings.
    /// They say nothing of waiting, of idle shares and of phases.
    pub fn totals(&mut self, window: NodeWindowRow) {
        let NodeWindowRow {
            node,
            thread,
            start_ns: start,
            end_ns: end,
            ..
        } = window;
        self.know(start, end);
        self.node_info(node);
        self.used(node, start);
        self.coarse = true;
        let times = self.stacks.node_mut(node);
        times.self_ns += window.self_ns.max(0);
        times.activations += window.activations;
        let key = Key {
            node,
            waiting: false,
        }
        .pack();
        let track = &mut self.stacks.thread_mut(thread).track;
        track.push_sum(start, end, key, window.self_ns);
    }

    /// CPU time; rows of one series in order of time.
    pub fn cpu(&mut self, row: CpuRow) {
        if let CpuOf::Thread(thread) = row.of {
            self.stacks.thread_mut(thread);
        }
        self.cpu.push(row);
    }

    /// Use of a rail's device by process; rows of one rail in order of time, known as far
    /// as CPU times are.
    pub fn device_use(&mut self, row: DeviceUseRow) {
        self.uses.push(row);
    }

    /// A sample; those of one rail in order of time. Samples of unknown rails are
    /// counted.
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

    /// Closes every window that can be closed and returns what became known.
    ///
    /// All openings and closings before `spans_until_ns` have been told (windows
    /// close at whole milliseconds of it), all CPU times before `cpu_until_ns` too:
    /// no row of a process or thread to come begins before it, and every machine
    /// row that ended by it is here. Without CPU times it is `i64::MAX`. Both
    /// stay below the run's end.
    pub fn advance(&mut self, spans_until_ns: i64, cpu_until_ns: i64) -> AttributionRows {
        let sealed = spans_until_ns.div_euclid(SLOT_NS) * SLOT_NS;
        self.seal(sealed);
        self.pulse(sealed);
        self.told_until = sealed;
        let mut rows = AttributionRows::default();
        let limit = sealed.min(cpu_until_ns);
        self.close_windows(limit, cpu_until_ns, &mut rows);
        self.tell_gaps(sealed);
        let reached = self.rails.iter().map(|rail| rail.reached(sealed));
        let keep = reached.min().unwrap_or(sealed).min(sealed);
        rows.span_energy = self.intervals.take(keep, &self.rails);
        self.prune(keep);
        self.report(sealed, &mut rows);
        rows
    }

    /// Things worth telling since the last call: unmeasured time, late samples.
    pub fn take_events(&mut self) -> Vec<EventRow> {
        std::mem::take(&mut self.events)
    }

    /// Ends the run: closes what is open, then every window, cut to `end_ns`.
    pub fn finish(mut self, end_ns: i64) -> (AttributionRows, Finished) {
        let mut rows = AttributionRows::default();
        self.end(end_ns, &mut rows);
        let finished = self.report_end(end_ns, &mut rows);
        (rows, finished)
    }

    /// Closes everything.
    pub(super) fn end(&mut self, end_ns: i64, rows: &mut AttributionRows) {
        for seq in self.stacks.open_numbers().into_iter().rev() {
            self.close(seq, end_ns);
        }
        self.seal(i64::MAX);
        self.cpu.finished = true;
        self.run_end = end_ns;
        self.tell_late();
        self.pulse(end_ns);
        self.close_windows(end_ns, i64::MAX, rows);
        self.tell_gaps(end_ns);
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

    fn tell_late(&mut self) {
        let count = self.counters.late_edges;
        if count > 0 {
            self.events.push(EventRow {
                time_ns: self.run_end,
                kind: "late_records".to_owned(),
                count,
                message: format!(
                    "{count} records came after their power windows had closed, for their \
                     threads had been kept from a processor; `energy attribute` is exact"
                ),
            });
        }
    }

    fn tell_gaps(&mut self, until: i64) {
        for at in 0..self.rails.len() {
            if let Some(start) = self.rails[at].untold_gap(until) {
                self.unmeasured(at, start);
            }
        }
    }

    /// A rail gives nothing from `start` on.
    pub(super) fn unmeasured(&mut self, rail: usize, start: i64) {
        let rail = &self.rails[rail];
        // On the sensor's clock, so that all attributions tell the same.
        let start = if start > 0 { start + rail.late_ns } else { 0 };
        let name = &rail.row.name;
        let message = format!(
            "rail {name} gave no energy from {:.3} s on",
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

    fn late_ns(&self, rail: u32) -> i64 {
        let prices = self.prices.as_ref();
        let estimate = prices.and_then(|prices| prices.rails.get(&rail));
        estimate.map_or(0, |estimate| estimate.late_ns)
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

    /// A traced thread that was kept from its processor in the middle of a record
    /// tells late: its windows may have closed without it.
    fn note_late(&mut self, time: i64) {
        self.counters.late_edges += u64::from(time < self.told_until);
    }

    fn seal(&mut self, until: i64) {
        let threads = self
            .stacks
            .threads
            .iter_mut()
            .map(|thread| &mut thread.track);
        let sets = [&mut self.phases.track];
        threads.chain(sets).for_each(|track| track.seal(until));
    }

    fn prune(&mut self, keep: i64) {
        // Whole slots only: one that may still fold would be cut before and after it does.
        let keep = keep.div_euclid(SLOT_NS) * SLOT_NS;
        self.remember_gaps(keep);
        self.pruned_until = self.pruned_until.max(keep);
        let threads = self
            .stacks
            .threads
            .iter_mut()
            .map(|thread| &mut thread.track);
        let sets = [&mut self.phases.track];
        threads.chain(sets).for_each(|track| track.prune(keep));
        self.stacks.open.prune_credits(keep);
        self.cpu.prune(keep);
        self.uses.prune(keep);
    }

    /// Now and then looks whether too much is retained, and folds the older half.
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
