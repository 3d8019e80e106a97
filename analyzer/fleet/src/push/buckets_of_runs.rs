//! Decides which bucket of a run is next.

use energy_data::rows::RunStatus;
use energy_store::ShipmentRow;

use crate::cumulative::Cumulative;
use crate::error::{Error, Result};
use crate::pack::{PackContents, PackPlan};
use crate::query::{Recording, Run};
use crate::read::{CurrentTotals, facts, method, totals};

/// What follows the packs that a run has.
#[derive(Debug)]
pub(super) enum NextPack {
    /// A pack.
    Ready(Box<PackPlan>),
    /// Nothing now: the run is being recorded, or its last pack exists.
    Later,
    /// Nothing: the reason.
    Refused(String),
}

/// How a run's packs are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct BucketRules {
    /// Length of the buckets of runs that are being recorded; `None`: only ended runs are sent.
    pub(super) every_ns: Option<i64>,
    /// Tables of the first pack; later packs have the same ones.
    pub(super) contents: PackContents,
}

/// Returns the pack that follows `last`, the newest one of the run's shown attribution.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn next_pack(
    recording: &Recording,
    run: &Run,
    last: Option<&ShipmentRow>,
    rules: BucketRules,
) -> Result<NextPack> {
    let Some(attribution) = run.attribution else {
        return Ok(NextPack::Refused(
            "it was not attributed; run `energy attribute`".to_owned(),
        ));
    };
    let is_final = run.row.status != RunStatus::Running;
    let start_ns = last.map_or(0, |last| last.end_ns);
    let Some(end_ns) = end_of_bucket(recording, run, start_ns, rules)? else {
        return Ok(NextPack::Later);
    };
    let earlier = match last {
        None => None,
        Some(last) if last.is_final || !last.is_sent => return Ok(NextPack::Later),
        // Another process has sent a later pack since.
        Some(ShipmentRow { plan: None, .. }) => return Ok(NextPack::Later),
        Some(ShipmentRow {
            plan: Some(plan), ..
        }) => Some(parse_plan(plan)?),
    };
    let contents = earlier
        .as_ref()
        .map_or(rules.contents, |plan| plan.contents);
    let totals = totals(recording, run, contents.nodes)?;
    match refused(&totals, is_final) {
        Some(refused) => return Ok(refused),
        None if totals.cumulative.accounts.is_empty() && !is_final => return Ok(NextPack::Later),
        None => {}
    }
    let until = match is_final {
        true => None,
        false => Some(totals.accounted_ns.unwrap_or(start_ns)),
    };
    Ok(NextPack::Ready(Box::new(PackPlan {
        run: facts(run),
        attribution,
        method: method(recording, run.no, attribution)?,
        bucket: last.map_or(0, |last| last.bucket + 1),
        start_ns,
        end_ns: end_ns.max(start_ns),
        is_final,
        contents,
        writer: env!("CARGO_PKG_VERSION").to_owned(),
        activations_from_ns: earlier.as_ref().and_then(|plan| plan.activations_until_ns),
        activations_until_ns: until,
        before: earlier.map_or_else(Cumulative::default, |plan| plan.after),
        after: totals.cumulative,
    })))
}

/// Returns why the totals cannot be sent. Of a run that is being recorded, a part of the newest rows
/// may be written: it is read again later.
fn refused(totals: &CurrentTotals, is_final: bool) -> Option<NextPack> {
    match (totals.refused.is_empty(), is_final) {
        (true, _) => None,
        (false, false) => Some(NextPack::Later),
        (false, true) => Some(NextPack::Refused(format!(
            "{}; attribute it again with `energy attribute`",
            totals.refused.join("; ")
        ))),
    }
}

/// Returns the end of the next bucket, run time; `None` if it is not due.
fn end_of_bucket(
    recording: &Recording,
    run: &Run,
    start_ns: i64,
    rules: BucketRules,
) -> Result<Option<i64>> {
    let sql = "SELECT coalesce(last_seen_ns, 0) FROM runs WHERE no = ?1";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let seen_ns: i64 = statement.query_row([run.no], |r| r.get(0))?;
    if run.row.status != RunStatus::Running {
        return Ok(Some(run.row.end_ns.unwrap_or(seen_ns)));
    }
    // Run time: a wall clock that is set does not matter.
    let is_due = |every_ns: &i64| seen_ns.saturating_sub(start_ns) >= *every_ns;
    Ok(rules.every_ns.filter(is_due).map(|_| seen_ns))
}

/// Parses a stored plan.
///
/// # Errors
/// If it was written by another version, or is damaged.
pub(super) fn parse_plan(text: &str) -> Result<PackPlan> {
    serde_json::from_str(text).map_err(|error| {
        Error::Sink(format!(
            "a planned pack cannot be read ({error}): another version of this program has planned \
             it; push with that version, or remove the destination with `energy fleet forget`"
        ))
    })
}
