//! CPU time of the traced thread per span with two fields, compared with other
//! subscribers in one run: `cargo bench -p energy-tests --bench cost_per_span`.
//!
//! Each round measures every subscriber once, interleaved, so that a drift of the
//! machine affects all of them; the median over rounds is printed, and its ratio to
//! `Registry` with a layer that does nothing. Spans come in bursts with pauses, so the
//! cost of recording is measured, not waiting for memory. Subjects can be selected by a
//! part of their name: `.. --bench cost_per_span -- ours`.

use std::time::Duration;

use energy_power::SourceChoice;
use energy_power::cpu_time;
use tracing::info_span;
use tracing_energy::{Detail, EnergyLayer};
use tracing_subscriber::Layer;
use tracing_subscriber::prelude::*;

const ROUNDS: usize = 7;
const BURSTS: u32 = 20;
const SPANS: u64 = 5_000;

struct Nothing;

impl<S: tracing::Subscriber> Layer<S> for Nothing {}

/// CPU nanoseconds per span of this thread over all bursts.
fn bursts(mut burst: impl FnMut()) -> f64 {
    burst();
    let mut nanos = 0;
    for _ in 0..BURSTS {
        std::thread::sleep(Duration::from_millis(20));
        let begin = cpu_time::current_thread().unwrap_or_default();
        burst();
        nanos += (cpu_time::current_thread().unwrap_or_default() - begin).nanos();
    }
    nanos as f64 / (f64::from(BURSTS) * SPANS as f64)
}

fn spans() {
    for number in 0..SPANS {
        let _entered = info_span!("work", number, next = number + 1).entered();
    }
}

fn under(subscriber: impl Into<tracing::Dispatch>) -> f64 {
    tracing::dispatcher::with_default(&subscriber.into(), || bursts(spans))
}

fn ours(detail: Detail) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let (layer, guard) = EnergyLayer::builder()
        .database(folder.path().join("energy.db"))
        .source(SourceChoice::Modelled)
        .detail(detail)
        .build()
        .expect("a recording");
    let nanos = under(tracing_subscriber::registry().with(layer));
    let _ = guard.finish();
    nanos
}

fn chrome(args: bool) -> f64 {
    let builder = tracing_chrome::ChromeLayerBuilder::new().writer(std::io::sink());
    let (layer, _guard) = builder.include_args(args).build();
    under(tracing_subscriber::registry().with(layer))
}

fn flame() -> f64 {
    under(tracing_subscriber::registry().with(tracing_flame::FlameLayer::new(std::io::sink())))
}

fn fast() -> f64 {
    struct Reporter;
    impl fastrace::collector::Reporter for Reporter {
        fn report(&mut self, _: Vec<fastrace::collector::SpanRecord>) {}
    }
    fastrace::set_reporter(Reporter, fastrace::collector::Config::default());
    let nanos = bursts(|| {
        let root = fastrace::Span::root("root", fastrace::collector::SpanContext::random());
        let _parent = root.set_local_parent();
        for number in 0..SPANS {
            let _span = fastrace::local::LocalSpan::enter_with_local_parent("work")
                .with_properties(|| {
                    [
                        ("number", number.to_string()),
                        ("next", (number + 1).to_string()),
                    ]
                });
        }
    });
    fastrace::flush();
    nanos
}

/// A name, and a function that measures CPU nanoseconds per span.
type Subject = (&'static str, fn() -> f64);

fn main() {
    let subjects: [Subject; 8] = [
        ("Registry and a layer that does nothing", || {
            under(tracing_subscriber::registry().with(Nothing))
        }),
        ("no subscriber", || bursts(spans)),
        ("ours, Spans", || ours(Detail::Spans)),
        ("ours, Nodes", || ours(Detail::Nodes)),
        ("tracing-chrome without args", || chrome(false)),
        ("tracing-chrome with args", || chrome(true)),
        ("tracing-flame", flame),
        ("fastrace (its own API)", fast),
    ];
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let subjects: Vec<Subject> = subjects
        .into_iter()
        .enumerate()
        .filter(|(at, (name, _))| {
            *at == 0 || wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()))
        })
        .map(|(_, subject)| subject)
        .collect();
    let mut rounds = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for (nanos, (_, measure)) in rounds.iter_mut().zip(&subjects) {
            nanos.push(measure());
        }
    }
    let median = |nanos: &Vec<f64>| {
        let mut sorted = nanos.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    };
    let reference = median(&rounds[0]);
    eprintln!(
        "{:<40} {:>9} {:>7}",
        "CPU time per span, two fields", "ns", "ratio"
    );
    for ((name, _), nanos) in subjects.iter().zip(&rounds) {
        eprintln!(
            "{name:<40} {:>9.1} {:>7.2}",
            median(nanos),
            median(nanos) / reference
        );
    }
}
