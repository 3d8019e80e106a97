//! Drawn timelines with results computed by hand. Times in ms, energies in J.

use crate::engine::Engine;
use crate::report::finished::Finished;
use crate::spans::segments::Opened;
use energy_data::rows::*;
use energy_data::{Kernel, Provenance, RailKind};

const MS: i64 = 1_000_000;

pub(super) fn rail(id: u32, kind: RailKind) -> RailRow {
    RailRow {
        id,
        source: "test".into(),
        name: kind.name().into(),
        parent: None,
        kind,
        unit: "J".into(),
        interval_ns: 100 * MS,
        kernel: Kernel::Box,
        provenance: Provenance::Measured,
    }
}

/// Exact idle power.
pub(super) fn idle_power(rail: u32, power_w: f64) -> BaselineRow {
    BaselineRow {
        rail,
        start_ns: 0,
        end_ns: 0,
        power_w,
        samples: 0,
        spread_w: None,
    }
}

/// An engine with one rail, nodes 1..=4 (3 below 1; 4 on the GPU).
fn engine(kind: RailKind) -> Engine {
    let mut engine = Engine::new();
    engine.rail(rail(1, kind));
    engine.node(1, None, None, Domain::Cpu);
    engine.node(2, None, None, Domain::Cpu);
    engine.node(3, Some(1), None, Domain::Cpu);
    engine.node(4, None, None, Domain::Gpu);
    engine
}

fn open(engine: &mut Engine, seq: u64, node: u32, parent: Option<u64>, thread: u32, ms: i64) {
    engine.open(Opened {
        seq,
        node,
        parent,
        thread,
        start_ns: ms * MS,
    });
}

fn cpu(engine: &mut Engine, scope: CpuScope, ms: i64) {
    engine.cpu(CpuRow {
        scope,
        start_ns: 0,
        end_ns: 100 * MS,
        on_cpu_ns: ms * MS,
    });
}

/// One sample of 10 J over 0-100 ms, and the end.
fn end(mut engine: Engine) -> (AttributionRows, Finished) {
    let sample = SampleRow {
        rail: 1,
        start_ns: 0,
        end_ns: 100 * MS,
        energy_j: Some(10.0),
    };
    engine.sample(sample);
    engine.finish(100 * MS)
}

fn self_j(rows: &AttributionRows, node: u32) -> f64 {
    rows.node_energy
        .iter()
        .find(|row| row.node == node)
        .map_or(0.0, |row| row.self_j)
}

#[track_caller]
fn near(actual: f64, expected: f64) {
    assert!(
        (actual - expected).abs() < 1e-9,
        "{actual} is not {expected}"
    );
}

/// ```text
/// thread 1  |==== a 1 ====|== b 3 ==|= a 1 =|     0-40, 40-70, 70-100
/// ```
#[test]
fn nested_spans_share_by_self_time() {
    let mut e = engine(RailKind::Cpu);
    open(&mut e, 1, 1, None, 1, 0);
    open(&mut e, 2, 3, Some(1), 1, 40);
    e.close(2, 70 * MS);
    cpu(&mut e, CpuScope::Process, 50);
    cpu(&mut e, CpuScope::Thread(1), 50);
    e.baseline(&idle_power(1, 20.0));
    let (rows, finished) = end(e);
    near(self_j(&rows, 1), 8.0 * 0.7);
    near(self_j(&rows, 3), 8.0 * 0.3);
    let first = rows.node_energy[0];
    near(first.inclusive_j, 8.0);
    near(first.idle_j.unwrap(), 20.0 * 0.07);
    assert!(finished.balanced);
}

/// ```text
/// thread 1  |======= a, 60 ms on CPU =======|
/// thread 2  |======= b, blocked ============|
/// thread 3  |======= 4, 30 ms on CPU =======|
/// profiler    10 ms
/// ```
#[test]
fn threads_share_by_cpu_time_and_the_blocked_get_nothing() {
    let mut e = engine(RailKind::Package);
    e.thread(9, ThreadRole::Profiler);
    open(&mut e, 1, 1, None, 1, 0);
    open(&mut e, 2, 2, None, 2, 0);
    open(&mut e, 3, 4, None, 3, 0);
    cpu(&mut e, CpuScope::Process, 100);
    for (thread, ms) in [(1, 60), (2, 0), (3, 30), (9, 10)] {
        cpu(&mut e, CpuScope::Thread(thread), ms);
    }
    let (rows, _) = end(e);
    near(self_j(&rows, 1), 6.0);
    near(self_j(&rows, 2), 0.0);
    near(self_j(&rows, 4), 3.0);
    near(rows.balance[0].accounts.profiler_j.unwrap(), 1.0);
}

