//! Attributes a stored run again, using only its file. The recording library does the work.

use std::path::{Path, PathBuf};

use tracing_energy::Prior;
use tracing_energy::power::{Kernel, Provenance};
use tracing_energy::store::{Patience, RunLiveness, Store};
use tracing_energy::units::Nanos;
use tracing_energy::{AttributeOptions, Method};

use crate::calibrate::key_of_run;
use crate::error::Result;
use crate::priors::read_priors;

/// Options of an attribution.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Options {
    /// Method.
    pub method: Method,
    /// Rails to use the method for; empty for all.
    pub rails: Vec<String>,
    /// Averaging windows of sensors, by rail.
    pub kernels: Vec<(String, Kernel)>,
    /// Time by which the sensor's clock is ahead of the program's; `None` to estimate it.
    pub offset: Option<Nanos>,
    /// File with known powers. Without it and without `pool`, the method calibrated uses the
    /// stored calibration that matches the run.
    pub prior: Option<PathBuf>,
    /// Use a stored calibration even if it does not match the run.
    pub force: bool,
    /// Number of earlier runs of the same program to use as prior.
    pub pool: usize,
}

/// Attributes the run with id `uuid` of the recording at `path` again and returns the id of
/// the new attribution, which is shown from now on. Earlier attributions are kept.
///
/// # Errors
/// If a file cannot be read or written, or the run has too little data for the method.
pub fn attribute(path: &Path, uuid: &str, options: &Options) -> Result<u32> {
    let (priors, note) = match &options.prior {
        Some(file) => (read_priors(file)?, None),
        None if options.method == Method::Calibrated && options.pool == 0 => {
            stored(path, uuid, options.force)?
        }
        None => (Vec::new(), None),
    };
    let options = AttributeOptions {
        method: options.method,
        rails: options.rails.clone(),
        kernels: options.kernels.clone(),
        offset: options.offset,
        priors,
        pool: options.pool,
        note,
    };
    Ok(tracing_energy::reattribute(path, uuid, &options)?)
}

/// Closes the run selected by `selector` if its process died, and returns a note about it.
///
/// # Errors
/// If the run is or may be still being recorded, or the file cannot be written.
pub fn complete(path: &Path, selector: &str) -> Result<Option<String>> {
    // Errors of the file are reported when the run is read.
    let found = Store::open(path).and_then(|store| {
        let run = store.find_run(selector)?;
        store.liveness_of(run.no)
    });
    let Ok(Some((run, life))) = found else {
        return Ok(None);
    };
    if life == RunLiveness::Ended {
        return Ok(None);
    }
    let store = Store::open_writable(path)?;
    let is_done = tracing_energy::complete(&store, &run.row.uuid, &Patience::default())?;
    Ok(is_done.then(|| {
        let uuid = run.row.uuid;
        format!("run {uuid}: its process died; closed at its last write")
    }))
}

/// Returns the powers of the stored calibrations for the sources of a run, and a note about
/// differences to the run.
fn stored(path: &Path, uuid: &str, force: bool) -> Result<(Vec<Prior>, Option<String>)> {
    let store = Store::open(path)?;
    let run = store.find_run(uuid)?;
    let refuse = |message| crate::Error::Input {
        path: path.to_owned(),
        message,
    };
    let mut sources: Vec<String> = Vec::new();
    for rail in store.rails(run.no)?.all()? {
        if rail.provenance != Provenance::Modelled && !sources.contains(&rail.source) {
            sources.push(rail.source);
        }
    }
    let (mut priors, mut notes) = (Vec::new(), Vec::new());
    for source in sources {
        let key = key_of_run(&run.row, &source).map_err(refuse)?;
        let found = store.find_calibration(&key, force)?;
        priors.extend(found.calibration.row.priors());
        let id = found.calibration.id;
        notes.push(match found.differences.is_empty() {
            true => format!("calibration {id}"),
            false => format!(
                "calibration {id}, which does not match the run: {}",
                found.differences.join("; ")
            ),
        });
    }
    Ok((priors, Some(notes.join("; "))))
}

/// Parses `12ms`, `-3.5ms`, `0.02s`.
///
/// # Errors
/// Describes the accepted format.
pub fn parse_offset(text: &str) -> std::result::Result<Nanos, String> {
    let units = [("ms", 1e6), ("us", 1e3), ("s", 1e9)];
    let known = units.into_iter().find_map(|(unit, ns)| {
        let number: f64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        (number.abs() * ns < 1e15).then_some(Nanos::from_nanos((number * ns).round() as i64))
    });
    known.ok_or_else(|| format!("`{text}` is not an offset; write 12ms or -3.5ms"))
}

/// Parses `RAIL=KERNEL`.
///
/// # Errors
/// Describes the accepted format.
pub fn parse_kernel(text: &str) -> std::result::Result<(String, Kernel), String> {
    let (rail, kernel) = text
        .split_once('=')
        .ok_or("give RAIL=KERNEL, for example gpu=trailing:100ms")?;
    Ok((rail.to_owned(), kernel.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_have_a_sign_and_a_unit() {
        assert_eq!(parse_offset("-3.5ms"), Ok(Nanos::from_nanos(-3_500_000)));
        assert_eq!(parse_offset("0.02s"), Ok(Nanos::from_nanos(20_000_000)));
        assert!(parse_offset("12").is_err() && parse_offset("nan ms").is_err());
    }
}
