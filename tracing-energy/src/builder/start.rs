//! Starts a recording.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use energy_data::rows::{RunMetadata, RunRow, RunStatus};
use energy_data::sink::Sink;
use energy_data::units::Nanos;
use energy_data::{AttributeOptions, Method};
use energy_host as host;
use energy_host::files::FileAccess;
use energy_power::{
    Clock, MonotonicClock, OpenedSources, Sampler, SamplerMessage, SamplerWatch, sensor_cache,
};

use super::plan::SourcePlan;
use super::sensor_probe::SensorProbe;
use super::settings::{EnergyLayerBuilder, SourceSelection};
use crate::error::Error;
use crate::guard::EnergyGuard;
use crate::join::Join;
use crate::layer::EnergyLayer;
use crate::live::PowerNow;
use crate::record::{FieldCapture, HotPath, Naming, RecorderOptions, Shared, SpanAssembler};
use crate::recorder::{
    ActiveRecording, BaselineCpu, Collector, CollectorParts, Control, DeviceUseReader, Offline,
    RecordingState, SinkWriter, end_on_signal, measure_baseline_cpu,
};

/// The sinks of a recording.
struct OpenSinks {
    sinks: Vec<Box<dyn Sink>>,
    /// Set once another process has closed the run.
    was_closed: Option<Arc<AtomicBool>>,
}

impl OpenSinks {
    #[cfg(feature = "sqlite")]
    fn open_database(&mut self, path: Option<&Path>, access: FileAccess) -> Result<(), Error> {
        if let Some(path) = path {
            let sink = energy_store::SqliteSink::create_for(path, access)?;
            self.was_closed = Some(sink.was_closed());
            self.sinks.push(Box::new(sink));
        }
        Ok(())
    }

    #[cfg(not(feature = "sqlite"))]
    fn open_database(&mut self, _path: Option<&Path>, _access: FileAccess) -> Result<(), Error> {
        Ok(())
    }

    #[cfg(feature = "chrome")]
    fn open_chrome(&mut self, path: Option<&Path>, access: FileAccess) -> Result<(), Error> {
        if let Some(path) = path {
            let sink = crate::chrome::ChromeSink::create_for(path, access)?;
            self.sinks.push(Box::new(sink));
        }
        Ok(())
    }

    #[cfg(not(feature = "chrome"))]
    fn open_chrome(&mut self, _path: Option<&Path>, _access: FileAccess) -> Result<(), Error> {
        Ok(())
    }
}

/// The power sources of a recording, being read.
struct StartedSources {
    plan: SourcePlan,
    devices: DeviceUseReader,
    sampler: Sampler,
    samples: Receiver<SamplerMessage>,
    /// The threads and processes that measure.
    watch: SamplerWatch,
    /// Whether an idle baseline before run time zero was requested.
    baseline_requested: bool,
    /// CPU times during that baseline.
    baseline_cpu: Option<BaselineCpu>,
}

