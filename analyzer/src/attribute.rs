//! Attributes a stored run again, using only its file. The recording library does the work.

use std::path::{Path, PathBuf};

use clap::Args;
use energy_data::AttributeOptions;
use energy_data::Prior;
use energy_data::units::Nanos;
use energy_power::{Kernel, Provenance};
use energy_store::{Patience, RunLiveness, Store};
use tracing_energy::Method;

use crate::calibrate::key_of_run;
use crate::error::Result;
use crate::options::{KERNEL_HELP, parse_kernel, parse_offset};
use crate::priors::read_priors;

/// Options of an attribution.
#[derive(Debug, Clone, PartialEq, Default, Args)]
pub struct ReattributionOptions {
    /// Attribution method: proportional, fitted, calibrated
    #[arg(long, value_name = "METHOD", default_value_t)]
    pub method: Method,
    /// Only use the method for this rail, and proportional for the others (repeatable)
    /// [default: all rails]
    #[arg(long = "rail", value_name = "RAIL")]
    pub rails: Vec<String>,
    /// Averaging windows of sensors, by rail.
    #[arg(long = "kernel", value_name = "RAIL=KERNEL", help = KERNEL_HELP,
          value_parser = parse_kernel)]
    pub kernels: Vec<(String, Kernel)>,
    /// Time by which the sensor's clock is ahead of the program's, e.g. 12ms [default:
    /// estimated]
    #[arg(long, value_name = "TIME", value_parser = parse_offset, allow_hyphen_values = true)]
    pub offset: Option<Nanos>,
    /// File with known powers of operations, for the method calibrated [default: without --pool,
    /// the stored calibration that matches the run]
    #[arg(long, value_name = "FILE")]
    pub prior: Option<PathBuf>,
    /// Use a stored calibration even if it does not match the run
    #[arg(long)]
    pub force: bool,
    /// Maximum number of earlier runs of the same program to use as prior
    #[arg(long, value_name = "N", default_value_t = Self::default().pool)]
    pub pool: usize,
}

/// Attributes the run with id `uuid` of the recording at `path` again and returns the id of
/// the new attribution, which is shown from now on. Earlier attributions are kept.
///
/// # Errors
/// If a file cannot be read or written, or the run has too little data for the method.
pub fn attribute(path: &Path, uuid: &str, options: &ReattributionOptions) -> Result<u32> {
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
    Ok(energy_store::reattribute(path, uuid, &options)?)
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
    let is_done = energy_store::complete(&store, &run.row.uuid, &Patience::default())?;
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
