//! Closing windows: brings spans, CPU times and one sample together.

use std::rc::Rc;

use crate::power::RailKind;
use crate::sink::{Accounts, AttributionRows, Domain, SampleBalanceRow, WindowPowerRow};

use super::along::Along;
use super::conserve;
use super::cpu_series::Machine;
use super::engine::Engine;
use super::intervals::Priced;
use super::phases::add_window;
use super::processes::{Group, OWN};
use super::rails::Measured;
use super::rule::{CpuUse, Means, Split, split};
use super::window_cpu::WindowCpu;
use super::windows::{Activity, ThreadPart, Window, in_domain};

/// What all rails with the same window share.
#[derive(Debug)]
pub(super) struct View {
    pub(super) window: Window,
    pub(super) activity: Activity,
    pub(super) groups: Vec<Group>,
    pub(super) used: WindowCpu,
    /// Time of each set of open phases.
    phase_times: Vec<(u32, i64)>,
    phase: Option<u32>,
    pub(super) cpu: Option<CpuUse>,
}

impl Engine {
    /// Closes all windows that end by `limit`, by their ends.
    pub(super) fn close_windows(&mut self, limit: i64, cpu_until: i64, rows: &mut AttributionRows) {
        let mut view: Option<Rc<View>> = None;
        while let Some((at, measured)) = self.next_window(limit) {
            if self.cpu.machine(measured.end, cpu_until) == Machine::Wait {
                break;
            }
            let from = self.rails[at].untold_gap(measured.start);
            if let Some(start) = from {
                self.unmeasured(at, start);
            }
            self.rails[at].take(&measured);
            let Some(energy_j) = measured.energy_j else {
                self.close_without_energy(at, &measured);
                continue;
            };
            self.rails[at].was_null = false;
            if self.watches(at) {
                self.observe_sample(at, &measured, energy_j, cpu_until);
                continue;
            }
            let same =
                |v: &&Rc<View>| (v.window.start, v.window.end) == (measured.start, measured.end);
            let shared = view.as_ref().filter(same).cloned();
            let shared = shared.unwrap_or_else(|| Rc::new(self.view(&measured, cpu_until)));
            view = Some(Rc::clone(&shared));
            self.close_window(at, &measured, energy_j, &shared, rows);
        }
    }

    /// The rail and window that end first.
    fn next_window(&mut self, limit: i64) -> Option<(usize, Measured)> {
        let run_end = self.run_end;
        let rails = self.rails.iter_mut().enumerate();
        let fronts = rails.filter_map(|(at, rail)| Some((at, rail.next(run_end, limit)?)));
        fronts.min_by_key(|(at, measured)| (measured.end, measured.start, *at))
    }

    fn close_without_energy(&mut self, at: usize, measured: &Measured) {
        self.counters.unmeasured_windows += 1;
        if !std::mem::replace(&mut self.rails[at].was_null, true) {
            self.unmeasured(at, measured.start);
        }
    }

    fn view(&mut self, measured: &Measured, cpu_until: i64) -> View {
        let (start, end) = (measured.start, measured.end);
        let window = self.reader.read(&self.stacks.threads, start, end);
        let activity = self
            .reader
            .activity(&self.stacks.threads, &window, |_| true);
        let used = self.window_cpu(&window);
        let phase_times = self.phases.cut(start, end);
        let phase = self.phases.longest(&phase_times);
        let cpu = self.cpu_use(start, end, cpu_until);
        let groups = self.groups(&window, &activity, cpu.as_ref());
        View {
            window,
            activity,
            groups,
            used,
            phase_times,
            phase,
            cpu,
        }
    }

