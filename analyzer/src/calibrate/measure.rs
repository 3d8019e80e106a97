//! Runs the measurement rounds.

use std::sync::Arc;

use energy_data::units::Nanos;
use energy_power::PowerSource;
use tracing_energy::Clock;

use super::estimate::{self, KindPower, MeasurementInput, PowerEstimates, Skipped};
use super::meter::CalibrationMeter;
use super::plan::{KindTime, Plan, ROUNDS, plan};
use super::schedule::{SlotInterval, SlotSchedule};
use super::slot::{CalibrationSubject, KindSlot, RunFn, time_run};

/// Kinds to measure, power sources and clock. Tests replace clock and sleep, so that nothing
/// depends on the machine's load.
pub struct Bench<'b> {
    /// Kinds to measure.
    pub subjects: Vec<CalibrationSubject<'b>>,
    /// Empty run, used to subtract the loop around short runs.
    pub empty: RunFn<'b>,
    /// Waits until launched work is done.
    pub synchronize: RunFn<'b>,
    /// Whether runs only launch work, as on a GPU. Then all layers are launched before
    /// waiting, similar to a model.
    pub launches: bool,
    /// Sources of measured power.
    pub sources: Vec<Box<dyn PowerSource>>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Sleeps for a duration.
    pub sleep: Box<dyn Fn(Nanos) + 'b>,
}

/// Options of the measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeasureOptions {
    /// Duration of all rounds together.
    pub budget: Nanos,
}

/// Progress of a measurement.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CalibrationProgress {
    /// The model is prepared.
    Preparing {
        /// The step.
        step: String,
    },
    /// Kinds are timed.
    Timing {
        /// Number of timed kinds.
        done: usize,
        /// Number of all kinds.
        kinds: usize,
    },
    /// Slots are measured.
    Measuring {
        /// Number of measured slots.
        done: usize,
        /// Number of all slots, idle times included.
        slots: usize,
        /// Kind that is running.
        kind: String,
    },
}

/// Result of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredPowers {
    /// Powers by rail, largest share of time first.
    pub kinds: Vec<KindPower>,
    /// Kinds without a power on rails where other kinds have one.
    pub skipped: Vec<Skipped>,
    /// Rails on which no kind is above idle power.
    pub silent_rails: Vec<String>,
    /// Number of rounds.
    pub rounds: u32,
    /// Duration of a slot.
    pub slot: Nanos,
    /// Duration of an idle time.
    pub idle: Nanos,
}

/// Measures the active power of each kind on each root rail.
///
/// # Errors
/// If a source does not measure or fails, the budget is too short, or a run fails.
pub fn measure(
    bench: Bench<'_>,
    options: &MeasureOptions,
    progress: &mut dyn FnMut(CalibrationProgress),
) -> anyhow::Result<MeasuredPowers> {
    let Bench {
        subjects,
        empty,
        synchronize,
        launches,
        sources,
        clock,
        sleep,
    } = bench;
    let mut meter = CalibrationMeter::start(sources, Arc::clone(&clock))?;
    let timed = time_all(&subjects, &*clock, &synchronize, progress)?;
    let empty = [empty];
    let empty_s = time_run(&empty, &*clock, &synchronize)?;
    let plan = plan(&timed, empty_s, options.budget, meter.lengths).map_err(anyhow::Error::msg)?;
    let mut rounds = RoundRunner {
        slots: slots(&subjects, &timed, &plan, launches),
        empty: KindSlot::new(empty.iter().collect(), empty_s, false),
        names: names(&subjects, &plan),
        plan: &plan,
        clock: &*clock,
        sleep: &*sleep,
        synchronize: &synchronize,
        progress,
        done: 0,
    };
    let schedule = rounds.run(&mut meter)?;
    // Samples of the last idle time arrive with the sensor's delay.
    let lengths = meter.lengths;
    sleep(lengths.lead + lengths.tail);
    let rails = meter.stop()?;
    let PowerEstimates {
        kinds,
        skipped,
        silent_rails,
    } = estimate::all(
        &rails,
        MeasurementInput {
            plan: &plan,
            schedule: &schedule,
            subjects: &subjects,
            timed: &timed,
            lengths,
        },
    );
    Ok(MeasuredPowers {
        kinds,
        skipped,
        silent_rails,
        rounds: ROUNDS,
        slot: plan.slot,
        idle: plan.idle,
    })
}

