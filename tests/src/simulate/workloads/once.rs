//! Kinds in proportions that change, one long span in the middle, one at the end.

use crate::simulate::program::{SimulatedProgram, SpanPlace};
use crate::simulate::trace::SimulatedRail;

const KINDS: usize = 10;
const MIXTURES: usize = 40;
const RUN_S: f64 = 15.0;

pub(super) fn run(program: &mut SimulatedProgram<'_>) -> i64 {
    let kind = |number| {
        let watts = program.powers.uniform(5.0, 28.0);
        program.kind(&format!("k{number}"), &[(SimulatedRail::Cpu, watts)])
    };
    let kinds: Vec<_> = (0..KINDS).map(kind).collect();
    let mean_us: Vec<_> = (0..KINDS)
        .map(|_| program.draws.log_uniform(100.0, 8_000.0))
        .collect();
    let mixtures: Vec<_> = (0..MIXTURES)
        .map(|_| program.draws.shares(KINDS, 2.0))
        .collect();
    let load = program.kind("load_model", &[(SimulatedRail::Cpu, 9.0)]);
    let flush = program.kind("flush", &[(SimulatedRail::Cpu, 20.0)]);
    let place = SpanPlace::on_cpu(0, 0);
    let mut time = program.begin_ns();
    let end = time + (RUN_S * 1e9) as i64;
    let mut loaded = false;
    for mixture in mixtures.iter().cycle().skip(1) {
        if time >= end {
            break;
        }
        for _ in 0..program.draws.whole(20, 80) {
            let op = program.draws.pick(mixture);
            time += program.gap(5.0);
            time = program.leaf(kinds[op], place, time, mean_us[op]);
        }
        if !loaded && time as f64 > end as f64 * 0.4 {
            time = program.leaf(load, place, time, 3e6);
            loaded = true;
        }
        time += program.gap(2_000.0);
    }
    program.leaf(flush, place, time, 60_000.0) + super::lengths::TAIL_NS * 3 / 2
}