    /// CPU times of the window; none if nothing is known of the process.
    pub(super) fn cpu_use(&self, start: i64, end: i64, cpu_until: i64) -> Option<CpuUse> {
        let process = self.cpu.process(start, end);
        let own = self.profiler_threads.iter();
        let own = own.filter(|&&thread| self.process(thread) == OWN);
        let own = own.map(|&thread| self.cpu.own_thread(thread, start, end).on_cpu_ns);
        let others = match self.cpu.machine(end, cpu_until) {
            Machine::Row(row) => self.cpu.others_share(&row),
            Machine::Wait | Machine::Unknown => None,
        };
        let (children, child_profiler_ns) = self.children(start, end);
        (process.covered_ns > 0).then(|| CpuUse {
            process_ns: process.on_cpu_ns,
            children_ns: children.iter().map(|child| child.1).sum(),
            child_profiler_ns,
            profiler_ns: own.sum(),
            sensor_ns: self.cpu.sensor(start, end).on_cpu_ns,
            others,
        })
    }

    fn close_window(
        &mut self,
        at: usize,
        measured: &Measured,
        energy_j: f64,
        view: &View,
        rows: &mut AttributionRows,
    ) {
        let rail = self.rails[at].row.id;
        if self.observer.is_some() {
            return self.observe_pulse(view);
        }
        let (idle_j, split, cells, estimated) = match self.priced(at, measured, energy_j, view) {
            Some((idle_j, split, cells)) => (idle_j, split, cells, true),
            None => {
                let idle_j = self.idle_j(at, measured);
                let active_j = energy_j - idle_j.unwrap_or(0.0);
                let (split, domain) = self.split(at, active_j, measured, view);
                let passes = in_domain(&self.stacks.nodes, domain);
                let cells = cell_powers(&split, &view.window, passes);
                (idle_j, split, cells, false)
            }
        };
        let powers = powers(&split, &view.window);
        let accounts = accounts(energy_j, idle_j, &split);
        self.check(&accounts, estimated || split.outside.is_none());
        let late_ns = self.rails[at].late_ns;
        rows.sample_balance.push(SampleBalanceRow {
            rail,
            start_ns: measured.start + late_ns,
            end_ns: measured.end + late_ns,
            accounts,
            phase: view.phase,
        });
        let uneven = estimated || !split.cells.is_empty();
        for (thread, part) in view.window.threads.iter().enumerate() {
            let by_kind = estimated || uneven && !view.used.threads[thread].is_even;
            if by_kind && self.knows_kinds(&view.window, part) {
                self.kind_power((rail, view), part, &cells, rows);
            } else {
                rows.window_power
                    .push(view.power(rail, part, None, powers[thread]));
            }
        }
        let state = &mut self.rails[at];
        state.estimated |= estimated;
        state.ledger.add_accounts(measured, &accounts);
        state.ledger.add_nodes(&view.window, &cells);
        add_window(
            &mut state.phases,
            measured,
            energy_j,
            idle_j,
            &view.phase_times,
        );
        let powers = by_thread(view, &powers);
        let along = uneven.then(|| Along::of(&self.stacks.threads, &view.window, &cells));
        let priced = Priced {
            rail: at,
            measured,
            energy_j,
            idle_j,
            powers: &powers,
            along: along.as_ref(),
        };
        self.intervals.add(&priced, &self.stacks);
    }

    /// Baseline x time of a window.
    pub(super) fn idle_j(&self, at: usize, measured: &Measured) -> Option<f64> {
        let length_s = (measured.end - measured.start) as f64 / 1e9;
        self.rails[at].baseline_w.map(|watts| watts * length_s)
    }

    /// Idle energy, accounts and powers of cells as the estimate gives them.
    fn priced(
        &mut self,
        at: usize,
        measured: &Measured,
        energy_j: f64,
        view: &View,
    ) -> Option<(Option<f64>, Split, Vec<f64>)> {
        let (unit, sample, share) = if self.live.is_some() {
            let (unit, sample) = self.live_prices(at, measured, energy_j, view)?;
            (unit, sample, 1.0)
        } else {
            let rail = self.rails[at].row.id;
            let sample = self.prices.as_ref()?.sample(rail, measured.sample)?;
            let sample = sample.clone();
            (
                self.split(at, 1.0, measured, view).0,
                sample,
                measured.share,
            )
        };
        let weights = cell_weights(&unit, &view.window);
        let prices = self.prices.as_ref()?;
        let idle_j = sample.idle_j.map(|energy| energy * share);
        let kind = |node| prices.kind(node);
        let (split, cells) = sample.place(share, &view.window, &weights, kind);
        Some((idle_j, split, cells))
    }

