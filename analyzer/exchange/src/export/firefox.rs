//! Firefox Profiler: a marker with joules for each activation, power tracks of rails, and
//! samples weighted by energy.
//!
//! ```text
//! power track    drawn by the viewer: watts from the energy since the previous sample, in pWh
//! markers        [----- layer 3, 5.2 mJ ------]
//! samples         57 uJ   [-- q_proj, 435 uJ --]     each at its activation's start
//! ```
//!
//! A sample's weight is its activation's active self energy in microjoules, so the call tree
//! and the flame graph of any selected time show joules where the viewer labels them samples.
//! Fractions of a microjoule are carried to the thread's next sample.

use std::collections::HashMap;
use std::time::Duration;

use fxprof_processed_profile::{
    CategoryColor, CategoryHandle, CounterHandle, CpuDelta, Frame, FrameFlags, FrameInfo,
    MarkerFieldFlags, MarkerFieldFormat, MarkerTiming, ProcessHandle, Profile, ReferenceTimestamp,
    SamplingInterval, StackHandle, StaticSchemaMarker, StaticSchemaMarkerField, StringHandle,
    ThreadHandle, Timestamp,
};

use super::format::{ExportFormat, FormatOutput};
use super::nano::Nanojoules;
use super::output::ExportWriter;
use super::source::ExportSource;
use crate::error::Result;
use crate::walk::{ActivationVisitor, EntryCost, PricedActivation, WalkStats};

/// Limit on activations: the viewer and this format both hold the whole profile in memory.
const MAX_ACTIVATIONS: u64 = 1_000_000;
/// 1 Wh is 3600 J.
const PWH_PER_J: f64 = 1e12 / 3600.0;

/// The Firefox Profiler format.
pub(super) struct Firefox;

impl ExportFormat for Firefox {
    fn name(&self) -> &'static str {
        "firefox"
    }

    fn about(&self) -> &'static str {
        "Firefox Profiler, with power tracks"
    }

    fn output(&self) -> FormatOutput {
        FormatOutput::Json("firefox.json")
    }

    fn write(&self, source: &ExportSource<'_>, out: &mut ExportWriter<'_>) -> Result<WalkStats> {
        let mut profile = ProfileBuilder::new(source);
        profile.power()?;
        let walked = source.walk(&mut profile)?;
        serde_json::to_writer(out, &profile.profile).map_err(std::io::Error::from)?;
        Ok(walked)
    }
}

struct ProfileBuilder<'b, 'r> {
    profile: Profile,
    source: &'b ExportSource<'r>,
    processes: HashMap<u32, ProcessHandle>,
    threads: HashMap<u32, FirefoxThread>,
    category: CategoryHandle,
    markers: u64,
}

/// A thread with its stack of open activations.
struct FirefoxThread {
    thread: ThreadHandle,
    stack: Vec<StackHandle>,
    /// Rounds kilojoules to whole billionths, which are the weights in microjoules.
    micro: Nanojoules,
}

impl<'b, 'r> ProfileBuilder<'b, 'r> {
    fn new(source: &'b ExportSource<'r>) -> Self {
        let start = Duration::from_nanos(source.run.row.start_unix_ns.max(0) as u64);
        let product = format!(
            "{} ({}; a sample's weight is 1 uJ)",
            source.name(),
            source.provenance()
        );
        let reference = ReferenceTimestamp::from_duration_since_unix_epoch(start);
        let interval = SamplingInterval::from_millis(1);
        let mut profile = Profile::new(&product, reference, interval);
        if let Some(os) = &source.run.row.os {
            profile.set_os_name(os);
        }
        let mut processes = HashMap::new();
        for process in source.processes() {
            let handle = profile.add_process(process.name, process.pid, at(0));
            processes.insert(process.pid, handle);
        }
        Self {
            category: profile.add_category("Spans", CategoryColor::Orange),
            profile,
            source,
            processes,
            threads: HashMap::new(),
            markers: 0,
        }
    }

    /// Adds power tracks. The viewer draws each sample's energy over the time since the
    /// previous one.
    fn power(&mut self) -> Result<()> {
        let Some(process) = self.processes.get(&self.source.run.row.pid).copied() else {
            return Ok(());
        };
        let mut tracks: HashMap<u32, (CounterHandle, i64)> = HashMap::new();
        let source = self.source;
        source.samples(|rail, sample| {
            let (Some(energy_j), true) = (sample.energy_j, sample.start_ns >= 0) else {
                return Ok(());
            };
            let (counter, until_ns) = tracks.entry(rail.id).or_insert_with(|| {
                let name = ExportSource::counter(rail);
                let counter = self.profile.add_counter(process, &name, "power", &name);
                (counter, i64::MIN)
            });
            // The first sample, or one after a gap: the energy since the previous one is
            // unknown.
            if *until_ns < sample.start_ns {
                self.profile
                    .add_counter_sample(*counter, at(sample.start_ns), 0.0, 0);
            }
            *until_ns = sample.end_ns;
            self.profile
                .add_counter_sample(*counter, at(sample.end_ns), energy_j * PWH_PER_J, 0);
            Ok(())
        })
    }

