//! Runs the rounds.

use std::sync::Arc;

use tracing_energy::Clock;
use tracing_energy::power::PowerSource;
use tracing_energy::units::Nanos;

use super::estimate::{self, Estimates, KindPower, Measurement, Skipped};
use super::meter::Meter;
use super::plan::{Plan, ROUNDS, Timed, plan};
use super::slot::{Run, Slot, Subject, time_run};

/// What is measured and with what. Time is the clock's: with a clock and a sleep
/// of one's own, nothing depends on the machine's load.
pub struct Bench<'b> {
    /// The kinds.
    pub subjects: Vec<Subject<'b>>,
    /// A run that does nothing, to subtract the loop around short ones.
    pub empty: Run<'b>,
    /// Waits until work that was launched has been done.
    pub synchronize: Run<'b>,
    /// Whether runs only launch work, as on a GPU: then all layers are launched
    /// before they are waited for, much as a model does.
    pub launches: bool,
    /// Sources of measured power.
    pub sources: Vec<Box<dyn PowerSource>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Does nothing for a while.
    pub sleep: Box<dyn Fn(Nanos) + 'b>,
}

/// How long to measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeasureOptions {
    /// Time of all rounds together.
    pub budget: Nanos,
}

/// How far a measurement is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// Kinds are timed: how many of how many are.
    Timing {
        /// Done.
        done: usize,
        /// All.
        kinds: usize,
    },
    /// Slots are measured.
    Measuring {
        /// Done.
        done: usize,
        /// All, idle times included.
        slots: usize,
        /// What runs now.
        kind: String,
    },
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Powers, rail after rail, the largest share of time first.
    pub kinds: Vec<KindPower>,
    /// Kinds that have none on a rail that others have one on, and why.
    pub skipped: Vec<Skipped>,
    /// Rails on which no kind draws more than idle power.
    pub silent_rails: Vec<String>,
    /// Rounds.
    pub rounds: u32,
    /// Length of a slot.
    pub slot: Nanos,
    /// Length of an idle time.
    pub idle: Nanos,
}

/// One stretch of a measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    pub(super) start: Nanos,
    pub(super) end: Nanos,
    pub(super) runs: u64,
}

/// What ran when.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// One more than rounds.
    pub(super) idle: Vec<Stretch>,
    /// For each round, the slots in the plan's order.
    pub(super) slots: Vec<Vec<Stretch>>,
    /// For each round, the empty loop, if it was measured.
    pub(super) empty: Vec<Option<Stretch>>,
}

/// Measures the active power of each kind on each root rail.
///
/// # Errors
/// For sources that do not measure or that fail, a budget that is too short, and
/// runs that fail.
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
    let course = rounds.run(&mut meter)?;
    // The last idle time's samples are late by as much as the sensor is.
    let lengths = meter.lengths;
    sleep(lengths.lead + lengths.tail);
    let rails = meter.stop()?;
    let Estimates {
        kinds,
        skipped,
        silent_rails,
    } = estimate::all(
        &rails,
        Measurement {
            plan: &plan,
            course: &course,
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
    synchronize: &Run<'_>,
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
    synchronize: &'r Run<'r>,
    progress: &'r mut dyn FnMut(Progress),
    done: usize,
}

impl Rounds<'_, '_> {
    fn run(&mut self, meter: &mut Meter) -> anyhow::Result<Course> {
        let mut course = Course::default();
        course.idle.push(self.idle(meter)?);
        for round in 0..ROUNDS {
            let (slots, empty) = self.round(round, meter)?;
            course.slots.push(slots);
            course.empty.push(empty);
            course.idle.push(self.idle(meter)?);
        }
        Ok(course)
    }

    /// Every other round runs backwards, so that a drift does not favour a kind.
    fn round(
        &mut self,
        round: u32,
        meter: &mut Meter,
    ) -> anyhow::Result<(Vec<Stretch>, Option<Stretch>)> {
        let count = self.slots.len();
        let mut stretches = Vec::with_capacity(count);
        let backwards = round % 2 == 1;
        for position in 0..count {
            let slot = if backwards {
                count - 1 - position
            } else {
                position
            };
            self.tell(self.names[slot].clone());
            stretches.push(self.fill(Some(slot), meter)?);
        }
        if backwards {
            stretches.reverse();
        }
        let mut empty = None;
        if self.plan.with_empty {
            self.tell("(empty loop)".to_owned());
            empty = Some(self.fill(None, meter)?);
        }
        Ok((stretches, empty))
    }

    fn fill(&mut self, slot: Option<usize>, meter: &mut Meter) -> anyhow::Result<Stretch> {
        let start = self.clock.now();
        let until = start + self.plan.slot;
        let slot = match slot {
            Some(slot) => &mut self.slots[slot],
            None => &mut self.empty,
        };
        let runs = slot.fill(self.clock, until, self.synchronize)?;
        let end = self.clock.now();
        meter.take()?;
        Ok(Stretch { start, end, runs })
    }

    fn idle(&mut self, meter: &mut Meter) -> anyhow::Result<Stretch> {
        self.tell("(idle)".to_owned());
        let start = self.clock.now();
        (self.sleep)(self.plan.idle);
        let end = self.clock.now();
        meter.take()?;
        Ok(Stretch {
            start,
            end,
            runs: 0,
        })
    }

    fn tell(&mut self, kind: String) {
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
