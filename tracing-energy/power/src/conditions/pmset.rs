//! Conditions of a Mac, from the output of `pmset`. The parsers follow outputs recorded on
//! Macs; this code itself has never been run there.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::keys::{BATTERY_PERCENT, LOW_POWER_MODE, NOMINAL, POWER, THERMAL_PRESSURE};
use super::snapshot::ConditionValues;

/// Timeout of one run of `pmset`.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Interval of polls for the end of a run.
const POLL: Duration = Duration::from_millis(2);
/// Longest output in bytes. A pipe buffers as much, so that it can be read after the exit.
const MAX_OUTPUT_BYTES: u64 = 16 * 1024;

/// Queries the program at `pmset`; conditions that it does not print are absent.
pub(super) fn read(pmset: &Path) -> ConditionValues {
    let mut values = ConditionValues::new();
    let mut set = |key, value: Option<String>| {
        if let Some(value) = value {
            values.insert(key, value);
        }
    };
    if let Some(text) = output(pmset, &["-g", "batt"]) {
        set(POWER, power(&text).map(str::to_owned));
        set(BATTERY_PERCENT, battery_percent(&text));
    }
    if let Some(text) = output(pmset, &["-g"]) {
        set(LOW_POWER_MODE, low_power_mode(&text).map(str::to_owned));
    }
    if let Some(text) = output(pmset, &["-g", "therm"]) {
        set(THERMAL_PRESSURE, thermal_pressure(&text).map(str::to_owned));
    }
    values
}

/// Returns the output of the program if it succeeds within the timeout.
fn output(program: &Path, arguments: &[&str]) -> Option<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let begin = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if begin.elapsed() < TIMEOUT => std::thread::sleep(POLL),
            Ok(None) | Err(_) => break None,
        }
    };
    if status.is_none() {
        // Fails if the process has just ended, which is fine.
        let _ = child.kill();
        let _ = child.wait();
    }
    status.filter(std::process::ExitStatus::success)?;
    let mut text = String::new();
    let output = child.stdout.take()?;
    output
        .take(MAX_OUTPUT_BYTES)
        .read_to_string(&mut text)
        .ok()?;
    Some(text)
}

/// `Now drawing from 'AC Power'`.
fn power(text: &str) -> Option<&'static str> {
    let (_, from) = text.split_once("drawing from '")?;
    let (from, _) = from.split_once('\'')?;
    match from {
        "AC Power" => Some("mains"),
        "Battery Power" => Some("battery"),
        _ => None,
    }
}

/// ` -InternalBattery-0 (id=1234) 95%; charged; 0:00 remaining present: true`.
fn battery_percent(text: &str) -> Option<String> {
    let mut lines = text.lines();
    let line = lines.find(|line| line.contains("InternalBattery"))?;
    let (percent, _) = line.split_once('%')?;
    let percent = percent.rsplit(char::is_whitespace).next()?;
    let percent: u8 = percent.parse().ok().filter(|&percent| percent <= 100)?;
    Some(percent.to_string())
}

/// ` lowpowermode         1`, or ` powermode            1` where there are three modes:
/// 0 automatic, 1 low, 2 high.
fn low_power_mode(text: &str) -> Option<&'static str> {
    let value = ["lowpowermode", "powermode"]
        .iter()
        .find_map(|key| setting(text, key))?;
    Some(if value == 1 { "on" } else { "off" })
}

/// `CPU_Speed_Limit  = 100`, or a note that no thermal warning was ever recorded.
fn thermal_pressure(text: &str) -> Option<&'static str> {
    let limits = ["CPU_Speed_Limit", "CPU_Scheduler_Limit"];
    let limits: Vec<u32> = limits.iter().filter_map(|key| setting(text, key)).collect();
    let is_limited = limits.iter().any(|&limit| limit < 100);
    let never_warned = text.contains("No thermal warning level has been recorded");
    match limits.is_empty() {
        false if is_limited => Some("throttled"),
        true if !never_warned => None,
        _ => Some(NOMINAL),
    }
}

