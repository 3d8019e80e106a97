//! Executes the pending trials of an experiment.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use energy_data::rows::{TrialRow, TrialStatus};
use energy_store::TrialEnd;

use super::cooldown::{IdleMeter, cool_down};
use super::cpu_time::CpuTimes;
use super::durations::Durations;
use super::event::{OnSweepEvent, SweepEvent};
use super::lock::ExperimentLock;
use super::program_change::WatchedProgram;
use super::stored::Experiment;
use super::trial::{FAILED, THROTTLED, Trial};
use super::trial_conditions::{events_of_run, joined};
use super::trial_fault::fault;
use crate::engine::engine;
use crate::error::{Error, Result};
use crate::format::escape;
use crate::options::duration_text;
use crate::program::{Interrupt, ProcessGroup, Program, ProgramExit, RUN_ID, SYSTEM_TURN};
use crate::query::StoredEvent;

/// What was executed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Executed {
    /// Number of trials that were executed now.
    pub trials: usize,
    /// CPU times from the first to the last of them, if the system reports them.
    pub cpu: Option<CpuTimes>,
}

/// What an execution depends on.
#[derive(Debug)]
struct Execution<'e> {
    experiment: &'e Experiment,
    /// Path of this program.
    energy: PathBuf,
    program: WatchedProgram,
    lock: ExperimentLock,
    interrupt: &'e Interrupt,
    /// Whether the program was changed since the experiment began.
    has_changed: bool,
    /// Prompt for trials, if the plan does not hold it.
    prompt: Option<File>,
}

impl Experiment {
    /// Executes the pending trials, and those of an interrupted execution again. A trial that
    /// fails is stored with its error and skipped; `retry_failed` executes such trials again.
    ///
    /// # Errors
    /// If another process executes the experiment, a signal is received, or the file cannot be
    /// written. What was executed before is kept.
    pub fn execute(
        &mut self,
        retry_failed: bool,
        interrupt: &Interrupt,
        on_event: &mut OnSweepEvent<'_>,
    ) -> Result<Executed> {
        let before = CpuTimes::now();
        let on_wait = &mut || on_event(SweepEvent::Waiting);
        let name = self.plan.name.clone();
        let lock = ExperimentLock::take(&self.database, &self.id, &name, interrupt, on_wait)?;
        self.recover(retry_failed)?;
        let energy = std::env::current_exe()?;
        let program = WatchedProgram::new(&energy)?;
        let has_changed = self.is_other_program(&program)?;
        if has_changed {
            on_event(SweepEvent::Warning(
                "the program has changed since the experiment began: its later runs may differ \
                 for this reason",
            ));
        }
        let trials = self.trials()?;
        let pending = trials
            .iter()
            .filter(|trial| trial.status == TrialStatus::Pending)
            .count();
        let (total, done) = (trials.len(), trials.len() - pending);
        if done > 0 {
            on_event(SweepEvent::Resumed { done, total });
        }
        if pending > 0 {
            self.measure_idle(interrupt, on_event)?;
        }
        let mut execution = Execution {
            experiment: self,
            energy,
            program,
            lock,
            interrupt,
            has_changed,
            prompt: self.prompt_file()?,
        };
        let trials = execution.all(trials, on_event)?;
        let cpu = CpuTimes::now().zip(before);
        Ok(Executed {
            trials,
            cpu: cpu.map(|(now, before)| now.since(before)),
        })
    }

    /// Returns whether another program began the experiment. Stores the checksum of the first one.
    fn is_other_program(&mut self, program: &WatchedProgram) -> Result<bool> {
        let known = self.plan.program_sha256.as_deref();
        if known.is_some() {
            return Ok(known != Some(program.sha256()));
        }
        let sha256 = program.sha256().to_owned();
        self.change_plan(|plan| plan.program_sha256 = Some(sha256))?;
        Ok(false)
    }

