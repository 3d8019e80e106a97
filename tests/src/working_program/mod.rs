//! Work of known amounts, in the tree of a language model.
//!
//! ```text
//! inference
//!   prefill                layer 0..7
//!   decode   token 0..     layer 0..7, lm_head
//!     layer:  input_norm, attention { q_proj, k_proj, v_proj, scores, o_proj },
//!             mlp { gate_proj, up_proj, down_proj }
//! ```

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use tracing::{debug_span, info_span, trace_span};

/// Tokens of the prompt; their forward pass is one.
pub(crate) const PREFILL: u64 = 16;
const LAYERS: u64 = 8;

/// What one unit of work is taken to last, ns: it scales watts to joules. The real
/// time is the machine's business.
const UNIT_NS: u64 = 30_000;
/// Steps of arithmetic in a unit.
const UNIT_STEPS: u32 = 14_000;
/// Units between reports to the sensor.
const REPORT_UNITS: u64 = 4;

/// Operations and their units in one layer of one token; the order is that of the
/// sensor's watts.
const OPS: [(&str, u64); 10] = [
    ("input_norm", 1),
    ("q_proj", 3),
    ("k_proj", 1),
    ("v_proj", 1),
    ("scores", 4),
    ("o_proj", 3),
    ("gate_proj", 5),
    ("up_proj", 5),
    ("down_proj", 6),
    ("lm_head", 10),
];

/// Work done so far, and the work of each operation.
#[derive(Debug)]
pub(crate) struct WorkingProgram {
    factors: [f64; OPS.len()],
    done_ns: [u64; OPS.len()],
    /// Parts of units that were not done yet.
    owed: [f64; OPS.len()],
    report_file: Option<File>,
}

impl WorkingProgram {
    /// `more` is an operation and a factor of its work: `scores=1.2`.
    pub(crate) fn new(more: Option<&str>) -> Self {
        let more = more.and_then(|text| text.split_once('='));
        let factor = |name: &str| match more {
            Some((of, times)) if of == name => times.parse().expect("a number"),
            _ => 1.0,
        };
        let file = std::env::var_os("FAKE_POWERMETRICS_WORK_FILE");
        let mut program = Self {
            factors: OPS.map(|(name, _)| factor(name)),
            done_ns: [0; OPS.len()],
            owed: [0.0; OPS.len()],
            report_file: file.map(|path| File::create(path).expect("a file for the sensor")),
        };
        program.report();
        program
    }

    /// Reads the prompt and decodes that many tokens.
    pub(crate) fn run(&mut self, tokens: u64) {
        let _inference = info_span!("inference").entered();
        info_span!("prefill").in_scope(|| self.layers(PREFILL / 2));
        let _decode = info_span!("decode").entered();
        for token in 0..tokens {
            let _token = info_span!("token", token).entered();
            self.layers(1);
            trace_span!("lm_head").in_scope(|| self.work(9, 1));
        }
    }

    fn layers(&mut self, times: u64) {
        for layer in 0..LAYERS {
            let _layer = debug_span!("layer", layer).entered();
            trace_span!("input_norm").in_scope(|| self.work(0, times));
            debug_span!("attention").in_scope(|| {
                trace_span!("q_proj").in_scope(|| self.work(1, times));
                trace_span!("k_proj").in_scope(|| self.work(2, times));
                trace_span!("v_proj").in_scope(|| self.work(3, times));
                trace_span!("scores").in_scope(|| self.work(4, times));
                trace_span!("o_proj").in_scope(|| self.work(5, times));
            });
            debug_span!("mlp").in_scope(|| {
                trace_span!("gate_proj").in_scope(|| self.work(6, times));
                trace_span!("up_proj").in_scope(|| self.work(7, times));
                trace_span!("down_proj").in_scope(|| self.work(8, times));
            });
        }
    }

    /// Returns whole units; the remaining fraction is carried over.
    fn work(&mut self, op: usize, times: u64) {
        let owed = self.owed[op] + self.factors[op] * (OPS[op].1 * times) as f64;
        let units = owed.floor();
        self.owed[op] = owed - units;
        for unit in 1..=units as u64 {
            arithmetic();
            self.done_ns[op] += UNIT_NS;
            if unit % REPORT_UNITS == 0 || unit == units as u64 {
                self.report();
            }
        }
    }

    fn report(&mut self) {
        if let Some(file) = &self.report_file {
            let words = self.done_ns.map(u64::to_le_bytes);
            file.write_all_at(words.as_flattened(), 0)
                .expect("the sensor's file");
        }
    }
}

fn arithmetic() {
    let mut number = 1_u64;
    for _ in 0..UNIT_STEPS {
        number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005) | 1);
    }
}
