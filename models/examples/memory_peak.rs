//! Predicted memory and the real peak of a process (Linux).
//!
//! ```text
//! cargo run --release -p energy-models --example memory_peak -- MODEL [TOKENS,TOKENS,...]
//! ```
//!
//! `MODEL` is a file or a folder; the example `random_model` writes one. Each number of tokens
//! is the length of a prompt, after which eight tokens are generated, in a process of its
//! own. Predicted is [`Memory::peak`](energy_models::Memory::peak) plus what the process needed
//! before loading; real is the most memory that the process had. `MEMORY_PEAK_DEPTH=deep`
//! runs decomposed kernels.

#![expect(clippy::print_stdout, reason = "printing is what this example is for")]

use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, ExitCode};

use energy_models::{Checkpoint, Depth, GenerateOptions, LoadOptions, generate};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Set in the processes that are measured: the length of the prompt.
const CHILD: &str = "MEMORY_PEAK_TOKENS";
/// Generated tokens.
const OUTPUT: usize = 8;

fn main() -> ExitCode {
    match compare() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("memory_peak: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: memory_peak FILE [TOKENS,...]";
    let model = arguments.next().ok_or(usage)?;
    if let Ok(tokens) = std::env::var(CHILD) {
        return measure(Path::new(&model), tokens.parse()?);
    }
    let tokens = arguments.next().unwrap_or("8,128,6000".to_owned());
    println!("| {model} | predicted MB | real MB | predicted / real |\n|---|---|---|---|");
    for tokens in tokens.split(',') {
        let mut child = Command::new(std::env::current_exe()?);
        let output = child.arg(&model).env(CHILD, tokens).output()?;
        let text = String::from_utf8(output.stdout)?;
        let numbers: Vec<f64> = text
            .split_whitespace()
            .filter_map(|n| n.parse().ok())
            .collect();
        let [predicted, real] = numbers[..] else {
            let error = String::from_utf8_lossy(&output.stderr);
            return Err(error.trim().trim_start_matches("memory_peak: ").into());
        };
        println!(
            "| {tokens} | {predicted:.0} | {real:.0} | {:.2} |",
            predicted / real
        );
    }
    Ok(())
}

/// Prints megabytes predicted and real.
fn measure(path: &Path, tokens: usize) -> Outcome<()> {
    let depth = std::env::var("MEMORY_PEAK_DEPTH").unwrap_or("module".to_owned());
    let depth: Depth = depth.parse()?;
    let options = LoadOptions {
        depth,
        ..LoadOptions::default()
    };
    let checkpoint = Checkpoint::open(path)?;
    let before = status("VmRSS")?;
    let memory = checkpoint.memory(&options);
    let prompt = prompt(&checkpoint, tokens)?;
    let mut model = checkpoint.load(&options, &mut |_| ())?;
    let options = GenerateOptions {
        max_tokens: OUTPUT,
        raw: true,
        ..GenerateOptions::default()
    };
    let done = generate(&mut model, &prompt, &options, |_| ControlFlow::Continue(()))?;
    let predicted = memory.peak(done.input_tokens, OUTPUT) + before;
    println!(
        "{} {}",
        predicted as f64 / 1e6,
        status("VmHWM")? as f64 / 1e6
    );
    Ok(())
}

/// Returns a text of about this many tokens.
fn prompt(checkpoint: &Checkpoint, tokens: usize) -> Outcome<String> {
    let each = checkpoint.tokenizer().encode(&" the".repeat(64))?.len();
    Ok(" the".repeat((tokens * 64 / each.max(1)).max(1)))
}

/// Returns a line of this process's status in bytes.
fn status(name: &str) -> Outcome<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.ok_or("no such line")?.parse::<u64>()? * 1024)
}
