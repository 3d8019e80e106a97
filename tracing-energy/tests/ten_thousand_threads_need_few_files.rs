//! Ten thousand threads with spans and a limit of 256 open files: a perf event is closed
//! with its thread, few are open at once, and no recording fails for lack of a file. A
//! program of its own, because it limits and counts the files of the process.
#![cfg(target_os = "linux")]

use std::sync::atomic::{AtomicUsize, Ordering};

use energy_power::SourceChoice;
use tracing::info_span;
use tracing_energy::EnergyLayer;
use tracing_energy::MemorySink;
use tracing_subscriber::prelude::*;

const FILES: u64 = 256;
const THREADS: usize = 10_000;
const AT_ONCE: usize = 100;

fn permit_files(files: u64) {
    let limit = libc::rlimit {
        rlim_cur: files,
        rlim_max: files,
    };
    // SAFETY: `limit` lives during the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}

/// Perf events that this process has open.
fn events() -> usize {
    let files = std::fs::read_dir("/proc/self/fd").expect("open files");
    let targets = files
        .flatten()
        .filter_map(|file| std::fs::read_link(file.path()).ok());
    targets
        .filter(|target| target.to_string_lossy().contains("perf_event"))
        .count()
}

#[test]
fn ten_thousand_threads_need_few_files() {
    permit_files(FILES);
    let memory = MemorySink::new();
    let builder = EnergyLayer::builder()
        .sink(memory.clone())
        .source(SourceChoice::Modelled);
    let (layer, guard) = builder.build().expect("a recording");
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(layer));
    let most = AtomicUsize::new(0);
    for _ in 0..THREADS / AT_ONCE {
        std::thread::scope(|scope| {
            for at in 0..AT_ONCE {
                let (dispatch, most) = (&dispatch, &most);
                scope.spawn(move || {
                    tracing::dispatcher::with_default(dispatch, || {
                        let _entered = info_span!("work").entered();
                        if at == AT_ONCE / 2 {
                            most.fetch_max(events(), Ordering::Relaxed);
                        }
                    });
                });
            }
        });
    }
    drop(dispatch);
    let summary = guard.finish();
    assert_eq!(summary.activations, THREADS as u64);
    assert_eq!(summary.lost, 0, "{:?}", summary.warnings);
    let most = most.into_inner();
    assert!(most as u64 <= FILES / 16, "{most} events at once");
    assert_eq!(events(), 0, "no event outlives its thread");
    // Every thread's CPU time until its end is there, in a few rows: one ends at each edge of
    // its span and one at its end, and one more if it was read in between.
    let rows = memory.rows();
    let threads = rows.threads.len();
    let cpu = rows.cpu.len();
    assert!(
        threads >= THREADS && (THREADS / 2..5 * THREADS).contains(&cpu),
        "{threads}, {cpu}"
    );
}
