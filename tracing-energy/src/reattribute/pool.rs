//! What earlier runs of the same program found, as a prior for the next one.
//!
//! ```text
//! run 1 -> fit -> ln power, covariance -> run 2 -> fit -> .. -> the run asked for
//! ```
//!
//! Each run starts from what the one before it found, widened by how far powers
//! drift from run to run. The covariance is never widened by a factor: over ten
//! runs such a factor forgets everything that was learnt.

use super::AttributeOptions;
use super::estimate::watch;
use crate::attribution::estimate::{Wishes, estimate};
use crate::error::Error;
use crate::rows::{KindFitRow, RunStatus};
use crate::store::{Store, StoredRun};

/// Fits up to `options.pool` earlier runs, one from the other; answers what the last
/// one found, by name of rail.
///
/// # Errors
/// When there is no earlier run of the same program, or the database cannot be read.
pub(super) fn earlier(
    store: &Store,
    run: i64,
    options: &AttributeOptions,
) -> Result<Vec<(String, KindFitRow)>, Error> {
    if options.pool == 0 {
        return Ok(Vec::new());
    }
    let runs = store.runs()?;
    let Some(this) = runs.iter().find(|other| other.no == run) else {
        return Ok(Vec::new());
    };
    let same: Vec<&StoredRun> = runs
        .iter()
        .filter(|other| is_earlier(other, this))
        .collect();
    if same.is_empty() {
        return Err(Error::Input {
            path: store.path().to_owned(),
            message: "there is no earlier complete run of the same program, model, engine and \
                      machine to start from; leave out --pool"
                .to_owned(),
        });
    }
    let mut found = Vec::new();
    for other in &same[same.len().saturating_sub(options.pool)..] {
        found = one(store, other.no, options, found)?;
    }
    Ok(found)
}

fn is_earlier(other: &StoredRun, this: &StoredRun) -> bool {
    let key = |run: &StoredRun| {
        let (row, about) = (&run.row, &run.row.metadata);
        let about = (
            about.model.clone(),
            about.engine.clone(),
            about.precision.clone(),
        );
        (row.host.clone(), row.chip.clone(), about)
    };
    other.no < this.no && other.row.status == RunStatus::Complete && key(other) == key(this)
}

/// Fits one run from what was found before; a rail that it has not keeps that.
fn one(
    store: &Store,
    run: i64,
    options: &AttributeOptions,
    before: Vec<(String, KindFitRow)>,
) -> Result<Vec<(String, KindFitRow)>, Error> {
    let watched = watch(store, run, store.rails(run)?.all()?)?;
    let name = |rail: u32| {
        let row = watched.rails.iter().find(|row| row.id == rail);
        row.map(|row| row.name.clone())
    };
    let wishes = Wishes {
        rails: options.rails.clone(),
        kernels: options.kernels.clone(),
        pooled: before.clone(),
        ..Wishes::default()
    };
    let fits = estimate(&watched, &wishes).fits.into_iter();
    let mut found: Vec<(String, KindFitRow)> = fits
        .filter_map(|fit| Some((name(fit.rail)?, fit)))
        .collect();
    let kept = before.into_iter();
    let kept = kept.filter(|(rail, _)| !found.iter().any(|(other, _)| other == rail));
    let kept: Vec<_> = kept.collect();
    found.extend(kept);
    Ok(found)
}