    /// The split of a window's active energy, and the domain whose activations
    /// alone share it.
    pub(super) fn split(
        &mut self,
        at: usize,
        active_j: f64,
        measured: &Measured,
        view: &View,
    ) -> (Split, Option<Domain>) {
        if self.is_late(measured) {
            return (self.late(at, measured), None);
        }
        self.count(at, view);
        self.divide(at, active_j, measured, view)
    }

    /// Whether a window's spans were forgotten before its sample came.
    pub(super) fn is_late(&self, measured: &Measured) -> bool {
        self.pruned_until > i64::midpoint(measured.start, measured.end)
    }

    /// Counts a window that is accounted for.
    pub(super) fn count(&mut self, at: usize, view: &View) {
        let means = means(self.rails[at].row.kind, view.cpu);
        self.counters.windows += 1;
        self.counters.windows_without_cpu += u64::from(means == Means::Unsplit);
    }

    /// As [`Self::split`], of a window that is not late, uncounted.
    pub(super) fn divide(
        &mut self,
        at: usize,
        active_j: f64,
        measured: &Measured,
        view: &View,
    ) -> (Split, Option<Domain>) {
        let means = means(self.rails[at].row.kind, view.cpu);
        let domain = self.domain(at, means, measured.end);
        let special = domain.map(|_| {
            let passes = in_domain(&self.stacks.nodes, domain);
            self.reader
                .activity(&self.stacks.threads, &view.window, passes)
        });
        let activity = special.as_ref().unwrap_or(&view.activity);
        let split = split(
            active_j,
            means,
            &view.window,
            activity,
            &view.groups,
            &view.used,
        );
        (split, domain)
    }

    /// The domain whose activations alone share the rail's energy, if some were
    /// there by the window's end. CPU times say for themselves who used a CPU.
    fn domain(&self, at: usize, means: Means, end: i64) -> Option<Domain> {
        let domain = match self.rails[at].row.kind {
            RailKind::Gpu => Some(Domain::Gpu),
            RailKind::Ane => Some(Domain::Ane),
            RailKind::Cpu if means == Means::Unsplit => Some(Domain::Cpu),
            _ => None,
        };
        domain.filter(|&domain| self.domain_from[domain as usize] < end)
    }

    /// A sample that came after its spans were forgotten: all of it is residual.
    fn late(&mut self, at: usize, measured: &Measured) -> Split {
        self.counters.late_samples += 1;
        let name = &self.rails[at].row.name;
        let message = format!("a sample of rail {name} came too late to be split");
        self.event(measured.start, "late_sample", message);
        Split::default()
    }

    fn check(&mut self, accounts: &Accounts, unsplit: bool) {
        let mut off = conserve::imbalance(accounts);
        if !unsplit {
            off = off.max(conserve::ratio(accounts.residual_j, accounts));
        }
        self.counters.worst_imbalance = self.counters.worst_imbalance.max(off);
        let balanced = off <= conserve::TOLERANCE;
        self.counters.unbalanced_windows += u64::from(!balanced);
    }
}

/// How a rail of that kind is split, given the CPU times of a window.
pub(super) fn means(kind: RailKind, cpu: Option<CpuUse>) -> Means {
    match (kind, cpu) {
        // Without CPU times, as in an import, nothing is known of anybody else.
        (_, None) => Means::Unsplit,
        (RailKind::Gpu | RailKind::Ane, _) => Means::ActiveTime,
        (RailKind::Dram, Some(cpu)) => Means::CpuTime(CpuUse {
            others: None,
            ..cpu
        }),
        (_, Some(cpu)) => Means::CpuTime(cpu),
    }
}

