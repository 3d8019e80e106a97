//! Attributes an imported trace by the best possible method, and reports the method.

use std::path::Path;

use energy_data::units::Nanos;
use energy_data::{AttributeOptions, Method};

use crate::error::Result;
use crate::import::imported::Imported;
use crate::query::{Recording, attributions};

/// Attributes the run and adds the result to the import's notes. An offset found from spans is
/// refined by the fit; an `exact` one is not.
pub(super) fn attribute(
    db: &Path,
    imported: &mut Imported,
    (is_async, exact): (bool, bool),
    clock_offset_ns: f64,
) -> Result<()> {
    let fitted = AttributeOptions {
        offset: exact.then_some(Nanos::ZERO),
        ..AttributeOptions::new(Method::Fitted)
    };
    let refused = match is_async {
        true => Some("it has no execution times".to_owned()),
        false => {
            let result = energy_store::reattribute(db, &imported.uuid, &fitted);
            result.err().map(|error| error.to_string())
        }
    };
    imported.notes.push(match refused {
        None => fit(db, &imported.uuid, (!exact).then_some(clock_offset_ns))?,
        Some(why) => {
            energy_store::reattribute(db, &imported.uuid, &AttributeOptions::default())?;
            format!("attributed by the method proportional, without intervals: {why}")
        }
    });
    Ok(())
}

/// Describes the fit's result.
fn fit(db: &Path, uuid: &str, found_ns: Option<f64>) -> Result<String> {
    let recording = Recording::open(db)?;
    let run = recording.run(uuid)?;
    let shown = attributions(&recording, &run)?;
    let shown = shown.into_iter().find(|one| one.is_shown);
    let fits = shown.as_ref().map(|one| one.fits()).unwrap_or_default();
    let weight = fits.iter().filter_map(|fit| fit.weight).fold(0.0, f64::max);
    let mut note = match weight > 0.0 {
        true => {
            format!("attributed by the method fitted, with intervals (weight {weight:.2} of 1)")
        }
        false => {
            "attributed by time shares: the method fitted separates kinds no better".to_owned()
        }
    };
    let further_ms = shown
        .and_then(|one| one.clock_offset_ms)
        .filter(|further| *further != 0.0);
    if let Some((found_ns, further_ms)) = found_ns.zip(further_ms) {
        note += &format!(
            "; it moved the clocks by {further_ms:.1} ms more, to {:.1} ms",
            found_ns / 1e6 + further_ms
        );
    }
    Ok(note)
}
