//! Parses one sample of `powermetrics -f plist`, an XML document.
//!
//! Properties of the format, all of which are accepted:
//! - Energies are integer mJ of the interval; powers are mW computed from them. Intel reports
//!   joules and watts of the package instead.
//! - Keys occur twice in some versions (the last one counts); integers may be reals and reals
//!   may be `nan`; every key may be missing.
//! - `combined_power` is the sum of its parts. It is only compared with them and not a rail,
//!   because adding it would count everything twice.
//! - `gpu.gpu_energy` is the GPU rail read at another instant. It is used only if the
//!   processor part does not report the GPU.

use std::time::SystemTime;

use plist::{Dictionary, Value};

use super::activity::{self, Figure, ProcessorActivity};
use super::number::number;
use super::shape;
use energy_data::RailKind;
use energy_data::units::{Energy, Nanos, Power};

/// The longest valid interval: a week, ns.
const LONGEST: f64 = 7.0 * 86_400.0 * 1e9;

/// A rail's energy in one document.
#[derive(Debug, Clone, PartialEq)]
pub struct RailEnergy {
    /// `package`, `cpu`, `gpu`, `ane`, `dram`.
    pub name: &'static str,
    /// The domain it meters.
    pub kind: RailKind,
    /// The sensor's unit.
    pub unit: &'static str,
    /// The energy of the interval; `None` if the value is not a number.
    pub energy: Option<Energy>,
}

/// One powermetrics sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Whether it covers the time since the previous sample. Otherwise it covers the time
    /// since boot or the whole run and must not be added up.
    pub is_delta: bool,
    /// The true length of the interval.
    pub elapsed: Nanos,
    /// `Mac16,8`.
    pub hw_model: Option<String>,
    /// The system's build, `25C56`.
    pub kern_osversion: Option<String>,
    /// Time of the sample, in whole seconds.
    pub timestamp: Option<SystemTime>,
    /// The rails, parents first; never empty.
    pub rails: Vec<RailEnergy>,
    /// `Nominal`, `Moderate`, `Heavy`, `Trapping`, `Sleeping`.
    pub thermal_pressure: Option<String>,
    /// Metrics other than energies.
    pub figures: Vec<Figure>,
    /// Activity of the processors.
    pub active: ProcessorActivity,
    /// Messages about inconsistencies.
    pub oddities: Vec<String>,
}

/// The reason why a document is not a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DocumentError {
    /// It cannot be parsed.
    Malformed(String),
    /// It is valid, but has no power rails on this machine or with these samplers.
    NoPower {
        /// `hw_model`, if reported.
        model: String,
    },
}

impl std::fmt::Display for DocumentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "powermetrics document rejected: {why}"),
            Self::NoPower { model } => write!(
                f,
                "no power here: powermetrics reports no rail on {model} with these samplers"
            ),
        }
    }
}

impl std::error::Error for DocumentError {}

impl Document {
    /// Parses one document.
    ///
    /// # Errors
    /// See [`DocumentError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let text = shape::condense(bytes).map_err(DocumentError::Malformed)?;
        let value = Value::from_reader_xml(text.as_bytes())
            .map_err(|error| DocumentError::Malformed(error.to_string()))?;
        let top = value
            .as_dictionary()
            .ok_or_else(|| DocumentError::Malformed("it contains no dictionary".into()))?;
        Self::from_dictionary(top)
    }

    fn from_dictionary(top: &Dictionary) -> Result<Self, DocumentError> {
        let elapsed = elapsed(top)?;
        let hw_model = string(top, "hw_model");
        let rails = rails(top, elapsed);
        if rails.is_empty() {
            let model = hw_model.unwrap_or_else(|| "this machine".into());
            return Err(DocumentError::NoPower { model });
        }
        Ok(Self {
            is_delta: top.get("is_delta").and_then(Value::as_boolean) != Some(false),
            elapsed,
            hw_model,
            kern_osversion: string(top, "kern_osversion"),
            timestamp: top
                .get("timestamp")
                .and_then(Value::as_date)
                .map(SystemTime::from),
            oddities: combined_mismatch(top).into_iter().collect(),
            rails,
            thermal_pressure: string(top, "thermal_pressure"),
            figures: activity::figures(top),
            active: activity::active(top),
        })
    }
}

