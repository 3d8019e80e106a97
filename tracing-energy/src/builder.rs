//! Settings of a recording.

mod first_look;
mod plan;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use first_look::FirstLook;
use plan::SourcePlan;

use crate::clock::{Clock, MonotonicClock};
use crate::conditions::System;
use crate::error::Error;
use crate::files::FileAccess;
use crate::guard::{Ending, EnergyGuard, State};
use crate::host;
use crate::join::{self, Join};
use crate::layer::EnergyLayer;
use crate::power::{OpenOptions, Opened, PowerSource, Sampler, SamplerWatch, SourceChoice, known};
use crate::priors::Prior;
use crate::reattribute::{AttributeOptions, Method};
use crate::record::{
    Assembler, Capture, Detail, EdgeClock, Hot, Kept, Naming, OnFull, Recorded, Shared,
};
use crate::recorder::{
    Collector, CollectorParts, Control, DeviceUseReader, Offline, Writer, end_on_signal, rest,
};
use crate::roles::{DEFAULT_KEY_FIELDS, DEFAULT_ROLES};
use crate::rows::{Domain, Role, RunMetadata, RunRow, RunStatus};
use crate::sink::Sink;
use crate::units::Nanos;
use crate::{chrome, store};

/// Settings of a recording. Made by [`EnergyLayer::builder`].
pub struct Builder {
    sources: Sources,
    options: OpenOptions,
    baseline: Duration,
    sinks: Vec<Box<dyn Sink>>,
    database: Option<PathBuf>,
    chrome: Option<PathBuf>,
    access: Option<FileAccess>,
    detail: Detail,
    key_fields: Vec<String>,
    roles: HashMap<String, Role>,
    domains: HashMap<String, Domain>,
    capture: Capture,
    keeps_text: bool,
    on_full: OnFull,
    edge_clock: EdgeClock,
    buffer_bytes: usize,
    flush_every: Duration,
    node_limit: usize,
    metadata: RunMetadata,
    end_on_signal: bool,
    method: Method,
    priors: Vec<Prior>,
    system: System,
    /// Whether the run of another process may be joined.
    may_join: bool,
}

enum Sources {
    Chosen(SourceChoice),
    Given(Vec<Box<dyn PowerSource>>),
}

/// Sinks, and whether the run was closed by another process.
type OpenSinks = (Vec<Box<dyn Sink>>, Option<Arc<AtomicBool>>);

impl Default for Builder {
    fn default() -> Self {
        Self {
            sources: Sources::Chosen(SourceChoice::Auto),
            options: OpenOptions::default(),
            baseline: Duration::ZERO,
            sinks: Vec::new(),
            database: None,
            chrome: None,
            access: None,
            detail: Detail::default(),
            key_fields: DEFAULT_KEY_FIELDS
                .iter()
                .map(|&name| name.to_owned())
                .collect(),
            roles: role_table(DEFAULT_ROLES.iter().copied()),
            domains: HashMap::new(),
            capture: Capture::default(),
            keeps_text: true,
            on_full: OnFull::default(),
            edge_clock: EdgeClock::default(),
            buffer_bytes: 8 << 20,
            flush_every: Duration::from_millis(250),
            node_limit: 65_536,
            metadata: RunMetadata::default(),
            end_on_signal: false,
            method: Method::default(),
            priors: Vec::new(),
            system: System::default(),
            may_join: true,
        }
    }
}