/// ```text
/// own process    thread 1  |======= a, 30 ms on CPU ======|   pool 10 ms
/// child 1        thread 2  |== b, 0-50 ==|                    20 ms, pool 20 ms
/// child 2        no spans                                     20 ms
/// ```
///
/// The pool of child 1 works for b while b is active, and never for a.
#[test]
fn energy_of_a_process_goes_to_its_own_spans() {
    let mut e = engine(RailKind::Cpu);
    e.thread_of(2, 1);
    open(&mut e, 1, 1, None, 1, 0);
    open(&mut e, 2, 2, None, 2, 0);
    e.close(2, 50 * MS);
    cpu(&mut e, CpuScope::Process, 40);
    cpu(&mut e, CpuScope::Thread(1), 30);
    cpu(&mut e, CpuScope::Child(1), 40);
    cpu(&mut e, CpuScope::Thread(2), 20);
    cpu(&mut e, CpuScope::Child(2), 20);
    let (rows, finished) = end(e);
    // 100 ms share 10 J. b: half of its thread's time is covered, half of its pool's.
    near(self_j(&rows, 1), 4.0);
    near(self_j(&rows, 2), 1.0 + 1.0);
    near(
        rows.balance[0].accounts.unattributed_j.unwrap(),
        1.0 + 1.0 + 2.0,
    );
    assert!(finished.balanced);
}

/// ```text
/// child 1   |##########| 50 of 100 ms, which is all that it used; half of the machine
/// ```
#[test]
fn children_are_not_other_processes() {
    let mut e = engine(RailKind::Cpu);
    cpu(&mut e, CpuScope::Process, 0);
    e.cpu(CpuRow {
        scope: CpuScope::Child(1),
        start_ns: 20 * MS,
        end_ns: 70 * MS,
        on_cpu_ns: 50 * MS,
    });
    cpu(&mut e, CpuScope::Machine, 100);
    let (rows, finished) = end(e);
    let accounts = rows.balance[0].accounts;
    near(accounts.unattributed_j.unwrap(), 5.0);
    near(accounts.other_processes_j.unwrap(), 5.0);
    assert!(finished.balanced);
}

/// ```text
/// thread 1  |====== a, 0-50 ======|                20 ms on CPU, half covered
/// worker    |############################|         60 ms on CPU
/// other     half of the machine is used by other processes
/// ```
#[test]
fn workers_work_for_the_active_span_after_other_processes_are_subtracted() {
    let mut e = engine(RailKind::Cpu);
    open(&mut e, 1, 1, None, 1, 0);
    e.close(1, 50 * MS);
    cpu(&mut e, CpuScope::Process, 80);
    cpu(&mut e, CpuScope::Thread(1), 20);
    cpu(&mut e, CpuScope::Machine, 160);
    let (rows, _) = end(e);
    let accounts = rows.balance[0].accounts;
    near(accounts.other_processes_j.unwrap(), 5.0);
    near(accounts.spans_j, 5.0 * (10.0 + 30.0) / 80.0);
    near(accounts.unattributed_j.unwrap(), 5.0 * (10.0 + 30.0) / 80.0);
}

/// ```text
/// thread 1  |~~~~~~ a waits ~~~~~~|
/// thread 2  |====== c, child of a |        worker: all of the CPU time
/// ```
#[test]
fn a_waiting_parent_gets_none_of_the_pool() {
    let mut e = engine(RailKind::Cpu);
    open(&mut e, 1, 1, None, 1, 0);
    open(&mut e, 2, 3, Some(1), 2, 0);
    cpu(&mut e, CpuScope::Process, 100);
    let (rows, _) = end(e);
    near(self_j(&rows, 3), 10.0);
    near(self_j(&rows, 1), 0.0);
    near(rows.node_energy[0].inclusive_j, 10.0);
}

