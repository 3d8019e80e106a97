//! A decoder that generates text: `run` > `prefill`, `decode` > `token` > layer > op.

use crate::simulate::program::{KindIndex, SimulatedProgram, SpanPlace};
use crate::simulate::trace::SimulatedRail;

const LAYERS: usize = 30;

/// How much longer an op takes for the whole prompt than for one token.
const PREFILL_TIMES: f64 = 5.2;

/// An op of a layer.
struct Op {
    name: &'static str,
    /// Mean duration while decoding, us.
    us: f64,
    /// Power while decoding, W.
    decode_w: f64,
    /// Power during prefill, W, if it is not 10 % more.
    prefill_w: Option<f64>,
    /// It takes longer the more tokens there are.
    grows: bool,
}

const fn op(name: &'static str, us: f64, decode_w: f64) -> Op {
    Op {
        name,
        us,
        decode_w,
        prefill_w: None,
        grows: false,
    }
}

impl Op {
    const fn prefill(self, watts: f64) -> Self {
        Self {
            prefill_w: Some(watts),
            ..self
        }
    }

    const fn grows(self) -> Self {
        Self {
            grows: true,
            ..self
        }
    }
}

const OPS: [Op; 20] = [
    op("rmsnorm_attn", 28.0, 10.0),
    op("q_proj", 550.0, 18.0).prefill(30.0),
    op("k_proj", 220.0, 17.5).prefill(29.0),
    op("v_proj", 220.0, 17.5).prefill(29.0),
    op("rope_q", 22.0, 9.0),
    op("rope_k", 15.0, 9.0),
    op("kv_write", 37.0, 7.0),
    op("qk_matmul", 460.0, 15.0).prefill(27.0).grows(),
    op("mask", 11.0, 6.0).grows(),
    op("softmax", 170.0, 11.0).prefill(13.0).grows(),
    op("av_matmul", 440.0, 14.0).prefill(27.0).grows(),
    op("o_proj", 550.0, 18.0).prefill(30.0),
    op("resid1", 15.0, 8.0),
    op("rmsnorm_mlp", 28.0, 10.0),
    op("gate_proj", 1950.0, 22.0).prefill(31.0),
    op("up_proj", 1950.0, 21.0).prefill(31.0),
    op("silu", 110.0, 11.0),
    op("mul", 46.0, 10.0),
    op("down_proj", 2000.0, 19.0).prefill(30.0),
    op("resid2", 15.0, 8.0),
];

/// What follows the layers of a token: name, mean us, W.
const HEAD: [(&str, f64, f64); 4] = [
    ("final_norm", 40.0, 10.0),
    ("lm_head", 6500.0, 24.0),
    ("sample", 3000.0, 6.0),
    ("detok", 250.0, 5.0),
];

/// Kinds of ops by layer (one entry for all layers unless they are separate) and op.
type LayerOps = Vec<Vec<KindIndex>>;

pub(super) fn run(program: &mut SimulatedProgram<'_>, tokens: usize, with_prefill: bool) -> i64 {
    let tokens = program
        .settings
        .tokens
        .map_or(tokens, |tokens| tokens as usize);
    let decode_ops = ops(program, "d.", |op| op.decode_w);
    let prefill_ops = ops(program, "p.", |op| {
        op.prefill_w.unwrap_or(op.decode_w * 1.1)
    });
    let mut time = program.begin_ns();
    let run_kind = container(program, "run");
    let run = program.open(run_kind, SpanPlace::on_cpu(0, 0), time);
    time += program.gap(300.0);
    if with_prefill {
        time = prefill(program, run, &prefill_ops, time);
    }
    let decode_kind = container(program, "decode");
    let decode = program.open(decode_kind, SpanPlace::on_cpu(run, 0), time);
    for number in 0..tokens {
        time = token(program, decode, &decode_ops, number, time);
    }
    program.close(decode, time);
    program.close(run, time);
    time + super::lengths::TAIL_NS
}

/// Spans that hold others draw this much in their own time.
fn container(program: &mut SimulatedProgram<'_>, name: &str) -> KindIndex {
    program.kind(name, &[(SimulatedRail::Cpu, 6.0)])
}

fn ops(program: &mut SimulatedProgram<'_>, phase: &str, watts: impl Fn(&Op) -> f64) -> LayerOps {
    if !program.settings.kinds_per_layer {
        let kind = |op: &Op| {
            program.kind(
                &format!("{phase}{}", op.name),
                &[(SimulatedRail::Cpu, watts(op))],
            )
        };
        return vec![OPS.iter().map(kind).collect()];
    }
    let first = OPS.iter().map(|op| {
        program.kind(
            &format!("{phase}{}@00", op.name),
            &[(SimulatedRail::Cpu, watts(op))],
        )
    });
    let first: Vec<KindIndex> = first.collect();
    let layer = |layer: usize| {
        let alike = OPS.iter().zip(&first);
        let alike = alike.map(|(op, &first)| {
            program.kind_like(&format!("{phase}{}@{layer:02}", op.name), first)
        });
        alike.collect()
    };
    (0..LAYERS).map(layer).collect()
}

fn prefill(program: &mut SimulatedProgram<'_>, run: u64, ops: &LayerOps, mut time: i64) -> i64 {
    let kind = container(program, "prefill");
    let phase = program.open(kind, SpanPlace::on_cpu(run, 0), time);
    time += program.gap(50.0);
    time = embed(program, phase, 800.0, time);
    for number in 0..LAYERS {
        time = layer(program, "p.layer", phase, ops, number, time, |_| {
            PREFILL_TIMES
        });
    }
    program.close(phase, time);
    time
}

fn token(
    program: &mut SimulatedProgram<'_>,
    decode: u64,
    ops: &LayerOps,
    number: usize,
    mut time: i64,
) -> i64 {
    let kind = container(program, "token");
    let token = program.open(kind, SpanPlace::on_cpu(decode, 0), time);
    time += program.gap(20.0);
    time = embed(program, token, 60.0, time);
    let longer = 0.7 + 0.6 * number as f64 / 64.0;
    for number in 0..LAYERS {
        if program.settings.pause_ms > 0.0 {
            time += program.gap(program.settings.pause_ms * 1e3);
        }
        let times = |op: &Op| if op.grows { longer } else { 1.0 };
        time = layer(program, "d.layer", token, ops, number, time, times);
    }
    for (name, us, watts) in HEAD {
        let kind = program.kind(name, &[(SimulatedRail::Cpu, watts)]);
        time += program.gap(8.0);
        time = program.leaf(kind, SpanPlace::on_cpu(token, 0), time, us);
    }
    program.close(token, time);
    time
}

fn embed(program: &mut SimulatedProgram<'_>, parent: u64, us: f64, time: i64) -> i64 {
    let kind = program.kind("embed", &[(SimulatedRail::Cpu, 8.0)]);
    program.leaf(kind, SpanPlace::on_cpu(parent, 0), time, us)
}

fn layer(
    program: &mut SimulatedProgram<'_>,
    name: &str,
    parent: u64,
    ops: &LayerOps,
    number: usize,
    mut time: i64,
    times: impl Fn(&Op) -> f64,
) -> i64 {
    let kind = container(program, name);
    let layer = program.open(kind, SpanPlace::on_cpu(parent, 0), time);
    let kinds = &ops[number.min(ops.len() - 1)];
    for (op, &kind) in OPS.iter().zip(kinds) {
        time += program.gap(3.0);
        let place = SpanPlace::on_cpu(layer, 0).in_layer(number);
        time = program.leaf(kind, place, time, op.us * times(op));
    }
    time += program.gap(3.0);
    program.close(layer, time);
    time
}
