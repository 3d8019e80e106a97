//! Behaves like Apple's powermetrics: its arguments, its documents, its ways to
//! fail. Plain standard library, so that `rustc -O` alone builds it.
//!
//! It integrates a true power, so that a test knows what must be measured:
//!
//! | variable | meaning |
//! |---|---|
//! | `FAKE_POWERMETRICS_WATTS` | `cpu=4@0,14@2.5s;gpu=0.5`: watts of each rail, each from a time since the start |
//! | `FAKE_POWERMETRICS_WATTS_FILE` | lines `rail watts`, read again every millisecond |
//! | `FAKE_POWERMETRICS_ENERGY_FILE` | lines `rail joules`, a growing total; a lone number is the cpu's |
//! | `FAKE_POWERMETRICS_TRUTH_FILE` | at the end, `rail joules` lines of what was printed are written here |
//! | `FAKE_POWERMETRICS_STRETCH` | real interval over wished one, e.g. `1.05` (the default) |
//! | `FAKE_POWERMETRICS_MACOS` | major version: 12 knows no `ane_power`, 13 to 15 print gpu keys twice |
//! | `FAKE_POWERMETRICS_MISBEHAVE` | comma list, below |
//!
//! Misbehaviour: `sudo` (its refusal, exit 1), `superuser` (powermetrics' own),
//! `die:N` (exit 1 after N documents), `die-once:N:FILE` (the same unless FILE
//! exists; makes it), `initial` (a first document that is no difference), `nan`,
//! `warning:N` (a line of text inside document N), `cut:N` (document N is cut
//! and the process ends), `ignore-term`, `silent` (no documents), `no-power`.
//!
//! The files replace each other in the order of the table's rows, last one first.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

const RAILS: [&str; 3] = ["cpu", "gpu", "ane"];
const TICK: Duration = Duration::from_millis(1);

/// Set by SIGTERM and SIGINT: the real one ends and loses its partial interval.
static ENDING: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let faults = Faults::from_environment();
    if let Some(code) = faults.refusal() {
        return code;
    }
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("powermetrics: {message}");
            return ExitCode::from(64);
        }
    };
    signals::install(faults.has("ignore-term"));
    let mut meter = Meter::new();
    let code = run(&arguments, &faults, &mut meter);
    meter.write_truth();
    code
}

