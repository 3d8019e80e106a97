//! Behaves like Apple's powermetrics: its arguments, its documents, its ways to
//! fail.
//!
//! It integrates a given power, so that a test knows the energy that must be measured:
//!
//! | variable | meaning |
//! |---|---|
//! | `FAKE_POWERMETRICS_WATTS` | `cpu=4@0,14@2.5s;gpu=0.5`: watts of each rail, each from a time since the start |
//! | `FAKE_POWERMETRICS_BUSY_WATTS` | `4,10`: idle watts of the cpu, and watts for each processor that the recorder or the fake itself keeps busy |
//! | `FAKE_POWERMETRICS_WATTS_FILE` | lines `rail watts`, read again every millisecond |
//! | `FAKE_POWERMETRICS_ENERGY_FILE` | lines `rail joules`, a growing total; a lone number is the cpu's |
//! | `FAKE_POWERMETRICS_WORK_FILE` | work done of each kind, nanoseconds as little-endian words of 8 bytes |
//! | `FAKE_POWERMETRICS_WORK_WATTS` | `1,9,13`: idle watts of the cpu, and watts of each kind of work in that file |
//! | `FAKE_POWERMETRICS_NOISE` | `seed=7,run=0.03,drift=0.02,count=FILE`: work's energy varies from start to start; FILE counts them |
//! | `FAKE_POWERMETRICS_BURN` | `0.3`: the sensor itself keeps a processor busy for this part of the time |
//! | `FAKE_POWERMETRICS_BURN_FROM` | it does so from when this file exists |
//! | `FAKE_POWERMETRICS_TRUTH_FILE` | at the end, `rail joules` lines of what was printed are written here |
//! | `FAKE_POWERMETRICS_START_FILE` | when the first sample starts, nanoseconds since 1970, is written here |
//! | `FAKE_POWERMETRICS_STRETCH` | real interval over requested one, e.g. `1.05` (the default) |
//! | `FAKE_POWERMETRICS_MACOS` | major version: 12 knows no `ane_power`, 13 to 15 print gpu keys twice |
//! | `FAKE_POWERMETRICS_MISBEHAVE` | comma list, below |
//!
//! Misbehaviour: `sudo` (its refusal, exit 1), `superuser` (powermetrics' own),
//! `die:N` (exit 1 after N documents), `die-once:N:FILE` (the same unless FILE
//! exists; makes it), `initial` (a first document that is no difference), `nan`,
//! `warning:N` (a line of text inside document N), `cut:N` (document N is cut
//! and the process ends), `ignore-term`, `silent` (no documents), `no-power`,
//! `late-cpu:N` (the first N documents have no processor).
//!
//! The files replace each other in the order of the table's rows, last one first.

#[path = "../fake_powermetrics/mod.rs"]
mod fake_powermetrics;

use std::process::ExitCode;
use std::time::Instant;

use fake_powermetrics::arguments::PowermetricsArguments;
use fake_powermetrics::busy::burn_from_environment;
use fake_powermetrics::document::{DocumentSample, document};
use fake_powermetrics::faults::RequestedFaults;
use fake_powermetrics::meter::FakeMeter;
use fake_powermetrics::{print, signals};

fn main() -> ExitCode {
    let faults = RequestedFaults::from_environment();
    if let Some(code) = faults.refusal() {
        return code;
    }
    let arguments = match PowermetricsArguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("powermetrics: {message}");
            return ExitCode::from(64);
        }
    };
    signals::install(faults.has("ignore-term"));
    burn_from_environment();
    let mut meter = FakeMeter::new();
    let code = run(&arguments, &faults, &mut meter);
    meter.write_truth();
    code
}

fn run(
    arguments: &PowermetricsArguments,
    faults: &RequestedFaults,
    meter: &mut FakeMeter,
) -> ExitCode {
    let mut started = Instant::now();
    meter.write_start();
    if faults.has("initial")
        && !print(&document(
            arguments,
            faults,
            &DocumentSample::initial(),
            false,
        ))
    {
        return ExitCode::SUCCESS;
    }
    let mut printed = u64::from(faults.has("initial"));
    for number in 1..=arguments.count {
        let elapsed = meter.wait(started, arguments.interval);
        started += elapsed;
        if signals::ending() {
            return ExitCode::SUCCESS;
        }
        if faults.has("silent") {
            continue;
        }
        let sample = DocumentSample {
            elapsed,
            millijoules: meter.take(),
            number,
        };
        let mut text = document(arguments, faults, &sample, true);
        if printed > 0 {
            text.insert(0, '\0');
        }
        let cut = faults.number("cut") == Some(number);
        if cut {
            text.truncate(text.len() / 2);
        }
        if !print(&text) || cut {
            return ExitCode::SUCCESS;
        }
        printed += 1;
        meter.count(&sample);
        if faults.dies_after(number) {
            eprintln!("Second underflow occured.");
            return ExitCode::from(1);
        }
    }
    ExitCode::SUCCESS
}
