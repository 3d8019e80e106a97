//! A `tracing` layer that measures the energy of each span in joules.
//!
//! ```no_run
//! use tracing_subscriber::prelude::*;
//!
//! # fn work() {}
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let (layer, guard) = tracing_energy::EnergyLayer::builder()
//!         .database("energy.db")
//!         .build()?;
//!     tracing_subscriber::registry().with(layer).init();
//!
//!     tracing::info_span!("work").in_scope(work);
//!
//!     let summary = guard.finish();
//!     if let (Some(machine), Some(spans)) = (summary.energy_j(), summary.spans_j()) {
//!         println!("{spans:.3} J of the machine's {machine:.3} J were spent in spans");
//!     }
//!     for warning in &summary.warnings {
//!         println!("note: {warning}"); // for example: power is modelled here
//!     }
//!     Ok(())
//! }
//! ```
//!
//! ```toml
//! [dependencies]
//! tracing = "0.1"
//! tracing-energy = "0.1"
//! tracing-subscriber = "0.3"
//! ```
//!
//! The command `energy` (crate `energy-analyzer`) shows recordings as tables, flamegraphs
//! and reports: `energy summary --db energy.db`. `energy export csv` writes the energy of
//! each single span. If a tool collects the run (`energy record`, `energy baseline`), the
//! environment variable `TRACING_ENERGY_DB` replaces the path; [`EnergyGuard::database`]
//! returns the one in use.
//!
//! # What a joule of a span means
//!
//! A sensor measures a *rail*, the supply of a processor, a GPU or a machine, and not a
//! program. The energy of each power sample is divided into accounts, and the accounts sum
//! to the energy of the sample:
//!
//! | account | energy |
//! |---|---|
//! | idle | the machine's idle power times time, if its idle power is known |
//! | spans | this process in spans, in proportion to CPU time |
//! | unattributed | this process while no span was active |
//! | other processes | other programs |
//! | profiler | the recorder's threads and sensor processes |
//! | unknown | work that the system assigns to no process, for example on a GPU |
//! | residual | the signed remainder that the attribution method does not explain |
//!
//! A span's *self energy* excludes its children, its *inclusive energy* contains them. Both
//! are *active* energies: without idle power. Tables of `energy` that are marked as ledger
//! add the span's share of idle energy. An unknown energy is `None`, never zero.
//! [`Method::Fitted`] estimates the power of each operation (all spans of one path of names)
//! from all samples instead of dividing by CPU time, and gives an interval.
//!
//! Sources are found automatically: RAPL, hwmon, NVML and batteries on Linux,
//! `powermetrics` and IOReport on macOS. Without a sensor, power is modelled from CPU time
//! and [`RailSummary::provenance`] is [`Provenance::Modelled`]. [`PowerSupport::of_this_machine`] reports what can be
//! measured here, and what to do about a sensor that may not be read.
//!
//! # The guard
//!
//! [`EnergyGuard`] ends the recording when it is dropped: open spans end, sensors are read a
//! last time, and everything is written. Keep it until the work is done.
//! `std::process::exit` and aborts do not drop it. Rows are flushed every 250 ms, and
//! commands that read the file complete such a run.
//! [`EnergyLayerBuilder::end_on_signal`] ends it on Ctrl-C.
//!
//! # Threads and asynchronous code
//!
//! Each thread has its own log: entering a span takes no lock and does no I/O. A span on
//! another thread is a child of the span that is given as its parent:
//!
//! ```
//! # fn work() {}
//! let parent = tracing::info_span!("batch");
//! std::thread::scope(|scope| {
//!     scope.spawn(|| tracing::info_span!(parent: &parent, "worker").in_scope(work));
//! });
//! ```
//!
//! An instrumented future leaves its span whenever it waits, so requests that overlap on one
//! thread pay only for their own work. Use `#[tracing::instrument]` or `Instrument::instrument`, never
//! `Span::enter` across an `await`.
//!
//! # Services
//!
//! *Key fields* make separate call paths by their values; the default is `layer`,
//! `expert` and `name`, and [`EnergyLayerBuilder::key_fields`] replaces it. One span name and
//! a key field therefore give a row for each route. By default the file has a row for each
//! span. With [`Detail::Nodes`] it has totals of each call path for each flush, so that it
//! grows with time and not with requests; energies of single requests are then lost.
//!
//! ```
//! # use tracing_subscriber::prelude::*;
//! use tracing_energy::{Detail, EnergyLayer, Store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # std::env::set_current_dir(folder.path())?;
//! let (layer, guard) = EnergyLayer::builder()
//!     .database("service.db")
//!     .key_fields(["route"])
//!     .detail(Detail::Nodes)
//!     .build()?;
//! # let subscriber = tracing_subscriber::registry().with(layer);
//! # tracing::subscriber::with_default(subscriber, || {
//! #[tracing::instrument(name = "request", skip_all, fields(route = route))]
//! fn answer(route: &str) { /* also for async functions */ }
//!
//! for route in ["/search", "/health", "/search"] {
//!     answer(route);
//! }
//! # });
//! let summary = guard.finish();
//! for path in Store::open("service.db")?.call_paths(&summary.uuid)? {
//!     println!("{}: {:?} spans, {:?} J", path.label, path.count, path.inclusive_j);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Spans that work on a GPU
//!
//! The energy of a GPU's rail belongs to spans of its [`Domain`]. A span states it by a field
//! `energy.gpu` (or `energy.neural_engine`), which needs no value; otherwise
//! [`EnergyLayerBuilder::domain`] declares it by name:
//!
//! ```
//! use tracing_energy::{Domain, EnergyLayer};
//!
//! let span = tracing::debug_span!("kernel", energy.gpu = tracing::field::Empty);
//! let builder = EnergyLayer::builder().domain("other_kernel", Domain::Gpu);
//! # drop((span, builder));
//! ```
//!
//! End such a span after the program has waited for the device. Or, if the device itself times
//! its work, record when it began and ended, after the wait and before the span is closed: in ns
//! from the latest enter or exit of a span on that thread, so usually negative.
//!
//! ```
//! use tracing::field::Empty;
//!
//! let kernel = tracing::debug_span!(
//!     "kernel",
//!     energy.gpu.began_ns = Empty,
//!     energy.gpu.ended_ns = Empty
//! );
//! kernel.in_scope(|| { /* launches work */ });
//! tracing::debug_span!("wait").in_scope(|| { /* waits for the device */ });
//! // By the device's clock, from the end of `wait`.
//! kernel.record("energy.gpu.began_ns", -9_000);
//! kernel.record("energy.gpu.ended_ns", -2_000);
//! ```
//!
//! The span's fields in the recording then are run times. Energies computed during the recording
//! follow the program's times. `energy attribute` computes the energies of call paths again, by the
//! device's times. The program's times remain those of spans that are entered several times, and
//! those of recordings without rows of spans.
//!
//! The enter or exit must be recorded: do not filter out the span `wait`.
//!
//! # Your own sensor, your own output
//!
//! A sensor implements [`PowerSource`]; several can be added to one recording. An output
//! implements [`Sink`] and receives every row:
//!
//! ```
//! use tracing_energy::{
//!     Batch, Clock, Description, Energy, EnergyLayer, Kernel, Nanos, PowerSource, Provenance,
//!     Rail, RailKind, Reading, Sample, Sink, SinkError, SourceError,
//! };
//!
//! /// A meter on the supply that always reads 5 W.
//! struct WallMeter {
//!     last: Nanos,
//! }
//!
//! impl PowerSource for WallMeter {
//!     fn describe(&self) -> Description {
//!         Description {
//!             name: "wall".to_owned(),
//!             rails: vec![Rail {
//!                 name: "supply".to_owned(),
//!                 kind: RailKind::System,
//!                 parent: None,
//!                 unit: "W",
//!             }],
//!             interval: Nanos::from_millis(100),
//!             kernel: Kernel::Box,
//!             provenance: Provenance::Measured,
//!             limits: Vec::new(),
//!         }
//!     }
//!
//!     fn start(&mut self, clock: &dyn Clock) -> Result<(), SourceError> {
//!         self.last = clock.now();
//!         Ok(())
//!     }
//!
//!     fn read(
//!         &mut self,
//!         clock: &dyn Clock,
//!         timeout: Nanos,
//!         reading: &mut Reading,
//!     ) -> Result<(), SourceError> {
//!         std::thread::sleep(timeout.duration());
//!         self.stop(clock, reading);
//!         Ok(())
//!     }
//!
//!     fn stop(&mut self, clock: &dyn Clock, reading: &mut Reading) {
//!         let (start, end) = (self.last, clock.now());
//!         let energy = Energy::from_joules(5.0 * (end - start).seconds());
//!         reading.samples.push(Sample { rail: 0, start, end, energy: Some(energy) });
//!         self.last = end;
//!     }
//! }
//!
//! /// Counts samples.
//! #[derive(Default)]
//! struct Counter(usize);
//!
//! impl Sink for Counter {
//!     fn name(&self) -> &'static str {
//!         "counter"
//!     }
//!
//!     fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
//!         self.0 += batch.samples.len();
//!         Ok(())
//!     }
//!
//!     fn finish(&mut self) -> Result<(), SinkError> {
//!         println!("{} samples", self.0);
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> Result<(), tracing_energy::Error> {
//! let (layer, guard) = EnergyLayer::builder()
//!     .power_source(WallMeter { last: Nanos::ZERO })
//!     .sink(Counter::default())
//!     .build()?;
//! # std::thread::sleep(std::time::Duration::from_millis(120));
//! # drop(layer);
//! let summary = guard.finish();
//! assert!(summary.energy_j().is_some_and(|joules| joules > 0.2));
//! # Ok(())
//! # }
//! ```
//!
//! [`MemorySink`] keeps all rows for tests. [`PowerMeter`] reads power without spans.
//!
//! # While it runs
//!
//! [`EnergyGuard::power_now`] returns the latest reading of each rail. [`live`] passes all rows to
//! this process, or to another one that follows the file.
//!
//! # Features
//!
//! All except `otel` and `rayon` are enabled by default. Without any, the layer records into a [`Sink`].
//!
//! | feature | enables |
//! |---|---|
//! | `sqlite` | recordings in a database: [`EnergyLayerBuilder::database`], [`Store`] |
//! | `chrome` | [`EnergyLayerBuilder::chrome`] |
//! | `powermetrics` | the source `powermetrics` |
//! | `nvml` | the source `nvml` |
//! | `replay` | the source `replay:FILE` |
//! | `fit` | the methods `fitted` and `calibrated` |
//! | `signals` | [`EnergyLayerBuilder::end_on_signal`] |
//! | `rayon` | `carry::rayon`: work on a pool's threads in the current span |
//! | `otel` | `otlp::OtlpSink`: spans with energies, and metrics, to a collector of OpenTelemetry |
//!
//! # Limits
//!
//! - A sample is typically 100 ms long. Spans that run in the same sample share its power by
//!   CPU time: the energy of a single short span is an estimate. Sums over many spans average
//!   the error, less so for spans that mostly wait on a busy machine.
//! - Sensors of a whole machine include other programs; their share is estimated from CPU
//!   time.
//! - Nothing is recorded in a forked child. Start a recorder there.
//! - Sensors were verified on imitations of their files and drivers, not on hardware. On Linux
//!   all else is tested; for macOS the code is type-checked and has never run.

pub mod candle;
pub mod carry;
#[cfg(feature = "chrome")]
#[doc(hidden)]
pub mod chrome;
mod error;
pub mod live;
#[cfg(feature = "otel")]
pub mod otlp;
mod record;
mod sink;

mod builder;
mod guard;
mod join;
mod layer;
mod meter;
mod recorder;

pub use builder::EnergyLayerBuilder;
pub use energy_data::rows::{self, Accounts, Domain, RunMetadata};
pub use energy_data::sink::{Batch, Sink, SinkError};
pub use energy_data::units::{Energy, Nanos, Power};
pub use energy_data::{Kernel, Method, Provenance, RailKind};
pub use energy_host::files::FileAccess;
pub use energy_power::{
    Clock, Description, Notice, OpenOptions, PowerSource, Rail, Reading, Sample, SourceChoice,
    SourceError,
};
#[cfg(feature = "sqlite")]
pub use energy_store::{CallPath, Store};
pub use error::Error;
pub use guard::EnergyGuard;
pub use layer::EnergyLayer;
pub use meter::{MeterSample, PowerMeter, PowerSupport};
#[doc(hidden)]
pub use record::EdgeClock;
pub use record::{Capture, Detail, OnFull};
pub use recorder::{RailSummary, RunSummary};
pub use sink::MemorySink;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