/// ```text
/// thread 1  |== a (cpu) 0-60 ==|
/// thread 2  |= 4 (gpu) 0-40 |
/// ```
#[test]
fn a_gpu_rail_uses_gpu_activations_only() {
    let mut e = engine(RailKind::Gpu);
    open(&mut e, 1, 1, None, 1, 0);
    open(&mut e, 2, 4, None, 2, 0);
    e.close(2, 40 * MS);
    e.close(1, 60 * MS);
    cpu(&mut e, CpuScope::Process, 50);
    let (rows, _) = end(e);
    near(self_j(&rows, 4), 4.0);
    near(self_j(&rows, 1), 0.0);
    let accounts = rows.balance[0].accounts;
    assert_eq!(accounts.unattributed_j, None);
    near(accounts.unknown_j.unwrap(), 6.0);
}

/// ```text
/// thread 1  |====== a (cpu) 0-100 ======|     the GPU's users are unknown
/// ```
#[test]
fn a_device_without_spans_is_unknown_with_and_without_cpu_times() {
    for kind in [RailKind::Gpu, RailKind::Ane] {
        for has_cpu_times in [true, false] {
            let mut e = engine(kind);
            open(&mut e, 1, 1, None, 1, 0);
            if has_cpu_times {
                cpu(&mut e, CpuScope::Process, 50);
            }
            let (rows, finished) = end(e);
            near(self_j(&rows, 1), 0.0);
            let accounts = rows.balance[0].accounts;
            near(accounts.unknown_j.unwrap(), 10.0);
            assert_eq!(
                (accounts.unattributed_j, accounts.other_processes_j),
                (None, None)
            );
            near(accounts.residual_j, 0.0);
            assert!(finished.balanced);
        }
    }
}

/// The first kernel runs in the second of two windows: energy of the first one stays unknown,
/// and so does that of the second one before the kernel.
#[test]
fn a_domain_that_is_used_late_changes_no_earlier_energy() {
    let mut e = engine(RailKind::Gpu);
    open(&mut e, 1, 1, None, 1, 0);
    open(&mut e, 2, 4, Some(1), 2, 150);
    e.close(2, 200 * MS);
    for start in [0, 100] {
        e.sample(SampleRow {
            rail: 1,
            start_ns: start * MS,
            end_ns: (start + 100) * MS,
            energy_j: Some(10.0),
        });
    }
    let (rows, _) = e.finish(200 * MS);
    let windows = rows.sample_balance.iter().map(|row| row.accounts);
    let windows: Vec<_> = windows.map(|a| (a.spans_j, a.unknown_j)).collect();
    assert_eq!(windows, [(0.0, Some(10.0)), (5.0, Some(5.0))]);
}

fn device_use(engine: &mut Engine, busy_ms: [i64; 3]) {
    let [own_ns, other_processes_ns, unknown_ns] = busy_ms.map(|ms| ms * MS);
    engine.device_use(DeviceUseRow {
        rail: 1,
        start_ns: 0,
        end_ns: 100 * MS,
        own_ns,
        other_processes_ns,
        unknown_ns,
    });
}

/// ```text
/// GPU       |own 20|other 60|         of 10 J: 2.5 J own, 7.5 J of other processes
/// thread 1  |====== a (cpu) 0-100 ======|
/// thread 2  |= 4 (gpu) 0-40 |
/// ```
#[test]
fn a_device_is_divided_by_its_use_by_process() {
    let mut e = engine(RailKind::Gpu);
    open(&mut e, 1, 1, None, 1, 0);
    open(&mut e, 2, 4, None, 2, 0);
    e.close(2, 40 * MS);
    device_use(&mut e, [20, 60, 0]);
    let (rows, _) = end(e);
    let accounts = rows.balance[0].accounts;
    near(self_j(&rows, 4), 2.5);
    near(self_j(&rows, 1), 0.0);
    near(accounts.other_processes_j.unwrap(), 7.5);
    near(accounts.unknown_j.unwrap(), 0.0);
    near(accounts.unattributed_j.unwrap(), 0.0);
}

/// The program uses the GPU, but no span has its domain: the spans share the own use while
/// they are active, as they share worker threads.
#[test]
fn own_use_of_a_device_goes_to_active_spans_if_none_has_its_domain() {
    let mut e = engine(RailKind::Gpu);
    open(&mut e, 1, 1, None, 1, 0);
    e.close(1, 50 * MS);
    device_use(&mut e, [40, 40, 20]);
    let (rows, _) = end(e);
    let accounts = rows.balance[0].accounts;
    near(self_j(&rows, 1), 2.0);
    near(accounts.unattributed_j.unwrap(), 2.0);
    near(accounts.other_processes_j.unwrap(), 4.0);
    near(accounts.unknown_j.unwrap(), 2.0);
}

