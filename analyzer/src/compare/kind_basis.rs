//! Selects the method by which the energies of operations are compared.
//!
//! ```text
//! check    every run estimated, weight sufficient?  yes --> `fitted`
//!                                                   no  --> by time, with the reason
//! compare  as recorded; by time unless every run's estimate has sufficient weight
//! ```
//!
//! By time, an operation that draws more power in the same time looks unchanged.

use std::collections::HashMap;

use serde::Serialize;

use super::{CompareOptions, Side};
use crate::error::Result;
use crate::format::{escape, number};
use crate::query::{
    FittedKinds, GroupBy, Recording, Run, Share, attributions, estimated_weight, fitted_kinds,
    shares,
};

/// Minimum weight of an estimate. Below it operations are compared by time; at it, a twentieth
/// of a change of power may be hidden.
const MIN_WEIGHT: f64 = 0.95;

/// Basis on which energy is divided among kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KindMethod {
    /// Powers estimated from all samples of a run.
    Fitted,
    /// Time: changes of power at equal time are invisible.
    Time,
}

/// Energies of kinds with the method that produced them.
#[derive(Debug, Clone, PartialEq)]
pub struct KindBasis {
    /// The method.
    pub by: KindMethod,
    /// Why the method is not `fitted`.
    pub why: Option<String>,
    /// Kinds by number of the run; if empty, kinds are read as recorded.
    shares: HashMap<i64, Vec<Share>>,
}

/// Cached estimates of runs that are compared several times.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Estimates(HashMap<i64, std::result::Result<FittedKinds, String>>);

impl Estimates {
    /// Returns the estimate of a run, and computes it if needed.
    fn get_or_estimate(
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
    /// Chooses the method for all sides, according to `options`.
    pub(super) fn choose(
        recording: &Recording,
        sides: &[Side],
        options: &CompareOptions,
        estimates: &mut Estimates,
    ) -> Result<Self> {
        let runs: Vec<&Run> = sides.iter().flat_map(|side| &side.runs).collect();
        let rail = options.energy.rail.as_deref();
        match options.estimate {
            true => estimated(recording, &runs, rail, estimates),
            false => recorded(recording, &runs, rail),
        }
    }

    /// Returns the kinds of a run.
    pub(super) fn shares(
        &self,
        recording: &Recording,
        run: &Run,
        rail: Option<&str>,
    ) -> Result<Vec<Share>> {
        match self.shares.get(&run.no) {
            Some(known) => Ok(known.clone()),
            None => shares(recording, run, rail, GroupBy::Kind, true),
        }
    }

    /// Returns whether all runs' kinds are by one method, independent of their recorded
    /// attribution.
    pub(super) fn is_uniform(&self) -> bool {
        !self.shares.is_empty()
    }

    /// Returns a note for readers of the energies; `None` if they are by `fitted`.
    pub fn note(&self) -> Option<String> {
        let why = self.why.as_ref()?;
        Some(format!(
            "Operations are compared by time only: more power in equal time is not \
             found ({why})."
        ))
    }
}

fn by_time(why: String, shares: HashMap<i64, Vec<Share>>) -> KindBasis {
    KindBasis {
        by: KindMethod::Time,
        why: Some(why),
        shares,
    }
}

/// Uses `fitted` if every run's estimate has sufficient weight.
fn estimated(
    recording: &Recording,
    runs: &[&Run],
    rail: Option<&str>,
    estimates: &mut Estimates,
) -> Result<KindBasis> {
    let mut found = HashMap::new();
    for run in runs {
        let why = match estimates.get_or_estimate(recording, run, rail)? {
            Ok(kinds) if kinds.weight >= MIN_WEIGHT => {
                found.insert(run.no, kinds.shares.clone());
                continue;
            }
            Ok(kinds) => too_little(run, kinds.weight),
            Err(why) => format!("run {}: {}", escape(&run.title()), escape(why)),
        };
        return Ok(by_time(why, proportional(recording, runs, rail)?));
    }
    Ok(KindBasis {
        by: KindMethod::Fitted,
        why: None,
        shares: found,
    })
}

/// Uses the recorded attribution.
fn recorded(recording: &Recording, runs: &[&Run], rail: Option<&str>) -> Result<KindBasis> {
    for run in runs {
        let weight = estimated_weight(recording, run, rail)?;
        if weight < MIN_WEIGHT {
            return Ok(by_time(too_little(run, weight), HashMap::new()));
        }
    }
    Ok(KindBasis {
        by: KindMethod::Fitted,
        why: None,
        shares: HashMap::new(),
    })
}

fn too_little(run: &Run, weight: f64) -> String {
    let title = escape(&run.title());
    match weight > 0.0 {
        true => format!(
            "the estimate of run {title} has weight {}, {MIN_WEIGHT} is needed",
            number(Some(weight))
        ),
        false => format!("no estimate of run {title} has any weight"),
    }
}

/// Returns kinds by the newest proportional attribution of each run; empty if a run lacks one.
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
        found.insert(run.no, shares(recording, &run, rail, GroupBy::Kind, true)?);
    }
    Ok(found)
}
