//! Writes packets of a Perfetto trace, all with one sequence id.

use std::collections::HashMap;
use std::io::Write;

use prost::Message;

use super::super::ExportWriter;
use super::proto::{
    CounterDescriptor, DebugAnnotation, DebugAnnotationName, EventName, EventType, InternedData,
    ProcessDescriptor, ThreadDescriptor, TracePacket, TrackDescriptor, TrackEvent,
};
use crate::error::Result;

/// Tag of field 1 of `Trace`, length-delimited: a packet.
const PACKET: u8 = 0x0a;
/// Sequence id of all packets.
const SEQUENCE: u32 = 1;
/// `SEQ_INCREMENTAL_STATE_CLEARED`: interned names start from here.
const CLEARED: u32 = 1;
/// `SEQ_NEEDS_INCREMENTAL_STATE`: the packet refers to interned names.
const NEEDS: u32 = 2;
/// Buffered bytes above which packets are written.
const BUFFER: usize = 256 * 1024;

/// A track of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PerfettoTrack {
    /// Slices of a thread.
    Thread(u32),
    /// Watts of a rail.
    Power(u32),
    /// Joules of a rail.
    Energy(u32),
}

/// A debug annotation of a slice.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Arg {
    Whole(i64),
    Real(f64),
    Bool(bool),
    Text(String),
}

/// Writes packets.
pub(super) struct Packets<'p, 'o> {
    out: &'p mut ExportWriter<'o>,
    buffer: Vec<u8>,
    cleared: bool,
    /// Interning ids of nodes' names and of arguments' names.
    nodes: HashMap<u32, u64>,
    args: HashMap<&'static str, u64>,
}

impl<'p, 'o> Packets<'p, 'o> {
    pub(super) fn new(out: &'p mut ExportWriter<'o>) -> Self {
        Self {
            out,
            buffer: Vec::with_capacity(BUFFER * 2),
            cleared: false,
            nodes: HashMap::new(),
            args: HashMap::new(),
        }
    }

    pub(super) fn process(&mut self, pid: u32, name: &str, label: Option<&str>) -> Result<()> {
        self.descriptor(TrackDescriptor {
            uuid: Some(process_uuid(pid)),
            process: Some(ProcessDescriptor {
                pid: Some(pid as i32),
                process_name: Some(name.to_owned()),
                process_labels: label.into_iter().map(str::to_owned).collect(),
            }),
            ..TrackDescriptor::default()
        })
    }

    pub(super) fn thread(
        &mut self,
        track: PerfettoTrack,
        pid: u32,
        tid: i64,
        name: Option<&str>,
    ) -> Result<()> {
        self.descriptor(TrackDescriptor {
            uuid: Some(track.uuid()),
            parent_uuid: Some(process_uuid(pid)),
            thread: Some(ThreadDescriptor {
                pid: Some(pid as i32),
                tid: Some(tid),
                thread_name: Some(name.map_or_else(|| format!("thread {tid}"), str::to_owned)),
            }),
            ..TrackDescriptor::default()
        })
    }

    pub(super) fn counter(
        &mut self,
        track: PerfettoTrack,
        pid: u32,
        name: &str,
        unit: &str,
    ) -> Result<()> {
        self.descriptor(TrackDescriptor {
            uuid: Some(track.uuid()),
            parent_uuid: Some(process_uuid(pid)),
            name: Some(format!("{name} ({unit})")),
            counter: Some(CounterDescriptor {
                unit_name: Some(unit.to_owned()),
            }),
            ..TrackDescriptor::default()
        })
    }

    pub(super) fn value(&mut self, track: PerfettoTrack, time_ns: i64, value: f64) -> Result<()> {
        let event = TrackEvent {
            double_counter_value: Some(value),
            ..event(EventType::Counter, track)
        };
        self.event(time_ns, event, None)
    }

    pub(super) fn begin(
        &mut self,
        track: PerfettoTrack,
        time_ns: i64,
        node: u32,
        label: &str,
    ) -> Result<()> {
        let next = self.nodes.len() as u64 + 1;
        let mut names = None;
        let iid = *self.nodes.entry(node).or_insert_with(|| {
            names = Some(InternedData {
                event_names: vec![EventName {
                    iid: Some(next),
                    name: Some(label.to_owned()),
                }],
                ..InternedData::default()
            });
            next
        });
        let event = TrackEvent {
            name_iid: Some(iid),
            ..event(EventType::SliceBegin, track)
        };
        self.event(time_ns, event, names)
    }

