//! The `tracing` layer.

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::record::{HotPath, SpanParent};

/// Records spans for energy attribution. Composes with any registry, filter and other
/// layers. Created by [`EnergyLayer::builder`].
///
/// A callback on a traced thread writes a few words into that thread's own log, without
/// lock or I/O, and without allocation once warm. After the end of the recording a callback
/// is one relaxed load.
pub struct EnergyLayer {
    hot: HotPath,
}

impl EnergyLayer {
    pub(crate) fn new(hot: HotPath) -> Self {
        Self { hot }
    }
}

impl std::fmt::Debug for EnergyLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnergyLayer")
            .field("recording", &self.hot.is_open())
            .finish_non_exhaustive()
    }
}

/// Returns the nearest recorded span at or above the explicit parent `id`, which a filter
/// may have hidden from this layer.
fn recorded_parent<S>(id: &Id, ctx: &Context<'_, S>, child: Option<&Id>) -> SpanParent
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    if ctx.span(id).is_some() {
        return SpanParent::Span(id.into_u64());
    }
    let above = child
        .and_then(|child| ctx.span(child))
        .and_then(|child| child.parent());
    above.map_or(SpanParent::Root, |above| {
        SpanParent::Span(above.id().into_u64())
    })
}

impl<S> Layer<S> for EnergyLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    #[inline]
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        if !self.hot.is_open() {
            return;
        }
        let parent = match attributes.parent() {
            Some(parent) => recorded_parent(parent, &ctx, Some(id)),
            None if attributes.is_root() => SpanParent::Root,
            None => SpanParent::Contextual,
        };
        self.hot.new_span(id.into_u64(), attributes, parent);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        if self.hot.is_open() {
            self.hot.record(id.into_u64(), values);
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _: Context<'_, S>) {
        if self.hot.is_open() {
            self.hot.follows(id.into_u64(), follows.into_u64());
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        if !self.hot.is_open() {
            return;
        }
        let parent = match event.parent() {
            Some(parent) => recorded_parent(parent, &ctx, None),
            None if event.is_root() => SpanParent::Root,
            None => SpanParent::Contextual,
        };
        self.hot.event(event, parent);
    }

    #[inline]
    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        if self.hot.is_open() {
            self.hot.enter(id.into_u64());
        }
    }

    #[inline]
    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        if self.hot.is_open() {
            self.hot.exit(id.into_u64());
        }
    }

    #[inline]
    fn on_close(&self, id: Id, _: Context<'_, S>) {
        if self.hot.is_open() {
            self.hot.close(id.into_u64());
        }
    }
}
