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
    let is_final = run.row.status != RunStatus::Running;
    let Some(attribution) = run.attribution else {
        let why = "it was not attributed; run `energy attribute`";
        return Ok(match is_final {
            true => NextPack::Refused(why.to_owned()),
            false => NextPack::Later,
        });
    };
    let Some(start) = BucketStart::after(last)? else {
        return Ok(NextPack::Later);
    };
    let is_due = |end_ns: i64| {
        let is_long = |every_ns| end_ns.saturating_sub(start.time_ns) >= every_ns;
        is_final || rules.every_ns.is_some_and(is_long)
    };
    let seen_ns = seen_ns(recording, run)?;
    if !is_due(seen_ns) {
        return Ok(NextPack::Later);
    }
    let contents = start.earlier.as_ref().map(|plan| plan.contents);
    let contents = contents.unwrap_or(rules.contents);
    let totals = totals(recording, run, contents.nodes)?;
    // Recorders write totals less often than samples.
    let end_ns = match is_final {
        true => seen_ns,
        false => totals.accounted_ns.unwrap_or(start.time_ns),
    };
    match refused(&totals, is_final) {
        Some(refused) => Ok(refused),
        None if !is_due(end_ns) => Ok(NextPack::Later),
        None => {
            let method = method(recording, run.no, attribution)?;
            let mut plan = start.plan(run, totals, contents);
            (plan.attribution, plan.method) = (attribution, method);
            plan.end_ns = end_ns.max(plan.start_ns);
            Ok(NextPack::Ready(Box::new(plan)))
        }
    }
}

/// Where a bucket begins.
struct BucketStart {
    bucket: i64,
    time_ns: i64,
    /// The bucket before it.
    earlier: Option<PackPlan>,
}

impl BucketStart {
    /// Returns the start of the bucket after `last`; `None` if there is none, or if another process
    /// is sending it.
    fn after(last: Option<&ShipmentRow>) -> Result<Option<Self>> {
        let Some(last) = last else {
            return Ok(Some(Self {
                bucket: 0,
                time_ns: 0,
                earlier: None,
            }));
        };
        let (false, true, Some(plan)) = (last.is_final, last.is_sent, &last.plan) else {
            return Ok(None);
        };
        Ok(Some(Self {
            bucket: last.bucket + 1,
            time_ns: last.end_ns,
            earlier: Some(parse_plan(plan)?),
        }))
    }

    /// Returns the plan of the bucket, without attribution, end, and totals at its start.
    fn plan(self, run: &Run, totals: CurrentTotals, contents: PackContents) -> PackPlan {
        let is_final = run.row.status != RunStatus::Running;
        let accounted_ns = totals.accounted_ns.unwrap_or(self.time_ns);
        let activations_from_ns = self
            .earlier
            .as_ref()
            .and_then(|plan| plan.activations_until_ns);
        PackPlan {
            run: facts(run),
            attribution: 0,
            method: None,
            bucket: self.bucket,
            start_ns: self.time_ns,
            end_ns: self.time_ns,
            is_final,
            contents,
            writer: env!("CARGO_PKG_VERSION").to_owned(),
            activations_from_ns,
            activations_until_ns: (!is_final).then_some(accounted_ns),
            before: Cumulative::default(),
            after: totals.cumulative,
        }
    }
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

/// Returns when a run ended, or when its recorder was last seen: run time, because wall clocks are
/// set.
fn seen_ns(recording: &Recording, run: &Run) -> Result<i64> {
    let sql = "SELECT coalesce(end_ns, last_seen_ns, 0) FROM runs WHERE no = ?1";
    let mut statement = recording.connection().prepare_cached(sql)?;
    Ok(statement.query_row([run.no], |r| r.get(0))?)
}

/// Parses a stored plan.
///
/// # Errors
/// If it was written by another version, or is damaged.
pub(super) fn parse_plan(text: &str) -> Result<PackPlan> {
    serde_json::from_str(text).map_err(|error| {
        Error::Conflict(format!(
            "a planned pack cannot be read ({error}): another version of this program has planned \
             it; push once with that version. Other runs are sent"
        ))
    })
}