fn time_all(
    subjects: &[CalibrationSubject<'_>],
    clock: &dyn Clock,
    synchronize: &RunFn<'_>,
    progress: &mut dyn FnMut(CalibrationProgress),
) -> anyhow::Result<Vec<KindTime>> {
    let kinds = subjects.len();
    let mut timed = Vec::with_capacity(kinds);
    for (done, subject) in subjects.iter().enumerate() {
        progress(CalibrationProgress::Timing { done, kinds });
        let run_s = time_run(&subject.runs, clock, synchronize)?;
        timed.push(KindTime {
            run_s,
            total_s: run_s * subject.runs.len() as f64 * subject.passes,
        });
    }
    Ok(timed)
}

fn slots<'s>(
    subjects: &'s [CalibrationSubject<'s>],
    timed: &[KindTime],
    plan: &Plan,
    launches: bool,
) -> Vec<KindSlot<'s>> {
    let slot = |kinds: &Vec<usize>| {
        let runs = kinds.iter().flat_map(|&kind| &subjects[kind].runs);
        let mean = kinds.iter().map(|&kind| timed[kind].run_s).sum::<f64>() / kinds.len() as f64;
        KindSlot::new(runs.collect(), mean, launches)
    };
    plan.slots.iter().map(slot).collect()
}

fn names(subjects: &[CalibrationSubject<'_>], plan: &Plan) -> Vec<String> {
    let name = |kinds: &Vec<usize>| match kinds.as_slice() {
        [kind] => subjects[*kind].kind.clone(),
        class => format!("({} short kinds together)", class.len()),
    };
    plan.slots.iter().map(name).collect()
}

struct RoundRunner<'r, 's> {
    slots: Vec<KindSlot<'s>>,
    empty: KindSlot<'s>,
    names: Vec<String>,
    plan: &'r Plan,
    clock: &'r dyn Clock,
    sleep: &'r dyn Fn(Nanos),
    synchronize: &'r RunFn<'r>,
    progress: &'r mut dyn FnMut(CalibrationProgress),
    done: usize,
}

impl RoundRunner<'_, '_> {
    fn run(&mut self, meter: &mut CalibrationMeter) -> anyhow::Result<SlotSchedule> {
        let mut schedule = SlotSchedule::default();
        schedule.idle.push(self.idle(meter)?);
        for round in 0..ROUNDS {
            let (slots, empty) = self.round(round, meter)?;
            schedule.slots.push(slots);
            schedule.empty.push(empty);
            schedule.idle.push(self.idle(meter)?);
        }
        Ok(schedule)
    }

    /// Measures a round. Every other round is reversed, so that drift does not favour a kind.
    fn round(
        &mut self,
        round: u32,
        meter: &mut CalibrationMeter,
    ) -> anyhow::Result<(Vec<SlotInterval>, Option<SlotInterval>)> {
        let count = self.slots.len();
        let mut intervals = Vec::with_capacity(count);
        let backwards = round % 2 == 1;
        for position in 0..count {
            let slot = if backwards {
                count - 1 - position
            } else {
                position
            };
            self.report(self.names[slot].clone());
            intervals.push(self.fill(Some(slot), meter)?);
        }
        if backwards {
            intervals.reverse();
        }
        let mut empty = None;
        if self.plan.with_empty {
            self.report("(empty loop)".to_owned());
            empty = Some(self.fill(None, meter)?);
        }
        Ok((intervals, empty))
    }

    fn fill(
        &mut self,
        slot: Option<usize>,
        meter: &mut CalibrationMeter,
    ) -> anyhow::Result<SlotInterval> {
        let start = self.clock.now();
        let until = start + self.plan.slot;
        let slot = match slot {
            Some(slot) => &mut self.slots[slot],
            None => &mut self.empty,
        };
        let runs = slot.fill(self.clock, until, self.synchronize)?;
        let end = self.clock.now();
        meter.receive()?;
        Ok(SlotInterval { start, end, runs })
    }

    fn idle(&mut self, meter: &mut CalibrationMeter) -> anyhow::Result<SlotInterval> {
        self.report("(idle)".to_owned());
        let start = self.clock.now();
        (self.sleep)(self.plan.idle);
        let end = self.clock.now();
        meter.receive()?;
        Ok(SlotInterval {
            start,
            end,
            runs: 0,
        })
    }

    fn report(&mut self, kind: String) {
        let rounds = ROUNDS as usize;
        let in_round = self.slots.len() + usize::from(self.plan.with_empty);
        (self.progress)(CalibrationProgress::Measuring {
            done: self.done,
            slots: rounds * in_round + rounds + 1,
            kind,
        });
        self.done += 1;
    }
}
