//! Names of power sources.

use std::path::PathBuf;
use std::str::FromStr;

/// The power source to use.
///
/// ```
/// use energy_power::SourceChoice;
///
/// assert_eq!("rapl".parse(), Ok(SourceChoice::Rapl));
/// assert_eq!("replay:a.csv".parse(), Ok(SourceChoice::Replay("a.csv".into())));
/// let both: SourceChoice = "rapl+nvml".parse().unwrap();
/// assert_eq!(both.to_string(), "rapl+nvml");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SourceChoice {
    /// All measured sources, or the modelled one if there are none.
    #[default]
    Auto,
    /// Apple's powermetrics.
    Powermetrics,
    /// The counters behind powermetrics, without root, on macOS.
    IoReport,
    /// RAPL through Linux' powercap.
    Rapl,
    /// Sensors of Linux' hwmon.
    Hwmon,
    /// NVIDIA GPUs.
    Nvml,
    /// The discharge of a battery.
    Battery,
    /// CPU time times configured watts.
    Modelled,
    /// A recording.
    Replay(PathBuf),
    /// Several at once.
    Several(Vec<SourceChoice>),
}

/// How a recording is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplayMode {
    /// In real time; the source ends with the recording.
    #[default]
    RealTime,
    /// In real time, repeated until the source is stopped.
    Looped,
    /// Without waiting for the clock, for tests with a manual clock.
    Fast,
}

/// Sources of this machine with their names, the most accurate first.
pub const NAMED: [(&str, SourceChoice); 7] = [
    ("powermetrics", SourceChoice::Powermetrics),
    ("ioreport", SourceChoice::IoReport),
    ("rapl", SourceChoice::Rapl),
    ("hwmon", SourceChoice::Hwmon),
    ("nvml", SourceChoice::Nvml),
    ("battery", SourceChoice::Battery),
    ("modelled", SourceChoice::Modelled),
];

impl FromStr for SourceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        if let Some((_, choice)) = NAMED.iter().find(|(name, _)| *name == text) {
            return Ok(choice.clone());
        }
        if let Some(file) = text.strip_prefix("replay:").filter(|file| !file.is_empty()) {
            return Ok(Self::Replay(file.into()));
        }
        if text.contains('+') && !text.contains("auto") {
            let choices = text.split('+').map(str::parse).collect::<Result<_, _>>()?;
            return Ok(Self::Several(choices));
        }
        let names: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
        Err(format!(
            "{text:?} is not a power source; use auto, {}, replay:FILE, or several joined by `+`: \
             rapl+nvml",
            names.join(", ")
        ))
    }
}

impl std::fmt::Display for SourceChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Replay(file) => write!(f, "replay:{}", file.display()),
            Self::Several(choices) => {
                let names: Vec<String> = choices.iter().map(Self::to_string).collect();
                f.write_str(&names.join("+"))
            }
            named => {
                let name = NAMED.iter().find(|(_, choice)| choice == named);
                f.write_str(name.map_or("?", |(name, _)| name))
            }
        }
    }
}
