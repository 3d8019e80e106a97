//! Observation: an observer receives pulses and samples in the order of their ends.
//!
//! ```text
//! pulses    |--|--|--|--|--|--|      content and pieces --+
//! samples   |----|----|----|         basis ---------------+--> observer
//! ```

use crate::observe::{ObservedWindows, Observer, PieceConsumer, PieceScope, PulseClock};
use crate::spans::track::whole_slots;
use crate::windows::builder::WindowBuilder;
use crate::windows::pieces::pieces;

/// An observer that reads a run.
#[derive(Debug)]
pub(crate) struct Observation {
    pulses: PulseClock,
    observer: Observer,
}

impl Observation {
    /// Creates an observation of `scopes`. Their pieces go to `consume`.
    pub(crate) fn new(scopes: Vec<PieceScope>, consume: PieceConsumer) -> Self {
        Self {
            pulses: PulseClock::default(),
            observer: Observer::new(scopes, consume),
        }
    }

    /// Closes every window with complete inputs: spans until `sealed`, CPU times until
    /// `cpu_until`.
    pub(crate) fn advance(&mut self, builder: &mut WindowBuilder, (sealed, cpu_until): (i64, i64)) {
        self.close_windows(builder, (sealed, cpu_until));
        let keep = builder.reached(sealed).min(self.pulses.read_until());
        builder.prune(whole_slots(keep));
    }

    /// Closes every window, cut to `end`, and returns the observations about samples.
    pub(crate) fn finish(mut self, builder: &mut WindowBuilder, end: i64) -> ObservedWindows {
        self.close_windows(builder, (end, i64::MAX));
        let times = builder.inputs.spans.stacks.nodes.iter();
        ObservedWindows {
            non_program: self.observer.finish(),
            self_ns: times.map(|time| time.self_ns).collect(),
        }
    }

    fn close_windows(&mut self, builder: &mut WindowBuilder, (sealed, cpu_until): (i64, i64)) {
        let limit = sealed.min(cpu_until);
        self.pulses.add(sealed);
        loop {
            let pulse = self.pulses.next(limit, builder.inputs.run_end);
            let sample_end = builder.next_end(limit).unwrap_or(i64::MAX);
            if let Some((start, end)) = pulse.filter(|(_, end)| *end <= sample_end) {
                if builder.is_waiting(end, cpu_until) {
                    return;
                }
                self.pulses.take();
                let content = builder.content(start, end, cpu_until);
                self.observer
                    .add_pulse(&content, &pieces(&builder.inputs, &content));
                continue;
            }
            let Some(closed) = builder.next(limit, cpu_until) else {
                return;
            };
            if let Some(energy_j) = closed.measured.energy_j {
                let sample = builder.sample_window(&closed, energy_j);
                let (start, end) = (sample.measured.start, sample.measured.end);
                let cpu = builder.inputs.cpu_use((start, end), cpu_until);
                self.observer
                    .add_sample(&sample, builder.basis(&sample, cpu));
            }
        }
    }
}
