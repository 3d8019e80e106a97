//! Result of the examination as tables.

use energy_data::units::{Energy, Nanos, Power};
use energy_power::characterise::RailCharacteristics;
use energy_power::{Provenance, UnusedSensor};
use serde_json::{Value, json};

use super::{SourceExamination, SourceState, cross};
use crate::format::{Answer, Column, Sheet, escape};

impl SourceExamination {
    /// Converts the result to tables and notes.
    pub fn answer(&self) -> Answer {
        let title = match (self.has_measured(), self.chosen.as_slice()) {
            (true, chosen) => format!("Power can be measured here: {}", chosen.join(" and ")),
            (false, []) => "No power source is available".to_owned(),
            (false, _) => "No sensor can be read here: power is modelled from CPU time".to_owned(),
        };
        let columns = vec![
            Column::text("source", "source"),
            Column::text("state", "state"),
            Column::text("why", "description"),
        ];
        let rails = vec![
            Column::text("source", "source"),
            Column::text("rail", "rail"),
            Column::text("kind", "meters"),
            Column::text("parent", "parent rail"),
            Column::power("power_w", "power"),
            Column::time("period_ns", "update period"),
            Column::energy("resolution_j", "resolution"),
            Column::text("provenance", "source kind").from_width(90),
        ];
        let mut answer = Answer::new("doctor", title)
            .with("chosen", json!(self.chosen))
            .with("has_measured", json!(self.has_measured()))
            .sheet(Sheet::new("sources", "Sources", columns, self.states()));
        let seen = self.rails();
        if !seen.is_empty() {
            answer = answer.sheet(Sheet::new("rails", "Rails", rails, seen));
        }
        let left_out = self.left_out();
        if !left_out.is_empty() {
            let columns = vec![
                Column::text("sensor", "sensor"),
                Column::text("why", "reason"),
            ];
            let sheet = Sheet::new("left_out", "Unused sensors", columns, left_out);
            // A table would cut the reasons.
            answer = answer.sheet(sheet.data_only());
            for UnusedSensor { sensor, why, .. } in &self.left_out {
                let (sensor, why) = (escape(sensor), escape(why));
                answer = answer.note(format!("Unused sensor {sensor}: {why}."));
            }
        }
        let powers = self.powers.iter().map(|(of, seen)| (of, seen));
        let crossed = cross::check(self.usable().chain(powers));
        if !crossed.is_empty() {
            answer = answer.sheet(Sheet::new(
                "cross",
                "Metered by two sources",
                cross::columns(),
                crossed,
            ));
        }
        for (name, state) in &self.sources {
            if let SourceState::Locked { what, fix } = state {
                answer = answer.note(format!(
                    "{name} is locked ({}): {}.",
                    escape(what),
                    escape(fix)
                ));
            }
        }
        for (name, state) in &self.sources {
            if let SourceState::Failing(why) = state {
                answer = answer.note(format!("{name} fails: {}.", escape(why)));
            }
        }
        for (description, _) in self.usable() {
            for limit in &description.limits {
                answer = answer.note(format!("{}: {}.", description.name, escape(limit)));
            }
        }
        for assumed in &self.assumed {
            answer = answer.note(format!("{}.", escape(assumed)));
        }
        answer
    }

    /// Returns the sensors that are present but not used, with the reason.
    fn left_out(&self) -> Vec<Value> {
        let row = |one: &UnusedSensor| json!({ "sensor": one.sensor, "why": one.why, "is_fault": one.is_fault });
        self.left_out.iter().map(row).collect()
    }

    /// Returns the rail that contains a rail.
    fn parent(&self, source: &str, rail: usize) -> Option<&str> {
        let mut contained = self.contained.iter();
        let found = contained.find(|one| one.source == source && one.rail == rail)?;
        Some(found.parent.as_deref().unwrap_or("(not counted)"))
    }

    fn states(&self) -> Vec<Value> {
        let state = |(name, state): &(&'static str, SourceState)| {
            let (word, why) = match state {
                SourceState::Usable(description, _) => (
                    match description.provenance {
                        Provenance::Measured => "measured",
                        Provenance::Modelled => "modelled",
                        Provenance::Replayed => "replayed",
                    },
                    about(name),
                ),
                SourceState::Locked { what, .. } => ("locked", what.as_str()),
                SourceState::Absent(what) => ("not here", what.as_str()),
                SourceState::Failing(why) => ("failing", why.as_str()),
            };
            let fix = match state {
                SourceState::Locked { fix, .. } => Some(fix),
                _ => None,
            };
            json!({ "source": name, "state": word, "why": why, "fix": fix })
        };
        self.sources.iter().map(state).collect()
    }

    fn rails(&self) -> Vec<Value> {
        let rails = self.usable().flat_map(|(description, seen)| {
            let rails = description.rails.iter().zip(&seen.rails).enumerate();
            rails.map(move |(at, (rail, seen))| {
                let declared = rail.parent.and_then(|at| description.rails.get(at));
                let declared = declared.map(|parent| parent.name.as_str());
                let is_chosen = self.chosen.contains(&description.name);
                let parent = match is_chosen {
                    true => self.parent(&description.name, at),
                    false => declared,
                };
                let RailCharacteristics {
                    samples,
                    power,
                    period,
                    resolution,
                } = *seen;
                json!({
                    "source": description.name,
                    "rail": rail.name,
                    "kind": rail.kind.name(),
                    "parent": parent,
                    "samples": samples,
                    "power_w": power.map(Power::watts),
                    "period_ns": period.map(Nanos::nanos),
                    "resolution_j": resolution.map(Energy::joules),
                    "provenance": description.provenance.name(),
                })
            })
        });
        rails.collect()
    }
}

/// Returns a short description of a source.
fn about(name: &str) -> &'static str {
    match name {
        "powermetrics" => "Apple's tool, needs root",
        "ioreport" => "Apple's counters, without root",
        "rapl" => "energy counters of the processor",
        "hwmon" => "sensors of boards and graphics",
        "nvml" => "NVIDIA's driver",
        "battery" => "discharge of the battery",
        _ => "CPU time x watts: not measured",
    }
}