/// Mean power of each thread's activations in the window.
fn powers(split: &Split, window: &Window) -> Vec<f64> {
    let parts = window.threads.iter().zip(&split.threads);
    parts
        .map(|(part, energy)| energy / (part.covered_ns as f64 / 1e9))
        .collect()
}

fn accounts(energy_j: f64, idle_j: Option<f64>, split: &Split) -> Accounts {
    let mut accounts = Accounts {
        measured_j: energy_j,
        idle_j,
        spans_j: split.threads.iter().sum(),
        outside_j: split.outside,
        others_j: split.others,
        profiler_j: split.profiler,
        residual_j: 0.0,
        unknown_j: split.unknown,
    };
    accounts.residual_j = conserve::remainder_j(&accounts);
    accounts
}

/// Powers of cells: what they have; where that is not known by cell, what threads
/// have goes to those of their nodes that pass, by self time.
fn cell_powers(split: &Split, window: &Window, passes: impl Fn(u32) -> bool) -> Vec<f64> {
    if !split.cells.is_empty() {
        return cell_weights(split, window);
    }
    let mut powers = Vec::with_capacity(window.cells().len());
    for (part, energy) in window.threads.iter().zip(&split.threads) {
        let nodes = window.nodes(part);
        let passing = nodes.iter().filter(|(node, _)| passes(*node));
        let total: i64 = passing.map(|(_, ns)| ns).sum();
        let power = energy / (total as f64 / 1e9);
        powers.extend(
            nodes
                .iter()
                .map(|&(node, _)| if passes(node) { power } else { 0.0 }),
        );
    }
    powers
}

/// Mean power of cells: of their own energy where it is known by cell, else of their
/// thread's.
fn cell_weights(split: &Split, window: &Window) -> Vec<f64> {
    let watts = |energy: f64, ns: i64| energy / (ns as f64 / 1e9);
    if split.cells.is_empty() {
        let threads = window.threads.iter().zip(powers(split, window));
        let cells = threads.flat_map(|(part, power)| part.cells().map(move |_| power));
        return cells.collect();
    }
    let cells = window.cells().iter().zip(&split.cells);
    cells.map(|(&(_, ns), &energy)| watts(energy, ns)).collect()
}

impl View {
    fn power(
        &self,
        rail: u32,
        part: &ThreadPart,
        kind: Option<u32>,
        power_w: f64,
    ) -> WindowPowerRow {
        WindowPowerRow {
            rail,
            start_ns: self.window.start,
            end_ns: self.window.end,
            thread: Some(part.thread),
            kind,
            power_w,
        }
    }
}

impl Engine {
    /// One row for each kind on a thread: all nodes of a kind have one power there.
    fn kind_power(
        &self,
        (rail, view): (u32, &View),
        part: &ThreadPart,
        cells: &[f64],
        rows: &mut AttributionRows,
    ) {
        let nodes = view.window.nodes(part).iter().zip(&cells[part.cells()]);
        let mut kinds: Vec<(u32, f64)> = nodes
            .map(|(&(node, _), &power_w)| (self.kind_of(node), power_w))
            .collect();
        kinds.sort_unstable_by_key(|&(kind, _)| kind);
        kinds.dedup_by_key(|&mut (kind, _)| kind);
        let of_kind = |(kind, power_w)| view.power(rail, part, Some(kind), power_w);
        rows.window_power.extend(kinds.into_iter().map(of_kind));
    }

    fn knows_kinds(&self, window: &Window, part: &ThreadPart) -> bool {
        let mut nodes = window.nodes(part).iter();
        self.prices.is_some() || nodes.all(|&(node, _)| self.kind_of(node) > 0)
    }
}

/// Powers by thread id.
fn by_thread(view: &View, powers: &[f64]) -> Vec<f64> {
    let threads = &view.window.threads;
    let count = threads.last().map_or(0, |last| last.thread as usize + 1);
    let mut dense = vec![0.0; count];
    for (part, power) in threads.iter().zip(powers) {
        dense[part.thread as usize] = *power;
    }
    dense
}
