//! The process of a run: `energy run`.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use energy_host::files::FileAccess;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};
use tokio::sync::watch;

use crate::format::escape;
use crate::options::duration_text;
use crate::program::{DATABASE, LAYER_DATABASE, READABLE_BY, RUN_ID, SYSTEM_TURN};
use crate::run::RunOptions;
use crate::run::options::name;

/// Time that a cancelled run has to store its end, before its process is killed.
const ENDING: Duration = Duration::from_secs(60);
/// Number of bytes of standard error that are kept.
const STDERR_TAIL: usize = 4000;
/// Variable with the token of the server, which the run does not need.
const TOKEN: &str = "ENERGY_TOKEN";

/// End of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ChildEnd {
    /// It recorded a complete run.
    Complete,
    /// It was cancelled; what it recorded is kept.
    Cancelled,
    /// It failed.
    Failed {
        /// What failed.
        message: String,
        /// Whether the request was wrong, not the machine.
        is_request: bool,
    },
}

/// Executes the run and waits for its end. Cancels it once `cancelled` becomes true.
pub(super) async fn execute(
    options: &RunOptions,
    run_id: &str,
    database: &Path,
    mut cancelled: watch::Receiver<bool>,
) -> ChildEnd {
    if *cancelled.borrow() {
        return ChildEnd::Cancelled;
    }
    let mut child = match start(options, run_id, database) {
        Ok(child) => child,
        Err(error) => return failed(format!("`energy run` cannot be started: {error}")),
    };
    if let Some(stdin) = child.stdin.take() {
        tokio::spawn(write_prompt(stdin, options.prompt.clone()));
    }
    let tail = child.stderr.take().map(|stderr| tokio::spawn(tail(stderr)));
    let mut is_cancelled = false;
    let status = tokio::select! {
        status = child.wait() => status,
        () = until_true(&mut cancelled) => {
            is_cancelled = true;
            end(&mut child).await
        }
    };
    let stderr = match tail {
        // A process that inherited standard error may keep it open.
        Some(tail) => tokio::time::timeout(Duration::from_secs(1), tail).await,
        None => Ok(Ok(String::new())),
    };
    let stderr = stderr.ok().and_then(Result::ok).unwrap_or_default();
    match status {
        Ok(status) if status.success() => ChildEnd::Complete,
        Ok(_) if is_cancelled => ChildEnd::Cancelled,
        Ok(status) => ChildEnd::Failed {
            message: message(status, &stderr),
            is_request: status.code() == Some(2),
        },
        Err(error) => failed(format!("the process of the run was lost: {error}")),
    }
}

async fn until_true(value: &mut watch::Receiver<bool>) {
    // The sender lives as long as the job.
    let _ = value.wait_for(|value| *value).await;
}

fn failed(message: String) -> ChildEnd {
    ChildEnd::Failed {
        message,
        is_request: false,
    }
}

fn start(options: &RunOptions, run_id: &str, database: &Path) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(words(options, database))
        .env(RUN_ID, run_id)
        .env(READABLE_BY, FileAccess::of_process().name())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    for variable in [TOKEN, DATABASE, LAYER_DATABASE, SYSTEM_TURN] {
        command.env_remove(variable);
    }
    command.envs(options.system.iter().map(|text| (SYSTEM_TURN, text)));
    // Ctrl-C on the terminal reaches the server only, which cancels the run in order.
    #[cfg(unix)]
    command.process_group(0);
    end_with_server(&mut command);
    command.spawn()
}

