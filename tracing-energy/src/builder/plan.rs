//! What sources say of themselves, as rows.

use crate::power::known::{self, KnownRail};
use crate::power::users::DeviceUsers;
use crate::power::{Notice, PowerSource};
use crate::rows::{BaselineRow, EventRow, RailRow};

/// The sources' rails as rows.
pub(super) struct SourcePlan {
    pub(super) rails: Vec<RailRow>,
    pub(super) first_rail: Vec<u32>,
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
            rails: Vec::new(),
            first_rail: Vec::new(),
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
            let first = plan.rails.len() as u32 + 1;
            plan.first_rail.push(first);
            plan.events.extend(
                description
                    .limits
                    .iter()
                    .map(|limit| event("source_limit", limit)),
            );
            for (index, rail) in description.rails.iter().enumerate() {
                let id = first + index as u32;
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
                plan.rails.push(RailRow {
                    id,
                    source: description.name.clone(),
                    name: rail.name.clone(),
                    parent: rail.parent.map(|parent| first + parent as u32),
                    kind: rail.kind,
                    unit: rail.unit.to_owned(),
                    interval_ns: description.interval.nanos(),
                    kernel: description.kernel,
                    provenance: description.provenance,
                });
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
        for (source, first) in sources.iter_mut().zip(&self.first_rail) {
            let users = source.users().into_iter();
            devices.extend(users.map(|(rail, users)| (first + rail as u32, users)));
        }
        devices
    }
}
