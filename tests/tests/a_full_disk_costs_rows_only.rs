//! A disk that is full while recording loses rows, which are counted; the traced program
//! continues, and earlier rows stay readable. A program of its own, because it limits the
//! size of all files that it writes.
#![cfg(unix)]

use std::path::Path;
use std::sync::Mutex;

use energy_tests::{StoredRun, modelled, tokens, until};
use tracing_energy::MemorySink;
use tracing_energy::RunSummary;
use tracing_subscriber::prelude::*;

/// The limit of file sizes is the process': one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Records spans into `path` before, while and after `fill` has taken the room
/// and `free` has given it back.
fn record(path: &Path, fill: impl FnOnce(), free: impl FnOnce()) -> (RunSummary, MemorySink) {
    let memory = MemorySink::new();
    let builder = modelled(path).sink(memory.clone());
    let (layer, guard) = builder.build().expect("a recording");
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let flush = |what: &str| {
            let before = memory.batches();
            until(what, || {
                tokens(20);
                memory.batches() > before + 3
            });
        };
        flush("batches before");
        fill();
        let is_reported = || {
            let events = memory.rows().events;
            events.iter().any(|event| event.kind == "sink_error")
        };
        until("the failure is reported", || {
            tokens(200);
            is_reported()
        });
        free();
        flush("batches after");
    });
    (guard.finish(), memory)
}

/// Checks what is left of a run that lost rows.
fn assert_readable(path: &Path, summary: &RunSummary, memory: &MemorySink, words: &str) {
    let is_reported = |text: &String| text.contains("energy.db") && text.contains(words);
    assert!(
        summary.warnings.iter().any(is_reported),
        "{:?}",
        summary.warnings
    );
    assert!(summary.lost > 0, "{summary:?}");
    let run = StoredRun::open(path, "last");
    let (kept, all) = (run.spans().len(), memory.rows().spans.len());
    assert!(kept > 0 && kept < all, "{kept} of {all}");
    assert_eq!(all as u64, summary.activations);
    assert_eq!(run.status, energy_data::rows::RunStatus::Complete);
    run.assert_closed();
    assert!(run.events("sink_error") > 0 && run.events("rows_dropped") > 0);
    let intact = run.store().connection();
    let verdict: String = intact
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("checked");
    assert_eq!(verdict, "ok");
    // Other sinks are complete, and the accounts do not depend on a sink.
    for rail in memory.rows().attribution.balance {
        assert!(energy_attribution::balances(&rail.accounts));
    }
}

/// Sets how large a file this process may write; beyond it a write fails.
fn limit_files(bytes: libc::rlim_t) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: plain system calls with a limit that outlives them. The signal that
    // would end the process is ignored, so that the write fails instead.
    let done = unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit);
        limit.rlim_cur = bytes.min(limit.rlim_max);
        libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit)
    };
    assert_eq!(done, 0);
}

#[test]
fn a_file_size_limit() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("energy.db");
    let (summary, memory) = record(
        &path,
        || limit_files(4096),
        || limit_files(libc::RLIM_INFINITY),
    );
    assert_readable(
        &path,
        &summary,
        &memory,
        "check the disk and its free space",
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_file_system() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().expect("a folder");
    let Some(mounted) = Mounted::small(folder.path()) else {
        eprintln!("SKIPPED: only root may mount a file system");
        return;
    };
    let path = folder.path().join("energy.db");
    let ballast = folder.path().join("ballast");
    let fill = || {
        let mut file = std::fs::File::create(&ballast).expect("a file");
        let block = vec![1; 4096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
    };
    let free = || std::fs::remove_file(&ballast).expect("removed");
    let (summary, memory) = record(&path, fill, free);
    assert_readable(&path, &summary, &memory, "free some disk space");
    drop(mounted);
}

/// A file system in memory, until it is dropped.
#[cfg(target_os = "linux")]
struct Mounted(std::ffi::CString);

#[cfg(target_os = "linux")]
impl Mounted {
    /// Of 8 MiB at `path`; none without the right to mount.
    fn small(path: &Path) -> Option<Self> {
        let target = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str());
        let target = std::ffi::CString::new(target).ok()?;
        let (kind, options) = (c"tmpfs", c"size=8m");
        // SAFETY: all are strings that end with zero and outlive the call.
        let done = unsafe {
            libc::mount(
                kind.as_ptr(),
                target.as_ptr(),
                kind.as_ptr(),
                0,
                options.as_ptr().cast(),
            )
        };
        (done == 0).then_some(Self(target))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Mounted {
    fn drop(&mut self) {
        // SAFETY: the string outlives the call. Files that are still open keep the
        // file system until they are closed.
        unsafe { libc::umount2(self.0.as_ptr(), libc::MNT_DETACH) };
    }
}
