//! Settings of a recording.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use energy_data::rows::{Domain, Role, RunMetadata};
use energy_data::sink::Sink;
use energy_data::units::Nanos;
use energy_data::{DEFAULT_KEY_FIELDS, DEFAULT_ROLES, Method, Prior};
use energy_host::files::FileAccess;
use energy_power::conditions::System;
use energy_power::{OpenOptions, PowerSource, SourceChoice};

#[cfg(feature = "sqlite")]
use crate::join;
use crate::layer::EnergyLayer;
use crate::record::{Capture, Detail, EdgeClock, OnFull};

impl EnergyLayer {
    /// Returns a builder with default settings.
    pub fn builder() -> EnergyLayerBuilder {
        EnergyLayerBuilder::default()
    }
}

/// Settings of a recording. Made by [`EnergyLayer::builder`].
#[must_use = "nothing is recorded until `build` is called"]
pub struct EnergyLayerBuilder {
    pub(super) sources: SourceSelection,
    pub(super) options: OpenOptions,
    pub(super) baseline: Duration,
    pub(super) sinks: Vec<Box<dyn Sink>>,
    pub(super) database: Option<PathBuf>,
    pub(super) chrome: Option<PathBuf>,
    pub(super) access: Option<FileAccess>,
    pub(super) detail: Detail,
    pub(super) key_fields: Vec<String>,
    pub(super) roles: HashMap<String, Role>,
    pub(super) domains: HashMap<String, Domain>,
    pub(super) capture: Capture,
    pub(super) keeps_text: bool,
    pub(super) on_full: OnFull,
    pub(super) edge_clock: EdgeClock,
    pub(super) buffer_bytes: usize,
    pub(super) flush_every: Duration,
    pub(super) node_limit: usize,
    pub(super) metadata: RunMetadata,
    pub(super) run_id: Option<String>,
    pub(super) end_on_signal: bool,
    pub(super) method: Method,
    pub(super) priors: Vec<Prior>,
    pub(super) system: System,
    /// Whether this run may join the run of another process.
    pub(super) may_join: bool,
}

/// The sources of a recording.
pub(super) enum SourceSelection {
    Chosen(SourceChoice),
    Given(Vec<Box<dyn PowerSource>>),
}

