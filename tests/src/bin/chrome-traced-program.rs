//! A program without energy measurement: it writes its spans with tracing-chrome, into the
//! working folder, under that crate's own name. `chrome-traced-program WATTS_FILE`.
//!
//! It writes the power of its work to the file, which a fake sensor reads.

use std::path::PathBuf;
use std::time::Duration;

use energy_tests::{burn, write_whole};
use tracing::info_span;
use tracing_chrome::ChromeLayerBuilder;
use tracing_subscriber::prelude::*;

/// Pieces of work.
const PIECES: u64 = 30;
const IDLE_W: f64 = 4.0;

/// Kinds of work, by what they draw above idle.
const KINDS: [(&str, f64); 3] = [("parse", 6.0), ("solve", 16.0), ("store", 10.0)];

fn main() {
    let watts = PathBuf::from(std::env::args().nth(1).expect("the sensor's file"));
    let draw = |more: f64| write_whole(&watts, &format!("cpu {}", IDLE_W + more));
    let (layer, guard) = ChromeLayerBuilder::new().include_args(true).build();
    tracing_subscriber::registry().with(layer).init();
    let mut number = 7_u64;
    let mut random = |below: u64| {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (number >> 33) % below
    };
    for piece in 0..PIECES {
        let (name, more) = KINDS[random(3) as usize];
        let time = Duration::from_millis(60 + random(240));
        draw(more);
        match name {
            "parse" => info_span!("parse", piece).in_scope(|| burn(time)),
            "solve" => info_span!("solve", piece).in_scope(|| burn(time)),
            _ => info_span!("store", piece).in_scope(|| burn(time)),
        }
        draw(0.0);
        std::thread::sleep(Duration::from_millis(random(120)));
    }
    drop(guard);
}
