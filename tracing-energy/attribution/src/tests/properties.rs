//! Properties of the engine on random runs.

use std::time::Instant;

use proptest::prelude::*;

use super::drawn::{idle_power, rail};
use crate::conserve::balances;
use crate::engine::Engine;
use crate::report::finished::Finished;
use crate::spans::segments::Opened;
use energy_data::RailKind;
use energy_data::rows::*;

const MS: i64 = 1_000_000;
const END: i64 = 5_003 * MS + 77;
const KINDS: [RailKind; 4] = [
    RailKind::Cpu,
    RailKind::Gpu,
    RailKind::Dram,
    RailKind::Package,
];
const ROLES: [Option<Role>; 6] = [
    None,
    Some(Role::Phase),
    Some(Role::Run),
    Some(Role::Token),
    None,
    None,
];

/// Event at one moment.
#[derive(Debug, Clone)]
struct Step {
    after_ns: i64,
    thread: u32,
    node: u32,
    close: bool,
    pick: usize,
    cross: bool,
}

#[derive(Debug, Clone)]
struct Run {
    steps: Vec<Step>,
    roles: bool,
    with_cpu: bool,
    baseline: Option<f64>,
    powers: Vec<Option<f64>>,
    on_cpu: Vec<i64>,
    burst: bool,
    /// Whether it is estimated live.
    live: bool,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Open(Opened),
    Close(u64),
}

fn run() -> impl Strategy<Value = Run> {
    let step = (
        1..60 * MS,
        1u32..4,
        1u32..7,
        any::<bool>(),
        0usize..8,
        any::<bool>(),
    );
    let step = step.prop_map(|(after_ns, thread, node, close, pick, cross)| Step {
        after_ns,
        thread,
        node,
        close,
        pick,
        cross,
    });
    let power = prop_oneof![4 => (0.0..50.0).prop_map(Some), 1 => Just(None)];
    (
        prop::collection::vec(step, 0..150),
        any::<bool>(),
        prop::bool::weighted(0.8),
        prop::option::of(0.0..30.0),
        prop::collection::vec(power, 8..20),
        prop::collection::vec(0i64..=50 * MS, 8..20),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(steps, roles, with_cpu, baseline, powers, on_cpu, burst, live)| Run {
                steps,
                roles,
                with_cpu,
                baseline,
                powers,
                on_cpu,
                burst,
                live,
            },
        )
}

impl Run {
    /// Openings and closings in time order; some out of order on their thread,
    /// some with parents elsewhere. A burst makes slots fold.
    fn events(&self) -> Vec<(i64, Event)> {
        let (mut now, mut seq) = (0, 0);
        let mut open: Vec<(u64, u32)> = Vec::new();
        let mut events = Vec::new();
        for step in &self.steps {
            now += step.after_ns;
            if now >= END {
                break;
            }
            if step.close && !open.is_empty() {
                let (gone, _) = open.remove(step.pick % open.len());
                events.push((now, Event::Close(gone)));
                continue;
            }
            seq += 1;
            let below = open.iter().rev().find(|(_, thread)| *thread == step.thread);
            let elsewhere = (!open.is_empty()).then(|| open[step.pick % open.len()]);
            let parent = if step.cross {
                elsewhere
            } else {
                below.copied()
            };
            let opened = Opened {
                seq,
                node: step.node,
                parent: parent.map(|(seq, _)| seq),
                thread: step.thread,
                start_ns: now,
            };
            open.push((seq, step.thread));
            events.push((now, Event::Open(opened)));
        }
        if self.burst && now + 100 * MS < END {
            for at in 0..20_000 {
                let start_ns = now + at * 4_001;
                seq += 1;
                let node = 1 + (at % 3) as u32;
                let opened = Opened {
                    seq,
                    node,
                    parent: None,
                    thread: 2,
                    start_ns,
                };
                events.push((start_ns, Event::Open(opened)));
                events.push((start_ns + 3_000, Event::Close(seq)));
            }
        }
        events
    }