impl Default for EnergyLayerBuilder {
    fn default() -> Self {
        Self {
            sources: SourceSelection::Chosen(SourceChoice::Auto),
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
            run_id: None,
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

impl std::fmt::Debug for EnergyLayerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnergyLayerBuilder")
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl EnergyLayerBuilder {
    /// Writes the run to this SQLite database and creates the file if it is missing.
    ///
    /// The environment variable `TRACING_ENERGY_DB`, if set and not empty, replaces the
    /// path. This lets `energy baseline`, or a script, collect the runs of programs that
    /// name a file of their own. If `energy record` started the program, the run joins
    /// the run of `energy record` and records no power itself
    /// ([`EnergyGuard::child_env`](crate::EnergyGuard::child_env)). Relative paths start at the program's working
    /// directory. [`EnergyGuard::database`](crate::EnergyGuard::database) returns the path
    /// in use. A program that lets its user name the file calls
    /// [`EnergyLayerBuilder::database_ignoring_env`] instead.
    #[cfg(feature = "sqlite")]
    pub fn database(mut self, path: impl Into<PathBuf>) -> Self {
        let collected = std::env::var_os(join::DATABASE).filter(|path| !path.is_empty());
        self.database = Some(collected.map_or_else(|| path.into(), PathBuf::from));
        self
    }

    /// Writes the run to this SQLite database, regardless of environment variables. The
    /// run joins no other run.
    #[cfg(feature = "sqlite")]
    pub fn database_ignoring_env(mut self, path: impl Into<PathBuf>) -> Self {
        self.database = Some(path.into());
        self.may_join = false;
        self
    }

    /// Writes a Chrome trace while recording.
    #[cfg(feature = "chrome")]
    pub fn chrome(mut self, path: impl Into<PathBuf>) -> Self {
        self.chrome = Some(path.into());
        self
    }

    /// Sets who may read the created files (database and trace). Default: only the user
    /// who runs the program, because the files can hold prompts, paths and other text.
    /// Existing files keep their permissions.
    pub fn readable_by(mut self, access: FileAccess) -> Self {
        self.access = Some(access);
        self
    }

    /// Adds a sink that receives all rows.
    pub fn sink(mut self, sink: impl Sink + 'static) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }

    /// Selects the power source. Default: [`SourceChoice::Auto`].
    ///
    /// ```
    /// # use tracing_energy::{EnergyLayer, SourceChoice};
    /// # fn main() -> Result<(), String> {
    /// let builder = EnergyLayer::builder().source("rapl+nvml".parse()?);
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    pub fn source(mut self, choice: SourceChoice) -> Self {
        self.sources = SourceSelection::Chosen(choice);
        self
    }

    /// Adds a power source. It replaces the source selected by
    /// [`EnergyLayerBuilder::source`].
    pub fn power_source(mut self, source: impl PowerSource + 'static) -> Self {
        match &mut self.sources {
            SourceSelection::Given(sources) => sources.push(Box::new(source)),
            SourceSelection::Chosen(_) => {
                self.sources = SourceSelection::Given(vec![Box::new(source)])
            }
        }
        self
    }

    /// Sets the requested time between power samples. Default: 100 ms.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.options.interval = Nanos::from(interval);
        self
    }

    /// Changes the options with which sources are opened, such as configured watts or
    /// other roots of the system's files.
    pub fn source_options(mut self, change: impl FnOnce(&mut OpenOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// Makes [`EnergyLayerBuilder::build`] measure idle power for this long before it
    /// returns. Without it, idle power is taken from the time before the first span, if
    /// that is at least one second.
    pub fn baseline(mut self, time: Duration) -> Self {
        self.baseline = time;
        self
    }

    /// Selects rows for every activation (default) or totals only. Totals cannot be
    /// re-attributed with the same accuracy.
    pub fn detail(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    /// Sets the names of the fields that make separate nodes by their values. Default: `layer`,
    /// `expert` and `name`.
    ///
    /// ```
    /// # use tracing_energy::EnergyLayer;
    /// let builder = EnergyLayer::builder().key_fields(["layer", "route"]);
    /// # drop(builder);
    /// ```
    pub fn key_fields<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.key_fields = names.into_iter().map(Into::into).collect();
        self
    }

    /// Replaces the default table of roles by span name (`run`, `phase`, `section`,
    /// `token`, `layer`, `component`, `op`). Unknown roles are ignored.
    ///
    /// ```
    /// # use tracing_energy::EnergyLayer;
    /// let builder = EnergyLayer::builder().roles(&[("load", "phase"), ("solve", "phase")]);
    /// # drop(builder);
    /// ```
    pub fn roles<'a>(mut self, names: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> Self {
        self.roles = role_table(names.into_iter().copied());
        self
    }

    /// Declares that spans of that name work on a GPU or neural engine. Spans can also state it
    /// [themselves](crate#spans-that-work-on-a-gpu).
    pub fn domain(mut self, span_name: impl Into<String>, domain: Domain) -> Self {
        self.domains.insert(span_name.into(), domain);
        self
    }

    /// Selects the fields to keep. Default: all.
    pub fn capture(mut self, capture: Capture) -> Self {
        self.capture = capture;
        self
    }

    /// Sets whether texts are kept. Default: they are.
    ///
    /// If not, the prompt and response of the [metadata](EnergyLayerBuilder::metadata)
    /// and the texts of fields and events never leave the traced thread: no database,
    /// trace or other sink receives them. A text is a value recorded as a string, by
    /// `Display` or by `Debug`. `token_id` and `token_ids` encode the same text and are
    /// dropped too. The values of [key fields](EnergyLayerBuilder::key_fields) stay,
    /// because they name nodes. Names, tags and the configuration stay too.
    ///
    /// ```
    /// # use tracing_energy::EnergyLayer;
    /// let builder = EnergyLayer::builder().keep_text(false);
    /// # drop(builder);
    /// ```
    pub fn keep_text(mut self, keep: bool) -> Self {
        self.keeps_text = keep;
        self
    }

    /// Sets what a traced thread does when the recorder's buffer is full.
    pub fn on_full(mut self, on_full: OnFull) -> Self {
        self.on_full = on_full;
        self
    }

    /// Sets how traced threads read their CPU time at span entry and exit. For tests and
    /// measurements; the default suits every program.
    pub fn edge_clock(mut self, clock: EdgeClock) -> Self {
        self.edge_clock = clock;
        self
    }

    /// Sets the size of the buffer for pending records in bytes. Default: 8 MiB.
    pub fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.buffer_bytes = bytes;
        self
    }

    /// Sets the time between flushes, which bounds what a crash may lose. Default: 250 ms.
    pub fn flush_interval(mut self, time: Duration) -> Self {
        self.flush_every = time.max(Duration::from_millis(10));
        self
    }

    /// Sets the number of nodes after which new key values are merged into `(other)`.
    /// Default: 65,536.
    pub fn node_limit(mut self, nodes: usize) -> Self {
        self.node_limit = nodes.max(16);
        self
    }

    /// Sets the run's metadata: name, model, prompt, tags.
    ///
    /// ```
    /// # use tracing_energy::{EnergyLayer, RunMetadata};
    /// let mut metadata = RunMetadata::default();
    /// metadata.name = Some("nightly".to_owned());
    /// metadata.tags.push(("commit".to_owned(), "1a2b3c".to_owned()));
    /// let builder = EnergyLayer::builder().metadata(metadata);
    /// # drop(builder);
    /// ```
    pub fn metadata(mut self, metadata: RunMetadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Sets the id of the run, so that another program knows it before the run is in the
    /// file. Default: a new random one.
    ///
    /// The id is a UUID that no other run has. [`EnergyLayerBuilder::build`] fails if it is not a
    /// UUID in its usual form.
    ///
    /// ```
    /// # use tracing_energy::EnergyLayer;
    /// let builder = EnergyLayer::builder().run_id("67e55044-10b1-426f-9247-bb680e5fe0c8");
    /// # drop(builder);
    /// ```
    pub fn run_id(mut self, id: impl Into<String>) -> Self {
        self.run_id = Some(id.into());
        self
    }

    /// Reads the run's [conditions](energy_power::conditions) from system files below this
    /// folder instead of `/`. For tests.
    pub fn system_root(mut self, root: impl Into<PathBuf>) -> Self {
        self.system = System { root: root.into() };
        self
    }

    /// Ends the recording on SIGINT, SIGTERM and SIGHUP before they take effect, or hands them
    /// over ([`EnergyGuard::take_signal`](crate::EnergyGuard::take_signal)). In a fork of the
    /// program the signals keep their usual effect.
    #[cfg(feature = "signals")]
    pub fn end_on_signal(mut self) -> Self {
        self.end_on_signal = true;
        self
    }

    /// Sets how energy is attributed. Default: in proportion to CPU time.
    ///
    /// With [`Method::Fitted`] the power of each kind of span is estimated during the
    /// run. This live estimate uses past samples only, assumes that the sensor's clock
    /// is the program's, and is never revised. When the guard ends a run that is written
    /// to a database, the whole run is fitted again. The result is stored as a second
    /// attribution, which is the one shown from then on and in the guard's summary. For
    /// a long run this takes some seconds. If the fit fails, a warning gives the reason.
    /// [`Method::Calibrated`] attributes in proportion during the run, and at its end
    /// from the powers given by [`EnergyLayerBuilder::prior`].
    ///
    /// Runs that are cancelled by the guard or by a signal keep the live attribution, and
    /// so do the rows that other sinks received. Modelled power is always attributed in
    /// proportion, because it is computed from CPU time.
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Adds the known active power of a kind of span, for [`Method::Calibrated`]. `kind`
    /// is the names of the spans from the root down, separated by ` > `. `watts` and
    /// `relative_sd` (standard deviation divided by `watts`) must be above 0.
    ///
    /// ```
    /// # use tracing_energy::{EnergyLayer, Method};
    /// let builder = EnergyLayer::builder()
    ///     .database("energy.db")
    ///     .method(Method::Calibrated)
    ///     .prior("solve > multiply", 11.2, 0.05);
    /// # drop(builder);
    /// ```
    pub fn prior(mut self, kind: impl Into<String>, watts: f64, relative_sd: f64) -> Self {
        self.priors.push(Prior {
            kind: kind.into(),
            watts,
            relative_sd,
            rail: None,
        });
        self
    }
}