    pub(super) fn end(
        &mut self,
        track: PerfettoTrack,
        time_ns: i64,
        args: &[(&'static str, Arg)],
        fields: Vec<(String, Arg)>,
    ) -> Result<()> {
        let mut names = Vec::new();
        let mut annotations = Vec::with_capacity(args.len() + fields.len());
        for (name, arg) in args {
            let next = self.args.len() as u64 + 1;
            let iid = *self.args.entry(name).or_insert_with(|| {
                names.push(DebugAnnotationName {
                    iid: Some(next),
                    name: Some((*name).to_owned()),
                });
                next
            });
            annotations.push(DebugAnnotation {
                name_iid: Some(iid),
                ..arg.clone().annotation()
            });
        }
        annotations.extend(named(fields));
        let interned = (!names.is_empty()).then(|| InternedData {
            debug_annotation_names: names,
            ..InternedData::default()
        });
        let event = TrackEvent {
            debug_annotations: annotations,
            ..event(EventType::SliceEnd, track)
        };
        self.event(time_ns, event, interned)
    }

    pub(super) fn instant(
        &mut self,
        track: PerfettoTrack,
        time_ns: i64,
        name: &str,
        fields: Vec<(String, Arg)>,
    ) -> Result<()> {
        let event = TrackEvent {
            name: Some(name.to_owned()),
            debug_annotations: named(fields).collect(),
            ..event(EventType::Instant, track)
        };
        self.event(time_ns, event, None)
    }

    pub(super) fn finish(mut self) -> Result<()> {
        self.flush()
    }

    fn descriptor(&mut self, descriptor: TrackDescriptor) -> Result<()> {
        self.packet(&TracePacket {
            trusted_packet_sequence_id: Some(SEQUENCE),
            track_descriptor: Some(descriptor),
            ..TracePacket::default()
        })
    }

    fn event(
        &mut self,
        time_ns: i64,
        event: TrackEvent,
        interned: Option<InternedData>,
    ) -> Result<()> {
        let flags = match std::mem::replace(&mut self.cleared, true) {
            true => NEEDS,
            false => CLEARED | NEEDS,
        };
        self.packet(&TracePacket {
            timestamp: Some(time_ns.max(0) as u64),
            trusted_packet_sequence_id: Some(SEQUENCE),
            sequence_flags: Some(flags),
            interned_data: interned,
            track_event: Some(event),
            ..TracePacket::default()
        })
    }

    fn packet(&mut self, packet: &TracePacket) -> Result<()> {
        self.buffer.push(PACKET);
        packet
            .encode_length_delimited(&mut self.buffer)
            .map_err(std::io::Error::other)?;
        match self.buffer.len() > BUFFER {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

fn event(kind: EventType, track: PerfettoTrack) -> TrackEvent {
    TrackEvent {
        r#type: Some(kind.into()),
        track_uuid: Some(track.uuid()),
        ..TrackEvent::default()
    }
}

fn named(fields: Vec<(String, Arg)>) -> impl Iterator<Item = DebugAnnotation> {
    fields.into_iter().map(|(name, arg)| DebugAnnotation {
        name: Some(name),
        ..arg.annotation()
    })
}

/// Returns the track uuid of a process. The upper bits separate processes, threads and rails.
fn process_uuid(pid: u32) -> u64 {
    1 << 40 | u64::from(pid)
}

impl PerfettoTrack {
    fn uuid(self) -> u64 {
        match self {
            Self::Thread(id) => 2 << 40 | u64::from(id),
            Self::Power(id) => 3 << 40 | u64::from(id),
            Self::Energy(id) => 4 << 40 | u64::from(id),
        }
    }
}

impl Arg {
    fn annotation(self) -> DebugAnnotation {
        let empty = DebugAnnotation::default();
        match self {
            Self::Whole(value) => DebugAnnotation {
                int_value: Some(value),
                ..empty
            },
            Self::Real(value) => DebugAnnotation {
                double_value: Some(value),
                ..empty
            },
            Self::Bool(value) => DebugAnnotation {
                bool_value: Some(value),
                ..empty
            },
            Self::Text(value) => DebugAnnotation {
                string_value: Some(value),
                ..empty
            },
        }
    }
}
