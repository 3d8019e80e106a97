//! By which method the kinds of all compared runs are divided.
//!
//! ```text
//! check    every run estimated, weight enough?  yes --> by `fitted`
//!                                               no  --> by time, and why
//! compare  as recorded; by time unless every run's estimate has weight enough
//! ```
//!
//! By time a kind that draws more power for the same time looks the same.

use std::collections::HashMap;

use serde::Serialize;

use super::{CompareOptions, Side};
use crate::error::Result;
use crate::format::{escape, number};
use crate::query::{
    By, FittedKinds, Recording, Run, Share, attributions, estimated_weight, fitted_kinds, shares,
};

/// Weight of an estimate below which kinds are called by time: a twentieth of a change of
/// power may be lost.
const ENOUGH: f64 = 0.95;

/// What divides the energy among kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KindsBy {
    /// Powers that were estimated from all samples of a run.
    Fitted,
    /// Time: changes of power at equal time are not seen.
    Time,
}

/// The figures of kinds that are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct KindBasis {
    /// What they are by.
    pub by: KindsBy,
    /// Why not by `fitted`.
    pub why: Option<String>,
    /// Kinds by number of the run; as recorded where there are none.
    shares: HashMap<i64, Vec<Share>>,
}

/// Estimates of runs that are compared several times.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Estimates(HashMap<i64, std::result::Result<FittedKinds, String>>);

impl Estimates {
    /// Estimates a run that is not known yet.
    fn of(
        &mut self,
        recording: &Recording,
        run: &Run,
        rail: Option<&str>,
    ) -> Result<&std::result::Result<FittedKinds, String>> {
        use std::collections::hash_map::Entry;
        Ok(match self.0.entry(run.no) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(fitted_kinds(recording, run, rail)?),
        })
    }
}

impl KindBasis {
    /// As `options` say.
    pub(super) fn choose(
        recording: &Recording,
        sides: &[Side],
        options: &CompareOptions,
        estimates: &mut Estimates,
    ) -> Result<Self> {
        let runs: Vec<&Run> = sides.iter().flat_map(|side| &side.runs).collect();
        let rail = options.rail.as_deref();
        match options.estimate {
            true => estimated(recording, &runs, rail, estimates),
            false => recorded(recording, &runs, rail),
        }
    }

    /// Kinds of a run.
    pub(super) fn shares(
        &self,
        recording: &Recording,
        run: &Run,
        rail: Option<&str>,
    ) -> Result<Vec<Share>> {
        match self.shares.get(&run.no) {
            Some(known) => Ok(known.clone()),
            None => shares(recording, run, rail, By::Kind, true),
        }
    }

    /// Whether all runs' kinds are by one method, whatever they were recorded by.
    pub(super) fn is_uniform(&self) -> bool {
        !self.shares.is_empty()
    }

    /// The sentence for whoever reads figures of kinds; nothing where they are by `fitted`.
    pub fn note(&self) -> Option<String> {
        let why = self.why.as_ref()?;
        Some(format!(
            "Kinds are compared by time only: one that draws more power at equal time is not \
             found ({why})."
        ))
    }
}

fn by_time(why: String, shares: HashMap<i64, Vec<Share>>) -> KindBasis {
    KindBasis {
        by: KindsBy::Time,
        why: Some(why),
        shares,
    }
}

/// By `fitted` if every run's estimate has enough weight.
fn estimated(
    recording: &Recording,
    runs: &[&Run],
    rail: Option<&str>,
    estimates: &mut Estimates,
) -> Result<KindBasis> {
    let mut found = HashMap::new();
    for run in runs {
        let why = match estimates.of(recording, run, rail)? {
            Ok(kinds) if kinds.weight >= ENOUGH => {
                found.insert(run.no, kinds.shares.clone());
                continue;
            }
            Ok(kinds) => too_little(run, kinds.weight),
            Err(why) => format!("run {}: {}", escape(&run.title()), escape(why)),
        };
        return Ok(by_time(why, proportional(recording, runs, rail)?));
    }
    Ok(KindBasis {
        by: KindsBy::Fitted,
        why: None,
        shares: found,
    })
}

/// As recorded.
fn recorded(recording: &Recording, runs: &[&Run], rail: Option<&str>) -> Result<KindBasis> {
    for run in runs {
        let weight = estimated_weight(recording, run, rail)?;
        if weight < ENOUGH {
            return Ok(by_time(too_little(run, weight), HashMap::new()));
        }
    }
    Ok(KindBasis {
        by: KindsBy::Fitted,
        why: None,
        shares: HashMap::new(),
    })
}

fn too_little(run: &Run, weight: f64) -> String {
    let title = escape(&run.title());
    match weight > 0.0 {
        true => format!(
            "the estimate of run {title} has weight {}, {ENOUGH} is needed",
            number(Some(weight))
        ),
        false => format!("no estimate of run {title} has any weight"),
    }
}

/// Kinds by the newest proportional attribution of each run; none if a run lacks one: then
/// they are as recorded.
fn proportional(
    recording: &Recording,
    runs: &[&Run],
    rail: Option<&str>,
) -> Result<HashMap<i64, Vec<Share>>> {
    let mut found = HashMap::new();
    for run in runs {
        let all = attributions(recording, run)?.into_iter().rev();
        let by_time = all.into_iter().find(|one| one.effective == "proportional");
        let Some(by_time) = by_time else {
            return Ok(HashMap::new());
        };
        let run = Run {
            attribution: Some(by_time.id),
            ..(*run).clone()
        };
        found.insert(run.no, shares(recording, &run, rail, By::Kind, true)?);
    }
    Ok(found)
}
