//! What sources say of themselves, as rows.

use crate::power::known::{self, KnownRail};
use crate::power::users::DeviceUsers;
use crate::power::{Notice, PowerSource};
use crate::recorder::SourceRails;
use crate::rows::{BaselineRow, EventRow};

/// The sources' rails as rows.
pub(super) struct SourcePlan {
    pub(super) rails: SourceRails,
    pub(super) configured_idle: Vec<BaselineRow>,
    pub(super) events: Vec<EventRow>,
}

impl SourcePlan {
    pub(super) fn of(
        sources: &[Box<dyn PowerSource>],
        notices: &[Notice],
        known: &[KnownRail],
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
            let doubts = known::doubts(&description, known);
            plan.events
                .extend(doubts.iter().map(|doubt| event("source_limit", doubt)));
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

    /// Readers of the use of rails' devices, by the rail's row.
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