/// In a container the driver reports process ids of another namespace: unrecognised use may be
/// the kernel's while it is active.
#[test]
fn a_kernel_with_a_hidden_process_gets_hidden_use_by_active_time() {
    let mut e = engine(RailKind::Gpu);
    open(&mut e, 1, 4, None, 2, 0);
    e.close(1, 40 * MS);
    device_use(&mut e, [0, 20, 60]);
    let (rows, _) = end(e);
    let accounts = rows.balance[0].accounts;
    near(accounts.other_processes_j.unwrap(), 2.5);
    near(self_j(&rows, 4), 7.5 * 0.4);
    near(accounts.unknown_j.unwrap(), 7.5 * 0.6);
}

/// The same without CPU times, as in an import.
#[test]
fn gpu_energy_outside_its_spans_is_unknown_without_cpu_times() {
    let mut e = engine(RailKind::Gpu);
    open(&mut e, 1, 4, None, 2, 0);
    e.close(1, 40 * MS);
    let (rows, finished) = end(e);
    near(self_j(&rows, 4), 4.0);
    let accounts = rows.balance[0].accounts;
    assert_eq!(accounts.unattributed_j, None);
    near(accounts.unknown_j.unwrap(), 6.0);
    near(accounts.residual_j, 0.0);
    assert!(finished.balanced);
}

/// ```text
/// thread 1  |==================== step 5 =====================|    0-100
/// thread 1  |== launch 1 ==|                                       0-40
/// thread 2        |======= 4 (gpu), begun by launch =======|       20-80
/// ```
#[test]
fn a_kernel_on_a_device_does_not_make_its_launcher_wait() {
    let energies = |kind| {
        let mut e = engine(kind);
        e.node(5, None, None, Domain::Cpu);
        open(&mut e, 1, 5, None, 1, 0);
        open(&mut e, 2, 1, Some(1), 1, 0);
        open(&mut e, 3, 4, Some(2), 2, 20);
        e.close(2, 40 * MS);
        e.close(3, 80 * MS);
        let (rows, _) = end(e);
        [1, 4, 5].map(|node| self_j(&rows, node))
    };
    let expect = |kind, joules: [f64; 3]| {
        let found = energies(kind);
        found.into_iter().zip(joules).for_each(|(a, b)| near(a, b));
    };
    expect(RailKind::Cpu, [4.0, 0.0, 6.0]);
    expect(RailKind::Gpu, [0.0, 6.0, 0.0]);
    expect(RailKind::Package, [2.5, 3.75, 3.75]);
}

/// ```text
/// thread 1  |== a (cpu) ==|== 4 (gpu), within a ==|== a ==|    0-20, 20-70, 70-100
/// ```
#[test]
fn without_cpu_times_a_thread_may_work_for_two_rails() {
    for (kind, a, kernel) in [(RailKind::Cpu, 5.0, 0.0), (RailKind::Gpu, 0.0, 5.0)] {
        let mut e = engine(kind);
        open(&mut e, 1, 1, None, 1, 0);
        open(&mut e, 2, 4, Some(1), 1, 20);
        e.close(2, 70 * MS);
        let (rows, finished) = end(e);
        near(self_j(&rows, 1), a);
        near(self_j(&rows, 4), kernel);
        assert!(finished.balanced);
    }
}

/// ```text
/// thread 1  |~~~~~~~~~~~~~ a (cpu), waits 40-60 ~~~~~~~~~~~~|
/// thread 2     |20 === 4 (gpu), child of a === 80|
/// thread 2           |40 = 3 (cpu), in 4 = 60|
/// ```
#[test]
fn a_cpu_waits_for_a_cpu_beyond_a_device() {
    let mut e = engine(RailKind::Cpu);
    open(&mut e, 1, 1, None, 1, 0);
    open(&mut e, 2, 4, Some(1), 2, 20);
    open(&mut e, 3, 3, Some(2), 2, 40);
    e.close(3, 60 * MS);
    e.close(2, 80 * MS);
    let (rows, _) = end(e);
    // Active are a for 80 ms and node 3 for 20 ms, never both.
    near(self_j(&rows, 1), 8.0);
    near(self_j(&rows, 3), 2.0);
}

