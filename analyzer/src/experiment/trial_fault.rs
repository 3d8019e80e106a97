//! Why a trial counts as failed after the end of its process.

use std::time::Duration;

use crate::options::duration_text;
use crate::program::ProgramExit;

/// Stored status of a run that counts.
const COMPLETE: &str = "complete";

/// Returns why a trial failed; `None` if its run counts. `status` is the stored status of its run,
/// `None` if the run is not in the file; `limit` is the longest time of a run.
pub(super) fn fault(
    exit: &ProgramExit,
    status: Option<&str>,
    limit: Option<Duration>,
) -> Option<String> {
    if let Some(limit) = limit.filter(|_| exit.has_timed_out) {
        let limit = duration_text(limit);
        return Some(format!("timeout: it took longer than {limit}"));
    }
    if let Some(signal) = killed_by(exit) {
        // A complete run was killed after its work.
        return (status != Some(COMPLETE)).then(|| killed_text(signal));
    }
    if let Some(failure) = exit.failure() {
        return Some(failure);
    }
    match status {
        Some(COMPLETE) => None,
        Some(other) => Some(format!("its run is {other}; complete runs are required")),
        None => Some("it recorded no run".to_owned()),
    }
}

#[cfg(unix)]
fn killed_by(exit: &ProgramExit) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt as _;
    exit.status.signal()
}

#[cfg(not(unix))]
fn killed_by(_exit: &ProgramExit) -> Option<i32> {
    None
}

fn killed_text(signal: i32) -> String {
    let text = format!("killed by signal {signal}");
    match signal {
        9 => text + "; if memory ran out, use a smaller model, batch or context",
        _ => text,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    fn exit(status: i32, has_timed_out: bool) -> ProgramExit {
        ProgramExit {
            status: ExitStatus::from_raw(status),
            stderr: b"energy: no memory".to_vec(),
            has_timed_out,
        }
    }

    #[test]
    fn a_trial_counts_if_its_run_is_complete_and_its_process_succeeded() {
        let limit = Some(Duration::from_secs(5));
        let text = |exit: &ProgramExit, status| fault(exit, status, limit).unwrap_or_default();
        let (success, code, killed) = (exit(0, false), exit(1 << 8, false), exit(9, false));
        assert_eq!(text(&success, Some("complete")), "");
        assert!(text(&success, Some("cancelled")).contains("its run is cancelled"));
        assert_eq!(text(&success, None), "it recorded no run");
        assert!(text(&code, Some("complete")).contains("no memory"));
        assert_eq!(text(&killed, Some("complete")), "");
        assert!(text(&killed, Some("running")).contains("if memory ran out"));
        assert!(text(&exit(15, false), None).contains("signal 15"));
        let timed_out = text(&exit(15, true), Some("cancelled"));
        assert_eq!(timed_out, "timeout: it took longer than 5s");
    }
}
