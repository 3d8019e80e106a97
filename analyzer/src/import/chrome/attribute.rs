//! Attributes an imported trace by the best method that it allows, and tells which.

use std::path::Path;

use tracing_energy::units::Nanos;
use tracing_energy::{AttributeOptions, Method};

use crate::error::Result;
use crate::import::Imported;
use crate::query::{Recording, attributions};

/// Attributes the run; what came of it goes to what is told. An offset that was found
/// by spans is looked at once more by the fit, around where it was found; one that is
/// `exact` is not.
pub(super) fn attribute(
    db: &Path,
    imported: &mut Imported,
    (is_async, exact): (bool, bool),
    offset_ns: f64,
) -> Result<()> {
    let fitted = AttributeOptions {
        offset: exact.then_some(Nanos::ZERO),
        ..AttributeOptions::new(Method::Fitted)
    };
    let refused = match is_async {
        true => Some("it tells no execution times".to_owned()),
        false => {
            let result = tracing_energy::reattribute(db, &imported.uuid, &fitted);
            result.err().map(|error| error.to_string())
        }
    };
    imported.told.push(match refused {
        None => fit(db, &imported.uuid, (!exact).then_some(offset_ns))?,
        Some(why) => {
            tracing_energy::reattribute(db, &imported.uuid, &AttributeOptions::default())?;
            format!("attributed by the method proportional, without intervals: {why}")
        }
    });
    Ok(())
}

/// What the fit came to.
fn fit(db: &Path, uuid: &str, found_ns: Option<f64>) -> Result<String> {
    let recording = Recording::open(db)?;
    let run = recording.run(uuid)?;
    let shown = attributions(&recording, &run)?;
    let shown = shown.into_iter().find(|one| one.is_shown);
    let fits = shown.as_ref().map(|one| one.fits()).unwrap_or_default();
    let weight = fits.iter().filter_map(|fit| fit.weight).fold(0.0, f64::max);
    let mut told = match weight > 0.0 {
        true => {
            format!("attributed by the method fitted, with intervals (weight {weight:.2} of 1)")
        }
        false => {
            "attributed by time shares: the method fitted cannot tell kinds apart better".to_owned()
        }
    };
    let more_ms = shown
        .and_then(|one| one.offset_ms)
        .filter(|more| *more != 0.0);
    if let Some((found_ns, more_ms)) = found_ns.zip(more_ms) {
        told += &format!(
            "; it moved the clocks by {more_ms:.1} ms more, to {:.1} ms",
            found_ns / 1e6 + more_ms
        );
    }
    Ok(told)
}
