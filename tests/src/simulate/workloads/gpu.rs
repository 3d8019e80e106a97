//! Steps that launch kernels, which a graphics processor executes one after another.
//! Kernels have spans of their own, with the launch as parent.

use crate::simulate::program::{KindIndex, SimulatedProgram, SpanPlace};
use crate::simulate::trace::SimulatedRail;

/// The thread that stands for the graphics processor's queue.
const QUEUE: u32 = 100;

/// Memory power of every kernel, W.
const KERNEL_DRAM_W: f64 = 0.3;

/// Name and power on the GPU rail, W.
const KERNELS: [(&str, f64); 12] = [
    ("gpu.gemm_big", 310.0),
    ("gpu.gemm_small", 190.0),
    ("gpu.flash_attn", 240.0),
    ("gpu.softmax", 120.0),
    ("gpu.layernorm", 90.0),
    ("gpu.rope", 85.0),
    ("gpu.gather", 70.0),
    ("gpu.memcpy", 60.0),
    ("gpu.allreduce", 75.0),
    ("gpu.topk", 65.0),
    ("gpu.silu", 110.0),
    ("gpu.gemv", 160.0),
];

/// What runs on the processor.
struct ProcessorUse {
    step: KindIndex,
    prepare: KindIndex,
    launch: KindIndex,
    wait: KindIndex,
    finish: KindIndex,
}

/// What runs on the graphics processor.
struct Kernels {
    kinds: Vec<KindIndex>,
    mean_us: Vec<f64>,
    mixtures: Vec<Vec<f64>>,
}

pub(super) fn run(program: &mut SimulatedProgram<'_>) -> i64 {
    let kernels = kernels(program);
    let host = host(program);
    let mut time = program.begin_ns();
    let mut queue_free = time;
    let end = time + (super::lengths::RUN_S * 1e9) as i64;
    while time < end {
        time = step(program, &host, &kernels, time, &mut queue_free);
        time += program.gap(4_000.0);
    }
    time + super::lengths::TAIL_NS * 3 / 2
}

fn kernels(program: &mut SimulatedProgram<'_>) -> Kernels {
    let kind = |&(name, watts): &(&str, f64)| {
        program.kind(
            name,
            &[
                (SimulatedRail::Gpu, watts),
                (SimulatedRail::Dram, KERNEL_DRAM_W),
            ],
        )
    };
    let kinds = KERNELS.iter().map(kind).collect();
    let mean_us = KERNELS
        .iter()
        .map(|_| program.draws.log_uniform(40.0, 4_000.0))
        .collect();
    let mixtures = (0..5)
        .map(|_| program.draws.shares(KERNELS.len(), 0.8))
        .collect();
    Kernels {
        kinds,
        mean_us,
        mixtures,
    }
}

fn host(program: &mut SimulatedProgram<'_>) -> ProcessorUse {
    let mut kind = |name: &str, cpu_w: f64, dram_w: f64| {
        program.kind(
            name,
            &[(SimulatedRail::Cpu, cpu_w), (SimulatedRail::Dram, dram_w)],
        )
    };
    ProcessorUse {
        launch: kind("launch", 7.0, 0.3),
        wait: kind("sync", 3.0, 0.1),
        prepare: kind("preproc", 11.0, 2.5),
        finish: kind("postproc", 8.0, 1.0),
        step: kind("step", 5.0, 0.3),
    }
}

fn step(
    program: &mut SimulatedProgram<'_>,
    host: &ProcessorUse,
    kernels: &Kernels,
    mut time: i64,
    queue_free: &mut i64,
) -> i64 {
    let step = program.open(host.step, SpanPlace::on_cpu(0, 0), time);
    let in_step = SpanPlace::on_cpu(step, 0);
    time += program.gap(20.0);
    time = program.leaf(host.prepare, in_step, time, 3_000.0);
    let mixture = program.draws.choose(&kernels.mixtures);
    for _ in 0..program.draws.whole(40, 120) {
        let kernel = program.draws.pick(mixture);
        let launch = program.open(host.launch, in_step, time);
        time += 6_000 + program.gap(4.0);
        program.close(launch, time);
        let begin = (*queue_free).max(time + 5_000);
        let queued = SpanPlace {
            parent: launch,
            thread: QUEUE,
            rail: SimulatedRail::Gpu,
            layer: None,
        };
        let us = kernels.mean_us[kernel];
        *queue_free = program.leaf(kernels.kinds[kernel], queued, begin, us) + 1_500;
    }
    let wait = program.open(host.wait, in_step, time);
    time = time.max(*queue_free) + 20_000;
    program.close(wait, time);
    time = program.leaf(host.finish, in_step, time, 2_500.0);
    program.close(step, time);
    time
}