fn elapsed(top: &Dictionary) -> Result<Nanos, DocumentError> {
    let nanos = number(top, "elapsed_ns").flatten();
    match nanos {
        Some(nanos) if (1.0..=LONGEST).contains(&nanos) => Ok(Nanos::from_nanos(nanos as i64)),
        Some(nanos) => Err(DocumentError::Malformed(format!(
            "elapsed_ns is {nanos}, which is not a valid length of time"
        ))),
        None => Err(DocumentError::Malformed("elapsed_ns is missing".into())),
    }
}

/// A rail, the keys of its energy and its power, and their units.
struct Keys {
    name: &'static str,
    kind: RailKind,
    unit: &'static str,
    energy: &'static str,
    power: &'static str,
}

const fn apple(
    name: &'static str,
    kind: RailKind,
    energy: &'static str,
    power: &'static str,
) -> Keys {
    let unit = "mJ";
    Keys {
        name,
        kind,
        unit,
        energy,
        power,
    }
}

/// The package comes first and contains the others, including memory where macOS up to 12
/// reports it on Apple Silicon.
const RAILS: [Keys; 6] = [
    Keys {
        name: "package",
        kind: RailKind::Package,
        unit: "J",
        energy: "package_joules",
        power: "package_watts",
    },
    apple(
        "package",
        RailKind::Package,
        "package_energy",
        "package_power",
    ),
    apple("cpu", RailKind::Cpu, "cpu_energy", "cpu_power"),
    apple("gpu", RailKind::Gpu, "gpu_energy", "gpu_power"),
    apple("ane", RailKind::Ane, "ane_energy", "ane_power"),
    apple("dram", RailKind::Dram, "dram_energy", "dram_power"),
];

fn rails(top: &Dictionary, elapsed: Nanos) -> Vec<RailEnergy> {
    let empty = Dictionary::new();
    let part = |key| {
        top.get(key)
            .and_then(Value::as_dictionary)
            .unwrap_or(&empty)
    };
    let (processor, gpu) = (part("processor"), part("gpu"));
    let mut rails: Vec<RailEnergy> = Vec::new();
    for keys in &RAILS {
        let energy = keys.read(processor, elapsed).or_else(|| {
            let fallback = keys.kind == RailKind::Gpu;
            fallback.then(|| keys.read(gpu, elapsed)).flatten()
        });
        let known = rails.iter().any(|rail| rail.name == keys.name);
        if let (Some(energy), false) = (energy, known) {
            rails.push(keys.rail(energy));
        }
    }
    rails
}

impl Keys {
    /// Returns `None` without such a rail, and `Some(None)` if its value is not a number.
    fn read(&self, part: &Dictionary, elapsed: Nanos) -> Option<Option<Energy>> {
        let joules = self.unit == "J";
        let energy = |value| match joules {
            true => Energy::from_joules(value),
            false => Energy::from_millijoules(value),
        };
        let power = |value| match joules {
            true => Power::from_watts(value),
            false => Power::from_milliwatts(value),
        };
        let by_energy = number(part, self.energy).map(|value| value.map(energy));
        let by_power = || number(part, self.power).map(|value| value.map(|w| power(w) * elapsed));
        match by_energy {
            Some(Some(energy)) => Some(Some(energy)),
            Some(None) => Some(by_power().flatten()),
            None => by_power(),
        }
    }

    const fn rail(&self, energy: Option<Energy>) -> RailEnergy {
        RailEnergy {
            name: self.name,
            kind: self.kind,
            unit: self.unit,
            energy,
        }
    }
}

/// Compares `combined_power` with its reported parts, which are printed with six digits.
fn combined_mismatch(top: &Dictionary) -> Option<String> {
    let processor = top.get("processor")?.as_dictionary()?;
    let combined = number(processor, "combined_power")??;
    let keys = ["cpu_power", "gpu_power", "ane_power"];
    let parts = keys.map(|key| number(processor, key).flatten());
    if parts.iter().flatten().count() < 2 {
        return None;
    }
    let sum: f64 = parts.iter().flatten().sum();
    let rounding = 1.0 + 1e-4 * combined;
    ((combined - sum).abs() > rounding).then(|| {
        format!(
            "combined_power is {combined} mW, but its parts add up to {sum} mW; the parts are used"
        )
    })
}

fn string(top: &Dictionary, key: &str) -> Option<String> {
    top.get(key)?.as_string().map(str::to_owned)
}
