//! Closes windows: combines spans, CPU times and one sample.

use std::rc::Rc;

use energy_data::RailKind;
use energy_data::rows::{Accounts, AttributionRows, Domain, SampleBalanceRow, WindowPowerRow};

use super::conserve;
use super::cpu_series::Machine;
use super::device_use::UseShares;
use super::energy_curve::EnergyCurve;
use super::engine::Engine;
use super::intervals::Priced;
use super::processes::{Group, OWN};
use super::rails::Measured;
use super::rule::{CpuUse, Split, SplitBasis, split};
use super::unit::Unit;
use super::window_cpu::WindowCpu;
use super::windows::{Activity, ThreadPart, Window, in_domain};

/// Data of a window that all rails with the same window share.
#[derive(Debug)]
pub(super) struct WindowView {
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
    /// Closes all windows that end by `limit`, in the order of their ends.
    pub(super) fn close_windows(&mut self, limit: i64, cpu_until: i64, rows: &mut AttributionRows) {
        let mut view: Option<Rc<WindowView>> = None;
        while let Some((at, measured)) = self.next_window(limit) {
            if self.cpu.machine(measured.end, cpu_until) == Machine::Wait {
                break;
            }
            let from = self.rails[at].unreported_gap(measured.start);
            if let Some(start) = from {
                self.unmeasured(at, start);
            }
            self.rails[at].take(&measured);
            let Some(energy_j) = measured.energy_j else {
                self.close_without_energy(at, &measured);
                continue;
            };
            self.rails[at].was_null = false;
            if self.observes_samples(at) {
                self.observe_sample(at, &measured, energy_j, cpu_until);
                continue;
            }
            let same = |v: &&Rc<WindowView>| {
                (v.window.start, v.window.end) == (measured.start, measured.end)
            };
            let shared = view.as_ref().filter(same).cloned();
            let shared = shared.unwrap_or_else(|| Rc::new(self.view(&measured, cpu_until)));
            view = Some(Rc::clone(&shared));
            self.close_window(at, &measured, energy_j, &shared, rows);
        }
    }

    /// Returns the rail and window that end first. Of equal windows, a device's comes before
    /// that of a rail that may contain the device.
    fn next_window(&mut self, limit: i64) -> Option<(usize, Measured)> {
        let run_end = self.run_end;
        let rails = self.rails.iter_mut().enumerate();
        let fronts = rails.filter_map(|(at, rail)| {
            let is_whole = device_domain(rail.row.kind).is_none();
            Some((at, rail.next(run_end, limit)?, is_whole))
        });
        let order = |(at, measured, is_whole): &(usize, Measured, bool)| {
            (measured.end, measured.start, *is_whole, *at)
        };
        let first = fronts.min_by_key(order);
        first.map(|(at, measured, _)| (at, measured))
    }

    fn close_without_energy(&mut self, at: usize, measured: &Measured) {
        self.counters.unmeasured_windows += 1;
        if !std::mem::replace(&mut self.rails[at].was_null, true) {
            self.unmeasured(at, measured.start);
        }
    }

    fn view(&mut self, measured: &Measured, cpu_until: i64) -> WindowView {
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
        WindowView {
            window,
            activity,
            groups,
            used,
            phase_times,
            phase,
            cpu,
        }
    }

    /// Returns the CPU times of the window; `None` if those of the process are unknown.
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

    /// Returns the mean load of the processes of the run without the recorder's threads, in
    /// cores; `None` without CPU times.
    pub fn program_cores(&self, start_ns: i64, end_ns: i64) -> Option<f64> {
        let cpu = self.cpu_use(start_ns, end_ns, i64::MAX)?;
        let covered_ns = self.cpu.process(start_ns, end_ns).covered_ns;
        Some((cpu.program_ns() + cpu.children_ns) / covered_ns as f64)
    }