/// Makes the system cancel the run if the server is killed.
#[cfg(target_os = "linux")]
fn end_with_server(command: &mut Command) {
    let request = || {
        // SAFETY: a plain system call without pointers. The signal is sent when the thread that
        // starts the process ends; threads of the runtime live as long as the server.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec the closure only makes a system call, which is allowed there.
    unsafe { command.pre_exec(request) };
}

/// Other systems have no such signal: the run continues to its end.
#[cfg(not(target_os = "linux"))]
fn end_with_server(_command: &mut Command) {}

/// Returns the arguments of `energy` for this run. Prompt and system turn are not among them: other
/// users can read arguments. Values are joined to their option, so that none is taken for an option.
fn words(options: &RunOptions, database: &Path) -> Vec<OsString> {
    let recording = &options.recording;
    let mut database_word = OsString::from("--db=");
    database_word.push(database);
    let mut words = vec![
        "run".to_owned(),
        "--prompt-file=-".to_owned(),
        format!("--model={}", options.model),
        format!("--depth={}", name(&options.depth)),
        format!("--device={}", options.device),
        format!("--max-tokens={}", options.max_tokens),
        format!("--batch={}", options.batch),
        format!("--temperature={}", options.temperature),
        format!("--seed={}", options.seed),
        format!("--repeat-penalty={}", options.repeat_penalty),
        format!("--source={}", recording.power.source),
        format!("--interval={}", duration_text(recording.power.interval)),
        format!("--baseline={}", duration_text(recording.baseline)),
    ];
    words.extend(options.top_k.map(|top_k| format!("--top-k={top_k}")));
    words.extend(options.top_p.map(|top_p| format!("--top-p={top_p}")));
    words.extend(options.min_p.map(|min_p| format!("--min-p={min_p}")));
    words.extend(options.stop.iter().map(|text| format!("--stop={text}")));
    let chat = options.chat.iter();
    words.extend(chat.map(|(key, value)| format!("--chat={key}={value}")));
    let sets = options.stats.names();
    words.extend((!sets.is_empty()).then(|| format!("--stats={}", sets.join(","))));
    let thresholds = options.stats.thresholds.iter();
    words.extend(thresholds.map(|(kind, x)| format!("--stats-threshold={}={x}", name(kind))));
    words.extend(options.method.map(|method| format!("--method={method}")));
    words.extend(recording.name.as_ref().map(|name| format!("--name={name}")));
    let experiment = recording.experiment.as_ref();
    words.extend(experiment.map(|name| format!("--experiment={name}")));
    words.extend(
        recording
            .tags
            .iter()
            .map(|(key, value)| match value.is_empty() {
                true => format!("--tag={key}"),
                false => format!("--tag={key}={value}"),
            }),
    );
    words.extend(options.raw.then(|| "--raw".to_owned()));
    words.extend((!recording.keep_text).then(|| "--no-text".to_owned()));
    let words = words.into_iter().map(OsString::from);
    std::iter::once(database_word).chain(words).collect()
}

/// Writes the prompt and the line break that `--prompt-file` removes.
async fn write_prompt(mut stdin: ChildStdin, prompt: String) {
    let text = format!("{prompt}\n");
    // A process that has ended does not read it; its status is the reason.
    let _ = stdin.write_all(text.as_bytes()).await;
    let _ = stdin.shutdown().await;
}

/// Reads standard error to its end and returns the last part.
async fn tail(mut stderr: ChildStderr) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 1024]);
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..count]);
        if kept.len() > 2 * STDERR_TAIL {
            kept.drain(..kept.len() - STDERR_TAIL);
        }
    }
    let from = kept.len().saturating_sub(STDERR_TAIL);
    String::from_utf8_lossy(&kept[from..]).into_owned()
}

/// Returns the error that the process printed last, or its status.
fn message(status: ExitStatus, stderr: &str) -> String {
    let lines = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let errors = lines
        .clone()
        .filter_map(|line| line.strip_prefix("energy: "));
    let mut errors = errors.filter(|line| !line.starts_with("warning: "));
    match errors.next_back().or_else(|| lines.clone().next_back()) {
        Some(line) if status.code().is_some() => escape(line),
        _ => format!("the process of the run ended with {status}"),
    }
}

/// Ends the process in order: the run is stored as cancelled. Kills it if it does not end.
async fn end(child: &mut Child) -> io::Result<ExitStatus> {
    terminate(child);
    match tokio::time::timeout(ENDING, child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            child.kill().await?;
            child.wait().await
        }
    }
}

#[cfg(unix)]
fn terminate(child: &Child) {
    let pid = child.id().and_then(|pid| libc::pid_t::try_from(pid).ok());
    if let Some(pid) = pid {
        // SAFETY: a plain system call. `id` is known until the child is reaped, so no other
        // process has this pid.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        // A stopped process handles no signal until it continues.
        // SAFETY: as above.
        unsafe { libc::kill(pid, libc::SIGCONT) };
    }
}

#[cfg(not(unix))]
fn terminate(_child: &Child) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::SourceOptions;
    use crate::run::{MetricSet, StatisticsOptions, ThresholdKind};
    use clap::Parser as _;

    #[test]
    fn the_command_line_gives_the_requested_options() {
        let mut options = RunOptions {
            prompt: "secret".to_owned(),
            model: "--db=/x".to_owned(),
            device: "cuda:1".to_owned(),
            temperature: 0.7,
            top_k: Some(3),
            top_p: Some(0.5),
            min_p: Some(0.05),
            stop: vec!["--stop".to_owned(), "a,b".to_owned()],
            batch: 4,
            seed: 9,
            repeat_penalty: 1.1,
            raw: true,
            stats: StatisticsOptions {
                sets: vec![MetricSet::Default, MetricSet::Projections],
                thresholds: vec![(ThresholdKind::Zero, 0.001)],
            },
            max_tokens: 5,
            ..RunOptions::default()
        };
        options.recording.power = SourceOptions {
            interval: Duration::from_millis(50),
            ..SourceOptions::default()
        };
        options.recording.name = Some("--help".to_owned());
        options.recording.experiment = Some("-e".to_owned());
        options.recording.tags = vec![("a".into(), "b=c".into()), ("--d".into(), String::new())];
        options.recording.keep_text = false;
        options.recording.baseline = Duration::ZERO;
        let words = words(&options, Path::new("-x.db"));
        assert!(
            words
                .iter()
                .all(|word| !word.to_string_lossy().contains("secret"))
        );
        let words = std::iter::once(OsString::from("energy")).chain(words);
        let parsed = crate::cli::Cli::parse_from(words);
        assert_eq!(parsed.db, Path::new("-x.db"));
        let crate::cli::Command::Run(args) = parsed.command else {
            panic!("not a run");
        };
        let base = crate::experiment::TrialConfig::of(&args.options);
        let configs = args.factors.0.configs(&base).unwrap();
        let mut found = configs[0].config.options(&args.options);
        found.prompt = options.prompt.clone();
        assert_eq!(found, options);
    }
}
