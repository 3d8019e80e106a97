//! The calls themselves. Type-checked, never run.

use std::time::Duration;

use macmon::sources::{IOReport, SMC, cfio_integer_value};

use super::{Channel, Counted, IoReport, Meter, Unit};
use crate::power::SourceError;
use crate::units::{Nanos, Power};

/// The group whose channels count energies.
const GROUP: &str = "Energy Model";
/// The SMC's key of what the machine draws in all, W.
const SYSTEM: &str = "PSTR";

/// Opens the counters of this machine.
///
/// # Errors
/// [`SourceError::NotPresent`] where nothing is counted.
pub fn open(interval: Nanos) -> Result<IoReport, SourceError> {
    IoReport::with_meter(Apple::new, interval)
}

struct Apple {
    report: IOReport,
    /// Laptops and desktops have it, virtual machines do not.
    smc: Option<SMC>,
}

impl Apple {
    fn new() -> Result<Self, String> {
        let report = IOReport::new(vec![(GROUP, None)]).map_err(|error| error.to_string())?;
        let mut smc = SMC::new().ok();
        let tells_system =
            |smc: &mut SMC| smc.read_float_val(SYSTEM).is_ok_and(|watts| watts > 0.0);
        if !smc.as_mut().is_some_and(tells_system) {
            smc = None;
        }
        Ok(Self { report, smc })
    }
}

impl Meter for Apple {
    fn read(&mut self, wait: Duration) -> Result<Counted, String> {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        // Each call goes on from the counters of the one before: nothing is lost between.
        let samples = self.report.get_samples(wait_ms, 1);
        let items = samples.into_iter().flat_map(|(items, _)| items);
        let channels = items
            .filter(|item| item.group == GROUP)
            .map(|item| Channel {
                unit: Unit::of_label(&item.unit),
                count: cfio_integer_value(item.item),
                name: item.channel,
            });
        let channels = channels.collect();
        let system = self.smc.as_mut();
        let watts = system.and_then(|smc| smc.read_float_val(SYSTEM).ok());
        let watts = watts
            .map(f64::from)
            .filter(|watts| watts.is_finite() && *watts > 0.0);
        Ok(Counted {
            channels,
            system: watts.map(Power::from_watts),
        })
    }
}