/// Idle power of 200 W x 0.1 s = 20 J of 10 J measured cannot be the run's: all measured
/// energy is split.
#[test]
fn idle_power_far_above_the_run_is_unknown_and_nothing_is_below_zero() {
    let mut e = engine(RailKind::Cpu);
    open(&mut e, 1, 1, None, 1, 0);
    cpu(&mut e, CpuScope::Process, 10);
    e.baseline(&idle_power(1, 200.0));
    let (rows, finished) = end(e);
    assert!(finished.rails[0].baseline_above_run && finished.balanced);
    let accounts = rows.balance[0].accounts;
    assert_eq!(accounts.idle_j, None);
    near(accounts.spans_j, 10.0);
    near(self_j(&rows, 1), 10.0);
    near(accounts.residual_j, 0.0);
    assert_eq!(rows.node_energy[0].idle_j, None);
    assert!(rows.phase_energy.iter().all(|row| row.idle_j.is_none()));
    assert!(
        finished
            .events
            .iter()
            .any(|event| event.kind == "idle_unknown")
    );
}

/// 101 W x 0.1 s = 10.1 J of 10 J: noise. Idle energy is kept, and its excess is in the
/// residual, not in spans.
#[test]
fn idle_energy_is_kept_when_the_run_is_below_baseline_by_noise() {
    let mut e = engine(RailKind::Cpu);
    open(&mut e, 1, 1, None, 1, 0);
    cpu(&mut e, CpuScope::Process, 10);
    e.baseline(&idle_power(1, 101.0));
    let (rows, finished) = end(e);
    assert!(!finished.rails[0].baseline_above_run && finished.balanced);
    let accounts = rows.balance[0].accounts;
    near(accounts.idle_j.unwrap(), 10.1);
    near(accounts.spans_j, 0.0);
    near(accounts.residual_j, -0.1);
    near(self_j(&rows, 1), 0.0);
    near(rows.node_energy[0].idle_j.unwrap(), 10.1);
}

/// ```text
/// GPU       |=== 4 J, half of it not own ===|
/// package   |=== 10 J, the GPU inside    ===|
/// thread 1  |====== a (cpu), all CPU time ==|
/// ```
#[test]
fn the_device_part_of_a_package_is_divided_like_the_device() {
    let mut e = engine(RailKind::Package);
    let parent = Some(1);
    e.rail(RailRow {
        parent,
        ..rail(2, RailKind::Gpu)
    });
    open(&mut e, 1, 1, None, 1, 0);
    cpu(&mut e, CpuScope::Process, 50);
    e.device_use(DeviceUseRow {
        rail: 2,
        start_ns: 0,
        end_ns: 100 * MS,
        own_ns: 0,
        other_processes_ns: 30 * MS,
        unknown_ns: 30 * MS,
    });
    for (rail, joules) in [(2, 4.0), (1, 10.0)] {
        e.sample(SampleRow {
            rail,
            start_ns: 0,
            end_ns: 100 * MS,
            energy_j: Some(joules),
        });
    }
    let (rows, finished) = e.finish(100 * MS);
    let package = rows.balance.iter().find(|row| row.rail == 1).unwrap();
    near(package.accounts.spans_j, 6.0);
    near(package.accounts.other_processes_j.unwrap(), 2.0);
    near(package.accounts.unknown_j.unwrap(), 2.0);
    assert!(finished.balanced);
}

/// ```text
/// thread 1  |== a 0-80 ======|      a closes first, b stays open
/// thread 1      |== b 20-100 ====|
/// ```
#[test]
fn closing_out_of_order_closes_that_activation_only() {
    let mut e = engine(RailKind::Cpu);
    open(&mut e, 1, 1, None, 1, 0);
    open(&mut e, 2, 3, Some(1), 1, 20);
    e.close(1, 80 * MS);
    let (rows, _) = end(e);
    near(self_j(&rows, 1), 2.0);
    near(self_j(&rows, 3), 8.0);
    let accounts = rows.balance[0].accounts;
    assert_eq!(
        (accounts.unattributed_j, accounts.other_processes_j),
        (None, None),
        "no CPU times"
    );
}