fn run(arguments: &Arguments, faults: &Faults, meter: &mut Meter) -> ExitCode {
    let mut started = Instant::now();
    if faults.has("initial") && !print(&document(arguments, faults, &Sample::initial(), false)) {
        return ExitCode::SUCCESS;
    }
    let mut printed = u64::from(faults.has("initial"));
    for number in 1..=arguments.count {
        let elapsed = meter.wait(started, arguments.interval);
        started += elapsed;
        if ENDING.load(Ordering::SeqCst) {
            return ExitCode::SUCCESS;
        }
        if faults.has("silent") {
            continue;
        }
        let sample = Sample {
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

/// False once nobody reads any more.
fn print(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .is_ok()
}

/// What is understood of the command line.
struct Arguments {
    interval: Duration,
    count: u64,
    samplers: Vec<String>,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self {
            interval: Duration::from_millis(5000),
            count: u64::MAX,
            samplers: vec!["cpu_power".into(), "gpu_power".into(), "thermal".into()],
        };
        while let Some(flag) = arguments.next() {
            let value = arguments.next().ok_or(format!("{flag} needs a value"))?;
            let number = || {
                value
                    .parse::<i64>()
                    .map_err(|_| format!("invalid value {value}"))
            };
            match flag.as_str() {
                "-i" | "--sample-rate" => {
                    parsed.interval = Duration::from_millis(number()?.max(1) as u64);
                }
                "-n" | "--sample-count" => {
                    parsed.count = u64::try_from(number()?)
                        .ok()
                        .filter(|&n| n > 0)
                        .unwrap_or(u64::MAX);
                }
                "-s" | "--samplers" => {
                    parsed.samplers = value.split(',').map(str::to_owned).collect();
                }
                "-f" | "--format" if value == "plist" => {}
                "-b" | "--buffer-size" => {}
                _ => return Err(format!("this fake does not know {flag} {value}")),
            }
        }
        let known = |sampler: &&String| match sampler.as_str() {
            "cpu_power" | "gpu_power" | "thermal" => true,
            "ane_power" => macos() >= 13,
            _ => false,
        };
        match parsed.samplers.iter().find(|sampler| !known(sampler)) {
            Some(sampler) => Err(format!("unrecognized sampler: {sampler}")),
            None => Ok(parsed),
        }
    }

    fn asks(&self, sampler: &str) -> bool {
        self.samplers.iter().any(|asked| asked == sampler)
    }
}

fn macos() -> u32 {
    variable("MACOS")
        .and_then(|text| text.parse().ok())
        .unwrap_or(15)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(format!("FAKE_POWERMETRICS_{name}")).ok()
}

/// The ways to fail that were asked for.
struct Faults(Vec<String>);

impl Faults {
    fn from_environment() -> Self {
        let list = variable("MISBEHAVE").unwrap_or_default();
        Self(list.split(',').map(str::to_owned).collect())
    }

    fn has(&self, fault: &str) -> bool {
        self.0.iter().any(|asked| asked == fault)
    }

    fn number(&self, fault: &str) -> Option<u64> {
        let values = self
            .0
            .iter()
            .filter_map(|asked| asked.strip_prefix(fault)?.strip_prefix(':'));
        values.into_iter().find_map(|value| value.parse().ok())
    }

    fn refusal(&self) -> Option<ExitCode> {
        if self.has("sudo") {
            eprintln!("sudo: a password is required");
            return Some(ExitCode::from(1));
        }
        if self.has("superuser") {
            print("powermetrics must be invoked as the superuser\n");
            return Some(ExitCode::from(1));
        }
        None
    }

    fn dies_after(&self, number: u64) -> bool {
        self.number("die").is_some_and(|after| number >= after) || self.dies_once(number)
    }

    fn dies_once(&self, number: u64) -> bool {
        let asked = self
            .0
            .iter()
            .find_map(|fault| fault.strip_prefix("die-once:"));
        let Some((after, file)) = asked.and_then(|asked| asked.split_once(':')) else {
            return false;
        };
        let due = after.parse().is_ok_and(|after: u64| number >= after);
        // `create_new` fails where a process before this one has died already.
        due && std::fs::File::create_new(file).is_ok()
    }
}

/// Integrates the true power of each rail.
struct Meter {
    source: Source,
    born: Instant,
    joules: BTreeMap<String, f64>,
    /// Whole millijoules printed so far; the rest is carried on.
    printed: BTreeMap<String, i64>,
    counted: BTreeMap<String, i64>,
}

/// Where the power comes from.
enum Source {
    Steps(BTreeMap<String, Vec<(f64, f64)>>),
    WattsFile(String, BTreeMap<String, f64>),
    EnergyFile(String, BTreeMap<String, f64>),
}

impl Source {
    fn from_environment() -> Self {
        if let Some(file) = variable("ENERGY_FILE") {
            let start = read_table(&file).unwrap_or_default();
            return Self::EnergyFile(file, start);
        }
        if let Some(file) = variable("WATTS_FILE") {
            let start = read_table(&file).unwrap_or_default();
            return Self::WattsFile(file, start);
        }
        let steps = variable("WATTS").unwrap_or_else(|| "cpu=4;gpu=0.5".into());
        Self::Steps(parse_steps(&steps))
    }
}

/// `cpu=4@0,14@2.5s;gpu=0.5` to watts from seconds on.
fn parse_steps(text: &str) -> BTreeMap<String, Vec<(f64, f64)>> {
    let rail = |part: &str| {
        let (rail, steps) = part.split_once('=')?;
        let steps = steps.split(',').filter_map(|step| {
            let (watts, from) = step.split_once('@').unwrap_or((step, "0"));
            let from = from.trim().trim_end_matches('s').parse().ok()?;
            Some((from, watts.trim().parse().ok()?))
        });
        Some((rail.trim().to_owned(), steps.collect()))
    };
    text.split(';').filter_map(rail).collect()
}

/// Joules of one rail from its birth to `time`: exact, not sampled.
fn step_joules(steps: &[(f64, f64)], time: f64) -> f64 {
    let ends = steps
        .iter()
        .skip(1)
        .map(|step| step.0)
        .chain([f64::INFINITY]);
    let pieces = steps.iter().zip(ends);
    pieces
        .map(|(&(from, watts), end)| watts * (end.min(time) - from).max(0.0))
        .sum()
}

fn read_table(file: &str) -> Option<BTreeMap<String, f64>> {
    let text = std::fs::read_to_string(file).ok()?;
    let row = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [number] => Some(("cpu".to_owned(), number.parse().ok()?)),
            [rail, number] => Some((rail.to_owned(), number.parse().ok()?)),
            _ => None,
        }
    };
    // A file that is just being written is empty: the last table holds on.
    let table: BTreeMap<_, _> = text.lines().filter_map(row).collect();
    (!table.is_empty()).then_some(table)
}

