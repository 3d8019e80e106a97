//! The documents, as text.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use super::arguments::{PowermetricsArguments, macos};
use super::date::date;
use super::faults::RequestedFaults;

/// The rails, in the order of their figures.
pub(crate) const RAILS: [&str; 3] = ["cpu", "gpu", "ane"];

/// Contents of one document.
pub(crate) struct DocumentSample {
    pub(crate) elapsed: Duration,
    /// Of each rail, since the last document.
    pub(crate) millijoules: [i64; 3],
    pub(crate) number: u64,
}

impl DocumentSample {
    /// Since boot: must not be added up.
    pub(crate) fn initial() -> Self {
        Self {
            elapsed: Duration::from_secs(3600),
            millijoules: [9_999_999; 3],
            number: 0,
        }
    }
}

/// One plist, complete but for what `faults` takes away.
pub(crate) fn document(
    arguments: &PowermetricsArguments,
    faults: &RequestedFaults,
    sample: &DocumentSample,
    delta: bool,
) -> String {
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
    let late = faults.number("late-cpu");
    let has_cpu = late.is_none_or(|late| sample.number > late);
    if arguments.has_sampler("cpu_power") && !faults.has("no-power") && has_cpu {
        processor(&mut text, sample);
    }
    if faults.number("warning") == Some(sample.number) && delta {
        text.push_str("warning: time went backwards by 12345 ns\n");
    }
    if arguments.has_sampler("thermal") {
        let hot = faults.number("hot");
        let hot = hot.is_some_and(|from| sample.number >= from);
        let level = if hot { "Heavy" } else { "Nominal" };
        let _ = writeln!(text, "<key>thermal_pressure</key><string>{level}</string>");
    }
    if arguments.has_sampler("gpu_power") && !faults.has("no-power") {
        gpu(&mut text, sample, faults.has("nan"));
    }
    text.push_str("</dict>\n</plist>\n");
    text
}

fn processor(text: &mut String, sample: &DocumentSample) {
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
fn gpu(text: &mut String, sample: &DocumentSample, nan: bool) {
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
