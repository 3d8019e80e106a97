//! The project's own pipeline: imports files, attributes them, and reads the results from
//! the database.

use std::collections::BTreeMap;
use std::path::Path;

use energy_analyzer::import::{ImportOptions, import};
use energy_data::AttributeOptions;
use energy_data::Prior;
use energy_data::rows::{KindEnergyRow, KindGroupRow};
use energy_data::units::Nanos;
use energy_power as power;
use energy_store::Store;
use energy_store::reattribute;
use tracing_energy::Method;

use super::{
    AccuracyError, AllocatedEnergy, Attributor, EstimateGroup, MethodEstimate, MethodOptions,
    MethodResult, RailAttribution, SampleMeaning, TruthInterval,
};
use crate::simulate::{SimulatedRail, SimulatedTrace};

/// Attribution by the method `fitted` or, if a calibration is given, `calibrated`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pipeline;

impl Attributor for Pipeline {
    fn name(&self) -> &str {
        "fitted"
    }

    fn attribute(
        &self,
        trace: &SimulatedTrace,
        options: &MethodOptions,
    ) -> Result<MethodResult, AccuracyError> {
        let folder = tempfile::tempdir().map_err(failed)?;
        trace.write(folder.path())?;
        let database = folder.path().join("energy.db");
        let imported = import(&database, &importing(folder.path(), options)).map_err(failed)?;
        let attribute_options = attribute_options(options);
        let id = reattribute(&database, &imported.uuid, &attribute_options).map_err(failed)?;
        let store = Store::open(&database).map_err(failed)?;
        let run = store.find_run(&imported.uuid).map_err(failed)?.no;
        read(&store, run, id, trace).map_err(failed)
    }
}

fn failed(what: impl std::fmt::Display) -> AccuracyError {
    AccuracyError::Method {
        method: "fitted".to_owned(),
        what: what.to_string(),
    }
}

fn importing(folder: &Path, options: &MethodOptions) -> ImportOptions {
    let kernels = options.kernels.iter().map(|(rail, kernel)| {
        let kernel = match kernel {
            SampleMeaning::Interval => power::Kernel::Box,
            SampleMeaning::Trailing { window_ms } => {
                power::Kernel::Trailing(Nanos::from_nanos((window_ms * 1e6) as i64))
            }
        };
        (rail.name().to_owned(), kernel)
    });
    ImportOptions {
        spans: folder.join("spans.csv"),
        samples: folder.join("samples.csv"),
        name: None,
        kernels: kernels.collect(),
    }
}

fn attribute_options(options: &MethodOptions) -> AttributeOptions {
    let priors = options.calibrations.values().flat_map(|calibration| {
        let rail = calibration.rail.name().to_owned();
        calibration.powers.iter().map(move |(kind, power)| Prior {
            rail: Some(rail.clone()),
            kind: kind.clone(),
            watts: power.watts,
            relative_sd: power.relative_sd,
        })
    });
    let method = match options.calibrations.is_empty() {
        true => Method::Fitted,
        false => Method::Calibrated,
    };
    AttributeOptions {
        priors: priors.collect(),
        ..AttributeOptions::new(method)
    }
}