fn role_table<'a>(names: impl Iterator<Item = (&'a str, &'a str)>) -> HashMap<String, Role> {
    names
        .filter_map(|(name, role)| Some((name.to_owned(), Role::from_name(role)?)))
        .collect()
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Writes the run into this SQLite database; made if it is not there.
    ///
    /// Where the environment variable `TRACING_ENERGY_DB` is set and not empty, the
    /// run goes to the file that it names instead: so that `energy baseline`, or a
    /// script, can collect the runs of programs that name a file of their own. Where
    /// `energy record` started the program, the run joins that one's, without power of
    /// its own ([`EnergyGuard::variables`]). A
    /// relative path is meant from the program's working directory. A program that
    /// asks its user for the file calls [`Builder::exact_database`].
    pub fn database(mut self, path: impl Into<PathBuf>) -> Self {
        let collected = std::env::var_os(join::DATABASE).filter(|path| !path.is_empty());
        self.database = Some(collected.map_or_else(|| path.into(), PathBuf::from));
        self
    }

    /// As [`Builder::database`], whatever the environment says; the run joins no other.
    pub fn exact_database(mut self, path: impl Into<PathBuf>) -> Self {
        self.database = Some(path.into());
        self.may_join = false;
        self
    }

    /// Writes a Chrome trace while recording.
    pub fn chrome(mut self, path: impl Into<PathBuf>) -> Self {
        self.chrome = Some(path.into());
        self
    }

    /// Who may read the files that are created: the database and the trace. By default
    /// only the user who runs the program, for they can hold prompts, paths and other
    /// text. Files that are there already keep their permissions.
    pub fn readable_by(mut self, access: FileAccess) -> Self {
        self.access = Some(access);
        self
    }

    /// Hands all rows to another sink too.
    pub fn sink(mut self, sink: impl Sink + 'static) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }

    /// Which power source to read; by default the best there is.
    pub fn source(mut self, choice: SourceChoice) -> Self {
        self.sources = Sources::Chosen(choice);
        self
    }

    /// Reads power from this source (as well, if called more than once).
    pub fn power_source(mut self, source: impl PowerSource + 'static) -> Self {
        match &mut self.sources {
            Sources::Given(sources) => sources.push(Box::new(source)),
            Sources::Chosen(_) => self.sources = Sources::Given(vec![Box::new(source)]),
        }
        self
    }

    /// Wished-for time between power samples; 100 ms by default.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.options.interval = Nanos::from(interval);
        self
    }

    /// How sources are opened: configured watts, other roots of the system's files.
    pub fn source_options(mut self, change: impl FnOnce(&mut OpenOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// Makes [`Builder::build`] wait this long and measure idle power meanwhile.
    /// Without it, time before the first span serves if it was a second or more.
    pub fn baseline(mut self, time: Duration) -> Self {
        self.baseline = time;
        self
    }

    /// Rows for every activation (the default), or totals only, which cannot be
    /// attributed again as exactly.
    pub fn detail(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    /// Names of the fields whose values make separate nodes; by default `layer`,
    /// `expert` and `name`.
    pub fn key_fields<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.key_fields = names.into_iter().map(Into::into).collect();
        self
    }

    /// Roles by span name (`run`, `phase`, `section`, `token`, `layer`,
    /// `component`, `op`), in place of the default table; unknown roles are ignored.
    pub fn roles<'a>(mut self, names: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> Self {
        self.roles = role_table(names.into_iter().copied());
        self
    }

    /// Says that spans of that name do their work on a GPU or neural engine.
    pub fn domain(mut self, span_name: impl Into<String>, domain: Domain) -> Self {
        self.domains.insert(span_name.into(), domain);
        self
    }

    /// Which fields are kept; all by default.
    pub fn capture(mut self, capture: Capture) -> Self {
        self.capture = capture;
        self
    }

    /// Whether texts are kept; by default they are.
    ///
    /// Without them, prompt and response of the [metadata](Builder::metadata) and the
    /// texts of fields and events never leave the traced thread: they are in no
    /// database, trace or other sink. A text is what was recorded as a string, by
    /// `Display` or by `Debug`; `token_id` and `token_ids`, which tell it in numbers,
    /// go with it. The values of [key fields](Builder::key_fields) stay, for they name
    /// nodes, and so do names, tags and the configuration.
    pub fn keep_text(mut self, keep: bool) -> Self {
        self.keeps_text = keep;
        self
    }

    /// What a traced thread does when the recorder's memory is full.
    pub fn on_full(mut self, on_full: OnFull) -> Self {
        self.on_full = on_full;
        self
    }

    /// How traced threads read their CPU time at the edges of spans. For tests and
    /// measurements: the default suits every program.
    pub fn edge_clock(mut self, clock: EdgeClock) -> Self {
        self.edge_clock = clock;
        self
    }

    /// Memory for records under way, bytes; 8 MiB by default.
    pub fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.buffer_bytes = bytes;
        self
    }

    /// Time between flushes: how old the newest row in the database may be, and
    /// what a crash may lose; 250 ms by default.
    pub fn flush_interval(mut self, time: Duration) -> Self {
        self.flush_every = time.max(Duration::from_millis(10));
        self
    }

    /// Nodes after which new key values fold into `(other)`; 65,536 by default.
    pub fn node_limit(mut self, nodes: usize) -> Self {
        self.node_limit = nodes.max(16);
        self
    }

    /// What the run says of itself: name, model, prompt, tags.
    pub fn metadata(mut self, metadata: RunMetadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Reads the run's [conditions](crate::conditions) from system files below this
    /// folder in place of `/`, for tests.
    pub fn system_root(mut self, root: impl Into<PathBuf>) -> Self {
        self.system = System { root: root.into() };
        self
    }

    /// Ends the recording on SIGINT and SIGTERM, before they take effect. A fork of
    /// the program dies of them as if nobody had asked for this.
    pub fn end_on_signal(mut self) -> Self {
        self.end_on_signal = true;
        self
    }

    /// How energy is attributed; in proportion to CPU time by default.
    ///
    /// With [`Method::Fitted`] the power of each kind of span is estimated while the
    /// run is recorded: of what came before only, with the sensor's clock taken to be
    /// the program's, and never revised. When the guard ends a run that
    /// is written to a database, the whole of it is fitted there as a second
    /// attribution, which is the one shown from then on, and which the guard's summary
    /// tells; ending waits for it, some seconds for a long run. If it cannot be
    /// made, a warning says why. [`Method::Calibrated`] records in proportion and does
    /// its work at the end only, from the powers given by [`Builder::prior`].
    ///
    /// Runs that are cancelled, by the guard or by a signal, keep what was attributed
    /// while they were recorded, and so does what other sinks were told. Modelled
    /// power stays proportional: there is nothing in it to estimate.
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// The active power of a kind of span, known before the run: its name is that of
    /// the spans from the root down, with ` > ` between them. In watts, with a
    /// standard deviation relative to it, both above 0. For [`Method::Calibrated`].
    pub fn prior(mut self, kind: impl Into<String>, watts: f64, relative_sd: f64) -> Self {
        self.priors.push(Prior {
            kind: kind.into(),
            watts,
            relative_sd,
            rail: None,
        });
        self
    }

    /// Starts the recording.
    ///
    /// # Errors
    /// A source that was asked for cannot be read, the database or trace cannot
    /// be made, the method lacks what it needs, or the system refuses a thread.
    pub fn build(mut self) -> Result<(EnergyLayer, EnergyGuard), Error> {
        let join = Join::from_environment().filter(|_| self.may_join);
        if let Some(join) = &join {
            self.record_for(join);
        }
        let offline = self.offline()?;
        let (sinks, was_closed) = self.open_sinks()?;
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::starting_in(Duration::ZERO));
        let are_named = matches!(self.sources, Sources::Chosen(_));
        let Opened {
            mut sources,
            notices,
        } = self.open_sources(&clock)?;
        let known = self.options.known.as_deref().map(known::read);
        let known = known.unwrap_or_default();
        let plan = SourcePlan::of(&sources, &notices, &known);
        let devices = DeviceUseReader::new(plan.devices(&mut sources));
        let (tell, samples) = std::sync::mpsc::channel();
        let baseline_asked = !self.baseline.is_zero() && plan.configured_idle.is_empty();
        let mut watch = SamplerWatch::default();
        let look = || FirstLook::begin(&sources, &known, &self.options, &clock, &tell);
        if let Some(look) = are_named.then(look).flatten() {
            watch = look.go_on(baseline_asked);
        }
        let sampler = Sampler::spawn(sources, Arc::clone(&clock), tell);
        watch = watch.and(sampler.watch());
        let resting = baseline_asked.then(|| rest(&watch, self.baseline));
        let run_ns = join.as_ref().and_then(Join::now_ns).unwrap_or(0);
        let zero = clock.now() - Nanos::from_nanos(run_ns);
        let start_unix_ns = host::unix_ns() - run_ns;
        let kept = Kept {
            capture: self.capture,
            texts: self.keeps_text,
        };
        let recorded = Recorded {
            on_full: self.on_full,
            kept,
            edge_clock: self.edge_clock,
        };
        let shared = Shared::new(self.buffer_bytes, recorded);
        if !self.keeps_text {
            self.metadata.forget_texts();
        }
        let control = Arc::new(Control::new(self.metadata.clone(), self.keeps_text));
        let writer = Writer::spawn(sinks).map_err(thread_error)?;
        let run = RunRow {
            joins: join.map(|join| join.run),
            ..run_row(start_unix_ns, self.metadata)
        };
        let uuid = run.uuid.clone();
        let key_fields: Arc<[String]> = self.key_fields.into();
        let naming = Naming {
            key_fields: Arc::clone(&key_fields),
            roles: self.roles,
            domains: self.domains,
        };
        let parts = CollectorParts {
            shared: Arc::clone(&shared),
            control: Arc::clone(&control),
            clock: Arc::clone(&clock),
            zero,
            samples,
            rails: plan.rails,
            configured_idle: plan.configured_idle,
            baseline_asked,
            resting,
            system: self.system,
            watch,
            devices,
            assembler: Assembler::new(naming, self.detail, self.node_limit),
            detail: self.detail,
            flush_every: self.flush_every,
            run,
            notices: plan.events,
            writer,
            live: self.method == Method::Fitted,
            offline,
            database: self.database.clone(),
            was_closed,
        };
        let collector = Collector::spawn(parts).map_err(thread_error)?;
        let _ = shared.collector.set(collector.thread().clone());
        let state = Mutex::new(State::Running(sampler, collector));
        let ending = Arc::new(Ending {
            uuid,
            shared: Arc::clone(&shared),
            control,
            clock,
            zero,
            database: self.database,
            state,
        });
        if self.end_on_signal {
            end_on_signal(Arc::downgrade(&ending)).map_err(thread_error)?;
        }
        Ok((
            EnergyLayer::new(Hot { shared, key_fields }),
            EnergyGuard::new(ending),
        ))
    }

    /// Records for the run of another process: without power, on its file.
    fn record_for(&mut self, join: &Join) {
        self.sources = Sources::Given(Vec::new());
        self.baseline = Duration::ZERO;
        self.method = Method::Proportional;
        self.database = Some(join.database.clone());
    }

    /// What is made of the recording at its end.
    fn offline(&mut self) -> Result<Option<Offline>, Error> {
        let refuse = |message: String| Err(Error::Setting { message });
        let is_power = |number: f64| number.is_finite() && number > 0.0;
        for prior in &self.priors {
            if !(is_power(prior.watts) && is_power(prior.relative_sd)) {
                return refuse(format!(
                    "the prior of kind `{}` is {} W with a relative deviation of {}; both must \
                     be numbers above 0",
                    prior.kind, prior.watts, prior.relative_sd
                ));
            }
        }
        if self.method == Method::Calibrated && (self.priors.is_empty() || self.database.is_none())
        {
            return refuse(
                "the method calibrated wants known powers and a database: add `prior` and \
                 `database`, or use the method fitted"
                    .to_owned(),
            );
        }
        let options = AttributeOptions {
            priors: std::mem::take(&mut self.priors),
            ..AttributeOptions::new(self.method)
        };
        let path = self.database.clone();
        Ok(path.map(|path| Offline { path, options }))
    }

    fn open_sinks(&mut self) -> Result<OpenSinks, Error> {
        let access = self.access.unwrap_or_else(FileAccess::of_process);
        let mut sinks = std::mem::take(&mut self.sinks);
        let mut was_closed = None;
        if let Some(path) = &self.database {
            let sink = store::SqliteSink::create_for(path, access)?;
            was_closed = Some(sink.was_closed());
            sinks.push(Box::new(sink));
        }
        if let Some(path) = &self.chrome {
            sinks.push(Box::new(chrome::ChromeSink::create_for(path, access)?));
        }
        Ok((sinks, was_closed))
    }

    fn open_sources(&mut self, clock: &Arc<dyn Clock>) -> Result<Opened, Error> {
        match std::mem::replace(&mut self.sources, Sources::Given(Vec::new())) {
            Sources::Given(sources) => Ok(Opened {
                sources,
                notices: Vec::new(),
            }),
            Sources::Chosen(choice) => Ok(crate::power::open(&choice, &self.options, clock)?),
        }
    }
}

fn run_row(start_unix_ns: i64, metadata: RunMetadata) -> RunRow {
    let pid = std::process::id();
    let here = host::Host::here();
    RunRow {
        uuid: uuid::Uuid::new_v4().to_string(),
        status: RunStatus::Running,
        pid,
        pid_start: host::process_start(pid),
        boot_id: here.boot_id,
        start_unix_ns,
        end_ns: None,
        host: here.name,
        os: here.os,
        chip: here.chip,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        joins: None,
        metadata,
    }
}

fn thread_error(source: std::io::Error) -> Error {
    Error::Thread { source }
}
