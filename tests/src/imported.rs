//! Takes a table of another program through import, attribution by the method `fitted` and
//! listing, and checks invariants of the result that hold for any table.

use std::path::{Path, PathBuf};

use energy_analyzer::attribute::{self, attribute};
use energy_analyzer::import::{ImportOptions, import};
use energy_analyzer::ops::{OperationList, OpsOptions};
use energy_analyzer::query::{Recording, balance};
use energy_attribution::balances;
use tracing_energy::Method;

use crate::simulate::SimulatedTrace;
use crate::stored::{SHOWN, StoredRun};

/// Outcome of an import.
#[derive(Debug)]
pub enum ImportOutcome {
    /// The tables were refused or could not be attributed, with the reason.
    Refused(String),
    /// The tables were attributed.
    Listed(Box<Listed>),
}

/// An attributed import.
#[derive(Debug)]
pub struct Listed {
    /// Energy of each kind.
    pub ops: OperationList,
    /// Warnings about the result.
    pub warnings: Vec<String>,
    database: PathBuf,
}

/// Writes the tables of `trace` into `folder`, imports, attributes and lists them.
///
/// # Panics
/// If the folder cannot be written.
pub fn imported(trace: &SimulatedTrace, folder: &Path) -> ImportOutcome {
    trace.write(folder).expect("written");
    match listed(folder) {
        Ok(listed) => ImportOutcome::Listed(Box::new(listed)),
        Err(error) => ImportOutcome::Refused(error.to_string()),
    }
}

fn listed(folder: &Path) -> Result<Listed, energy_analyzer::Error> {
    let database = folder.join("energy.db");
    let options = ImportOptions {
        spans: folder.join("spans.csv"),
        samples: folder.join("samples.csv"),
        name: None,
        kernels: Vec::new(),
    };
    let run = import(&database, &options)?;
    let fitted = attribute::ReattributionOptions {
        method: Method::Fitted,
        ..attribute::ReattributionOptions::default()
    };
    attribute(&database, &run.uuid, &fitted)?;
    let recording = Recording::open(&database)?;
    let found = recording.run(&run.uuid)?;
    let ops = OperationList::read(&recording, found, &OpsOptions::default())?;
    let estimated = StoredRun::open(&database, "last").warnings();
    Ok(Listed {
        ops,
        warnings: run.warnings.into_iter().chain(estimated).collect(),
        database,
    })
}

impl Listed {
    /// Checks that every value is finite, that no span's energy is negative, that no energy
    /// is lost, and that a list without energy has a warning.
    pub fn assert_sound(&self) {
        self.assert_accounts();
        let run = StoredRun::open(&self.database, "last");
        for (table, column) in [
            ("node_energy", "self_j"),
            ("node_energy", "inclusive_j"),
            ("kind_energy", "self_j"),
            ("kind_energy", "extrapolated_j"),
            ("kind_energy", "lo_j"),
        ] {
            let sql = format!(
                "SELECT coalesce(min({column}), 0) FROM {table} WHERE run = ?1 AND {SHOWN}"
            );
            let least = run.number(&sql);
            assert!(least >= 0.0, "{table}.{column} holds {least}");
        }
        for share in &self.ops.shares {
            assert!(share.energy_j.is_finite(), "{share:?}");
            assert!(share.basis.is_some(), "{share:?} has no basis");
            if let Some((lo, hi)) = share.lo_j.zip(share.hi_j) {
                let range = lo..=hi;
                assert!(range.contains(&share.energy_j), "{share:?}");
            }
        }
        assert!(
            !self.warnings.is_empty(),
            "no warning is reported: {:?}",
            self.ops
        );
    }

    fn assert_accounts(&self) {
        let recording = Recording::open(&self.database).expect("opens");
        let run = recording.run("last").expect("the run");
        for rail in balance(&recording, &run).expect("accounts") {
            assert_eq!(rail.fault_j(), None, "{rail:?}");
        }
        let stored = StoredRun::open(&self.database, "last");
        for table in ["balance", "sample_balance"] {
            for accounts in stored.accounts(table) {
                assert!(balances(&accounts), "{table}: {accounts:?}");
            }
        }
        let (accounts, shares) = (&self.ops.accounts, &self.ops.shares);
        let listed: f64 = shares.iter().map(|share| share.energy_j).sum();
        let accounted = listed + accounts.idle_j.unwrap_or(0.0) + accounts.other_accounts_j;
        let measured = accounts.measured_j;
        let scale = measured.abs() + listed.abs() + accounts.other_accounts_j.abs();
        assert!(
            (accounted - measured).abs() <= 1e-9 * scale,
            "listed {accounted} J, measured {measured} J"
        );
    }
}