    /// Measures and stores idle power, if pauses need it and it is not known.
    fn measure_idle(
        &mut self,
        interrupt: &Interrupt,
        on_event: &mut OnSweepEvent<'_>,
    ) -> Result<()> {
        let plan = &self.plan;
        if plan.cooldown().is_zero() || plan.idle_w.is_some() {
            return Ok(());
        }
        let recording = &plan.options.recording;
        on_event(SweepEvent::MeasuringIdle);
        let window = recording.baseline.max(Duration::from_secs(1));
        let watts = IdleMeter::start(&recording.power, interrupt).watts(window);
        if watts.is_some() {
            return self.change_plan(|plan| plan.idle_w = watts);
        }
        if !interrupt.is_received() {
            let longest = duration_text(plan.cooldown());
            on_event(SweepEvent::Warning(&format!(
                "no sensor measures idle power: every pause takes {longest}"
            )));
        }
        Ok(())
    }

    /// Returns a file with the prompt, if the plan does not hold it. The file has no name.
    fn prompt_file(&self) -> Result<Option<File>> {
        let is_missing = self.plan.has_prompt_of_input();
        let Some(prompt) = self.given.prompt.as_ref().filter(|_| is_missing) else {
            return Ok(None);
        };
        let mut file = tempfile::tempfile()?;
        // The reader removes one line break.
        file.write_all(prompt.as_bytes())?;
        file.write_all(b"\n")?;
        Ok(Some(file))
    }
}