    fn cpu(&self) -> Vec<CpuRow> {
        let mut rows = Vec::new();
        if !self.with_cpu {
            return rows;
        }
        for at in 0..=(END / (50 * MS)) {
            let (start_ns, end_ns) = (at * 50 * MS, ((at + 1) * 50 * MS).min(END));
            let mut add = |scope, start_ns, on_cpu_ns| {
                rows.push(CpuRow {
                    scope,
                    start_ns,
                    end_ns,
                    on_cpu_ns,
                });
            };
            let used = |k: usize| self.on_cpu[(at as usize * 5 + k) % self.on_cpu.len()];
            (1..=4)
                .for_each(|thread| add(CpuScope::Thread(thread), start_ns, used(thread as usize)));
            add(CpuScope::Process, start_ns, used(0) * 3);
            add(CpuScope::Sensor, start_ns, used(2) / 10);
            if at % 20 == 19 {
                add(CpuScope::Machine, start_ns - 950 * MS, used(1) * 100);
            }
        }
        rows
    }

    /// Use of the GPU's rail by process, in some of the runs with CPU times.
    fn uses(&self) -> Vec<DeviceUseRow> {
        if !self.with_cpu || self.on_cpu.len().is_multiple_of(2) {
            return Vec::new();
        }
        let gpu = KINDS.iter().position(|kind| *kind == RailKind::Gpu);
        let rail = gpu.map_or(0, |at| at as u32 + 1);
        let used = |at: i64, k: usize| self.on_cpu[(at as usize * 3 + k) % self.on_cpu.len()];
        let row = |at: i64| DeviceUseRow {
            rail,
            start_ns: at * 50 * MS,
            end_ns: (at + 1) * 50 * MS,
            own_ns: if used(at, 3) % 3 == 0 { 0 } else { used(at, 0) },
            other_processes_ns: used(at, 1),
            unknown_ns: used(at, 2) / 4,
        };
        // Sometimes nothing is read.
        (0..END / (50 * MS))
            .filter(|at| at % 7 != 5)
            .map(row)
            .collect()
    }

    /// Rails 1 and 2 share windows; rails 3 and 4 have their own, across the edges of the run.
    fn samples(&self) -> Vec<SampleRow> {
        let mut rows = Vec::new();
        for (rail, first, length) in [
            (1, 0, 100 * MS),
            (2, 0, 100 * MS),
            (3, -30 * MS, 73 * MS + 13),
            (4, -11 * MS, 331 * MS),
        ] {
            let starts = (0..)
                .map(|k| first + k * length)
                .take_while(|start| *start < END);
            rows.extend(starts.enumerate().map(|(k, start_ns)| {
                SampleRow {
                    rail,
                    start_ns,
                    end_ns: start_ns + length,
                    energy_j: self.powers[(k + rail as usize) % self.powers.len()]
                        .map(|power| power * length as f64 / 1e9),
                }
            }));
        }
        rows.sort_by_key(|row| row.end_ns);
        rows
    }

    fn engine(&self) -> Engine {
        let mut engine = match self.live {
            true => Engine::new().estimating_live(),
            false => Engine::new(),
        };
        for (at, kind) in KINDS.into_iter().enumerate() {
            engine.rail(rail(at as u32 + 1, kind));
            if let Some(watts) = self.baseline {
                engine.baseline(&idle_power(at as u32 + 1, watts));
            }
        }
        let parents = [None, Some(1), None, Some(2), Some(4), Some(3)];
        for (at, parent) in parents.into_iter().enumerate() {
            let role = ROLES[at].filter(|_| self.roles);
            let domain = if at == 4 { Domain::Gpu } else { Domain::Cpu };
            engine.node(at as u32 + 1, parent, role, domain);
            // Nodes 1 and 4 have the same kind; that of node 6 is not set.
            let kind = [1, 2, 3, 1, 4][at.min(4)];
            if at < 5 {
                engine.kind(at as u32 + 1, kind, &format!("kind {kind}"));
            }
        }
        engine.thread(4, ThreadRole::Profiler);
        engine
    }

