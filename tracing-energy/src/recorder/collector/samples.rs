//! Messages of power sources, and rails that appear or move during a run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::baselines::Baselines;
use super::conditions::ConditionIntake;
use super::rows::RunRows;
use super::run_time::RunTime;
use crate::live::PowerNow;
use crate::recorder::source_rails::SourceRails;
use energy_data::rows::{RailRow, SampleRow, SensorMetricRow};
use energy_power::containment::NOTICE;
use energy_power::{Reading, SamplerMessage};

/// Interval at which the containment of rails is determined again.
const SETTLE_EVERY_NS: i64 = 1_000_000_000;

/// Receives the messages of all sources.
pub(super) struct SampleIntake {
    messages: Receiver<SamplerMessage>,
    rails: SourceRails,
    last_settled_ns: i64,
    /// The latest reading of each rail.
    latest: BTreeMap<u32, SampleRow>,
    power_now: Arc<PowerNow>,
}

impl SampleIntake {
    pub(super) fn new(
        (messages, rails): (Receiver<SamplerMessage>, SourceRails),
        power_now: Arc<PowerNow>,
        now_ns: i64,
    ) -> Self {
        power_now.set(rails.rows(), &BTreeMap::new());
        Self {
            messages,
            rails,
            last_settled_ns: now_ns,
            latest: BTreeMap::new(),
            power_now,
        }
    }

    /// Returns the rows of all rails.
    pub(super) fn rails(&self) -> &[RailRow] {
        self.rails.rows()
    }

    /// Adds all messages received so far.
    pub(super) fn take(
        &mut self,
        time: &RunTime,
        baselines: &mut Baselines,
        conditions: &mut ConditionIntake,
        rows: &mut RunRows,
    ) {
        let mut has_new = false;
        while let Ok(message) = self.messages.try_recv() {
            has_new = true;
            match message {
                SamplerMessage::Reading { source, reading } => {
                    for pressure in &reading.pressures {
                        conditions.pressure(pressure, time);
                    }
                    self.reading(source, reading, time, baselines, rows);
                }
                SamplerMessage::Error { error, .. } => {
                    rows.event(time.now().nanos(), "source_error", error.to_string());
                }
                SamplerMessage::Stopped { .. } => {}
            }
        }
        if has_new {
            self.power_now.set(self.rails.rows(), &self.latest);
        }
    }

    fn reading(
        &mut self,
        source: usize,
        reading: Reading,
        time: &RunTime,
        baselines: &mut Baselines,
        rows: &mut RunRows,
    ) {
        if let Some(rails) = reading.rails {
            let changed = self.rails.set_rails(source, rails);
            changed.into_iter().for_each(|row| rows.rail(row));
        }
        for sample in &reading.samples {
            let Some(rail) = self.rails.id(source, sample.rail) else {
                continue;
            };
            self.rails.sample(source, sample);
            let row = SampleRow {
                rail,
                start_ns: time.of(sample.start),
                end_ns: time.of(sample.end),
                energy_j: sample.energy.map(|energy| energy.joules()),
            };
            let latest = self.latest.entry(rail).or_insert(row);
            if row.end_ns >= latest.end_ns {
                *latest = row;
            }
            baselines.sample(row, rows);
        }
        let metrics = reading.metrics.into_iter().map(|metric| SensorMetricRow {
            name: metric.name,
            start_ns: time.of(metric.start),
            end_ns: time.of(metric.end),
            value: metric.value,
        });
        rows.batch.sensor_metrics.extend(metrics);
        for notice in reading.notices {
            rows.event(time.of(notice.time), notice.kind, notice.message);
        }
    }

    /// Determines again which rail contains which, at intervals.
    pub(super) fn settle_if_due(&mut self, now_ns: i64, rows: &mut RunRows) {
        if now_ns - self.last_settled_ns >= SETTLE_EVERY_NS {
            self.settle(now_ns, false, rows);
        }
    }

    /// Determines again which rail contains which; reports findings and assumptions as events.
    pub(super) fn settle(&mut self, now_ns: i64, is_final: bool, rows: &mut RunRows) {
        self.last_settled_ns = now_ns;
        let (changed, messages) = self.rails.settle(is_final);
        changed.into_iter().for_each(|row| rows.rail(row));
        for message in messages {
            rows.event(now_ns, NOTICE, message);
        }
    }
}