impl EnergyLayerBuilder {
    /// Starts the recording.
    ///
    /// # Errors
    /// If a selected source cannot be read, the database or trace cannot be created, the
    /// method lacks its inputs, or a thread cannot be started.
    pub fn build(mut self) -> Result<(EnergyLayer, EnergyGuard), Error> {
        let join = Join::from_environment().filter(|_| self.may_join && cfg!(feature = "sqlite"));
        if let Some(join) = &join {
            self.record_for(join);
        }
        let uuid = run_id(self.run_id.take())?;
        let offline = self.offline()?;
        let OpenSinks { sinks, was_closed } = self.open_sinks()?;
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::starting_in(Duration::ZERO));
        let started = self.start_sources(&clock)?;
        let run_ns = join.as_ref().and_then(Join::now_ns).unwrap_or(0);
        let zero = clock.now() - Nanos::from_nanos(run_ns);
        let start_unix_ns = host::unix_ns() - run_ns;
        let kept = FieldCapture {
            capture: self.capture,
            texts: self.keeps_text,
        };
        let recorded = RecorderOptions {
            on_full: self.on_full,
            kept,
            edge_clock: self.edge_clock,
        };
        let shared = Shared::new(self.buffer_bytes, recorded);
        if !self.keeps_text {
            self.metadata.forget_texts();
        }
        let control = Arc::new(Control::new(self.metadata.clone(), self.keeps_text));
        let writer = SinkWriter::spawn(sinks).map_err(thread_error)?;
        let run = RunRow {
            parent_run: join.map(|join| join.run),
            ..run_row(uuid.clone(), start_unix_ns, self.metadata)
        };
        let key_fields: Arc<[String]> = self.key_fields.into();
        let naming = Naming {
            key_fields: Arc::clone(&key_fields),
            roles: self.roles,
            domains: self.domains,
        };
        let power_now = Arc::<PowerNow>::default();
        let parts = CollectorParts {
            shared: Arc::clone(&shared),
            control: Arc::clone(&control),
            clock: Arc::clone(&clock),
            zero,
            samples: started.samples,
            rails: started.plan.rails,
            configured_idle: started.plan.configured_idle,
            baseline_requested: started.baseline_requested,
            baseline_cpu: started.baseline_cpu,
            system: self.system,
            watch: started.watch,
            devices: started.devices,
            assembler: SpanAssembler::new(naming, self.detail, self.node_limit),
            detail: self.detail,
            flush_every: self.flush_every,
            run,
            notices: started.plan.events,
            writer,
            live: self.method == Method::Fitted,
            offline,
            power_now: Arc::clone(&power_now),
            database: self.database.clone(),
            was_closed,
        };
        let collector = Collector::spawn(parts).map_err(thread_error)?;
        let _ = shared.collector.set(collector.thread().clone());
        let state = Mutex::new(RecordingState::Running(started.sampler, collector));
        let recording = Arc::new(ActiveRecording {
            uuid,
            shared: Arc::clone(&shared),
            control,
            clock,
            zero,
            database: self.database,
            power_now,
            state,
            next_signal: Mutex::default(),
        });
        if self.end_on_signal {
            end_on_signal(Arc::downgrade(&recording)).map_err(thread_error)?;
        }
        Ok((
            EnergyLayer::new(HotPath { shared, key_fields }),
            EnergyGuard::new(recording),
        ))
    }

    /// Opens the sources, probes new counters, starts the sampler and measures the requested
    /// idle baseline.
    fn start_sources(&mut self, clock: &Arc<dyn Clock>) -> Result<StartedSources, Error> {
        let are_named = matches!(self.sources, SourceSelection::Chosen(_));
        let OpenedSources {
            mut sources,
            notices,
        } = self.open_sources(clock)?;
        let cached = self.options.sensor_cache.as_deref();
        let cached = cached.map(sensor_cache::read).unwrap_or_default();
        let plan = SourcePlan::of(&sources, &notices, &cached);
        let devices = DeviceUseReader::new(plan.devices(&mut sources));
        let (sender, samples) = std::sync::mpsc::channel();
        let baseline_requested = !self.baseline.is_zero() && plan.configured_idle.is_empty();
        let mut watch = SamplerWatch::default();
        let probe = || SensorProbe::start(&sources, &cached, &self.options, clock, &sender);
        if let Some(probe) = are_named.then(probe).flatten() {
            watch = probe.run(baseline_requested);
        }
        let sampler = Sampler::spawn(sources, Arc::clone(clock), sender);
        watch = watch.and(sampler.watch());
        let baseline_cpu = baseline_requested.then(|| measure_baseline_cpu(&watch, self.baseline));
        Ok(StartedSources {
            plan,
            devices,
            sampler,
            samples,
            watch,
            baseline_requested,
            baseline_cpu,
        })
    }

    /// Configures recording as part of another process's run: into its database, without
    /// power.
    fn record_for(&mut self, join: &Join) {
        self.sources = SourceSelection::Given(Vec::new());
        self.baseline = Duration::ZERO;
        self.method = Method::Proportional;
        self.database = Some(join.database.clone());
    }

    /// Returns what to do with the recording when it ends; `None` without a database.
    fn offline(&mut self) -> Result<Option<Offline>, Error> {
        let refuse = |message: String| Err(Error::Setting { message });
        let is_power = |number: f64| number.is_finite() && number > 0.0;
        for prior in &self.priors {
            if !(is_power(prior.watts) && is_power(prior.relative_sd)) {
                return refuse(format!(
                    "the prior of kind `{}` is {} W with a relative standard deviation of {}; \
                     both must be numbers above 0",
                    prior.kind, prior.watts, prior.relative_sd
                ));
            }
        }
        if self.method != Method::Proportional && !cfg!(feature = "fit") {
            return refuse(format!(
                "the method {} needs the feature `fit` of tracing-energy; enable it, or use the \
                 method proportional",
                self.method
            ));
        }
        if self.method == Method::Calibrated && (self.priors.is_empty() || self.database.is_none())
        {
            return refuse(
                "the method calibrated needs known powers and a database: call `prior` and \
                 `database`, or use the method fitted"
                    .to_owned(),
            );
        }
        let options = AttributeOptions {
            priors: std::mem::take(&mut self.priors),
            ..AttributeOptions::new(self.method)
        };
        Ok(Offline::of(self.database.as_deref(), options))
    }

    fn open_sinks(&mut self) -> Result<OpenSinks, Error> {
        let access = self.access.unwrap_or_else(FileAccess::of_process);
        let mut opened = OpenSinks {
            sinks: std::mem::take(&mut self.sinks),
            was_closed: None,
        };
        opened.open_database(self.database.as_deref(), access)?;
        opened.open_chrome(self.chrome.as_deref(), access)?;
        Ok(opened)
    }

    fn open_sources(&mut self, clock: &Arc<dyn Clock>) -> Result<OpenedSources, Error> {
        match std::mem::replace(&mut self.sources, SourceSelection::Given(Vec::new())) {
            SourceSelection::Given(sources) => Ok(OpenedSources {
                sources,
                notices: Vec::new(),
            }),
            SourceSelection::Chosen(choice) => {
                Ok(energy_power::open(&choice, &self.options, clock)?)
            }
        }
    }
}

/// Returns the given id if it is a UUID, or a new one.
fn run_id(given: Option<String>) -> Result<String, Error> {
    let Some(given) = given else {
        return Ok(uuid::Uuid::new_v4().to_string());
    };
    match uuid::Uuid::try_parse(&given) {
        Ok(id) if id.to_string() == given => Ok(given),
        _ => Err(Error::Setting {
            message: format!(
                "run id {given:?} is not a UUID in lower case, such as \
                 67e55044-10b1-426f-9247-bb680e5fe0c8"
            ),
        }),
    }
}

fn run_row(uuid: String, start_unix_ns: i64, metadata: RunMetadata) -> RunRow {
    let pid = std::process::id();
    let here = host::Host::here();
    RunRow {
        uuid,
        status: RunStatus::Running,
        pid,
        pid_start: host::process_start(pid),
        boot_id: here.boot_id,
        start_unix_ns,
        end_ns: None,
        host_id: here.id,
        host: here.name,
        os: here.os,
        chip: here.chip,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        parent_run: None,
        metadata,
    }
}

fn thread_error(source: std::io::Error) -> Error {
    Error::Thread { source }
}
