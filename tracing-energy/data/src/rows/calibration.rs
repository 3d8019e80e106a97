//! Powers of kinds, measured one kind at a time.

use crate::Prior;

/// Conditions for which a calibration is valid. Another machine, model, number format,
/// number of threads, device or depth draws different power, and another source measures it
/// differently.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CalibrationKey {
    /// Host name and processor.
    pub machine: String,
    /// SHA-256 of the model's file.
    pub model: String,
    /// Number formats of the matrices, such as `q4_1->q8_0`.
    pub precision: String,
    /// Threads that compute.
    pub threads: u32,
    /// `cpu`, `cuda` or `metal`.
    pub device: String,
    /// Depth of the spans, which chooses the kernels.
    pub depth: String,
    /// The power source.
    pub source: String,
}

impl CalibrationKey {
    /// Returns the differences between this key and that of a `stored` calibration, as
    /// text; empty if the calibration is valid here.
    pub fn differences(&self, stored: &Self) -> Vec<String> {
        let (here, there) = (self.parts(), stored.parts());
        let pairs = here.into_iter().zip(there);
        pairs
            .filter(|((_, here), (_, there))| here != there)
            .map(|((name, here), (_, there))| {
                format!(
                    "{name} ({} calibrated, {} here)",
                    short(&there),
                    short(&here)
                )
            })
            .collect()
    }

    fn parts(&self) -> [(&'static str, String); 7] {
        [
            ("machine", self.machine.clone()),
            ("model", self.model.clone()),
            ("precision", self.precision.clone()),
            ("threads", self.threads.to_string()),
            ("device", self.device.clone()),
            ("depth", self.depth.clone()),
            ("source", self.source.clone()),
        ]
    }
}

/// Shortens a checksum to its first digits.
fn short(text: &str) -> &str {
    let is_checksum = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_checksum { &text[..12] } else { text }
}

/// `calibration_kinds`: the active power of one kind on one rail.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrationKindRow {
    /// The rail's name within its source.
    pub rail: String,
    /// The kind: names of spans, joined by ` > `.
    pub kind: String,
    /// Power while the kind runs less the idle power; above 0.
    pub watts: f64,
    /// Standard deviation of `watts`, relative to it.
    pub relative_sd: f64,
    /// Number of measuring rounds.
    pub rounds: u32,
    /// Sampled time in which the kind ran.
    pub busy_ns: i64,
}

/// `calibrations`.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrationRow {
    /// Wall clock, ns since 1970.
    pub created_unix_ns: i64,
    /// Conditions for which it is valid.
    pub key: CalibrationKey,
    /// Details of the measurement; a JSON object.
    pub details: String,
    /// The powers.
    pub kinds: Vec<CalibrationKindRow>,
}

impl CalibrationRow {
    /// Returns the calibration's powers as priors.
    pub fn priors(&self) -> Vec<Prior> {
        let prior = |row: &CalibrationKindRow| Prior {
            kind: row.kind.clone(),
            watts: row.watts,
            relative_sd: row.relative_sd,
            rail: Some(row.rail.clone()),
        };
        self.kinds.iter().map(prior).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_both_sides() {
        let here = CalibrationKey {
            machine: "box".into(),
            model: "ab".repeat(32),
            precision: "q8_0".into(),
            threads: 4,
            device: "cpu".into(),
            depth: "module".into(),
            source: "rapl".into(),
        };
        assert!(here.differences(&here).is_empty());
        let stored = CalibrationKey {
            threads: 8,
            model: "cd".repeat(32),
            ..here.clone()
        };
        assert_eq!(
            here.differences(&stored),
            [
                "model (cdcdcdcdcdcd calibrated, abababababab here)",
                "threads (8 calibrated, 4 here)"
            ]
        );
    }
}
