//! Arguments of the fake: its command line and its environment.

use std::time::Duration;

/// The supported part of the command line.
pub(crate) struct PowermetricsArguments {
    pub(crate) interval: Duration,
    pub(crate) count: u64,
    samplers: Vec<String>,
}

impl PowermetricsArguments {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
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

    pub(crate) fn has_sampler(&self, sampler: &str) -> bool {
        self.samplers.iter().any(|requested| requested == sampler)
    }
}

/// The major version that it pretends to run on.
pub(crate) fn macos() -> u32 {
    variable("MACOS")
        .and_then(|text| text.parse().ok())
        .unwrap_or(15)
}

/// A setting, `FAKE_POWERMETRICS_` and `name`.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(format!("FAKE_POWERMETRICS_{name}")).ok()
}