impl Execution<'_> {
    /// Executes all pending trials and returns their number.
    fn all(&mut self, trials: Vec<TrialRow>, on_event: &mut OnSweepEvent<'_>) -> Result<usize> {
        let mut durations = Durations::of(&trials);
        let mut total = trials.len();
        let mut pending: VecDeque<TrialRow> = trials
            .into_iter()
            .filter(|trial| trial.status == TrialStatus::Pending)
            .collect();
        let mut executed = 0;
        while let Some(row) = pending.pop_front() {
            if executed > 0 {
                let begun = Instant::now();
                self.pause(on_event);
                durations.add_pause(begun.elapsed());
            }
            if self.interrupt.is_received() {
                return Err(self.interrupt.error());
            }
            let waiting = pending.len();
            let all = std::iter::once(&row).chain(&pending);
            on_event(SweepEvent::Started {
                done: total - waiting - 1,
                total,
                label: &row.configuration,
                round: row.round,
                remaining: durations.remaining(all),
            });
            let (end, duration) = self.one(&row, on_event)?;
            executed += 1;
            if end.status == TrialStatus::Complete {
                durations.add(&row.configuration, duration);
            }
            on_event(SweepEvent::Ended {
                done: total - waiting,
                total,
                label: &row.configuration,
                round: row.round,
                status: end.status,
                duration,
                error: end.error.as_deref(),
                warning: end.warning.as_deref(),
                remaining: durations.remaining(pending.iter()),
            });
            if let Some(added) = self.replacement(&row, &end)? {
                total += 1;
                pending.push_back(added);
            }
        }
        Ok(executed)
    }

    /// Pauses between two trials.
    fn pause(&self, on_event: &mut OnSweepEvent<'_>) {
        let plan = &self.experiment.plan;
        let longest = plan.cooldown();
        if longest.is_zero() {
            return;
        }
        on_event(SweepEvent::CoolingDown { longest });
        let mut meter = plan
            .idle_w
            .map(|_| IdleMeter::start(&plan.options.recording.power, self.interrupt));
        let watts = |window| meter.as_mut().and_then(|meter| meter.watts(window));
        let pause = |time| self.interrupt.pause(time);
        let end = cool_down(longest, plan.idle_w, watts, pause);
        on_event(SweepEvent::CooledDown(end));
    }

    /// Executes one trial and stores how it ended.
    fn one(
        &mut self,
        row: &TrialRow,
        on_event: &mut OnSweepEvent<'_>,
    ) -> Result<(TrialEnd, Duration)> {
        let experiment = self.experiment;
        if self.program.has_changed() {
            self.has_changed = true;
            on_event(SweepEvent::Warning(
                "the program has changed since the last run: later runs may differ for this reason",
            ));
        }
        let trial = Trial::of_row(&experiment.id, row, &experiment.plan)?;
        let uuid = uuid::Uuid::new_v4().to_string();
        let start_unix_ns = energy_host::unix_ns();
        let store = &experiment.store;
        store.start_trial(&experiment.id, row.no, &uuid, start_unix_ns)?;
        let begun = Instant::now();
        let exit = self.process(&trial, &uuid);
        let duration = begun.elapsed();
        if self.interrupt.is_received() && !self.has_complete_run(&uuid)? {
            store.reset_trial(&experiment.id, row.no)?;
            return Err(self.interrupt.error());
        }
        let error = match exit {
            Ok(exit) => {
                let stored = store.stored_status(&uuid)?;
                let status = stored.as_ref().map(|(_, status)| status.as_str());
                fault(&exit, status, experiment.plan.timeout())
            }
            Err(error) => Some(error.to_string()),
        };
        let status = match error {
            None => TrialStatus::Complete,
            Some(_) => TrialStatus::Failed,
        };
        let end = TrialEnd {
            status,
            duration_ns: i64::try_from(duration.as_nanos()).ok(),
            error,
            warning: self.warning(&uuid)?,
        };
        // A run counts only if its trial counts.
        let exclusion = (status == TrialStatus::Failed).then_some(&FAILED);
        store.end_trial(&experiment.id, row.no, &end, exclusion)?;
        Ok((end, duration))
    }

    /// Returns whether the run with that id is complete.
    fn has_complete_run(&self, uuid: &str) -> Result<bool> {
        let stored = self.experiment.store.stored_status(uuid)?;
        Ok(stored.is_some_and(|(_, status)| status == "complete"))
    }

    /// Starts the process of a trial and waits for its end.
    fn process(&mut self, trial: &Trial, uuid: &str) -> Result<ProgramExit> {
        let experiment = self.experiment;
        let engine = engine(&trial.config.engine)?;
        let program: Program = engine.program(trial, &self.energy, &experiment.database)?;
        let mut command = program.command()?;
        command.env(RUN_ID, uuid);
        if let Some(prompt) = &mut self.prompt {
            prompt.rewind()?;
            command.stdin(Stdio::from(prompt.try_clone()?));
        }
        if let Some(system) = &experiment.given.system {
            command.env(SYSTEM_TURN, system);
        }
        self.lock.share(&mut command);
        // Signals of the terminal reach this process only, which passes them on to the whole group.
        let group = ProcessGroup::start(&mut command).map_err(|error| Error::Program {
            program: escape(&crate::format::shorten(&program.words.join(" "), 80)),
            what: format!("it cannot be started: {error}"),
        })?;
        self.interrupt.wait_for(group, experiment.plan.timeout())
    }

    /// Returns conditions during a run that affect its energy.
    fn warning(&self, uuid: &str) -> Result<Option<String>> {
        let events = events_of_run(&self.experiment.store, uuid)?;
        let changed = "the program has changed since the experiment began";
        Ok(joined(&events, self.has_changed.then_some(changed)))
    }

    /// Adds a trial in place of one during which the machine was throttled, if that is planned.
    /// The run that is replaced leaves its group.
    fn replacement(&self, row: &TrialRow, end: &TrialEnd) -> Result<Option<TrialRow>> {
        let experiment = self.experiment;
        let is_replacement =
            usize::try_from(row.no).is_ok_and(|no| no > experiment.plan.trial_count());
        if !experiment.plan.repeat_throttled
            || is_replacement
            || end.status != TrialStatus::Complete
        {
            return Ok(None);
        }
        let store = &experiment.store;
        let trial = store.trial(&experiment.id, row.no)?;
        let uuid = trial.and_then(|trial| trial.run_uuid);
        let Some(uuid) = uuid else {
            return Ok(None);
        };
        let events = events_of_run(store, &uuid)?;
        if !events.iter().any(StoredEvent::is_of_throttling) {
            return Ok(None);
        }
        store.replace_trial(&experiment.id, row.no, &THROTTLED)?;
        Ok(experiment.trials()?.pop())
    }
}
