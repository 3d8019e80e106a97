//! A stand-in for macOS `powermetrics -f plist`, true to its format.
//!
//! Watts come from `FAKE_POWERMETRICS_WATTS`, piecewise constant since the
//! program's start (`cpu=4@0,14@2.5;gpu=0.5`, seconds), or from the file that
//! `FAKE_POWERMETRICS_WATTS_FILE` names, whose lines `rail watts` are read every
//! millisecond. `FAKE_POWERMETRICS_FAULT` makes it misbehave: `refused`, `dies`
//! (after three documents, once, marked by the file in
//! `FAKE_POWERMETRICS_MARKER`), `cut`, `summary`, `warning`, `nan`.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static ENDED: AtomicBool = AtomicBool::new(false);

extern "C" fn end(_: i32) {
    ENDED.store(true, Ordering::SeqCst);
}

fn variable(name: &str) -> Option<String> {
    std::env::var(format!("FAKE_POWERMETRICS_{name}")).ok()
}

fn argument(name: &str) -> Option<String> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).cloned()
}

/// Watts by rail as a function of time.
enum Watts {
    Steps(BTreeMap<String, Vec<(f64, f64)>>),
    File(String),
}

impl Watts {
    fn from_environment() -> Self {
        if let Some(file) = variable("WATTS_FILE") {
            return Self::File(file);
        }
        let text = variable("WATTS").unwrap_or_else(|| "cpu=5;gpu=1".to_owned());
        let step = |step: &str| {
            let (watts, from) = step.split_once('@').unwrap_or((step, "0"));
            Some((from.parse().ok()?, watts.parse().ok()?))
        };
        let rail = |rail: &str| {
            let (name, steps) = rail.split_once('=')?;
            Some((name.to_owned(), steps.split(',').filter_map(step).collect()))
        };
        Self::Steps(text.split(';').filter_map(rail).collect())
    }

    fn at(&self, seconds: f64) -> BTreeMap<String, f64> {
        match self {
            Self::Steps(rails) => rails
                .iter()
                .map(|(name, steps)| {
                    let now = steps.iter().rfind(|(from, _)| *from <= seconds);
                    (name.clone(), now.map_or(0.0, |(_, watts)| *watts))
                })
                .collect(),
            Self::File(file) => {
                let text = std::fs::read_to_string(file).unwrap_or_default();
                let line = |line: &str| {
                    let (name, watts) = line.split_once(' ')?;
                    Some((name.to_owned(), watts.trim().parse().ok()?))
                };
                text.lines().filter_map(line).collect()
            }
        }
    }
}

/// Joules not yet told, by rail; what rounding leaves goes into the next document.
#[derive(Default)]
struct Meter(BTreeMap<String, f64>);

impl Meter {
    fn add(&mut self, watts: &BTreeMap<String, f64>, seconds: f64) {
        for (rail, watts) in watts {
            *self.0.entry(rail.clone()).or_default() += watts * seconds;
        }
    }

    fn take_millijoules(&mut self, rail: &str) -> i64 {
        let Some(joules) = self.0.get_mut(rail) else {
            return 0;
        };
        let whole = (*joules * 1e3).floor();
        *joules -= whole / 1e3;
        whole as i64
    }
}