impl Meter {
    fn new() -> Self {
        Self {
            source: Source::from_environment(),
            born: Instant::now(),
            joules: BTreeMap::new(),
            printed: BTreeMap::new(),
            counted: BTreeMap::new(),
        }
    }

    /// Waits for an interval from `started` and says how long it really was.
    fn wait(&mut self, started: Instant, interval: Duration) -> Duration {
        let stretch = variable("STRETCH")
            .and_then(|text| text.parse().ok())
            .unwrap_or(1.05);
        let end = started + interval.mul_f64(stretch);
        let mut last = Instant::now().max(started);
        while last < end && !ENDING.load(Ordering::SeqCst) {
            std::thread::sleep(TICK.min(end.saturating_duration_since(Instant::now())));
            let now = Instant::now();
            self.poll(last, now);
            last = now;
        }
        last.duration_since(started)
    }

    fn poll(&mut self, last: Instant, now: Instant) {
        let seconds = (now - last).as_secs_f64();
        match &mut self.source {
            Source::Steps(rails) => {
                let time = now.duration_since(self.born).as_secs_f64();
                for (rail, steps) in rails {
                    self.joules.insert(rail.clone(), step_joules(steps, time));
                }
            }
            Source::WattsFile(file, watts) => {
                *watts = read_table(file).unwrap_or_else(|| watts.clone());
                for (rail, watts) in watts {
                    *self.joules.entry(rail.clone()).or_default() += *watts * seconds;
                }
            }
            Source::EnergyFile(file, start) => {
                for (rail, total) in read_table(file).unwrap_or_default() {
                    let start = *start.entry(rail.clone()).or_insert(0.0);
                    self.joules.insert(rail, total - start);
                }
            }
        }
    }

    /// Whole millijoules since the last take, for each rail.
    fn take(&mut self) -> [i64; 3] {
        RAILS.map(|rail| {
            let total = (self.joules.get(rail).copied().unwrap_or(0.0) * 1e3).floor() as i64;
            let printed = self.printed.entry(rail.to_owned()).or_default();
            let new = (total - *printed).max(0);
            *printed += new;
            new
        })
    }

    fn count(&mut self, sample: &Sample) {
        for (rail, millijoules) in RAILS.iter().zip(sample.millijoules) {
            *self.counted.entry((*rail).to_owned()).or_default() += millijoules;
        }
    }

    fn write_truth(&self) {
        let Some(file) = variable("TRUTH_FILE") else {
            return;
        };
        let mut text = String::new();
        for (rail, millijoules) in &self.counted {
            let _ = writeln!(text, "{rail} {}", *millijoules as f64 / 1e3);
        }
        let written = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            eprintln!("fake powermetrics: truth file: {error}");
        }
    }
}

/// What one document tells.
struct Sample {
    elapsed: Duration,
    millijoules: [i64; 3],
    number: u64,
}

impl Sample {
    /// Since boot: must not be added up.
    fn initial() -> Self {
        Self {
            elapsed: Duration::from_secs(3600),
            millijoules: [9_999_999; 3],
            number: 0,
        }
    }
}

