//! Converts the descriptions of sources to rows.

use crate::recorder::SourceRails;
use energy_data::rows::{BaselineRow, EventRow};
use energy_power::sensor_cache::{self, CachedRail};
use energy_power::users::DeviceUsers;
use energy_power::{Notice, PowerSource};

/// The rows for the rails and warnings of all sources.
pub(super) struct SourcePlan {
    pub(super) rails: SourceRails,
    pub(super) configured_idle: Vec<BaselineRow>,
    pub(super) events: Vec<EventRow>,
}

impl SourcePlan {
    pub(super) fn of(
        sources: &[Box<dyn PowerSource>],
        notices: &[Notice],
        cached: &[CachedRail],
    ) -> Self {
        let event = |kind: &str, message: &String| EventRow {
            time_ns: 0,
            kind: kind.to_owned(),
            count: 1,
            message: message.clone(),
        };
        let mut plan = Self {
            rails: SourceRails::default(),
            configured_idle: Vec::new(),
            events: notices
                .iter()
                .map(|notice| event(notice.kind, &notice.message))
                .collect(),
        };
        for source in sources {
            let description = source.describe();
            let coarse = sensor_cache::warnings(&description, cached);
            plan.events
                .extend(coarse.iter().map(|one| event("source_limit", one)));
            let warnings = source.warnings();
            let warnings = warnings.iter().map(|one| event("source_warning", one));
            plan.events.extend(warnings);
            plan.rails
                .add_source(&description, |rail| source.placement(rail));
            plan.events.extend(
                description
                    .limits
                    .iter()
                    .map(|limit| event("source_limit", limit)),
            );
            let at = plan.rails.sources() - 1;
            for index in 0..description.rails.len() {
                let Some(id) = plan.rails.id(at, index) else {
                    continue;
                };
                if let Some(power) = source.configured_idle(index) {
                    let power_w = power.watts();
                    plan.configured_idle.push(BaselineRow {
                        rail: id,
                        start_ns: 0,
                        end_ns: 0,
                        power_w,
                        samples: 0,
                        spread_w: None,
                    });
                }
            }
        }
        plan
    }

    /// Takes the readers of device use from the sources, each with the id of its rail.
    pub(super) fn devices(
        &self,
        sources: &mut [Box<dyn PowerSource>],
    ) -> Vec<(u32, Box<dyn DeviceUsers>)> {
        let mut devices = Vec::new();
        for (at, source) in sources.iter_mut().enumerate() {
            for (rail, users) in source.users() {
                devices.extend(self.rails.id(at, rail).map(|id| (id, users)));
            }
        }
        devices
    }
}