fn read(
    store: &Store,
    run: i64,
    id: u32,
    trace: &SimulatedTrace,
) -> Result<MethodResult, Box<dyn std::error::Error>> {
    let kinds = store.kind_energy(run, id)?.all()?;
    let groups = store.kind_groups(run, id)?.all()?;
    let diagnostics: serde_json::Value = store.connection().query_row(
        "SELECT diagnostics FROM attributions WHERE run = ?1 AND id = ?2",
        (run, id),
        |row| Ok(serde_json::from_str(&row.get::<_, String>(0)?).unwrap_or_default()),
    )?;
    let mut attribution = MethodResult::new();
    for row in store.rails(run)?.all()? {
        let named = |rail: &&SimulatedRail| rail.name() == row.name;
        let Some(rail) = trace.truth.rails.keys().find(named) else {
            continue;
        };
        let kinds: Vec<&KindEnergyRow> = kinds.iter().filter(|k| k.rail == row.id).collect();
        let groups: Vec<&KindGroupRow> = groups.iter().filter(|g| g.rail == row.id).collect();
        let full = format!("{}/{}", row.source, row.name);
        let mut rails = diagnostics["rails"].as_array().into_iter().flatten();
        let own = rails.find(|rail| rail["rail"] == full.as_str());
        let mut accounts = accounts(store, run, id, row.id)?;
        let samples = trace.distinct_samples(*rail);
        let given_mj: f64 = samples.iter().map(|sample| sample.energy_mj).sum();
        if (accounts.measured_mj - given_mj).abs() > 1e-9 * given_mj.abs() {
            let measured_mj = accounts.measured_mj;
            return Err(format!("{measured_mj} mJ of {given_mj} mJ were accounted for").into());
        }
        accounts.extrapolated_mj = kinds.iter().map(|kind| kind.extrapolated_j * 1e3).sum();
        attribution.insert(
            *rail,
            RailAttribution {
                kinds: kinds.iter().map(|k| (k.name.clone(), of_kind(k))).collect(),
                groups: grouped(&kinds, &groups),
                gate_weight: own.and_then(|own| own["weight"].as_f64()),
                accounts,
            },
        );
    }
    Ok(attribution)
}

fn accounts(store: &Store, run: i64, id: u32, rail: u32) -> rusqlite::Result<AllocatedEnergy> {
    store.connection().query_row(
        "SELECT measured_j, coalesce(idle_j, 0), spans_j,
                coalesce(unattributed_j, 0) + coalesce(other_processes_j, 0) + coalesce(profiler_j, 0)
                + coalesce(unknown_j, 0) + residual_j
         FROM balance WHERE run = ?1 AND attribution = ?2 AND rail = ?3",
        (run, id, rail),
        |row| {
            Ok(AllocatedEnergy {
                measured_mj: row.get::<_, f64>(0)? * 1e3,
                idle_mj: row.get::<_, f64>(1)? * 1e3,
                spans_mj: row.get::<_, f64>(2)? * 1e3,
                rest_mj: row.get::<_, f64>(3)? * 1e3,
                extrapolated_mj: 0.0,
            })
        },
    )
}

/// Extrapolated energy is as uncertain as measured energy.
fn estimate(
    self_j: f64,
    lo_j: Option<f64>,
    hi_j: Option<f64>,
    extrapolated_j: f64,
) -> MethodEstimate {
    let energy_j = self_j + extrapolated_j;
    let scale = if self_j > 0.0 { energy_j / self_j } else { 1.0 };
    MethodEstimate {
        energy_mj: energy_j * 1e3,
        interval: lo_j.zip(hi_j).map(|(lo, hi)| TruthInterval {
            lo_mj: lo * scale * 1e3,
            hi_mj: hi * scale * 1e3,
        }),
    }
}

fn of_kind(kind: &KindEnergyRow) -> MethodEstimate {
    estimate(kind.self_j, kind.lo_j, kind.hi_j, kind.extrapolated_j)
}

fn grouped(kinds: &[&KindEnergyRow], groups: &[&KindGroupRow]) -> Vec<EstimateGroup> {
    let mut members: BTreeMap<u32, Vec<&KindEnergyRow>> = BTreeMap::new();
    let mut found = Vec::new();
    for kind in kinds {
        match kind.grouping {
            Some(grouping) => members.entry(grouping).or_default().push(kind),
            None => found.push(EstimateGroup {
                kinds: vec![kind.name.clone()],
                estimate: of_kind(kind),
            }),
        }
    }
    for group in groups {
        let members = members.remove(&group.grouping).unwrap_or_default();
        let extrapolated = members.iter().map(|kind| kind.extrapolated_j).sum();
        found.push(EstimateGroup {
            kinds: members.iter().map(|kind| kind.name.clone()).collect(),
            estimate: estimate(group.self_j, group.lo_j, group.hi_j, extrapolated),
        });
    }
    found
}