fn document(arguments: &Arguments, faults: &Faults, sample: &Sample, delta: bool) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n",
    );
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let build = match macos() {
        12 => "21G115",
        13 => "22E252",
        14 => "23E224",
        15 => "24F74",
        _ => "25C56",
    };
    let _ = write!(
        text,
        "<key>is_delta</key><{delta}/>\n\
         <key>elapsed_ns</key><integer>{}</integer>\n\
         <key>hw_model</key><string>Mac16,8</string>\n\
         <key>kern_osversion</key><string>{build}</string>\n\
         <key>kern_bootargs</key><string></string>\n\
         <key>kern_boottime</key><integer>1749599892</integer>\n\
         <key>timestamp</key><date>{}</date>\n",
        sample.elapsed.as_nanos(),
        date(now.as_secs())
    );
    if arguments.asks("cpu_power") && !faults.has("no-power") {
        processor(&mut text, sample);
    }
    if faults.number("warning") == Some(sample.number) && delta {
        text.push_str("warning: time went backwards by 12345 ns\n");
    }
    if arguments.asks("thermal") {
        text.push_str("<key>thermal_pressure</key><string>Nominal</string>\n");
    }
    if arguments.asks("gpu_power") && !faults.has("no-power") {
        gpu(&mut text, sample, faults.has("nan"));
    }
    text.push_str("</dict>\n</plist>\n");
    text
}

fn processor(text: &mut String, sample: &Sample) {
    text.push_str(
        "<key>processor</key>\n<dict>\n<key>clusters</key>\n<array>\n<dict>\n\
         <key>name</key><string>E-Cluster</string>\n\
         <key>hw_resid_counters</key><true/>\n\
         <key>freq_hz</key><real>1.02287e+09</real>\n\
         <key>idle_ns</key><integer>1560486833</integer>\n\
         <key>idle_ratio</key><real>0.772993</real>\n</dict>\n</array>\n",
    );
    let seconds = sample.elapsed.as_secs_f64();
    for (rail, millijoules) in RAILS.iter().zip(sample.millijoules) {
        let milliwatts = six_digits(millijoules as f64 / seconds);
        let _ = write!(
            text,
            "<key>{rail}_energy</key>\n<integer>{millijoules}</integer>\n\
             <key>{rail}_power</key>\n<real>{milliwatts}</real>\n"
        );
    }
    let combined: i64 = sample.millijoules.iter().sum();
    let _ = write!(
        text,
        "<key>combined_power</key>\n<real>{}</real>\n</dict>\n",
        six_digits(combined as f64 / seconds)
    );
}

/// macOS 13 to 15 print the idle keys twice.
fn gpu(text: &mut String, sample: &Sample, nan: bool) {
    let ratio = if nan { "nan" } else { "0.983341" };
    let idle = format!(
        "<key>idle_ns</key><integer>{}</integer>\n<key>idle_ratio</key><real>{ratio}</real>\n",
        sample.elapsed.as_nanos()
    );
    let again = if (13..=15).contains(&macos()) {
        idle.as_str()
    } else {
        ""
    };
    let _ = write!(
        text,
        "<key>gpu</key>\n<dict>\n<key>freq_hz</key><real>338</real>\n{idle}\
         <key>dvfm_states</key>\n<array>\n<dict>\n<key>freq</key><integer>338</integer>\n\
         <key>used_ns</key><integer>0</integer>\n<key>used_ratio</key><real>0</real>\n\
         </dict>\n</array>\n{again}<key>gpu_energy</key><integer>{}</integer>\n</dict>\n",
        sample.millijoules[1]
    );
}

/// As `%g` prints: six significant digits, trailing zeros cut.
fn six_digits(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let exponent = value.abs().log10().floor() as i32;
    if !(-5..6).contains(&exponent) {
        let mantissa = format!("{:.5}", value / 10_f64.powi(exponent));
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let text = format!("{value:.*}", (5 - exponent) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// UTC in whole seconds, `2025-07-08T05:36:24Z`; days counted from March, so
/// that the leap day is the last of its year.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(unix)]
mod signals {
    use super::{ENDING, Ordering};

    const SIGINT: i32 = 2;
    const SIGTERM: i32 = 15;

    unsafe extern "C" {
        /// The C library's, which the standard library links anyway.
        fn signal(number: i32, handler: usize) -> usize;
    }

    extern "C" fn end(_: i32) {
        ENDING.store(true, Ordering::SeqCst);
    }

    extern "C" fn ignore(_: i32) {}

    pub(super) fn install(ignore_term: bool) {
        let handler = if ignore_term { ignore } else { end };
        for number in [SIGINT, SIGTERM] {
            // SAFETY: the handlers do no more than an atomic store, which a
            // signal handler may do.
            unsafe { signal(number, handler as extern "C" fn(i32) as usize) };
        }
    }
}

#[cfg(not(unix))]
mod signals {
    pub(super) fn install(_ignore_term: bool) {}
}