    /// Feeds all inputs and fetches rows at each of `cuts`, at which everything that ended by then
    /// is delivered.
    fn attribute(&self, cuts: &[i64]) -> (AttributionRows, Finished) {
        let mut engine = self.engine();
        let (events, cpu, samples) = (self.events(), self.cpu(), self.samples());
        let (mut events, mut cpu) = (events.into_iter().peekable(), cpu.into_iter().peekable());
        let mut samples = samples.into_iter().peekable();
        let mut uses = self.uses().into_iter().peekable();
        let (mut all, mut totals) = (AttributionRows::default(), AttributionRows::default());
        for &cut in cuts.iter().chain([&i64::MAX]) {
            while let Some((time, event)) = events.next_if(|(time, _)| *time < cut) {
                match event {
                    Event::Open(opened) => engine.open(opened),
                    Event::Close(seq) => engine.close(seq, time),
                }
            }
            while let Some(row) = cpu.next_if(|row| row.end_ns <= cut) {
                engine.cpu(row);
            }
            while let Some(row) = uses.next_if(|row| row.end_ns <= cut) {
                engine.device_use(row);
            }
            while let Some(row) = samples.next_if(|row| row.end_ns <= cut) {
                engine.sample(row);
            }
            if cut < i64::MAX {
                let cpu_until = if self.with_cpu {
                    cut / (50 * MS) * 50 * MS
                } else {
                    i64::MAX
                };
                keep(&mut all, engine.advance(cut, cpu_until));
                totals.append(engine.current_totals());
                totals_balance(&totals);
            }
        }
        let (rows, finished) = engine.finish(END);
        keep(&mut all, rows);
        all.sample_balance
            .sort_by_key(|row| (row.rail, row.start_ns));
        all.window_power
            .sort_by_key(|row| (row.rail, row.start_ns, row.thread, row.kind));
        all.span_energy.sort_by_key(|row| (row.span, row.rail));
        (all, finished)
    }
}

/// Adds windows and replaces totals, like a sink.
fn keep(all: &mut AttributionRows, new: AttributionRows) {
    all.sample_balance.extend(new.sample_balance);
    all.window_power.extend(new.window_power);
    all.span_energy.extend(new.span_energy);
    all.phase_energy = new.phase_energy;
    all.node_energy = new.node_energy;
    all.balance = new.balance;
    all.kind_energy = new.kind_energy;
    all.head = new.head.or(all.head.take());
}

/// Panics unless the totals so far sum up.
fn totals_balance(totals: &AttributionRows) {
    for balance in &totals.balance {
        let accounts = balance.accounts;
        assert!(balances(&accounts), "{accounts:?}");
        let nodes = totals
            .node_energy
            .iter()
            .filter(|row| row.rail == balance.rail);
        let spans: f64 = nodes.map(|row| row.self_j).sum();
        let is_close = close_to(spans, accounts.spans_j, accounts.measured_j);
        assert!(is_close, "{spans} {accounts:?}");
    }
}

