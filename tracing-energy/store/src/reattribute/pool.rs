//! Results of earlier runs of the same program as a prior for the next run.
//!
//! ```text
//! run 1 -> fit -> ln power, covariance -> run 2 -> fit -> .. -> the requested run
//! ```
//!
//! Each run starts from the result of the run before it, widened by the drift of powers
//! between runs. The drift is added to the covariance: multiplying by a factor would discard
//! nearly all information over ten runs.

use super::observing::observe;
use crate::StoredRun;
use crate::error::Error;
use crate::store::Store;
use energy_attribution::estimate::{EstimateOptions, estimate};
use energy_data::AttributeOptions;
use energy_data::rows::{KindFitRow, RunStatus};

/// Fits up to `options.pool` earlier runs, each starting from the one before. Returns the
/// results of the last one by rail name.
///
/// # Errors
/// Fails if there is no earlier run of the same program, or if the database cannot be read.
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
        found = fit_run(store, other.no, options, found)?;
    }
    Ok(found)
}

fn is_earlier(other: &StoredRun, this: &StoredRun) -> bool {
    let key = |run: &StoredRun| {
        let (row, metadata) = (&run.row, &run.row.metadata);
        let metadata = (
            metadata.model.clone(),
            metadata.engine.clone(),
            metadata.precision.clone(),
        );
        (row.host.clone(), row.chip.clone(), metadata)
    };
    other.no < this.no && other.row.status == RunStatus::Complete && key(other) == key(this)
}

/// Fits one run, starting from the results `before`. Rails that the run does not have keep
/// theirs.
fn fit_run(
    store: &Store,
    run: i64,
    options: &AttributeOptions,
    before: Vec<(String, KindFitRow)>,
) -> Result<Vec<(String, KindFitRow)>, Error> {
    let observed = observe(store, run, store.rails(run)?.all()?)?;
    let name = |rail: u32| {
        let row = observed.rails.iter().find(|row| row.id == rail);
        row.map(|row| row.name.clone())
    };
    let estimate_options = EstimateOptions {
        rails: options.rails.clone(),
        kernels: options.kernels.clone(),
        pooled: before.clone(),
        ..EstimateOptions::default()
    };
    let fits = estimate(&observed, &estimate_options).fits.into_iter();
    let mut found: Vec<(String, KindFitRow)> = fits
        .filter_map(|fit| Some((name(fit.rail)?, fit)))
        .collect();
    let kept = before.into_iter();
    let kept = kept.filter(|(rail, _)| !found.iter().any(|(other, _)| other == rail));
    let kept: Vec<_> = kept.collect();
    found.extend(kept);
    Ok(found)
}
