//! A pair that alternates in a fixed ratio of time, `A` 200 us and `B` 300 us, far
//! below any sampling period: samples show their sum only. `C` and `D` run separately.

use crate::simulate::program::{SimulatedProgram, SpanPlace};
use crate::simulate::trace::SimulatedRail;

pub(super) fn run(program: &mut SimulatedProgram<'_>) -> i64 {
    let [a, b, c, d] = [("A", 25.0), ("B", 10.0), ("C", 15.0), ("D", 8.0)]
        .map(|(name, watts)| program.kind(name, &[(SimulatedRail::Cpu, watts)]));
    let place = SpanPlace::on_cpu(0, 0);
    let mut time = program.begin_ns();
    let end = time + (super::lengths::RUN_S * 1e9) as i64;
    while time < end {
        for _ in 0..program.draws.whole(200, 1500) {
            time = program.exact_leaf(a, place, time, 200.0);
            time = program.exact_leaf(b, place, time, 300.0);
        }
        for kind in [c, d] {
            for _ in 0..program.draws.whole(10, 200) {
                time = program.leaf(kind, place, time, 900.0);
            }
        }
        time += program.gap(30_000.0);
    }
    time + super::lengths::TAIL_NS
}
