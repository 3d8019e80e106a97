//! How was the run's energy divided, and how far can that be trusted?

use serde::Serialize;
use serde_json::Value;

use super::{Recording, Run};
use crate::error::Result;

/// One attribution.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attribution {
    /// Its id; later ones have higher ids.
    pub id: i64,
    /// `proportional`, `fitted`, `calibrated`.
    pub method: String,
    /// The method that its figures are by: `proportional` where it estimated nothing.
    #[serde(skip)]
    pub effective: String,
    /// Version of the method.
    pub version: i64,
    /// How far the sensor's clock is ahead of the program's, in ms; of the first
    /// source where there are several.
    pub offset_ms: Option<f64>,
    /// Wall clock when it was made, ns since 1970.
    pub created_unix_ns: i64,
    /// Whether it is the one that figures are taken from.
    pub is_shown: bool,
    /// What it says of each rail that the method was for, as it is in the file; empty
    /// where the method says nothing.
    #[serde(skip)]
    pub rails_fit: Vec<Value>,
}

/// The method that the figures of attribution `a` are by, in SQL. An estimate with weight 0
/// on every rail is the proportional rule.
pub(super) const EFFECTIVE: &str = "
    CASE WHEN a.method = 'fitted' AND json_valid(a.diagnostics)
          AND json_array_length(a.diagnostics, '$.rails') > 0
          AND NOT EXISTS (
              SELECT 1 FROM json_each(a.diagnostics, '$.rails') e
              WHERE json_extract(e.value, '$.weight') > 0
                 OR json_extract(e.value, '$.estimated_windows') > 0)
         THEN 'proportional' ELSE a.method END";

/// A doubt about the figures of one rail, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The rail, as `source/name`.
    pub rail: String,
    /// In words.
    pub message: String,
}

/// What matters of one rail's fit to whoever reads its figures.
#[derive(Debug, Clone, PartialEq)]
pub struct RailFit {
    /// The rail, as `source/name`.
    pub rail: String,
    /// Part of its figures that is the estimate's; the rest is proportional. Not
    /// known where there is no estimate.
    pub weight: Option<f64>,
    /// How far its sensor's clock is ahead of the program's, in ms.
    pub offset_ms: Option<f64>,
}

impl Attribution {
    /// Method and version: `fitted v1`.
    pub fn title(&self) -> String {
        match self.has_weight() {
            true => format!("{} v{}", self.method, self.version),
            false => format!("{}, no rail has an estimate with weight", self.effective),
        }
    }

    /// Whether some of its figures are by the method that it is named after.
    pub fn has_weight(&self) -> bool {
        self.effective == self.method
    }

    /// Id and method: `2 (fitted v1)`.
    pub fn listed(&self) -> String {
        format!("{} ({})", self.id, self.title())
    }

    /// The fits of rails.
    pub fn fits(&self) -> Vec<RailFit> {
        let fit = |of: &Value| RailFit {
            rail: rail(of),
            weight: of["weight"].as_f64(),
            offset_ms: of["offset_ms"].as_f64(),
        };
        self.rails_fit.iter().map(fit).collect()
    }

    /// Doubts, by rail.
    pub fn warnings(&self) -> Vec<Warning> {
        let of_rail = |of: &Value| -> Vec<Warning> {
            let warnings = of["warnings"].as_array().into_iter().flatten();
            let texts = warnings.filter_map(Value::as_str);
            let warning = |text: &str| Warning {
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

/// Attributions of a run, oldest first.
///
/// # Errors
/// When the file cannot be read.
pub fn attributions(recording: &Recording, run: &Run) -> Result<Vec<Attribution>> {
    let sql = format!(
        "SELECT id, method, version, offset_ms, created_unix_ns, diagnostics, {EFFECTIVE}
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
            offset_ms: r.get(3)?,
            created_unix_ns: r.get(4)?,
            is_shown: run.attribution == Some(id),
            rails_fit: rails_fit(&r.get::<_, String>(5)?),
        })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Figures can be shown without diagnostics: what cannot be read is left out.
fn rails_fit(diagnostics: &str) -> Vec<Value> {
    let mut diagnostics: Value = serde_json::from_str(diagnostics).unwrap_or_default();
    match diagnostics.get_mut("rails").map(Value::take) {
        Some(Value::Array(rails)) => rails,
        _ => Vec::new(),
    }
}
