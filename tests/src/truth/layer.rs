//! The layer that reports each thread's current span to the meter.

use std::cell::RefCell;
use std::collections::HashMap;

use tracing::span::Id;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::TruthMeter;

/// A layer, the kind around, and the callsite.
type SpanLocation = (usize, Option<u32>, usize);

thread_local! {
    /// Kinds by place, so that names are joined once.
    static KNOWN: RefCell<HashMap<SpanLocation, u32>> = RefCell::default();
}

/// Adds power times self time of the innermost span of each thread.
#[derive(Debug, Clone)]
pub struct TruthLayer {
    meter: TruthMeter,
    /// A number of its own among all meters of the process.
    number: usize,
}

impl TruthLayer {
    /// A layer that feeds `meter`.
    pub fn new(meter: &TruthMeter) -> Self {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        Self {
            meter: meter.clone(),
            number: NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
        }
    }

    fn kind(&self, metadata: &'static Metadata<'static>) -> u32 {
        let around = self.meter.current();
        let callsite = std::ptr::from_ref(metadata) as usize;
        KNOWN.with_borrow_mut(|known| {
            let key = (self.number, around, callsite);
            *known.entry(key).or_insert_with(|| {
                let name = metadata.name();
                match around {
                    Some(around) => {
                        let around = self.meter.name(around);
                        self.meter.kind(&format!("{around} > {name}"))
                    }
                    None => self.meter.kind(name),
                }
            })
        })
    }
}

impl<S> Layer<S> for TruthLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(metadata) = context.metadata(id) {
            self.meter.enter(self.kind(metadata));
        }
    }

    fn on_exit(&self, _: &Id, _: Context<'_, S>) {
        self.meter.leave();
    }
}
