//! A fake powermetrics, written as a shell script.
#![allow(dead_code)]

use std::sync::Arc;

use energy_data::units::Nanos;
use energy_power::MonotonicClock;
use energy_power::powermetrics::{Launch, Powermetrics, PowermetricsOptions};
use energy_power::{Reading, SourceError};
use tempfile::TempDir;
use tracing_energy::Clock;

/// `document CPU_MJ` prints one document of 50 ms, `next CPU_MJ` one that comes
/// after another, in its time.
const PRELUDE: &str = r#"
keys() {
  printf '<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0">\n<dict>\n'
  printf '<key>is_delta</key><%s/>\n' "${DELTA:-true}"
  printf '<key>elapsed_ns</key><integer>50000000</integer>\n'
  printf '<key>hw_model</key><string>Mac0,0</string>\n'
}
document() {
  keys
  printf '<key>processor</key>\n<dict>\n'
  printf '<key>cpu_energy</key>\n<integer>%s</integer>\n' "$1"
  printf '<key>gpu_energy</key>\n<integer>0</integer>\n<key>ane_energy</key>\n<integer>0</integer>\n'
  printf '</dict>\n</dict>\n</plist>\n'
}
next() { sleep 0.05; printf '\0'; document "$1"; }
"#;

/// A script in a temporary folder.
pub(crate) struct Fake {
    pub(crate) folder: TempDir,
}

impl Fake {
    pub(crate) fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("fake.sh"),
            format!("{PRELUDE}\n{script}\n"),
        )
        .unwrap();
        Self { folder }
    }

    /// Run by `sh`, with the script's folder as first argument, so that no
    /// freshly written file is executed.
    pub(crate) fn options(&self) -> PowermetricsOptions {
        let script = self.folder.path().join("fake.sh");
        PowermetricsOptions {
            launch: Launch {
                program: "/bin/sh".into(),
                arguments: vec![script.into(), self.folder.path().into()],
            },
            interval: Nanos::from_millis(50),
            bound: None,
        }
    }

    pub(crate) fn open(&self) -> Result<Powermetrics, SourceError> {
        Powermetrics::open(clock(), self.options())
    }

    pub(crate) fn has(&self, file: &str) -> bool {
        self.folder.path().join(file).exists()
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(MonotonicClock::starting_in(std::time::Duration::ZERO))
}

/// Returns the energy of each sample of a rail in mJ.
pub(crate) fn millijoules(reading: &Reading, rail: usize) -> Vec<Option<i64>> {
    let samples = reading.samples.iter().filter(|sample| sample.rail == rail);
    samples
        .map(|sample| sample.energy.map(|e| (e.joules() * 1e3).round() as i64))
        .collect()
}

pub(crate) fn notices(reading: &Reading) -> Vec<&'static str> {
    reading.notices.iter().map(|notice| notice.kind).collect()
}
