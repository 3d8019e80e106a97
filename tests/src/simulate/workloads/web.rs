//! A server: threads that answer requests, each of several ops.

use crate::simulate::program::{KindIndex, SimulatedProgram, SpanPlace};
use crate::simulate::trace::SimulatedRail;

const KINDS: usize = 50;
const THREADS: u32 = 4;

/// What a request may consist of.
struct RequestOps {
    kinds: Vec<KindIndex>,
    mean_us: Vec<f64>,
    popularity: Vec<f64>,
}

pub(super) fn run(program: &mut SimulatedProgram<'_>) -> i64 {
    let ops = ops(program);
    let request = program.kind("request", &[(SimulatedRail::Cpu, 2.5)]);
    let begin = program.begin_ns();
    let end = begin + (super::lengths::RUN_S * 1e9) as i64;
    let mut last = 0;
    for thread in 0..THREADS {
        let mut time = begin;
        while time < end {
            time += program.gap(12_000.0);
            time = answer(program, &ops, request, thread, time);
        }
        last = last.max(time);
    }
    last + super::lengths::TAIL_NS
}

fn ops(program: &mut SimulatedProgram<'_>) -> RequestOps {
    let kind = |number| {
        let watts = (5.0 * program.powers.factor(0.55)).clamp(1.2, 18.0);
        program.kind(&format!("h{number:02}"), &[(SimulatedRail::Cpu, watts)])
    };
    let kinds = (0..KINDS).map(kind).collect();
    let mean_us = (0..KINDS)
        .map(|_| program.draws.log_uniform(200.0, 20_000.0))
        .collect();
    RequestOps {
        kinds,
        mean_us,
        popularity: program.draws.shares(KINDS, 1.5),
    }
}

fn answer(
    program: &mut SimulatedProgram<'_>,
    ops: &RequestOps,
    kind: KindIndex,
    thread: u32,
    mut time: i64,
) -> i64 {
    let request = program.open(kind, SpanPlace::on_cpu(0, thread), time);
    for _ in 0..program.draws.whole(5, 16) {
        time += program.gap(40.0);
        let op = program.draws.pick(&ops.popularity);
        let us = ops.mean_us[op] * program.draws.factor(0.4);
        time = program.leaf(ops.kinds[op], SpanPlace::on_cpu(request, thread), time, us);
    }
    program.close(request, time);
    time
}
