//! The attribution that is made of a recording once all of it is in its database.
//!
//! ```text
//! recording            .. last batch | fit | summary
//! attribution 1   live, or proportional
//! attribution 2                      |=====|  the one that is shown
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::summary::RunSummary;
use crate::attribution::Finished;
use crate::error::Error;
use crate::reattribute::{AttributeOptions, Method, attribute_stored, reattribute};
use crate::rows::{BalanceRow, EventRow};
use crate::store::Store;

/// Attributes a run that was closed by another process while it was recorded: windows of
/// its own attribution may be gone. If that fails, a warning says why.
pub(super) fn attribute_anew(path: &Path, summary: &mut RunSummary) {
    let anew = || -> Result<(), Error> {
        let store = Store::open_writable(path)?;
        let run = store.find_run(&summary.uuid)?.no;
        let id = store.attribute(run, attribute_stored)?;
        (1..id).try_for_each(|earlier| store.delete_attribution(run, earlier))
    };
    if let Err(error) = anew() {
        let message = format!("the run was not attributed anew: {error}");
        summary.warnings.push(message);
    }
}

/// How to attribute which file.
pub(crate) struct Offline {
    pub(crate) path: PathBuf,
    pub(crate) options: AttributeOptions,
}

impl Offline {
    /// Whether the live attribution is not the last one: the method wants all of the run, or
    /// idle power that was taken off windows turned out not to be the run's.
    pub(crate) fn is_needed(&self, live: &Finished) -> bool {
        let refuted = || live.rails.iter().any(|rail| rail.baseline_above_run);
        self.options.method != Method::Proportional || refuted()
    }

    /// Attributes the run of `summary`, which then tells the new accounts. If that
    /// fails, a warning of the run says why, and the old ones stay.
    pub(crate) fn attribute(&self, summary: &mut RunSummary) {
        let fit = || self.balances(&summary.uuid);
        // A fault in the fit must not cost the summary, nor end the program.
        let found = catch_unwind(AssertUnwindSafe(fit));
        let found = found.map(|found| found.map_err(|error| error.to_string()));
        match found.unwrap_or_else(|_| Err("the estimate failed; this is a fault of it".into())) {
            Ok(balances) => self.tell(summary, &balances),
            Err(why) => self.refuse(summary, &why),
        }
    }

    fn balances(&self, uuid: &str) -> Result<Vec<BalanceRow>, Error> {
        let id = reattribute(&self.path, uuid, &self.options)?;
        let store = Store::open(&self.path)?;
        let run = store.find_run(uuid)?.no;
        store.balances(run, id)?.all()
    }

    fn tell(&self, summary: &mut RunSummary, balances: &[BalanceRow]) {
        summary.method = self.options.method;
        for (id, rail) in (1..).zip(&mut summary.rails) {
            let balance = balances.iter().find(|balance| balance.rail == id);
            rail.set(balance);
        }
    }

    fn refuse(&self, summary: &mut RunSummary, why: &str) {
        let message = format!(
            "the method {} was not applied, figures are {}: {why}",
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
