//! Attributions of a run and the warnings about them.

use serde::Serialize;
use serde_json::Value;

use super::recording::{Recording, Run};
use crate::error::{Error, Result};

/// An attribution of a run's energy to its spans.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attribution {
    /// Id; later attributions have higher ids.
    pub id: i64,
    /// `proportional`, `fitted`, `calibrated`.
    pub method: String,
    /// Method that was effective: `proportional` if the estimate has no weight.
    #[serde(skip)]
    pub effective: String,
    /// Version of the method.
    pub version: i64,
    /// Time by which the sensor's clock is ahead of the program's, in ms; that of the first
    /// source if there are several.
    pub clock_offset_ms: Option<f64>,
    /// Wall-clock time of its creation, ns since 1970.
    pub created_unix_ns: i64,
    /// Whether this attribution is shown.
    pub is_shown: bool,
    /// Diagnostics of each rail as stored; empty if the method stores none.
    #[serde(skip)]
    pub rails_fit: Vec<Value>,
}

/// SQL expression for the effective method of attribution `a`. An estimate with weight 0
/// on every rail equals the proportional rule.
pub(super) const EFFECTIVE: &str = "
    CASE WHEN a.method = 'fitted' AND json_valid(a.diagnostics)
          AND json_array_length(a.diagnostics, '$.rails') > 0
          AND NOT EXISTS (
              SELECT 1 FROM json_each(a.diagnostics, '$.rails') e
              WHERE json_extract(e.value, '$.weight') > 0
                 OR json_extract(e.value, '$.estimated_windows') > 0)
         THEN 'proportional' ELSE a.method END";

/// A warning about the energies of one rail, with the remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttributionWarning {
    /// The rail, as `source/name`.
    pub rail: String,
    /// The text.
    pub message: String,
}

/// Weight and clock offset of one rail's fit.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRailFit {
    /// The rail, as `source/name`.
    pub rail: String,
    /// Weight of the estimate, 0 to 1; the remainder is proportional. `None` without an
    /// estimate.
    pub weight: Option<f64>,
    /// Time by which the sensor's clock is ahead of the program's, in ms.
    pub clock_offset_ms: Option<f64>,
}

impl Attribution {
    /// Returns method and version: `fitted v1`.
    pub fn title(&self) -> String {
        match self.has_weight() {
            true => format!("{} v{}", self.method, self.version),
            false => format!("{}, no rail has an estimate with weight", self.effective),
        }
    }

    /// Returns whether the method's estimate has weight on some rail.
    pub fn has_weight(&self) -> bool {
        self.effective == self.method
    }

    /// Returns id and method: `2 (fitted v1)`.
    pub fn listed(&self) -> String {
        format!("{} ({})", self.id, self.title())
    }

    /// Returns the fit of each rail.
    pub fn fits(&self) -> Vec<StoredRailFit> {
        let fit = |of: &Value| StoredRailFit {
            rail: rail(of),
            weight: of["weight"].as_f64(),
            clock_offset_ms: of["clock_offset_ms"].as_f64(),
        };
        self.rails_fit.iter().map(fit).collect()
    }

    /// Returns the warnings, by rail.
    pub fn warnings(&self) -> Vec<AttributionWarning> {
        let of_rail = |of: &Value| -> Vec<AttributionWarning> {
            let warnings = of["warnings"].as_array().into_iter().flatten();
            let texts = warnings.filter_map(Value::as_str);
            let warning = |text: &str| AttributionWarning {
                rail: rail(of),
                message: text.to_owned(),
            };
            texts.map(warning).collect()
        };
        self.rails_fit.iter().flat_map(of_rail).collect()
    }
}

fn rail(fit: &Value) -> String {
    fit["rail"].as_str().unwrap_or_default().to_owned()
}

/// Reads the attributions of a run, oldest first.
///
/// # Errors
/// If the file cannot be read.
pub fn attributions(recording: &Recording, run: &Run) -> Result<Vec<Attribution>> {
    let sql = format!(
        "SELECT id, method, version, clock_offset_ns, created_unix_ns, diagnostics, {EFFECTIVE}
         FROM attributions a WHERE run = ?1 ORDER BY id"
    );
    let mut statement = recording.connection().prepare_cached(&sql)?;
    let found = statement.query_map([run.no], |r| {
        let id = r.get(0)?;
        Ok(Attribution {
            id,
            method: r.get(1)?,
            effective: r.get(6)?,
            version: r.get(2)?,
            clock_offset_ms: r.get::<_, Option<f64>>(3)?.map(|ns| ns / 1e6),
            created_unix_ns: r.get(4)?,
            is_shown: run.attribution == Some(id),
            rails_fit: rails_fit(&r.get::<_, String>(5)?),
        })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

impl Recording {
    /// Returns the run with another attribution shown.
    ///
    /// # Errors
    /// If the run has no attribution with that id; the message lists its attributions.
    pub fn shown_by(&self, run: Run, attribution: i64) -> Result<Run> {
        let known = attributions(self, &run)?;
        if known.iter().any(|one| one.id == attribution) {
            let attribution = Some(attribution);
            return Ok(Run { attribution, ..run });
        }
        let known: Vec<String> = known.iter().map(|one| one.listed()).collect();
        if known.is_empty() {
            return Err(run.not_attributed());
        }
        Err(Error::Unknown {
            what: "attribution",
            name: attribution.to_string(),
            known: known.join(", "),
        })
    }
}

/// Parses the rails of the diagnostics. Unreadable diagnostics are ignored, because
/// energies can be shown without them.
fn rails_fit(diagnostics: &str) -> Vec<Value> {
    let mut diagnostics: Value = serde_json::from_str(diagnostics).unwrap_or_default();
    match diagnostics.get_mut("rails").map(Value::take) {
        Some(Value::Array(rails)) => rails,
        _ => Vec::new(),
    }
}