fn close_to(actual: f64, expected: f64, scale: f64) -> bool {
    (actual - expected).abs() <= 1e-9 * scale.max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_joule_is_lost(run in run()) {
        let (rows, finished) = run.attribute(&[]);
        prop_assert!(finished.balanced, "{}", finished.diagnostics);
        for row in &rows.sample_balance {
            prop_assert!(balances(&row.accounts), "{row:?}");
        }
        for balance in &rows.balance {
            let accounts = balance.accounts;
            prop_assert!(balances(&accounts), "{accounts:?}");
            let windows = rows.sample_balance.iter().filter(|row| row.rail == balance.rail);
            let measured: f64 = windows.map(|row| row.accounts.measured_j).sum();
            prop_assert!(close_to(measured, accounts.measured_j, measured));
            let nodes = rows.node_energy.iter().filter(|row| row.rail == balance.rail);
            let spans: f64 = nodes.map(|row| row.self_j).sum();
            prop_assert!(close_to(spans, accounts.spans_j, measured), "{spans} {accounts:?}");
        }
    }

    #[test]
    fn no_total_is_below_zero_and_none_above_the_whole(run in run()) {
        let (rows, finished) = run.attribute(&[]);
        for balance in &rows.balance {
            let accounts = balance.accounts;
            let parts = [
                Some(accounts.spans_j),
                accounts.unattributed_j,
                accounts.other_processes_j,
                accounts.profiler_j,
                accounts.unknown_j,
            ];
            for part in parts.into_iter().flatten() {
                prop_assert!(part >= 0.0, "{accounts:?}");
                // An estimate from few samples may exceed the measured energy.
                let most = accounts.measured_j * (1.0 + 1e-9) + 1e-9;
                prop_assert!(run.live || part <= most, "{accounts:?}");
            }
            let beyond = accounts.idle_j.unwrap_or(0.0) - accounts.measured_j;
            // Without CPU times the residual includes windows without activity, in which idle power
            // may be too high.
            let least = -beyond.max(0.0) - 1e-9 * accounts.measured_j.max(1.0);
            let is_signed = run.live || !run.with_cpu;
            prop_assert!(is_signed || accounts.residual_j >= least, "{accounts:?}");
        }
        prop_assert!(rows.node_energy.iter().all(|row| row.self_j >= 0.0));
        prop_assert!(finished.balanced);
    }

    #[test]
    fn idle_shares_are_positive_and_never_exceed_the_time(run in run()) {
        let (rows, _) = run.attribute(&[]);
        // An estimated idle power differs from the given one.
        prop_assume!(!run.live);
        let watts = run.baseline.unwrap_or(0.0);
        let nodes = rows.node_energy.iter().filter(|row| row.rail == 1);
        let shares: Vec<f64> = nodes.filter_map(|row| row.idle_j).collect();
        prop_assert!(shares.iter().all(|&share| share >= -1e-9), "{shares:?}");
        prop_assert!(shares.iter().sum::<f64>() <= watts * END as f64 / 1e9 + 1e-9);
    }

    #[test]
    fn phases_and_between_sum_to_the_totals(run in run()) {
        let (rows, _) = run.attribute(&[]);
        let has_run = run.roles
            && run.events().iter().any(|(_, e)| matches!(e, Event::Open(o) if o.node == 3));
        for balance in rows.balance.iter().filter(|_| !has_run) {
            let phases = rows.phase_energy.iter().filter(|row| row.rail == balance.rail);
            let (energy, time) = phases.fold((0.0, 0), |(energy, time), row| {
                (energy + row.energy_j.unwrap_or(0.0), time + row.duration_ns)
            });
            let measured = balance.accounts.measured_j;
            prop_assert!(close_to(energy, measured, measured), "{energy} {measured}");
            prop_assert_eq!(time, END);
        }
    }

    #[test]
    fn fetching_rows_at_any_time_changes_nothing(
        run in run(),
        mut cuts in prop::collection::vec(0..END, 0..40),
        after in prop::collection::vec(0usize..200, 0..100),
    ) {
        // Many right after the end of a window: within its last slot.
        let samples = run.samples();
        cuts.extend(after.iter().map(|at| samples[at % samples.len()].end_ns + 1));
        cuts.retain(|cut| *cut < END);
        cuts.sort_unstable();
        let (live, live_end) = run.attribute(&cuts);
        let (offline, offline_end) = run.attribute(&[]);
        prop_assert_eq!(live, offline);
        prop_assert_eq!(live_end.rails, offline_end.rails);
    }

    #[test]
    fn all_numbers_are_finite(run in run()) {
        let (rows, _) = run.attribute(&[]);
        let text = format!("{rows:?}");
        prop_assert!(!text.contains("NaN") && !text.contains("inf"));
    }
}

/// Prints the cost of one activation; asserts only that all were accepted.
#[test]
fn cost_of_an_activation() {
    let count: u64 = 1_000_000;
    let mut engine = Engine::new();
    engine.rail(rail(1, RailKind::Cpu));
    (1..=8).for_each(|node| engine.node(node, (node > 1).then(|| node - 1), None, Domain::Cpu));
    let begin = Instant::now();
    let root = Opened {
        seq: 1,
        node: 1,
        parent: None,
        thread: 1,
        start_ns: 0,
    };
    engine.open(root);
    for at in 0..count {
        let start_ns = at as i64 * 500;
        let node = 2 + (at % 7) as u32;
        engine.open(Opened {
            seq: at + 2,
            node,
            parent: Some(1),
            thread: 1,
            start_ns,
        });
        engine.close(at + 2, start_ns + 300);
        if at % 200_000 == 199_999 {
            let end_ns = (at as i64 + 1) * 500;
            let start_ns = end_ns - 100 * MS;
            engine.sample(SampleRow {
                rail: 1,
                start_ns,
                end_ns,
                energy_j: Some(1.0),
            });
            engine.advance(end_ns, i64::MAX);
        }
    }
    let (rows, _) = engine.finish(count as i64 * 500);
    let cost = begin.elapsed().as_nanos() / u128::from(count);
    eprintln!("{cost} ns per activation");
    let activations: u64 = rows.node_energy.iter().map(|row| row.activations).sum();
    assert_eq!(activations, count + 1);
}