fn document(elapsed: Duration, millijoules: [i64; 3], is_delta: bool, fault: &str) -> String {
    let [cpu, gpu, ane] = millijoules;
    let watts = |mj: i64| mj as f64 / elapsed.as_secs_f64();
    let nan = if fault == "nan" { "nan" } else { "0.5" };
    let warning = if fault == "warning" {
        "warning: time went backwards by 17 ns\n"
    } else {
        ""
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
<plist version=\"1.0\">\n<dict>\n\
<key>is_delta</key><{is_delta}/>\n\
<key>elapsed_ns</key><integer>{}</integer>\n\
<key>hw_model</key><string>Fake1,1</string>\n\
<key>kern_osversion</key><string>24F74</string>\n\
<key>kern_bootargs</key><string></string>\n\
<key>kern_boottime</key><integer>1700000000</integer>\n\
<key>timestamp</key><date>2026-01-01T00:00:00Z</date>\n{warning}\
<key>processor</key>\n<dict>\n\
<key>clusters</key>\n<array>\n<dict>\n<key>name</key><string>E-Cluster</string>\n\
<key>freq_hz</key><real>1.02e+09</real>\n<key>idle_ratio</key><real>{nan}</real>\n</dict>\n</array>\n\
<key>cpu_energy</key>\n<integer>{cpu}</integer>\n<key>cpu_power</key>\n<real>{:.6}</real>\n\
<key>gpu_energy</key>\n<integer>{gpu}</integer>\n<key>gpu_power</key>\n<real>{:.6}</real>\n\
<key>ane_energy</key>\n<integer>{ane}</integer>\n<key>ane_power</key>\n<real>{:.6}</real>\n\
<key>combined_power</key>\n<real>{:.6}</real>\n</dict>\n\
<key>thermal_pressure</key><string>Nominal</string>\n\
<key>gpu</key>\n<dict>\n<key>freq_hz</key><real>338</real>\n\
<key>idle_ns</key><integer>1</integer>\n<key>idle_ratio</key><real>{nan}</real>\n\
<key>idle_ns</key><integer>1</integer>\n<key>idle_ratio</key><real>{nan}</real>\n\
<key>gpu_energy</key><integer>{gpu}</integer>\n</dict>\n</dict>\n</plist>\n",
        elapsed.as_nanos(),
        watts(cpu),
        watts(gpu),
        watts(ane),
        watts(cpu + gpu + ane),
    )
}

fn main() {
    let fault = variable("FAULT").unwrap_or_default();
    if fault == "refused" {
        eprintln!("sudo: a password is required");
        std::process::exit(1);
    }
    let handler: extern "C" fn(i32) = end;
    // SAFETY: the handler only stores to an atomic.
    unsafe { libc::signal(libc::SIGTERM, handler as libc::sighandler_t) };
    let interval: u64 = argument("-i")
        .and_then(|millis| millis.parse().ok())
        .unwrap_or(5_000);
    let samples: u64 = argument("-n")
        .and_then(|count| count.parse().ok())
        .unwrap_or(u64::MAX);
    let watts = Watts::from_environment();
    let marker = variable("MARKER");
    let dies = fault == "dies"
        && !marker
            .as_ref()
            .is_some_and(|file| std::path::Path::new(file).exists());
    let begin = Instant::now();
    let mut meter = Meter::default();
    let mut out = std::io::stdout();
    for index in 0..samples {
        let start = Instant::now();
        let mut last = start;
        // Real intervals are a little longer than the wished ones.
        let length = Duration::from_micros(interval * 1_000 + index * 7_919 % (interval * 40));
        while start.elapsed() < length {
            std::thread::sleep(Duration::from_millis(1));
            if ENDED.load(Ordering::SeqCst) {
                return;
            }
            let now = Instant::now();
            meter.add(
                &watts.at(begin.elapsed().as_secs_f64()),
                (now - last).as_secs_f64(),
            );
            last = now;
        }
        let millijoules = ["cpu", "gpu", "ane"].map(|rail| meter.take_millijoules(rail));
        let is_delta = !(fault == "summary" && index == 0);
        let once = if index == 1 || fault == "nan" {
            fault.as_str()
        } else {
            ""
        };
        let mut bytes = document(last - start, millijoules, is_delta, once).into_bytes();
        if index > 0 {
            bytes.insert(0, 0);
        }
        let ends = dies && index == 2;
        if ends && let Some(file) = &marker {
            let _ = std::fs::write(file, "died");
        }
        if ends || (fault == "cut" && index == 2) {
            bytes.truncate(bytes.len() / 2);
        }
        if out.write_all(&bytes).and_then(|()| out.flush()).is_err() || ends {
            std::process::exit(i32::from(ends));
        }
    }
}
