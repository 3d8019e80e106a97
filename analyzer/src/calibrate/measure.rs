//! Runs the measurement rounds.

use std::sync::Arc;

use energy_data::units::Nanos;
use energy_power::PowerSource;
use tracing_energy::Clock;

use super::estimate::{self, KindPower, Measurement, PowerEstimates, Skipped};
use super::meter::Meter;
use super::plan::{Plan, ROUNDS, Timed, plan};
use super::schedule::{Schedule, SlotInterval};
use super::slot::{RunFn, Slot, Subject, time_run};

/// Kinds to measure, power sources and clock. Tests replace clock and sleep, so that nothing
/// depends on the machine's load.
pub struct Bench<'b> {
    /// Kinds to measure.
    pub subjects: Vec<Subject<'b>>,
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
pub enum Progress {
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
pub struct Measured {
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
    progress: &mut dyn FnMut(Progress),
) -> anyhow::Result<Measured> {
    let Bench {
        subjects,
        empty,
        synchronize,
        launches,
        sources,
        clock,
        sleep,
    } = bench;
    let mut meter = Meter::start(sources, Arc::clone(&clock))?;
    let timed = time_all(&subjects, &*clock, &synchronize, progress)?;
    let empty = [empty];
    let empty_s = time_run(&empty, &*clock, &synchronize)?;
    let plan = plan(&timed, empty_s, options.budget, meter.lengths).map_err(anyhow::Error::msg)?;
    let mut rounds = Rounds {
        slots: slots(&subjects, &timed, &plan, launches),
        empty: Slot::new(empty.iter().collect(), empty_s, false),
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
        Measurement {
            plan: &plan,
            schedule: &schedule,
            subjects: &subjects,
            timed: &timed,
            lengths,
        },
    );
    Ok(Measured {
        kinds,
        skipped,
        silent_rails,
        rounds: ROUNDS,
        slot: plan.slot,
        idle: plan.idle,
    })
}

fn time_all(
    subjects: &[Subject<'_>],
    clock: &dyn Clock,
    synchronize: &RunFn<'_>,
    progress: &mut dyn FnMut(Progress),
) -> anyhow::Result<Vec<Timed>> {
    let kinds = subjects.len();
    let mut timed = Vec::with_capacity(kinds);
    for (done, subject) in subjects.iter().enumerate() {
        progress(Progress::Timing { done, kinds });
        let run_s = time_run(&subject.runs, clock, synchronize)?;
        timed.push(Timed {
            run_s,
            total_s: run_s * subject.runs.len() as f64 * subject.passes,
        });
    }
    Ok(timed)
}

fn slots<'s>(
    subjects: &'s [Subject<'s>],
    timed: &[Timed],
    plan: &Plan,
    launches: bool,
) -> Vec<Slot<'s>> {
    let slot = |kinds: &Vec<usize>| {
        let runs = kinds.iter().flat_map(|&kind| &subjects[kind].runs);
        let mean = kinds.iter().map(|&kind| timed[kind].run_s).sum::<f64>() / kinds.len() as f64;
        Slot::new(runs.collect(), mean, launches)
    };
    plan.slots.iter().map(slot).collect()
}

fn names(subjects: &[Subject<'_>], plan: &Plan) -> Vec<String> {
    let name = |kinds: &Vec<usize>| match kinds.as_slice() {
        [kind] => subjects[*kind].kind.clone(),
        class => format!("({} short kinds together)", class.len()),
    };
    plan.slots.iter().map(name).collect()
}

struct Rounds<'r, 's> {
    slots: Vec<Slot<'s>>,
    empty: Slot<'s>,
    names: Vec<String>,
    plan: &'r Plan,
    clock: &'r dyn Clock,
    sleep: &'r dyn Fn(Nanos),
    synchronize: &'r RunFn<'r>,
    progress: &'r mut dyn FnMut(Progress),
    done: usize,
}

impl Rounds<'_, '_> {
    fn run(&mut self, meter: &mut Meter) -> anyhow::Result<Schedule> {
        let mut schedule = Schedule::default();
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
        meter: &mut Meter,
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

    fn fill(&mut self, slot: Option<usize>, meter: &mut Meter) -> anyhow::Result<SlotInterval> {
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

    fn idle(&mut self, meter: &mut Meter) -> anyhow::Result<SlotInterval> {
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
        (self.progress)(Progress::Measuring {
            done: self.done,
            slots: rounds * in_round + rounds + 1,
            kind,
        });
        self.done += 1;
    }
}