    fn close_window(
        &mut self,
        at: usize,
        measured: &Measured,
        energy_j: f64,
        view: &WindowView,
        rows: &mut AttributionRows,
    ) {
        let rail = self.rails[at].row.id;
        if self.observer.is_some() {
            return self.observe_pulse(view);
        }
        let priced = self.priced(at, measured, energy_j, view);
        let estimated = priced.is_some();
        let (idle_j, Unit { split, cells }, in_idle) = match priced {
            Some((idle_j, split, cells)) => (idle_j, Unit { split, cells }, None),
            None => {
                let idle_j = self.idle_j(at, measured);
                let active_j = energy_j - idle_j.unwrap_or(0.0);
                let unit = self.unit(at, active_j, measured, view);
                (
                    idle_j,
                    unit.times(active_j),
                    idle_j.map(|idle| unit.times(idle)),
                )
            }
        };
        let powers = powers(&split, &view.window);
        let mut split = split;
        if estimated && device_domain(self.rails[at].row.kind).is_some() {
            split.give_unknown(energy_j - idle_j.unwrap_or(0.0));
        }
        let accounts = accounts(energy_j, idle_j, &split);
        let unsplit = split.outside.is_none() && split.unknown.is_none();
        self.check(&accounts, estimated || unsplit);
        let clock_offset_ns = self.rails[at].clock_offset_ns;
        rows.sample_balance.push(SampleBalanceRow {
            rail,
            start_ns: measured.start + clock_offset_ns,
            end_ns: measured.end + clock_offset_ns,
            accounts,
            phase: view.phase,
        });
        let uneven = estimated || !split.cells.is_empty();
        self.power_rows((rail, view), (estimated, uneven), (&powers, &cells), rows);
        let state = &mut self.rails[at];
        state.estimated |= estimated;
        state.ledger.add_accounts(measured, &accounts);
        state.ledger.add_nodes(&view.window, &cells);
        if let Some(in_idle) = in_idle {
            let parts = self::accounts(0.0, None, &in_idle.split);
            let ledger = &mut state.ledger;
            ledger.add_in_idle(&view.window, &parts, &in_idle.cells);
        }
        let gap = self.add_to_sets(at, measured, energy_j, idle_j, &view.phase_times);
        let powers = by_thread(view, &powers);
        let curve = uneven.then(|| EnergyCurve::of(&self.stacks.threads, &view.window, &cells));
        let priced = Priced {
            rail: at,
            measured,
            energy_j,
            idle_j,
            powers: &powers,
            curve: curve.as_ref(),
            gap,
        };
        self.intervals.add(&priced, &self.stacks);
    }

    /// Adds rows of powers by thread, or by kind where kinds of a thread differ.
    fn power_rows(
        &self,
        (rail, view): (u32, &WindowView),
        (estimated, uneven): (bool, bool),
        (powers, cells): (&[f64], &[f64]),
        rows: &mut AttributionRows,
    ) {
        // A window that arrived too late to be split has no powers.
        let threads = view.window.threads.iter().zip(powers);
        for (thread, (part, &power)) in threads.enumerate() {
            let by_kind = estimated || uneven && !view.used.threads[thread].is_even;
            if by_kind && self.knows_kinds(&view.window, part) {
                self.kind_power((rail, view), part, cells, rows);
            } else {
                rows.window_power.push(view.power(rail, part, None, power));
            }
        }
    }

    /// Returns idle power times the length of a window; `None` if idle power is unknown.
    pub(super) fn idle_j(&self, at: usize, measured: &Measured) -> Option<f64> {
        let length_s = (measured.end - measured.start) as f64 / 1e9;
        self.rails[at].baseline_w().map(|watts| watts * length_s)
    }