/// ```text
/// run      0 |------------- 100 --------| 200
/// samples  -50 ..... 50   (none)    150 ... 250     10 J each
/// ```
#[test]
fn samples_are_cut_to_the_run_and_gaps_are_extrapolated() {
    let mut e = engine(RailKind::Cpu);
    for start in [-50, 150] {
        let (start_ns, end_ns) = (start * MS, (start + 100) * MS);
        e.sample(SampleRow {
            rail: 1,
            start_ns,
            end_ns,
            energy_j: Some(10.0),
        });
    }
    let (rows, _) = e.finish(200 * MS);
    near(rows.balance[0].accounts.measured_j, 10.0);
    near(rows.balance[0].extrapolated_j, 10.0);
    near(rows.balance[0].peak_w.unwrap(), 100.0);
}

/// ```text
/// s         0    1    2    3    4    5
/// thread 1  |========= a ============|
/// dropped   |----|                     no sample arrived in time
/// sample       |10 J|                  delivered at 5, after the recorder was suspended
/// ```
#[test]
fn a_sample_that_arrives_too_late_is_residual_and_has_no_powers() {
    let mut e = engine(RailKind::Cpu);
    open(&mut e, 1, 1, None, 1, 0);
    e.advance(5_000 * MS, 5_000 * MS);
    e.sample(SampleRow {
        rail: 1,
        start_ns: 800 * MS,
        end_ns: 900 * MS,
        energy_j: Some(10.0),
    });
    let (rows, finished) = e.finish(5_000 * MS);
    near(rows.balance[0].accounts.measured_j, 10.0);
    near(rows.balance[0].accounts.residual_j, 10.0);
    assert!(rows.window_power.is_empty() && finished.balanced);
    let late = finished
        .events
        .iter()
        .filter(|event| event.kind == "late_sample");
    assert_eq!(late.count(), 1);
}

/// ```text
/// run (5)     |10 -------------------- 90|
/// phases         |20 - p - 60|
///                       |50 - q - 70|
/// ```
#[test]
fn phases_and_between_sum_to_the_scope() {
    let mut e = engine(RailKind::Cpu);
    e.node(5, None, Some(Role::Run), Domain::Cpu);
    e.node(6, Some(5), Some(Role::Phase), Domain::Cpu);
    e.node(7, Some(5), Some(Role::Phase), Domain::Cpu);
    open(&mut e, 1, 5, None, 1, 10);
    open(&mut e, 2, 6, Some(1), 1, 20);
    open(&mut e, 3, 7, Some(1), 2, 50);
    e.close(2, 60 * MS);
    e.close(3, 70 * MS);
    e.close(1, 90 * MS);
    let (rows, _) = end(e);
    let durations: Vec<_> = rows
        .phase_energy
        .iter()
        .map(|p| (p.node, p.duration_ns / MS))
        .collect();
    assert_eq!(durations, [(None, 30), (Some(6), 35), (Some(7), 15)]);
    let energies: Vec<f64> = rows
        .phase_energy
        .iter()
        .filter_map(|p| p.energy_j)
        .collect();
    near(energies[0], 3.0);
    near(energies[1], 3.5);
    near(energies[2], 1.5);
    assert_eq!(rows.sample_balance[0].phase, Some(6));
    assert_eq!(rows.span_energy.len(), 3);
}

/// Two overlapping requests of a service; no span has the role phase.
///
/// ```text
/// run    0 |----------------- 100 ms -----------------| 10 J
/// a          |10 -------------- 60|
/// b                    |40 -------------- 80|
/// ```
#[test]
fn root_spans_without_a_role_are_not_phases() {
    let mut e = engine(RailKind::Cpu);
    e.node(5, None, None, Domain::Cpu);
    e.node(6, None, None, Domain::Cpu);
    open(&mut e, 1, 5, None, 1, 10);
    open(&mut e, 2, 6, None, 2, 40);
    e.close(1, 60 * MS);
    e.close(2, 80 * MS);
    let (rows, _) = end(e);
    let phases: Vec<_> = rows
        .phase_energy
        .iter()
        .map(|row| (row.node, row.duration_ns / MS))
        .collect();
    assert_eq!(phases, [(None, 100)]);
    near(rows.phase_energy[0].energy_j.unwrap(), 10.0);
    let spans: f64 = rows.node_energy.iter().map(|row| row.self_j).sum();
    near(rows.phase_energy[0].spans_j.unwrap(), spans);
    assert!(rows.sample_balance.iter().all(|row| row.phase.is_none()));
}
