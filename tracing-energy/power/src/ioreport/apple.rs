//! Calls IOReport and the SMC. Type-checked, never run.

use std::time::Duration;

use macmon::sources::{IOReport, SMC, cfio_integer_value};

use super::channels::{Channel, ChannelUnit};
use super::meter::{Meter, MeterReading};
use super::source::IoReport;
use crate::error::SourceError;
use energy_data::units::{Nanos, Power};

/// The group whose channels count energies.
const GROUP: &str = "Energy Model";
/// The SMC's key for the power of the whole machine, W.
const SYSTEM: &str = "PSTR";
/// The SMC's keys for the power of the processor, W. Models have different ones.
const CPU: [&str; 3] = ["PCPT", "PCTR", "PCPC"];

/// Opens the counters of this machine.
///
/// # Errors
/// [`SourceError::NotPresent`] if no energy is counted.
pub fn open(interval: Nanos) -> Result<IoReport, SourceError> {
    IoReport::with_meter(Apple::new, interval)
}

struct Apple {
    report: IOReport,
    /// Laptops and desktops have it, virtual machines do not.
    smc: Option<SMC>,
    has_system: bool,
    cpu: Option<&'static str>,
}

impl Apple {
    fn new() -> Result<Self, String> {
        let report = IOReport::new(vec![(GROUP, None)]).map_err(|error| error.to_string())?;
        let mut apple = Self {
            report,
            smc: SMC::new().ok(),
            has_system: false,
            cpu: None,
        };
        apple.has_system = apple.power(SYSTEM).is_some();
        apple.cpu = CPU.into_iter().find(|key| apple.power(key).is_some());
        Ok(apple)
    }

    /// Returns the power for a key of the SMC, or `None` if it is missing or zero.
    fn power(&mut self, key: &str) -> Option<Power> {
        let watts = f64::from(self.smc.as_mut()?.read_float_val(key).ok()?);
        (watts.is_finite() && watts > 0.0).then(|| Power::from_watts(watts))
    }
}

impl Meter for Apple {
    fn read(&mut self, wait: Duration) -> Result<MeterReading, String> {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        // Each call continues from the counters of the one before, so no energy is lost.
        let samples = self.report.get_samples(wait_ms, 1);
        let items = samples.into_iter().flat_map(|(items, _)| items);
        let channels = items
            .filter(|item| item.group == GROUP)
            .map(|item| Channel {
                unit: ChannelUnit::of_label(&item.unit),
                count: cfio_integer_value(item.item),
                name: item.channel,
            });
        let channels = channels.collect();
        let system = self.has_system.then(|| self.power(SYSTEM)).flatten();
        let cpu = self.cpu.and_then(|key| self.power(key));
        Ok(MeterReading {
            channels,
            system,
            cpu,
        })
    }
}