/// The number after a word at the beginning of a line.
fn setting(text: &str, key: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace().filter(|word| *word != "=");
        (words.next() == Some(key)).then(|| words.next()?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_source_and_charge_are_parsed() {
        let text = "Now drawing from 'Battery Power'\n \
                    -InternalBattery-0 (id=4653155)\t7%; discharging; 0:21 remaining present: true\n";
        assert_eq!(power(text), Some("battery"));
        assert_eq!(battery_percent(text).as_deref(), Some("7"));
        let desktop = "Now drawing from 'AC Power'\n";
        assert_eq!(power(desktop), Some("mains"));
        assert_eq!(battery_percent(desktop), None);
        assert_eq!(power("Now drawing from 'UPS Power'\n"), None);
        assert_eq!(power("Now drawing from '"), None);
        assert_eq!(battery_percent("-InternalBattery-0 (id=1) 200%;"), None);
    }

    #[test]
    fn both_spellings_of_low_power_mode_are_parsed() {
        let old = "Currently in use:\n standby              1\n lowpowermode         1\n";
        assert_eq!(low_power_mode(old), Some("on"));
        assert_eq!(
            low_power_mode(&old.replace("mode         1", "mode 0")),
            Some("off")
        );
        assert_eq!(low_power_mode(" powermode            1\n"), Some("on"));
        assert_eq!(low_power_mode(" powermode            2\n"), Some("off"));
        assert_eq!(low_power_mode(" standby 1\n"), None);
    }

    #[test]
    fn a_speed_limit_below_100_is_throttling() {
        let limit = |limit: u32| {
            format!(
                "2025-01-01 10:00:00 +0100 CPU Power notify\n\tCPU_Scheduler_Limit \t= 100\n\tCPU_Available_CPUs \t= 8\n\tCPU_Speed_Limit \t= {limit}\n"
            )
        };
        assert_eq!(thermal_pressure(&limit(100)), Some("nominal"));
        assert_eq!(thermal_pressure(&limit(62)), Some("throttled"));
        let never = "Note: No thermal warning level has been recorded\n\
                     Note: No performance warning level has been recorded\n";
        assert_eq!(thermal_pressure(never), Some("nominal"));
        assert_eq!(thermal_pressure("pmset: usage\n"), None);
    }

    fn script(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pmset");
        // Written by a shell: a file that this process has open for writing while
        // another test forks could not be executed.
        let written = Command::new("/bin/sh")
            .args(["-c", "printf '%s' \"$1\" > \"$2\"", "sh", text])
            .arg(&path)
            .status()
            .unwrap();
        assert!(written.success());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        (folder, path)
    }

    #[test]
    fn all_outputs_are_read() {
        let text = "#!/bin/sh\ncase \"$*\" in\n\
                    '-g batt') echo \"Now drawing from 'AC Power'\";;\n\
                    '-g') echo ' lowpowermode 0';;\n\
                    '-g therm') echo ' CPU_Speed_Limit = 80';;\nesac\n";
        let (_folder, path) = script(text);
        let expected = [
            (POWER, "mains"),
            (LOW_POWER_MODE, "off"),
            (THERMAL_PRESSURE, "throttled"),
        ];
        let expected: ConditionValues = expected.map(|(key, value)| (key, value.to_owned())).into();
        assert_eq!(read(&path), expected);
    }

    #[test]
    fn a_failing_hanging_or_missing_program_gives_no_conditions() {
        let (_folder, path) = script("#!/bin/sh\necho \"Now drawing from 'AC Power'\"\nexit 3\n");
        assert_eq!(read(&path), ConditionValues::new());
        let (_folder, path) = script("#!/bin/sh\nexec sleep 1000\n");
        assert_eq!(output(&path, &[]), None);
        assert_eq!(read(Path::new("/no/such/pmset")), ConditionValues::new());
    }
}
