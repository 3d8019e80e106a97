//! Attribution of a complete recording from its database.
//!
//! ```text
//! recording            .. last batch | fit | summary
//! attribution 1   live, or proportional
//! attribution 2                      |=====|  shown
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::summary::RunSummary;
use energy_attribution::Finished;
use energy_data::rows::{BalanceRow, EventRow};
use energy_data::{AttributeOptions, Method};
use energy_store::Error;
use energy_store::Store;
use energy_store::{attribute_stored, reattribute};

/// Attributes a run again that another process closed while it was recorded: windows of its
/// own attribution may be missing. A failure is a warning of the summary.
pub(super) fn attribute_again(path: &Path, summary: &mut RunSummary) {
    let again = || -> Result<(), Error> {
        let store = Store::open_writable(path)?;
        let run = store.find_run(&summary.uuid)?.no;
        let id = store.attribute(run, attribute_stored)?;
        (1..id).try_for_each(|earlier| store.delete_attribution(run, earlier))
    };
    if let Err(error) = again() {
        let message = format!("the run was not attributed again: {error}");
        summary.warnings.push(message);
    }
}

/// A file and the options of its attribution.
pub(crate) struct Offline {
    path: PathBuf,
    options: AttributeOptions,
}

impl Offline {
    /// Returns the attribution to make in `database` when the recording ends, if there is one.
    pub(crate) fn of(database: Option<&Path>, options: AttributeOptions) -> Option<Self> {
        let path = database?.to_owned();
        Some(Self { path, options })
    }

    /// Returns whether a second attribution is needed: the method uses the whole run, or
    /// idle power subtracted from windows turned out too high.
    pub(crate) fn is_needed(&self, live: &Finished) -> bool {
        let refuted = || live.rails.iter().any(|rail| rail.baseline_above_run);
        self.options.method != Method::Proportional || refuted()
    }

    /// Attributes the run of `summary` and updates its accounts. A failure is a warning of
    /// the run, and the accounts stay.
    pub(crate) fn attribute(&self, summary: &mut RunSummary) {
        let fit = || self.balances(&summary.uuid);
        // A panic in the fit must neither lose the summary nor end the program.
        let found = catch_unwind(AssertUnwindSafe(fit));
        let found = found.map(|found| found.map_err(|error| error.to_string()));
        match found.unwrap_or_else(|_| Err("the estimate panicked: please report this bug".into()))
        {
            Ok(balances) => self.update_summary(summary, &balances),
            Err(why) => self.report_failure(summary, &why),
        }
    }

    fn balances(&self, uuid: &str) -> Result<Vec<BalanceRow>, Error> {
        let id = reattribute(&self.path, uuid, &self.options)?;
        let store = Store::open(&self.path)?;
        let run = store.find_run(uuid)?.no;
        store.balances(run, id)?.all()
    }

    fn update_summary(&self, summary: &mut RunSummary, balances: &[BalanceRow]) {
        summary.method = self.options.method;
        for (id, rail) in (1..).zip(&mut summary.rails) {
            let balance = balances.iter().find(|balance| balance.rail == id);
            rail.set(balance);
        }
    }

    fn report_failure(&self, summary: &mut RunSummary, why: &str) {
        let message = format!(
            "method {} was not applied, results are {}: {why}",
            self.options.method, summary.method
        );
        let event = EventRow {
            time_ns: summary.duration_ns,
            kind: "not_attributed".to_owned(),
            count: 1,
            message: message.clone(),
        };
        summary.warnings.push(message);
        let noted = || {
            let store = Store::open_writable(&self.path)?;
            let run = store.find_run(&summary.uuid)?.no;
            store.add_event(run, &event)
        };
        if let Err(error) = noted() {
            summary.warnings.push(error.to_string());
        }
    }
}