    /// Returns idle energy, accounts and powers of cells by the estimate, if it contains the
    /// window.
    fn priced(
        &mut self,
        at: usize,
        measured: &Measured,
        energy_j: f64,
        view: &WindowView,
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

    /// Splits a window's active energy. Also returns the domain if only its activations share
    /// the energy.
    pub(super) fn split(
        &mut self,
        at: usize,
        active_j: f64,
        measured: &Measured,
        view: &WindowView,
    ) -> (Split, Option<Domain>) {
        if self.is_late(measured) {
            return (self.late(at, measured), None);
        }
        self.count(at, view);
        self.divide(at, active_j, measured, view)
    }

    /// Whether a window's spans were dropped before its sample arrived.
    pub(super) fn is_late(&self, measured: &Measured) -> bool {
        self.pruned_until > i64::midpoint(measured.start, measured.end)
    }

    /// Counts an attributed window.
    pub(super) fn count(&mut self, at: usize, view: &WindowView) {
        let basis = split_basis(self.rails[at].row.kind, view.cpu, None);
        self.counters.windows += 1;
        self.counters.windows_without_cpu += u64::from(basis == SplitBasis::Unsplit);
    }

    /// Like [`Self::split`], but without counting, and for windows that are not late.
    pub(super) fn divide(
        &mut self,
        at: usize,
        active_j: f64,
        measured: &Measured,
        view: &WindowView,
    ) -> (Split, Option<Domain>) {
        let basis = self.basis(at, view.cpu, measured.start, measured.end);
        let domain = self.domain(at, basis, measured.end);
        let special = domain.map(|_| {
            let passes = in_domain(&self.stacks.nodes, domain);
            self.reader
                .activity(&self.stacks.threads, &view.window, passes)
        });
        let activity = special.as_ref().unwrap_or(&view.activity);
        let split = split(
            active_j,
            basis,
            &view.window,
            activity,
            &view.groups,
            &view.used,
        );
        (split, domain)
    }

    /// Returns the basis on which a rail's energy in `[start, end)` is split.
    pub(super) fn basis(&self, at: usize, cpu: Option<CpuUse>, start: i64, end: i64) -> SplitBasis {
        let rail = &self.rails[at].row;
        let named = |domain: Domain| self.domain_from[domain as usize] < end;
        let device = device_domain(rail.kind).and_then(|domain| {
            // The series is on the program's clock, like windows.
            let shares = self.uses.shares(rail.id, start, end)?;
            Some((shares, named(domain)))
        });
        split_basis(rail.kind, cpu, device)
    }

    /// Returns the domain if only its activations share the rail's energy. Without CPU times,
    /// this is the case for a CPU rail if its domain was used by the end of the window.
    fn domain(&self, at: usize, basis: SplitBasis, end: i64) -> Option<Domain> {
        let named = |domain: &Domain| self.domain_from[*domain as usize] < end;
        match (basis, self.rails[at].row.kind) {
            (SplitBasis::DeviceUse(_, is_named), kind) => device_domain(kind).filter(|_| is_named),
            (SplitBasis::Domain, kind) => device_domain(kind),
            (SplitBasis::Unsplit, RailKind::Cpu) => Some(Domain::Cpu).filter(named),
            _ => None,
        }
    }

    /// Reports a sample that arrived after its spans were dropped: all of it is residual.
    fn late(&mut self, at: usize, measured: &Measured) -> Split {
        self.counters.late_samples += 1;
        let name = &self.rails[at].row.name;
        let message =
            format!("a sample of rail {name} arrived too late to be split: its energy is residual");
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

/// Returns the domain of a device rail (GPU, neural engine); `None` for other rails.
pub(super) fn device_domain(kind: RailKind) -> Option<Domain> {
    match kind {
        RailKind::Gpu => Some(Domain::Gpu),
        RailKind::Ane => Some(Domain::Ane),
        _ => None,
    }
}

/// Returns the basis on which a rail of that kind is split, given the CPU times of a window
/// and the use of its device by process, with whether any span uses the device's domain.
pub(super) fn split_basis(
    kind: RailKind,
    cpu: Option<CpuUse>,
    device: Option<(UseShares, bool)>,
) -> SplitBasis {
    match (kind, cpu) {
        (RailKind::Gpu | RailKind::Ane, _) => device
            .map_or(SplitBasis::Domain, |(shares, named)| {
                SplitBasis::DeviceUse(shares, named)
            }),
        // Without CPU times, as in an import, other processes are unknown.
        (_, None) => SplitBasis::Unsplit,
        (RailKind::Dram, Some(cpu)) => SplitBasis::CpuTime(CpuUse {
            others: None,
            ..cpu
        }),
        (_, Some(cpu)) => SplitBasis::CpuTime(cpu),
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

/// Returns powers of cells. If energies are known by thread only, they are divided among the
/// thread's nodes that pass, by self time.
pub(super) fn cell_powers(
    split: &Split,
    window: &Window,
    passes: impl Fn(u32) -> bool,
) -> Vec<f64> {
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

/// Returns the mean power of each cell; that of its thread if energies are known by thread
/// only.
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

impl WindowView {
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
    /// Adds one row for each kind on a thread, whose nodes have the same power.
    fn kind_power(
        &self,
        (rail, view): (u32, &WindowView),
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
fn by_thread(view: &WindowView, powers: &[f64]) -> Vec<f64> {
    let threads = &view.window.threads;
    let count = threads.last().map_or(0, |last| last.thread as usize + 1);
    let mut dense = vec![0.0; count];
    for (part, power) in threads.iter().zip(powers) {
        dense[part.thread as usize] = *power;
    }
    dense
}