    fn lane(&mut self, thread: u32) -> &mut FirefoxThread {
        let (profile, source, processes) = (&mut self.profile, self.source, &self.processes);
        self.threads.entry(thread).or_insert_with(|| {
            let (pid, tid) = (source.pid(thread), source.tid(thread));
            let process = processes.get(&pid).or_else(|| processes.values().next());
            let process = process
                .copied()
                .unwrap_or_else(|| profile.add_process(source.name(), pid, at(0)));
            let is_main = i64::from(pid) == tid;
            let handle = profile.add_thread(process, tid as u32, at(0), is_main);
            let name = source.thread(thread).and_then(|row| row.name.clone());
            profile.set_thread_name(handle, &name.unwrap_or_else(|| format!("thread {tid}")));
            FirefoxThread {
                thread: handle,
                stack: Vec::new(),
                micro: Nanojoules::default(),
            }
        })
    }

    /// Pushes an activation's stack: the enclosing activation's stack plus its own label.
    fn push(&mut self, thread: u32, node: u32) {
        let label = self.profile.intern_string(self.source.label(node));
        let category = self.category;
        let lane = self.lane(thread);
        let (handle, enclosing) = (lane.thread, lane.stack.last().copied());
        let frame = FrameInfo {
            frame: Frame::Label(label),
            category_pair: category.into(),
            flags: FrameFlags::empty(),
        };
        let frame = self.profile.intern_frame(handle, frame);
        let stack = self.profile.intern_stack(handle, enclosing, frame);
        self.lane(thread).stack.push(stack);
    }

    fn sample(&mut self, activation: &PricedActivation, cost: &EntryCost) {
        let lane = self.lane(activation.row.thread);
        let stack = lane.stack.pop();
        let mut weight = lane.micro.next(cost.self_j.unwrap_or(0.0) / 1e3);
        let handle = lane.thread;
        let mut cpu = CpuDelta::from_nanos(cost.self_ns.max(0) as u64);
        while weight != 0 {
            let part = weight.clamp(i32::MIN.into(), i32::MAX.into());
            let time = at(activation.start_ns);
            self.profile
                .add_sample(handle, time, stack, cpu, part as i32);
            cpu = CpuDelta::ZERO;
            weight -= part;
        }
    }
}

impl ActivationVisitor for ProfileBuilder<'_, '_> {
    fn enter(&mut self, activation: &PricedActivation) -> Result<()> {
        self.push(activation.row.thread, activation.row.node);
        Ok(())
    }

    fn exit(&mut self, activation: &PricedActivation, cost: &EntryCost) -> Result<()> {
        self.markers += 1;
        if self.markers > MAX_ACTIVATIONS {
            return Err(self.source.run.missing(
                &format!(
                    "it has more than {MAX_ACTIVATIONS} span entries, too many for Firefox Profiler"
                ),
                "select a part with --window or --min-energy, or export in the format perfetto",
            ));
        }
        self.sample(activation, cost);
        let label = self.source.label(activation.row.node);
        let length_s = (activation.end_ns - activation.start_ns) as f64 / 1e9;
        let power_w = cost.inclusive_j.map(|energy_j| energy_j / length_s);
        let marker = SpanMarker {
            name: self.profile.intern_string(label),
            fields: self
                .profile
                .intern_string(activation.fields.as_deref().unwrap_or_default()),
            category: self.category,
            numbers: [
                cost.inclusive_j,
                cost.self_j,
                power_w.filter(|watts| watts.is_finite()),
                activation.row.token.map(|token| token as f64),
            ],
        };
        let timing = MarkerTiming::Interval(at(activation.start_ns), at(activation.end_ns));
        let thread = self.lane(activation.row.thread).thread;
        self.profile.add_marker(thread, timing, marker);
        Ok(())
    }
}

/// Converts a time of the run. The viewer has no times before the start: these become 0.
fn at(time_ns: i64) -> Timestamp {
    Timestamp::from_nanos_since_reference(time_ns.max(0) as u64)
}

/// A marker with its numbers; unknown ones are null.
struct SpanMarker {
    name: StringHandle,
    fields: StringHandle,
    category: CategoryHandle,
    numbers: [Option<f64>; 4],
}

const fn number(key: &'static str, label: &'static str) -> StaticSchemaMarkerField {
    StaticSchemaMarkerField {
        key,
        label,
        format: MarkerFieldFormat::Decimal,
        flags: MarkerFieldFlags::empty(),
    }
}

impl StaticSchemaMarker for SpanMarker {
    const UNIQUE_MARKER_TYPE_NAME: &'static str = "Span";
    const CHART_LABEL: Option<&'static str> = Some("{marker.name} {marker.data.energy_j} J");
    const TABLE_LABEL: Option<&'static str> =
        Some("{marker.data.energy_j} J, {marker.data.power_w} W {marker.data.fields}");
    const FIELDS: &'static [StaticSchemaMarkerField] = &[
        number("energy_j", "Active energy (J)"),
        number("self_j", "Self energy (J)"),
        number("power_w", "Active power (W)"),
        number("token", "Token"),
        StaticSchemaMarkerField {
            key: "fields",
            label: "Fields",
            format: MarkerFieldFormat::String,
            flags: MarkerFieldFlags::SEARCHABLE,
        },
    ];

    fn name(&self, _: &mut Profile) -> StringHandle {
        self.name
    }

    fn category(&self, _: &mut Profile) -> CategoryHandle {
        self.category
    }

    fn string_field_value(&self, _: u32) -> StringHandle {
        self.fields
    }

    fn number_field_value(&self, index: u32) -> f64 {
        let number = self.numbers.get(index as usize).copied().flatten();
        number.unwrap_or(f64::NAN)
    }
}
